/**
 * Rectangular parts of tensors: how a partitioned variable lies in a checkpoint, and what RestoreV2 asks for. The
 * message is tensorflow/core/framework/tensor_slice.proto; an extent without a length takes all of its dimension.
 */

import { create } from "@bufbuild/protobuf";
import { dtypeInfo, type TensorData } from "../dtype.js";
import {
  type TensorSliceProto,
  TensorSliceProtoSchema,
} from "../protobuf/gen/tensorflow/core/framework/tensor_slice_pb.js";
import { type Shape, shapeText, stridesOf } from "../shape.js";
import { invalidArgument } from "../status.js";
import { type Tensor, zeros } from "../tensor.js";
import { FULL_EXTENT } from "./ordered-code.js";

/** For each dimension where the slice starts and how long it is; FULL_EXTENT stands for all of it, from 0. */
export interface TensorSlice {
  readonly start: readonly number[];
  readonly length: readonly number[];
}

/**
 * The slice of a message, as it is written there.
 *
 * @example
 * const slice = { start: [1, 0], length: [2, 3] };
 * assert.deepEqual(sliceFromProto(sliceToProto(slice)), slice);
 */
export function sliceFromProto(proto: TensorSliceProto): TensorSlice {
  return {
    start: proto.extent.map((extent) => Number(extent.start)),
    length: proto.extent.map((extent) =>
      extent.hasLengthHack.case === undefined ? FULL_EXTENT : Number(extent.hasLengthHack.value),
    ),
  };
}

/**
 * The message of a slice.
 *
 * @example
 * const proto = sliceToProto({ start: [1], length: [2] });
 * assert.equal(proto.extent[0]?.start, 1n);
 */
export function sliceToProto({ start, length }: TensorSlice): TensorSliceProto {
  return create(TensorSliceProtoSchema, {
    extent: start.map((from, axis) =>
      length[axis] === FULL_EXTENT
        ? {}
        : {
            start: BigInt(from),
            hasLengthHack: { case: "length" as const, value: BigInt(length[axis] as number) },
          },
    ),
  });
}

/**
 * The slice with real lengths in place of FULL_EXTENT.
 * INVALID_ARGUMENT, naming `what`, when the rank differs or the slice leaves the shape.
 *
 * @example
 * const rest = resolveSlice({ start: [1, 0], length: [1, -1] }, [4, 3], "w");
 * assert.deepEqual(rest.length, [1, 3]);
 * assert.throws(() => resolveSlice({ start: [4], length: [1] }, [4], "w"), /is not inside of shape/);
 */
export function resolveSlice(slice: TensorSlice, shape: Shape, what: string): TensorSlice {
  const length = shape.map(
    (size, axis) => (slice.length[axis] === FULL_EXTENT ? size : slice.length[axis]) as number,
  );
  const fits =
    slice.start.length === shape.length &&
    slice.length.length === shape.length &&
    shape.every((size, axis) => {
      const start = slice.start[axis] as number;
      return start >= 0 && (length[axis] as number) >= 0 && start + (length[axis] as number) <= size;
    });
  if (!fits)
    throw invalidArgument(`${what}: slice ${sliceText(slice)} is not inside of shape ${shapeText(shape)}`);
  return { start: slice.start, length };
}

/**
 * Whether a resolved slice is all of a tensor.
 *
 * @example
 * assert.equal(isWhole({ start: [0], length: [4] }, [4]), true);
 */
export function isWhole(slice: TensorSlice, shape: Shape): boolean {
  return shape.every((size, axis) => slice.length[axis] === size);
}

/**
 * "0,3:-" as TensorFlow writes slices: start and length of each dimension, "-" for all of it.
 *
 * @example
 * assert.equal(sliceText({ start: [0, 0], length: [3, -1] }), "0,3:-");
 */
export function sliceText(slice: TensorSlice): string {
  return slice.start
    .map((start, axis) => (slice.length[axis] === FULL_EXTENT ? "-" : `${start},${slice.length[axis]}`))
    .join(":");
}

/**
 * The slice of a "shape and slice" text as RestoreV2 and SaveV2 carry it, such as "10 3 0,4:-": the sizes of the
 * whole tensor, then the slice. Undefined for an empty text, which asks for all. INVALID_ARGUMENT for others.
 *
 * @example
 * const { shape, slice } = parseShapeAndSlice("10 3 0,4:-") ?? {};
 * assert.deepEqual([shape, slice], [[10, 3], { start: [0, 0], length: [4, 3] }]);
 */
export function parseShapeAndSlice(text: string): { shape: number[]; slice: TensorSlice } | undefined {
  if (text === "") return undefined;
  const words = text.split(" ");
  const extents = (words.pop() as string).split(":").map((extent) => /^(?:-|(\d+),(\d+))$/.exec(extent));
  const wellFormed = extents.every((extent) => extent !== null) && words.every((word) => /^\d+$/.test(word));
  if (!wellFormed || extents.length !== words.length) {
    throw invalidArgument(`"${text}" is no shape and slice: expected sizes, then start,length or - for each`);
  }
  const shape = words.map(Number);
  const start = extents.map((extent) => Number(extent?.[1] ?? 0));
  const length = extents.map((extent) => Number(extent?.[2] ?? FULL_EXTENT));
  return { shape, slice: resolveSlice({ start, length }, shape, `"${text}"`) };
}

