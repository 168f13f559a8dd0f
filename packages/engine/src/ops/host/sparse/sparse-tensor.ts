/**
 * A sparse tensor as the ops of this folder work on it: rows of coordinates, a value for each, and the dense shape.
 *
 * Dense shapes may be far larger than anything that fits in memory (a row for every hash bucket): only what is made
 * dense is checked for its size.
 */
import { invalidArgument, type Shape, shapeText, type Tensor } from "@servable/formats";
import { gatherRows, tensorOver } from "../element-memory.js";
import { type IndexData, indexData, int64Tensor } from "../index-data.js";

export interface SparseTensor {
  /** `count` rows of `rank` coordinates. */
  readonly indices: IndexData;
  readonly values: Tensor;
  readonly shape: Shape;
  readonly count: number;
  readonly rank: number;
}

/** Reads the three tensors that a sparse one comes in. INVALID_ARGUMENT when their shapes do not belong together. */
export function sparseTensor(
  indices: Tensor | undefined,
  values: Tensor | undefined,
  shape: Tensor | undefined,
): SparseTensor {
  const [indexTensor, valueTensor, shapeTensor] = [indices, values, shape] as [Tensor, Tensor, Tensor];
  if (indexTensor.shape.length !== 2) {
    throw invalidArgument(`Input indices must be a matrix, got shape ${shapeText(indexTensor.shape)}`);
  }
  if (valueTensor.shape.length !== 1) {
    throw invalidArgument(`Input values must be a vector, got shape ${shapeText(valueTensor.shape)}`);
  }
  if (shapeTensor.shape.length !== 1) {
    throw invalidArgument(`Input shape must be a vector, got shape ${shapeText(shapeTensor.shape)}`);
  }
  const [count, rank] = indexTensor.shape as [number, number];
  if (valueTensor.shape[0] !== count) {
    throw invalidArgument(
      `Number of values must match first dimension of indices. Got ${valueTensor.shape[0]} values, indices shape: ${shapeText(indexTensor.shape)}`,
    );
  }
  if (shapeTensor.shape[0] !== rank) {
    throw invalidArgument(
      `Number of dimensions must match second dimension of indices. Got ${shapeTensor.shape[0]} dimensions, indices shape: ${shapeText(indexTensor.shape)}`,
    );
  }
  const sizes = sizesOf(shapeTensor);
  return { indices: indexData(indexTensor), values: valueTensor, shape: sizes, count, rank };
}

/** A dense shape out of a tensor. INVALID_ARGUMENT on a negative size. */
export function sizesOf(shape: Tensor): number[] {
  const sizes = Array.from(indexData(shape));
  const negative = sizes.findIndex((size) => size < 0);
  if (negative >= 0) {
    throw invalidArgument(
      `Shape ${shapeText(sizes)}: size ${negative} must be non-negative, not ${sizes[negative]}`,
    );
  }
  return sizes;
}

/** INVALID_ARGUMENT, naming the first one, when coordinates lie outside the shape. */
export function checkInside({ indices, shape, rank, count }: SparseTensor): void {
  for (let i = 0; i < count; i++) {
    for (let axis = 0; axis < rank; axis++) {
      const index = indices[i * rank + axis] as number;
      if (index >= 0 && index < (shape[axis] as number)) continue;
      throw invalidArgument(
        `indices[${i}] = ${rowText(indices, i, rank)} is out of bounds: need 0 <= index < ${shapeText(shape)}`,
      );
    }
  }
}

/** INVALID_ARGUMENT, naming the first one, when coordinates are not in ascending order, each of them once. */
export function checkOrder({ indices, rank, count }: SparseTensor): void {
  for (let i = 1; i < count; i++) {
    const order = compareRows(indices, i - 1, indices, i, rank);
    if (order < 0) continue;
    const problem = order === 0 ? "is repeated" : "is out of order. Many sparse ops require sorted indices.";
    throw invalidArgument(`indices[${i}] = ${rowText(indices, i, rank)} ${problem}`);
  }
}

function rowText(indices: IndexData, row: number, rank: number): string {
  return `[${[...indices.subarray(row * rank, (row + 1) * rank)].join(",")}]`;
}

/** Lexicographic order of two rows of coordinates. */
export function compareRows(a: IndexData, rowA: number, b: IndexData, rowB: number, rank: number): number {
  for (let axis = 0; axis < rank; axis++) {
    const difference = (a[rowA * rank + axis] as number) - (b[rowB * rank + axis] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The rows in lexicographic order of their coordinates; equal ones stay in their order. */
export function sortedRows(indices: IndexData, count: number, rank: number): Uint32Array {
  const rows = Uint32Array.from({ length: count }, (_, i) => i);
  let sorted = true;
  for (let i = 1; i < count && sorted; i++) sorted = compareRows(indices, i - 1, indices, i, rank) <= 0;
  return sorted ? rows : rows.sort((a, b) => compareRows(indices, a, indices, b, rank) || a - b);
}

/** Indices and values of some rows, as tensors. */
export function pickedRows(
  { indices, values, rank }: SparseTensor,
  rows: ArrayLike<number>,
): [Tensor, Tensor] {
  const picked = new Float64Array(rows.length * rank);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    for (let axis = 0; axis < rank; axis++) picked[i * rank + axis] = indices[row * rank + axis] as number;
  }
  const data = gatherRows(values.dtype, values.data, rows, 1);
  return [int64Tensor([rows.length, rank], picked), tensorOver(values.dtype, [rows.length], data)];
}

/** The vector of a dense shape. */
export function shapeTensor(shape: Shape): Tensor {
  return int64Tensor([shape.length], shape);
}

/** A run of rows that agree in their leading coordinates. */
export interface RowGroup {
  readonly start: number;
  readonly end: number;
}

/** The runs of rows, in their order, that agree in the first `depth` coordinates. */
export function* rowGroups(
  indices: IndexData,
  count: number,
  rank: number,
  depth: number,
): Generator<RowGroup> {
  let start = 0;
  for (let i = 1; i <= count; i++) {
    if (i < count && sameStart(indices, start, i, rank, depth)) continue;
    yield { start, end: i };
    start = i;
  }
}

function sameStart(indices: IndexData, a: number, b: number, rank: number, depth: number): boolean {
  for (let axis = 0; axis < depth; axis++) {
    if (indices[a * rank + axis] !== indices[b * rank + axis]) return false;
  }
  return true;
}
