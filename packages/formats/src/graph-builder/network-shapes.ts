/** Shapes of what neural networks are made of: convolutions, pooling, slicing, joining, lists of tensors. */
import type { NodeAttrs } from "../op-defs/node-types.js";
import type { PartialShape } from "../shape.js";
import { decodeText } from "../tensor.js";
import { partialShapeFromProto } from "../tensor-proto.js";
import type { Output } from "./operation.js";

interface Node {
  readonly inputs: readonly Output[];
  readonly attrs: NodeAttrs;
  readonly outputCount: number;
}

type Rule = (node: Node) => readonly PartialShape[];

const UNKNOWN = -1;

const shapeOf = (inputs: readonly Output[], i: number): PartialShape => inputs[i]?.shape ?? null;

function integers(inputs: readonly Output[], i: number): number[] | undefined {
  const value = inputs[i]?.constant;
  return value === undefined || value.dtype === "string" ? undefined : Array.from(value.data, Number);
}

function intAttr(attrs: NodeAttrs, name: string, otherwise = 0): number {
  const value = attrs[name]?.value;
  return value?.case === "i" ? Number(value.value) : otherwise;
}

function intList(attrs: NodeAttrs, name: string): number[] {
  const value = attrs[name]?.value;
  return value?.case === "list" ? value.value.i.map(Number) : [];
}

function text(attrs: NodeAttrs, name: string): string {
  const value = attrs[name]?.value;
  return value?.case === "s" ? decodeText(value.value) : "";
}

const flag = (attrs: NodeAttrs, name: string): boolean => attrs[name]?.value.value === true;

const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

// ---- windows -------------------------------------------------------------------------------------------------

/** How many windows fit along an axis. */
function windows(size: number, window: number, stride: number, padding: string): number {
  if (size < 0) return UNKNOWN;
  const positions = padding === "SAME" ? size : size - window + 1;
  return Math.max(0, Math.ceil(positions / stride));
}

/** Axes of the picture and of its channels, by the layout. */
function layout(attrs: NodeAttrs, rank: number): { readonly spatial: number[]; readonly channel: number } {
  const channelsFirst = text(attrs, "data_format").startsWith("NC") && text(attrs, "data_format") !== "";
  const first = channelsFirst ? 2 : 1;
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i + first);
  return { spatial, channel: channelsFirst ? 1 : rank - 1 };
}

const convolution: Rule = ({ inputs, attrs }) => {
  const [shape, filter] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  if (shape === null || filter === null || text(attrs, "padding") === "EXPLICIT") return [null];
  const { spatial, channel } = layout(attrs, shape.length);
  const [strides, dilations] = [intList(attrs, "strides"), intList(attrs, "dilations")];
  const result = [...shape];
  spatial.forEach((axis, i) => {
    const window = ((filter[i] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    result[axis] = windows(shape[axis] as number, window, strides[axis] ?? 1, text(attrs, "padding"));
  });
  result[channel] = filter.at(-1) ?? UNKNOWN;
  return [result];
};

const depthwise: Rule = (node) => {
  const [shape] = convolution(node);
  const filter = shapeOf(node.inputs, 1);
  if (shape === null || shape === undefined || filter === null) return [null];
  const { channel } = layout(node.attrs, shape.length);
  const [inputs = UNKNOWN, multiplier = UNKNOWN] = filter.slice(-2);
  return [shape.with(channel, inputs * multiplier)];
};

const pooling: Rule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  if (shape === null) return [null];
  const [sizes, strides] = [intList(attrs, "ksize"), intList(attrs, "strides")];
  return [
    shape.map((size, axis) => windows(size, sizes[axis] ?? 1, strides[axis] ?? 1, text(attrs, "padding"))),
  ];
};

/** The shape is an input. */
const sizedBy =
  (input: number): Rule =>
  ({ inputs }) => [partlyKnownVector(inputs[input])];

/** The entries of a shape vector, -1 for those to be computed: a constant, or a Pack of scalars. */
export function partlyKnownVector(vector: Output | undefined): PartialShape {
  if (vector === undefined) return null;
  const values = vector.constant;
  if (values !== undefined && values.dtype !== "string") return Array.from(values.data, Number);
  if (vector.operation.type !== "Pack") return null;
  return vector.operation.inputs.map((_, i) => integers(vector.operation.inputs, i)?.[0] ?? UNKNOWN);
}

const resize: Rule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  const size = integers(inputs, 1);
  if (shape?.length !== 4) return [null];
  return [[shape[0] as number, size?.[0] ?? UNKNOWN, size?.[1] ?? UNKNOWN, shape[3] as number]];
};

// ---- joining and cutting -------------------------------------------------------------------------------------

