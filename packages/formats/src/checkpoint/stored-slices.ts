/**
 * A tensor that is stored in slices, put together again. Both kinds of checkpoint keep partitioned variables so: an
 * entry with the whole shape lists slices, each of which is stored by itself.
 */
import type { DType } from "../dtype.js";
import { dtypeInfo } from "../dtype.js";
import { elementCount, type Shape, shapeText } from "../shape.js";
import { dataLoss, resourceExhausted } from "../status.js";
import { type Tensor, zeros } from "../tensor.js";
import { copyRegion, resolveSlice, sliceText, type TensorSlice } from "./tensor-slice.js";

/** Slices are compared in pairs; no training job has used so many partitions. */
const MAX_SLICES = 4096;

/** A tensor of which slices are stored. */
export interface SlicedTensor {
  /** Names the tensor and its checkpoint in errors. */
  readonly what: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** As they are stored, with FULL_EXTENT where that is written. */
  readonly slices: readonly TensorSlice[];
  /** Reads one of them. */
  readSlice(slice: TensorSlice): Tensor;
}

/**
 * The part of a tensor that a resolved slice covers.
 * DATA_LOSS when the stored slices overlap or do not cover it.
 */
export function assemble(tensor: SlicedTensor, wanted: TensorSlice): Tensor {
  const stored = tensor.slices.map((slice) => resolveSlice(slice, tensor.shape, tensor.what));
  requireDisjoint(tensor, stored);
  const parts = stored.map((slice) => intersection(slice, wanted));
  const covered = parts.reduce((sum, part) => sum + (part === undefined ? 0 : elementCount(part.length)), 0);
  if (covered !== elementCount(wanted.length)) {
    throw dataLoss(
      `${tensor.what}: its slices hold ${covered} elements of ${sliceText(wanted)} in ${shapeText(tensor.shape)}`,
    );
  }
  const result = zeros(tensor.dtype, wanted.length) as Tensor;
  const { lanes } = dtypeInfo(tensor.dtype);
  for (const [i, part] of parts.entries()) {
    if (part === undefined) continue;
    const holder = stored[i] as TensorSlice;
    const { data } = tensor.readSlice(tensor.slices[i] as TensorSlice);
    copyRegion(
      { data, shape: holder.length, start: relative(part, holder) },
      { data: result.data, shape: wanted.length, start: relative(part, wanted) },
      part.length,
      lanes,
    );
  }
  return result;
}

function requireDisjoint(tensor: SlicedTensor, slices: readonly TensorSlice[]): void {
  if (slices.length > MAX_SLICES) {
    throw resourceExhausted(
      `${tensor.what} is stored in ${slices.length} slices; ${MAX_SLICES} are supported`,
    );
  }
  for (let i = 0; i < slices.length; i++) {
    for (let j = i + 1; j < slices.length; j++) {
      const [a, b] = [slices[i] as TensorSlice, slices[j] as TensorSlice];
      if (intersection(a, b) !== undefined) {
        throw dataLoss(`${tensor.what}: its slices ${sliceText(a)} and ${sliceText(b)} overlap`);
      }
    }
  }
}

/** What two slices have in common; undefined when that holds no element. */
function intersection(a: TensorSlice, b: TensorSlice): TensorSlice | undefined {
  const start = a.start.map((from, axis) => Math.max(from, b.start[axis] as number));
  const length = start.map((from, axis) => Math.min(endOf(a, axis), endOf(b, axis)) - from);
  return length.every((size) => size > 0) ? { start, length } : undefined;
}

function endOf(slice: TensorSlice, axis: number): number {
  return (slice.start[axis] as number) + (slice.length[axis] as number);
}

function relative(part: TensorSlice, holder: TensorSlice): number[] {
  return part.start.map((from, axis) => from - (holder.start[axis] as number));
}
