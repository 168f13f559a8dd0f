/**
 * What can be said of the shapes of a node's outputs while a graph is built, so that signatures declare what they
 * take and give. A table of rules for the ops that serving graphs are written with; any other op has outputs of
 * unknown shape, which TensorFlow accepts everywhere and infers anew when it imports the graph.
 */
import type { NodeAttrs } from "../op-defs/node-types.js";
import { elementCount, type PartialShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { partialShapeFromProto } from "../tensor-proto.js";
import type { Output } from "./operation.js";

/** A node whose output shapes are asked for. */
interface Node {
  readonly inputs: readonly Output[];
  readonly attrs: NodeAttrs;
  readonly outputCount: number;
}

type ShapeRule = (node: Node) => readonly PartialShape[];

/** The shapes of all outputs, flat; null where nothing is known. */
export function inferShapes(op: string, node: Node): readonly PartialShape[] {
  const shapes = rules.get(op)?.(node) ?? [];
  return Array.from({ length: node.outputCount }, (_, i) => shapes[i] ?? null);
}

const UNKNOWN_SIZE = -1;

const sameAs =
  (input: number): ShapeRule =>
  ({ inputs }) => [shapeOf(inputs, input)];

const shapeOf = (inputs: readonly Output[], i: number): PartialShape => inputs[i]?.shape ?? null;

const elementwise: ShapeRule = ({ inputs }) => [
  inputs.map(({ shape }) => shape).reduce((a, b) => broadcast(a, b)),
];

/** The shape of a two-operand result; null as soon as one rank is unknown. */
function broadcast(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null) return null;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    return (
      sizes.find((size) => size > 1) ?? (sizes.includes(UNKNOWN_SIZE) ? UNKNOWN_SIZE : Math.min(...sizes))
    );
  });
}

/** The integers of an input that is a constant, undefined when it is computed. */
function integers(inputs: readonly Output[], i: number): number[] | undefined {
  const value: Tensor | undefined = inputs[i]?.constant;
  return value === undefined || value.dtype === "string" ? undefined : Array.from(value.data, Number);
}

const flag = (attrs: NodeAttrs, name: string): boolean => attrs[name]?.value.value === true;

const declared: ShapeRule = ({ attrs }) => [shapeAttr(attrs, "shape")];

function shapeAttr(attrs: NodeAttrs, name: string): PartialShape {
  const value = attrs[name]?.value;
  return value?.case === "shape" ? partialShapeFromProto(value.value) : null;
}

function shapeList(attrs: NodeAttrs, name: string): PartialShape[] {
  const value = attrs[name]?.value;
  return value?.case === "list" ? value.value.shape.map(partialShapeFromProto) : [];
}

const matMul: ShapeRule = ({ inputs, attrs }) => {
  const [a, b] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  const rows = a?.[flag(attrs, "transpose_a") ? 1 : 0] ?? UNKNOWN_SIZE;
  const columns = b?.[flag(attrs, "transpose_b") ? 0 : 1] ?? UNKNOWN_SIZE;
  return [[rows, columns]];
};

const reshape: ShapeRule = ({ inputs }) => {
  const sizes = integers(inputs, 1);
  const from = shapeOf(inputs, 0);
  if (sizes === undefined) return [null];
  const isKnown = from !== null && !from.includes(UNKNOWN_SIZE);
  const rest = sizes.filter((size) => size !== UNKNOWN_SIZE);
  const inferred = isKnown && !rest.includes(0) ? elementCount(from) / elementCount(rest) : UNKNOWN_SIZE;
  return [sizes.map((size) => (size === UNKNOWN_SIZE ? inferred : size))];
};

const constantSizes =
  (input: number): ShapeRule =>
  ({ inputs }) => [integers(inputs, input) ?? null];

/** Axes counted from either end, as counted from the front. */
const fromFront = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => (axis < 0 ? axis + rank : axis));

const reduction: ShapeRule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  const axes = integers(inputs, 1);
  if (shape === null || axes === undefined) return [null];
  const reduced = fromFront(axes, shape.length);
  return flag(attrs, "keep_dims")
    ? [shape.map((size, axis) => (reduced.includes(axis) ? 1 : size))]
    : [shape.filter((_, axis) => !reduced.includes(axis))];
};

const expandDims: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  const axes = integers(inputs, 1);
  if (shape === null || axes === undefined) return [null];
  return [shape.toSpliced(fromFront(axes, shape.length + 1)[0] ?? 0, 0, 1)];
};