/**
 * The text that parseShapeAndSlice reads: "10 3 0,4:-".
 *
 * @example
 * assert.equal(shapeAndSliceText([10, 3], { start: [0, 0], length: [4, 3] }), "10 3 0,4:0,3");
 */
export function shapeAndSliceText(shape: Shape, slice: TensorSlice): string {
  return [...shape, sliceText(slice)].join(" ");
}

/**
 * A tensor of this shape cut into equal parts, as tf.fixed_size_partitioner does: the first ones are one longer where it
 * doesn't come out even.
 *
 * @param parts how many along each axis
 * @throws INVALID_ARGUMENT when an axis has fewer elements than parts
 *
 * @example
 * const rows = partition([5, 2], [2, 1]);
 * assert.deepEqual(rows.map(({ start, length }) => [start[0], length[0]]), [[0, 3], [3, 2]]);
 */
export function partition(shape: Shape, parts: Shape): TensorSlice[] {
  const fits =
    parts.length === shape.length &&
    parts.every((count, i) => count >= 1 && count <= Math.max(shape[i] as number, 1));
  if (!fits) throw invalidArgument(`Shape ${shapeText(shape)} can't be cut into ${shapeText(parts)} parts`);
  let slices: TensorSlice[] = [{ start: [], length: [] }];
  for (const [axis, size] of shape.entries()) {
    const pieces = cuts(size, parts[axis] as number);
    slices = slices.flatMap(({ start, length }) =>
      pieces.map(([from, count]) => ({ start: [...start, from], length: [...length, count] })),
    );
  }
  return slices;
}

function cuts(size: number, count: number): [from: number, length: number][] {
  const [least, longer] = [Math.floor(size / count), size % count];
  return Array.from({ length: count }, (_, i) => [
    i * least + Math.min(i, longer),
    least + (i < longer ? 1 : 0),
  ]);
}

/**
 * A part of a tensor in memory, as a tensor of its own.
 *
 * @example
 * const matrix = tensor("int32", [2, 2], Int32Array.of(1, 2, 3, 4));
 * const column = cutSlice(matrix, { start: [0, 1], length: [2, 1] });
 * assert.deepEqual(column.data, Int32Array.of(2, 4));
 */
export function cutSlice(tensor: Tensor, { start, length }: TensorSlice): Tensor {
  const result = zeros(tensor.dtype, length) as Tensor;
  const from = { data: tensor.data, shape: tensor.shape, start };
  const to = { data: result.data, shape: length, start: length.map(() => 0) };
  copyRegion(from, to, length, dtypeInfo(tensor.dtype).lanes);
  return result;
}

/** A tensor's memory and a place in it. */
export interface Region {
  readonly data: TensorData;
  readonly shape: Shape;
  readonly start: readonly number[];
}

/**
 * Copies a block of elements between two tensors of the same dtype.
 *
 * @param extent sizes of the block; it must fit into both shapes at their starts
 * @param lanes array entries per element
 *
 * @example
 * const from = { data: Int32Array.of(1, 2, 3, 4), shape: [2, 2], start: [1, 0] };
 * const to = { data: new Int32Array(2), shape: [1, 2], start: [0, 0] };
 * copyRegion(from, to, [1, 2], 1);
 * assert.deepEqual(to.data, Int32Array.of(3, 4));
 */
export function copyRegion(from: Region, to: Region, extent: Shape, lanes: number): void {
  if (extent.includes(0)) return;
  const source = stridesOf(from.shape);
  const target = stridesOf(to.shape);
  const rank = extent.length;
  // The trailing dimensions that both sides take whole are one run, together with the dimension before them.
  let inner = rank;
  while (
    inner > 0 &&
    extent[inner - 1] === from.shape[inner - 1] &&
    extent[inner - 1] === to.shape[inner - 1]
  )
    inner--;
  const outer = Math.max(inner - 1, 0);
  const run = lanes * extent.slice(outer).reduce((product, size) => product * size, 1);
  const index = new Array<number>(outer).fill(0);
  let sourceAt = lanes * dot(from.start, source);
  let targetAt = lanes * dot(to.start, target);
  for (;;) {
    copyRun(from.data, sourceAt, to.data, targetAt, run);
    let axis = outer - 1;
    for (; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      sourceAt += lanes * (source[axis] as number);
      targetAt += lanes * (target[axis] as number);
      if ((index[axis] as number) < (extent[axis] as number)) break;
      sourceAt -= lanes * (source[axis] as number) * (extent[axis] as number);
      targetAt -= lanes * (target[axis] as number) * (extent[axis] as number);
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
}

function copyRun(from: TensorData, sourceAt: number, to: TensorData, targetAt: number, length: number): void {
  if (Array.isArray(from)) {
    for (let i = 0; i < length; i++) (to as Uint8Array[])[targetAt + i] = from[sourceAt + i] as Uint8Array;
    return;
  }
  // Both are of the same dtype, hence of the same array type.
  (to as Uint8Array).set((from as Uint8Array).subarray(sourceAt, sourceAt + length), targetAt);
}
