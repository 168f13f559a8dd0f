/** Ops that give elements another shape, ask for a shape, or fill one. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import {
  checkScalar,
  constantNumber,
  constantNumbers,
  entriesOf,
  input,
  isInteger,
  numbersOf,
  outputCarrier,
  value,
  values,
} from "./node-facts.js";
import { asVector, transposed } from "./sizes.js";

/** Sizes that are known become constants, so that ONNX Runtime can plan with them. */
function reshape(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, shape] = [value(node, 0), input(node, 1)];
  if (shape.shape !== null && shape.shape.length !== 1) throw new NotExpressible("a shape that is no vector");
  const entries = entriesOf(shape);
  if (entries?.includes(0) && entries.includes(-1))
    throw new NotExpressible("a size that nothing determines");
  const unknown = entries?.filter((entry) => entry === undefined || entry < 0).length ?? 2;
  const hasZero = entries?.includes(0) ?? true;
  if (entries === undefined || unknown > 1 || (unknown === 1 && hasZero)) {
    return g.op("Reshape", [x, asVector(g, shape)], { allowzero: 1 });
  }
  return g.op("Reshape", [x, g.ints(entries.map((entry) => entry ?? -1))], hasZero ? { allowzero: 1 } : {});
}

function squeeze(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const axes = node.attrs.ints("squeeze_dims");
  return g.op("Squeeze", axes.length === 0 ? [value(node, 0)] : [value(node, 0), g.ints(axes)]);
}

function expandDims(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const axis = input(node, 1);
  const sizes = axis.shape?.reduce((product, size) => product * size, 1) ?? 1;
  if (sizes > 1) throw new NotExpressible("several new dimensions");
  const axes = axis.tensor === undefined ? asVector(g, axis) : g.ints([constantNumber(axis, "the axis")]);
  return g.op("Unsqueeze", [value(node, 0), axes]);
}

function transpose(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const perm = constantNumbers(input(node, 1), "the permutation");
  const axes = perm.map((axis) => (axis < 0 ? axis + perm.length : axis));
  if (perm.some((_, axis) => !axes.includes(axis))) throw new NotExpressible("a permutation that is none");
  return transposed(g, value(node, 0), axes, input(node, 0).shape);
}

// ---- asking for shapes ---------------------------------------------------------------------------------------

function size(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  return g.cast(g.op("Size", [value(node, 0)]), outputCarrier(node));
}

function rank(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const { shape } = input(node, 0);
  if (shape !== null) return g.scalar("int32", shape.length);
  return g.cast(g.op("Size", [g.op("Shape", [value(node, 0)])]), "int32");
}

const shapes = (g: OnnxEmitter, node: OnnxNode): OnnxValue[] =>
  values(node).map((x, i) => g.cast(g.op("Shape", [x]), outputCarrier(node, i)));

/** A shape that is known already asks nothing of the value. */
function ensureShape(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const wanted = node.attrs.shape("shape");
  const { shape, value: x } = input(node, 0);
  const holds =
    wanted === null || (shape?.length === wanted.length && wanted.every((w, i) => w < 0 || w === shape[i]));
  if (!holds) throw new NotExpressible("a check of a shape");
  return g.op("Identity", [x]);
}

// ---- filling -------------------------------------------------------------------------------------------------

function fill(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  if ((input(node, 0).shape?.length ?? 1) > 1) throw new NotExpressible("sizes that are no vector");
  checkScalar(node, 1, "the value");
  return g.op("Expand", [value(node, 1), asVector(g, input(node, 0))]);
}

/** ONNX's Expand lets a size of 1 stand for "as it is"; where sizes are known TensorFlow's check is made here. */
function broadcastTo(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  return g.op("Expand", [value(node, 0), asVector(g, input(node, 1))]);
}

/** A range that is known to lead nowhere is an error; ONNX makes it empty. */
function checkDirection(node: OnnxNode): void {
  const [start, limit, delta] = node.inputs.map(({ tensor }) =>
    tensor === undefined ? Number.NaN : numbersOf(tensor)[0],
  );
  if (Math.sign((limit as number) - (start as number)) * (delta as number) < 0)
    throw new NotExpressible("a range that leads away");
}

/** TensorFlow multiplies floats by their place, ONNX Runtime adds up; integers are the same either way. */
function range(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [start, limit, delta] = values(node) as [OnnxValue, OnnxValue, OnnxValue];
  for (const at of [0, 1, 2]) checkScalar(node, at, "an end of a range");
  if (/^b?float16$/.test(node.outputTypes[0] as string)) throw new NotExpressible("a range of half floats");
  checkDirection(node);
  if (isInteger(start.dtype)) return g.op("Range", [start, limit, delta]);
  if (constantNumber(input(node, 2), "the step of a range of floats") === 0)
    throw new NotExpressible("a step of 0");
  const count = g.op("Ceil", [g.op("Div", [g.op("Sub", [limit, start]), delta])]);
  const places = g.op("Range", [g.scalar("int64", 0), g.cast(count, "int64"), g.scalar("int64", 1)]);
  return g.op("Add", [g.op("Mul", [g.cast(places, start.dtype), delta]), start]);
}

function tile(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  return g.op("Tile", [value(node, 0), asVector(g, input(node, 1))]);
}

export const shapingRows: OnnxTable = {
  Reshape: { build: reshape },
  Squeeze: { build: squeeze },
  ExpandDims: { build: expandDims },
  Transpose: { build: transpose },
  Shape: { build: shapes },
  ShapeN: { build: shapes },
  Size: { build: size },
  Rank: { build: rank },
  EnsureShape: { build: ensureShape },
  Fill: { build: fill },
  BroadcastTo: { build: broadcastTo },
  Range: { build: range },
  Tile: { build: tile },
};
