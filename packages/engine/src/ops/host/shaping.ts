/** Ops that tell a shape, change it without touching the elements, or make a tensor of a shape. */
import {
  type DType,
  elementCount,
  fitsShape,
  type PartialShape,
  type Shape,
  sameShape,
  shapeText,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { fillBox, newLike, product, reshaped } from "./boxes.js";
import { integerVector, tensorOfNumbers } from "./domains.js";
import {
  axisOf,
  compute,
  type Dense,
  ensure,
  integerOf,
  integersOf,
  move,
  outputDtype,
  pass,
  vectorOf,
} from "./kernel.js";
import { broadcastShape } from "./loop-nest.js";

const shapes = pass(
  (node) =>
    (...values) =>
      values.map((value, index) => integerVector(outputDtype(node, index), [...value.shape])),
);

const scalar = (dtype: DType, value: number): Tensor => tensorOfNumbers(dtype, [], [value]);

/** Along which axes the gradients of two broadcast operands are summed. */
function broadcastGradientArgs(a: readonly number[], b: readonly number[]): [number[], number[]] {
  if (sameShape(a, b)) return [[], []];
  const { length } = broadcastShape(a, b);
  const repeated = (own: readonly number[]) =>
    Array.from({ length }, (_, axis) => axis).filter((axis) => (own[axis - length + own.length] ?? 1) === 1);
  return [repeated(a), repeated(b)];
}

function reshape(x: Dense, sizes: Dense): Dense {
  const wanted = vectorOf(sizes, "sizes input");
  const open = wanted.indexOf(-1);
  const second = open < 0 ? -1 : wanted.indexOf(-1, open + 1);
  ensure(second < 0, () => `Only one input size may be -1, not both ${open} and ${second}`);
  const negative = wanted.findIndex((size) => size < -1);
  ensure(negative < 0, () => `Size ${negative} must be non-negative, not ${wanted[negative]}`);
  const shape = open < 0 ? wanted : wanted.with(open, inferredSize(x.shape, wanted));
  const [count, asked] = [product(x.shape), product(shape)];
  ensure(
    asked === count,
    () => `Input to reshape is a tensor with ${count} values, but the requested shape has ${asked}`,
  );
  return reshaped(x, shape);
}

/** The size that -1 stands for. Where the wanted sizes hold a zero, zeros count on neither side. */
function inferredSize(from: Shape, wanted: readonly number[]): number {
  const known = product(wanted.filter((size) => size > 0));
  const counted = wanted.includes(0) ? from.filter((size) => size > 0) : from;
  const count = product(counted);
  ensure(
    counted.length < from.length || count % known === 0,
    () =>
      `Input to reshape is a tensor with ${count} values, but the requested shape requires a multiple of ${known}`,
  );
  return Math.floor(count / known);
}

function expandDims(x: Dense, axis: Dense): Dense {
  const rank = x.shape.length;
  const at = integerOf(axis, "'dim' input");
  ensure(
    at >= -1 - rank && at <= rank,
    () => `Tried to expand dim index ${at} for tensor with ${rank} dimensions.`,
  );
  return reshaped(x, x.shape.toSpliced(at < 0 ? at + rank + 1 : at, 0, 1));
}

function squeeze(x: Dense, axes: readonly number[]): Dense {
  const rank = x.shape.length;
  if (axes.length === 0)
    return reshaped(
      x,
      x.shape.filter((size) => size !== 1),
    );
  const dropped = new Set(axes.map((axis) => axisOf(axis, rank, "squeeze dim")));
  for (const axis of dropped) {
    ensure(
      x.shape[axis] === 1,
      () => `Can not squeeze dim[${axis}], expected a dimension of 1, got ${x.shape[axis]}`,
    );
  }
  return reshaped(
    x,
    x.shape.filter((_, axis) => !dropped.has(axis)),
  );
}

function ensureShape(x: Dense, expected: PartialShape): Dense {
  ensure(
    fitsShape(x.shape, expected),
    () =>
      `Shape of tensor input ${shapeText(x.shape)} is not compatible with expected shape ${shapeText(expected)}.`,
  );
  return x;
}

/** A vector of one stands for a scalar, as in TensorFlow. */
function fill(dims: Dense, value: Dense): Dense {
  const shape = vectorOf(dims, "dims");
  const isScalar = elementCount(value.shape) === 1 && value.shape.length <= 1;
  ensure(isScalar, () => `value must be a scalar, got shape ${shapeText(value.shape)}`);
  const negative = shape.find((size) => size < 0);
  ensure(negative === undefined, () => `Dimension ${negative} must be >= 0`);
  const out = newLike(value, shape);
  fillBox(shape, value, { value: out });
  return out;
}

function zerosLike(x: Dense): Dense {
  if (x.dtype === "variant") throw unimplemented("zeros of variants depend on what they hold");
  return newLike(x, x.shape);
}

const onesLike = (x: Tensor): Tensor =>
  tensorOfNumbers(x.dtype, x.shape, new Uint8Array(elementCount(x.shape)).fill(1));

export const shapingKernels: HostTable = {
  Shape: shapes,
  ShapeN: shapes,
  Rank: pass((node) => (x) => scalar(outputDtype(node), x?.shape.length ?? 0)),
  Size: pass((node) => (x) => scalar(outputDtype(node), elementCount(x?.shape ?? []))),
  BroadcastArgs: compute(
    (node) => (a, b) => integerVector(outputDtype(node), [...broadcastShape(integersOf(a), integersOf(b))]),
  ),
  BroadcastGradientArgs: compute(
    (node) => (a, b) =>
      broadcastGradientArgs(integersOf(a), integersOf(b)).map((axes) =>
        integerVector(outputDtype(node), axes),
      ),
  ),
  Reshape: move(() => reshape),
  ExpandDims: move(() => expandDims),
  Squeeze: move((node) => {
    const axes = node.attrs.ints("squeeze_dims");
    return (x) => squeeze(x, axes);
  }),
  EnsureShape: move((node) => {
    const expected = node.attrs.shape("shape");
    return (x) => ensureShape(x, expected);
  }),
  Fill: move(() => fill),
  ZerosLike: move(() => zerosLike),
  OnesLike: compute(() => onesLike),
  Empty: move((node) => (shape) => newLike({ dtype: outputDtype(node) }, vectorOf(shape, "shape"))),
};