const topK: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  if (shape === null) return [null, null];
  const result = [...shape.slice(0, -1), integers(inputs, 1)?.[0] ?? UNKNOWN_SIZE];
  return [result, result];
};

const transpose: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  return [integers(inputs, 1)?.map((axis) => shape?.[axis] ?? UNKNOWN_SIZE) ?? null];
};

const pack: ShapeRule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  const [axis] = shape === null ? [] : fromFront([Number(attrs.axis?.value.value ?? 0)], shape.length + 1);
  return [shape === null || axis === undefined ? null : shape.toSpliced(axis, 0, inputs.length)];
};

/** The shape that the variable's handle was declared with. */
const readVariable: ShapeRule = ({ inputs }) => [
  inputs[0] === undefined ? null : shapeAttr(inputs[0].operation.attrs, "shape"),
];

/** One value per key, unless the table is of a kind whose values may be vectors. */
const lookup: ShapeRule = ({ inputs }) => [
  /^(Mutable)?HashTableV2$/.test(inputs[0]?.operation.type ?? "") ? shapeOf(inputs, 1) : null,
];

const constant: ShapeRule = ({ attrs }) => {
  const value = attrs.value?.value;
  return [value?.case === "tensor" ? partialShapeFromProto(value.value.tensorShape) : null];
};

/** Dense features of a batch of serialized examples; sparse and ragged ones depend on what the examples hold. */
const parseExampleV2: ShapeRule = ({ inputs, attrs }) => {
  const batch = shapeOf(inputs, 0);
  const sparse = Number(attrs.num_sparse?.value.value ?? 0);
  return [...sparseShapes(batch, sparse), ...denseShapes(batch, attrs)];
};

const parseExample: ShapeRule = ({ inputs, attrs }) => {
  const batch = shapeOf(inputs, 0);
  const sparse = Number(attrs.Nsparse?.value.value ?? 0);
  return [...sparseShapes(batch, sparse), ...denseShapes(batch, attrs)];
};

function sparseShapes(batch: PartialShape, count: number): PartialShape[] {
  const rank = batch === null ? UNKNOWN_SIZE : batch.length + 1;
  return [[UNKNOWN_SIZE, rank], [UNKNOWN_SIZE], [rank]].flatMap((shape) =>
    new Array<PartialShape>(count).fill(shape),
  );
}

function denseShapes(batch: PartialShape, attrs: NodeAttrs): PartialShape[] {
  return shapeList(attrs, "dense_shapes").map((shape) =>
    batch === null || shape === null ? null : [...batch, ...shape],
  );
}

const table: readonly (readonly [rule: ShapeRule, ops: string])[] = [
  [declared, "Placeholder PlaceholderWithDefault"],
  [constant, "Const"],
  [
    sameAs(0),
    `Identity StopGradient Cast BiasAdd Relu Relu6 LeakyRelu Elu Selu Softplus Softsign Sigmoid Tanh Softmax
     LogSoftmax Abs Neg Exp Expm1 Log Log1p Sqrt Rsqrt Square Reciprocal Sign Floor Ceil Round Rint Sin Cos Erf
     IsNan IsInf IsFinite LogicalNot Invert ZerosLike OnesLike Reverse ReverseV2 ClipByValue AsString StringLower
     StringUpper StringStrip StringToNumber StringLength DecodeBase64 EncodeBase64`,
  ],
  [
    elementwise,
    `Add AddV2 Sub Mul Div RealDiv FloorDiv Mod FloorMod Maximum Minimum Pow SquaredDifference Equal NotEqual Less
     LessEqual Greater GreaterEqual LogicalAnd LogicalOr SelectV2`,
  ],
  [reduction, "Sum Mean Max Min Prod All Any ArgMax ArgMin"],
  [matMul, "MatMul"],
  [reshape, "Reshape"],
  [constantSizes(0), "Fill"],
  [constantSizes(1), "BroadcastTo"],
  [({ inputs }) => [[shapeOf(inputs, 0)?.length ?? UNKNOWN_SIZE]], "Shape"],
  [() => [[]], "Rank Size VarHandleOp HashTableV2 MutableHashTableV2"],
  [expandDims, "ExpandDims"],
  [topK, "TopKV2"],
  [transpose, "Transpose"],
  [pack, "Pack"],
  [readVariable, "ReadVariableOp"],
  [lookup, "LookupTableFindV2"],
  [parseExample, "ParseExample"],
  [parseExampleV2, "ParseExampleV2"],
];

const rules = new Map(
  table.flatMap(([rule, ops]) => ops.split(/\s+/).map((op): [string, ShapeRule] => [op, rule])),
);
