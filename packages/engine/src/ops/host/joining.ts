/** Ops that join tensors along an axis or take one apart. */
import { type Shape, sameShape, shapeText, stridesOf } from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { copyBox, gatherBox, newLike, reshaped } from "./boxes.js";
import { integerVector } from "./domains.js";
import {
  axisOf,
  compute,
  type Dense,
  ensure,
  integerOf,
  integersOf,
  listText,
  move,
  outputDtype,
  vectorOf,
} from "./kernel.js";

function pack(values: readonly Dense[], axis: number): Dense {
  const [first] = values as [Dense];
  for (const [i, value] of values.entries()) {
    ensure(
      sameShape(value.shape, first.shape),
      () =>
        `Shapes of all inputs must match: values[0].shape = ${shapeText(first.shape)} != values[${i}].shape = ${shapeText(value.shape)}`,
    );
  }
  const at = axisOf(axis, first.shape.length + 1);
  const slices = values.map((value) => reshaped(value, value.shape.toSpliced(at, 0, 1)));
  return concat(slices, at);
}

/** One value after the other along an axis (not negative). */
export function concat(values: readonly Dense[], axis: number): Dense {
  const [first] = values as [Dense];
  for (const [i, { shape }] of values.entries()) requireJoinable(first.shape, shape, axis, i);
  const length = values.reduce((sum, { shape }) => sum + (shape[axis] as number), 0);
  const out = newLike(first, first.shape.with(axis, length));
  const strides = stridesOf(out.shape);
  let offset = 0;
  for (const value of values) {
    copyBox(value.shape, { value }, { value: out, offset, strides });
    offset += (value.shape[axis] as number) * (strides[axis] as number);
  }
  return out;
}

function requireJoinable(first: Shape, other: Shape, axis: number, index: number): void {
  const text = `shape[0] = ${shapeText(first)} vs. shape[${index}] = ${shapeText(other)}`;
  ensure(first.length === other.length, () => `ConcatOp : Ranks of all input tensors should match: ${text}`);
  for (let at = 0; at < first.length; at++) {
    ensure(
      at === axis || first[at] === other[at],
      () => `ConcatOp : Dimension ${at} in both shapes must be equal: ${text}`,
    );
  }
}

const concatAlong = (values: readonly Dense[], axis: Dense): Dense => {
  const rank = values[0]?.shape.length ?? 0;
  return concat(values, axisOf(integerOf(axis, "axis"), rank, "concatenating dimensions"));
};

/** Pieces of the given sizes along an axis (not negative). */
export function split(x: Dense, axis: number, sizes: readonly number[]): Dense[] {
  const strides = stridesOf(x.shape);
  let start = 0;
  return sizes.map((size) => {
    const piece = gatherBox(x, x.shape.with(axis, size), start * (strides[axis] as number), strides);
    start += size;
    return piece;
  });
}

function splitEvenly(x: Dense, axisInput: Dense, pieces: number): Dense[] {
  const axis = axisOf(integerOf(axisInput, "split_dim"), x.shape.length, "split_dim");
  const size = x.shape[axis] as number;
  ensure(
    size % pieces === 0,
    () =>
      `Number of ways to split should evenly divide the split dimension, but got split_dim ${axis} (size = ${size}) and num_split ${pieces}`,
  );
  return split(x, axis, new Array<number>(pieces).fill(size / pieces));
}

function splitBySizes(x: Dense, sizesInput: Dense, axisInput: Dense): Dense[] {
  const axis = axisOf(integerOf(axisInput, "split_dim"), x.shape.length, "split_dim");
  const sizes = vectorOf(sizesInput, "size_splits");
  ensure(
    sizes.length !== 1 || sizes[0] === x.shape[axis],
    () =>
      `If there is only one output, it must have the same size as the input. Input size: ${x.shape[axis]} output size: ${sizes[0]}`,
  );
  const size = x.shape[axis] as number;
  const open = sizes.indexOf(-1);
  const known = sizes.reduce((sum, piece, i) => sum + (i === open ? 0 : piece), 0);
  ensure(
    sizes.every((piece, i) => i === open || piece >= 0) && (open < 0 ? known === size : known <= size),
    () =>
      `size_splits ${listText(sizes)} must add up to the size of axis ${axis}, which is ${size}, with at most one -1`,
  );
  return split(x, axis, open < 0 ? sizes : sizes.with(open, size - known));
}

function unpack(x: Dense, axisAttr: number, count: number): Dense[] {
  const axis = axisOf(axisAttr, x.shape.length);
  const size = x.shape[axis] as number;
  ensure(
    size === count,
    () => `Input shape axis ${axis} must equal ${count}, got shape ${shapeText(x.shape)}`,
  );
  return split(x, axis, new Array<number>(size).fill(1)).map((piece) =>
    reshaped(piece, x.shape.toSpliced(axis, 1)),
  );
}

export const joiningKernels: HostTable = {
  Pack: move((node) => {
    const axis = node.attrs.int("axis");
    return (...values) => pack(values, axis);
  }),
  ParallelConcat: move(
    () =>
      (...values) =>
        concat(values, 0),
  ),
  Unpack: move((node) => {
    const [axis, count] = [node.attrs.int("axis"), node.attrs.int("num")];
    return (x) => unpack(x, axis, count);
  }),
  Concat: move(
    () =>
      (axis, ...values) =>
        concatAlong(values, axis),
  ),
  ConcatV2: move(
    () =>
      (...inputs) =>
        concatAlong(inputs.slice(0, -1), inputs.at(-1) as Dense),
  ),
  ConcatOffset: compute((node) => (axisInput, ...shapeInputs) => {
    const all = shapeInputs.map(integersOf);
    const [first = []] = all;
    const axis = axisOf(integerOf(axisInput, "concat_dim"), first.length, "concat_dim");
    let start = 0;
    return all.map((shape, index) => {
      const offset = shape.map((_, at) => (at === axis ? start : 0));
      start += shape[axis] as number;
      return integerVector(outputDtype(node, index), offset);
    });
  }),
  Split: move((node) => {
    const pieces = node.attrs.int("num_split");
    return (axis, x) => splitEvenly(x, axis, pieces);
  }),
  SplitV: move(() => splitBySizes),
};