const concat: Rule = ({ inputs }) => {
  const shapes = inputs.slice(0, -1).map(({ shape }) => shape);
  const axis = integers(inputs, inputs.length - 1)?.[0];
  const [first] = shapes;
  if (axis === undefined || first === undefined || first === null) return [null];
  if (shapes.some((shape) => shape === null)) return [first.map(() => UNKNOWN)];
  const joined = fromFront(axis, first.length);
  return [
    first.map((_, at) => {
      const sizes = shapes.map((shape) => shape?.[at] ?? UNKNOWN);
      if (at !== joined) return sizes.find((size) => size >= 0) ?? UNKNOWN;
      return sizes.includes(UNKNOWN) ? UNKNOWN : sizes.reduce((sum, size) => sum + size, 0);
    }),
  ];
};

const split: Rule = ({ inputs, outputCount }) => {
  const shape = shapeOf(inputs, 1);
  const axis = integers(inputs, 0)?.[0];
  if (shape === null || axis === undefined) return [];
  const at = fromFront(axis, shape.length);
  const size = shape[at] as number;
  const part = shape.with(at, size < 0 ? UNKNOWN : size / outputCount);
  return new Array<PartialShape>(outputCount).fill(part);
};

const unpack: Rule = ({ inputs, attrs, outputCount }) => {
  const shape = shapeOf(inputs, 0);
  if (shape === null) return [];
  const part = shape.toSpliced(fromFront(intAttr(attrs, "axis"), shape.length), 1);
  return new Array<PartialShape>(outputCount).fill(part);
};

/** Without an ellipsis or new axes. */
const stridedSlice: Rule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  const [begin, end, strides] = [integers(inputs, 1), integers(inputs, 2), integers(inputs, 3)];
  if (shape === null || intAttr(attrs, "ellipsis_mask") + intAttr(attrs, "new_axis_mask") > 0) return [null];
  const count = begin?.length ?? strides?.length;
  if (count === undefined || begin === undefined || end === undefined || strides === undefined) return [null];
  const bit = (name: string, axis: number) => ((intAttr(attrs, name) >> axis) & 1) === 1;
  const result: number[] = [];
  shape.forEach((size, axis) => {
    if (axis >= count) result.push(size);
    else if (!bit("shrink_axis_mask", axis)) {
      const from = bit("begin_mask", axis) ? undefined : (begin[axis] as number);
      const to = bit("end_mask", axis) ? undefined : (end[axis] as number);
      result.push(sliceLength(size, from, to, strides[axis] as number));
    }
  });
  return [result];
};

function sliceLength(size: number, from: number | undefined, to: number | undefined, stride: number): number {
  if (from === undefined && to === undefined && Math.abs(stride) === 1) return size;
  if (size < 0) return UNKNOWN;
  const place = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, stride < 0 ? -1 : 0), size);
  const first = from === undefined ? (stride < 0 ? size - 1 : 0) : place(from);
  const last = to === undefined ? (stride < 0 ? -1 : size) : place(to);
  return Math.max(0, Math.ceil((last - first) / stride));
}

const slice: Rule = ({ inputs }) => {
  const sizes = integers(inputs, 2);
  return [sizes?.map((size) => (size < 0 ? UNKNOWN : size)) ?? null];
};

const pad: Rule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  const widths = integers(inputs, 1);
  if (shape === null) return [null];
  return [
    shape.map((size, axis) =>
      size < 0 || widths === undefined
        ? UNKNOWN
        : size + (widths[2 * axis] ?? 0) + (widths[2 * axis + 1] ?? 0),
    ),
  ];
};

const tile: Rule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  const multiples = partlyKnownVector(inputs[1]);
  return [shape?.map((size, axis) => times(size, multiples?.[axis] ?? UNKNOWN)) ?? null];
};

function times(size: number, factor: number): number {
  if (factor === 1) return size;
  return size < 0 || factor < 0 ? UNKNOWN : size * factor;
}

const squeeze: Rule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  const axes = intList(attrs, "squeeze_dims");
  if (shape === null || axes.length === 0) return [null];
  const gone = axes.map((axis) => fromFront(axis, shape.length));
  return [shape.filter((_, axis) => !gone.includes(axis))];
};

const gather: Rule = ({ inputs, attrs }) => {
  const [shape, indices] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  const axis = integers(inputs, 2)?.[0];
  if (shape === null || indices === null || axis === undefined) return [null];
  const at = fromFront(axis, shape.length);
  const batch = intAttr(attrs, "batch_dims");
  return [[...shape.slice(0, at), ...indices.slice(batch), ...shape.slice(at + 1)]];
};

const oneHot: Rule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  if (shape === null) return [null];
  const axis = intAttr(attrs, "axis", -1);
  return [shape.toSpliced(axis < 0 ? shape.length : axis, 0, integers(inputs, 1)?.[0] ?? UNKNOWN)];
};

const range: Rule = ({ inputs }) => {
  const [from, to, step] = [0, 1, 2].map((i) => integers(inputs, i)?.[0]);
  if (from === undefined || to === undefined || step === undefined) return [[UNKNOWN]];
  return [[Math.max(0, Math.ceil((to - from) / step))]];
};

// ---- products ------------------------------------------------------------------------------------------------

const batchMatMul: Rule = ({ inputs, attrs }) => {
  const [a, b] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  if (a === null || b === null) return [null];
  const [rows, columns] = [a.at(flag(attrs, "adj_x") ? -1 : -2), b.at(flag(attrs, "adj_y") ? -2 : -1)];
  const longer = a.length >= b.length ? a : b;
  const shorter = longer === a ? b : a;
  const batch = longer.slice(0, -2).map((size, axis) => {
    const other = shorter.slice(0, -2)[axis - longer.length + shorter.length] ?? 1;
    return size > 1 ? size : other > 1 ? other : Math.min(size, other);
  });
  return [[...batch, rows ?? UNKNOWN, columns ?? UNKNOWN]];
};

/** Without an ellipsis. */
const einsum: Rule = ({ inputs, attrs }) => {
  const [, terms, result] = /^([a-zA-Z,]+)->([a-zA-Z]*)$/.exec(text(attrs, "equation")) ?? [];
  if (terms === undefined || result === undefined) return [null];
  const sizes = new Map<string, number>();
  terms.split(",").forEach((term, i) => {
    [...term].forEach((letter, axis) => {
      const size = shapeOf(inputs, i)?.[axis] ?? UNKNOWN;
      if (size >= 0 || !sizes.has(letter)) sizes.set(letter, size);
    });
  });
  return [[...result].map((letter) => sizes.get(letter) ?? UNKNOWN)];
};

const batchNorm: Rule = ({ inputs }) => {
  const channels = shapeOf(inputs, 1);
  return [shapeOf(inputs, 0), channels, channels, channels, channels, null];
};

// ---- lists of tensors ----------------------------------------------------------------------------------------

const listElement: Rule = ({ inputs }) => [partlyKnownVector(inputs[2])];

const listStack: Rule = ({ inputs, attrs }) => {
  const element = partlyKnownVector(inputs[1]);
  const count = intAttr(attrs, "num_elements", UNKNOWN);
  return [element === null ? null : [count, ...element]];
};

const first: Rule = ({ inputs }) => [shapeOf(inputs, 0)];
const values: Rule = ({ inputs, attrs }) => {
  const declared = attrs.output_shapes?.value;
  if (declared?.case === "list" && declared.value.shape.length > 0) {
    return declared.value.shape.map(partialShapeFromProto);
  }
  return inputs.map(({ shape }) => shape);
};

const table: readonly (readonly [rule: Rule, ops: string])[] = [
  [convolution, "Conv2D Conv3D"],
  [depthwise, "DepthwiseConv2dNative"],
  [pooling, "MaxPool AvgPool MaxPool3D AvgPool3D"],
  [sizedBy(0), "Conv2DBackpropInput Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput"],
  [resize, "ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea ScaleAndTranslate"],
  [concat, "ConcatV2"],
  [split, "Split"],
  [unpack, "Unpack"],
  [stridedSlice, "StridedSlice"],
  [slice, "Slice"],
  [pad, "Pad PadV2 MirrorPad"],
  [tile, "Tile"],
  [squeeze, "Squeeze"],
  [gather, "GatherV2"],
  [oneHot, "OneHot"],
  [range, "Range"],
  [batchMatMul, "BatchMatMulV2"],
  [einsum, "Einsum"],
  [batchNorm, "FusedBatchNormV3"],
  [listElement, "TensorListGetItem"],
  [listStack, "TensorListStack"],
  [values, "StatelessWhile While"],
  [
    first,
    "Bucketize Cumsum Cumprod Erfc Lgamma Sinh Cosh Asin Acos Atan Asinh Acosh Atanh Tan Select DivNoNan",
  ],
  [
    first,
    "StringToHashBucketFast StringToHashBucketStrong StaticRegexReplace RegexReplace LeftShift TensorScatterUpdate",
  ],
];

/** By op. */
export const networkRules: ReadonlyMap<string, Rule> = new Map(
  table.flatMap(([rule, ops]) => ops.split(/\s+/).map((op): [string, Rule] => [op, rule])),
);
