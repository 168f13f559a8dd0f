/** Sparse tensors made dense, reshaped, reordered, cut, joined, and given a value in each row. */
import {
  allocate,
  dtypeInfo,
  elementCount,
  invalidArgument,
  type Shape,
  shapeText,
  stridesOf,
  type Tensor,
  type TensorData,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { copyEntries, filled, gatherRows, tensorOver } from "../element-memory.js";
import { type IndexData, indexData, int64Tensor } from "../index-data.js";
import { compute, countOf, integerOf, type TensorFunction } from "../kernel.js";
import {
  checkInside,
  checkOrder,
  pickedRows,
  type SparseTensor,
  shapeTensor,
  sizesOf,
  sortedRows,
  sparseTensor,
} from "./sparse-tensor.js";

// ---- SparseToDense -------------------------------------------------------------------------------------------

/** Indices may be a matrix, a vector for a dense vector, or a scalar for one element of it. */
function sparseToDense({ attrs }: NodeFacts): TensorFunction {
  const validate = attrs.bool("validate_indices");
  return (indexInput, shapeInput, values, fallback) => {
    const [indexTensor, valueTensor] = [indexInput as Tensor, values as Tensor];
    const shape = sizesOf(shapeInput as Tensor);
    const [count, rank] = [indexTensor.shape[0] ?? 1, indexTensor.shape[1] ?? 1];
    if (indexTensor.shape.length > 2) {
      throw invalidArgument(
        `sparse_indices should be a scalar, vector, or matrix, got shape ${shapeText(indexTensor.shape)}`,
      );
    }
    if (rank !== shape.length) {
      throw invalidArgument(
        `output_shape has incorrect number of elements: ${shape.length} should be: ${rank}`,
      );
    }
    const isScalar = valueTensor.shape.length === 0;
    if (!isScalar && (valueTensor.shape.length > 1 || valueTensor.shape[0] !== count)) {
      throw invalidArgument(
        `sparse_values has incorrect shape ${shapeText(valueTensor.shape)}, should be [] or [${count}]`,
      );
    }
    const size = countOf(shape);
    const sparse = { indices: indexData(indexTensor), values: valueTensor, shape, count, rank };
    checkInside(sparse);
    if (validate) checkOrder(sparse);
    const data = filled(valueTensor.dtype, size, (fallback as Tensor).data);
    scatterRows(sparse, data, isScalar ? 0 : 1);
    return tensorOver(valueTensor.dtype, shape, data);
  };
}

/** Writes each value to its place; `step` 0 writes the first one to all. */
function scatterRows(
  { indices, values, shape, count, rank }: SparseTensor,
  data: TensorData,
  step: 0 | 1,
): void {
  const strides = stridesOf(shape);
  const { lanes } = dtypeInfo(values.dtype);
  for (let i = 0; i < count; i++) {
    let at = 0;
    for (let axis = 0; axis < rank; axis++)
      at += (indices[i * rank + axis] as number) * (strides[axis] as number);
    copyEntries(data, at * lanes, values.data, i * step * lanes, lanes);
  }
}

// ---- SparseReshape -------------------------------------------------------------------------------------------

const sparseReshape: TensorFunction = (indexInput, shapeInput, newShapeInput) => {
  const indexTensor = indexInput as Tensor;
  if (indexTensor.shape.length !== 2) {
    throw invalidArgument(
      `Input indices should be a matrix but received shape ${shapeText(indexTensor.shape)}`,
    );
  }
  const [count, rank] = indexTensor.shape as [number, number];
  const from = sizesOf(shapeInput as Tensor);
  if (from.length !== rank) {
    throw invalidArgument(`Input tensor rank must match input shape length, got ${rank} and ${from.length}`);
  }
  const to = resolvedShape(from, Array.from(indexData(newShapeInput)));
  const indices = indexData(indexTensor);
  const moved = new Float64Array(count * to.length);
  // Positions in a very large dense shape need more bits than a double has.
  const isHuge = !Number.isSafeInteger(product(from));
  for (let i = 0; i < count; i++) {
    const row = indices.subarray(i * rank, (i + 1) * rank);
    if (isHuge) moveHuge(row, from, to, moved, i * to.length);
    else moveRow(row, from, to, moved, i * to.length);
  }
  return [int64Tensor([count, to.length], moved), shapeTensor(to)];
};

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

function moveRow(row: IndexData, from: Shape, to: Shape, moved: Float64Array, at: number): void {
  let position = 0;
  for (const [axis, size] of from.entries()) position = position * size + (row[axis] as number);
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const size = to[axis] as number;
    moved[at + axis] = position % size;
    position = Math.floor(position / size);
  }
}

function moveHuge(row: IndexData, from: Shape, to: Shape, moved: Float64Array, at: number): void {
  let position = 0n;
  for (const [axis, size] of from.entries()) position = position * BigInt(size) + BigInt(row[axis] as number);
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const size = BigInt(to[axis] as number);
    moved[at + axis] = Number(position % size);
    position /= size;
  }
}

/** The new shape with its unknown size, if there is one, filled in. */
function resolvedShape(from: Shape, wanted: readonly number[]): number[] {
  const unknown = wanted.indexOf(-1);
  const second = wanted.indexOf(-1, unknown + 1);
  if (unknown >= 0 && second >= 0) {
    throw invalidArgument(`only one output dimension may be -1, not both ${unknown} and ${second}`);
  }
  const negative = wanted.findIndex((size) => size < -1);
  if (negative >= 0) throw invalidArgument(`size ${negative} must be non-negative, not ${wanted[negative]}`);
  const dense = product(from);
  const known = product(wanted.filter((size) => size !== -1));
  if (unknown >= 0) {
    if (known === 0)
      throw invalidArgument(
        "reshape cannot infer the missing input size for an empty tensor unless all specified input sizes are non-zero",
      );
    if (dense % known !== 0) {
      throw invalidArgument(
        `Input to reshape is a SparseTensor with ${dense} dense values, but the requested shape requires a multiple of ` +
          `${known}. input_shape=${shapeText(from)} output_shape=${shapeText(wanted)}`,
      );
    }
    return wanted.with(unknown, dense / known);
  }
  if (known !== dense) {
    throw invalidArgument(
      `Input to reshape is a tensor with ${dense} dense values, but the requested shape has ${known}. ` +
        `input_shape=${shapeText(from)} output_shape=${shapeText(wanted)}`,
    );
  }
  return [...wanted];
}

// ---- reorder, slice ------------------------------------------------------------------------------------------

const sparseReorder: TensorFunction = (indices, values, shape) => {
  const sparse = sparseTensor(indices, values, shape);
  return pickedRows(sparse, sortedRows(sparse.indices, sparse.count, sparse.rank));
};

/** What lies in a box, with coordinates from the box's corner. */
function cut(
  sparse: SparseTensor,
  start: readonly number[],
  size: readonly number[],
): [Tensor, Tensor, Tensor] {
  const { indices, rank, count } = sparse;
  const rows: number[] = [];
  for (let i = 0; i < count; i++) {
    let inside = true;
    for (let axis = 0; axis < rank && inside; axis++) {
      const offset = (indices[i * rank + axis] as number) - (start[axis] as number);
      inside = offset >= 0 && offset < (size[axis] as number);
    }
    if (inside) rows.push(i);
  }
  const shifted = new Float64Array(rows.length * rank);
  for (const [i, row] of rows.entries()) {
    for (let axis = 0; axis < rank; axis++) {
      shifted[i * rank + axis] = (indices[row * rank + axis] as number) - (start[axis] as number);
    }
  }
  const { dtype, data } = sparse.values;
  const values = tensorOver(dtype, [rows.length], gatherRows(dtype, data, rows, 1));
  return [int64Tensor([rows.length, rank], shifted), values, shapeTensor(size)];
}

const sparseSlice: TensorFunction = (indices, values, shape, startInput, sizeInput) => {
  const sparse = sparseTensor(indices, values, shape);
  const [start, size] = [Array.from(indexData(startInput)), Array.from(indexData(sizeInput))];
  for (const [name, list] of [
    ["start", start],
    ["size", size],
  ] as const) {
    if (list.length !== sparse.rank) {
      throw invalidArgument(
        `Expected ${name} to be a vector of length ${sparse.rank} but got length ${list.length}`,
      );
    }
    const negative = list.find((entry) => entry < 0);
    if (negative !== undefined) throw invalidArgument(`Expected a non-negative ${name}, got ${negative}`);
  }
  const within = sparse.shape.map((full, axis) =>
    Math.max(0, Math.min(size[axis] as number, full - (start[axis] as number))),
  );
  return cut(sparse, start, within);
};

function sparseSplit({ attrs }: NodeFacts): TensorFunction {
  const parts = attrs.int("num_split");
  return (axisInput, indices, values, shape) => {
    const sparse = sparseTensor(indices, values, shape);
    const given = integerOf(axisInput, "split_dim");
    if (given < -sparse.rank || given >= sparse.rank) {
      throw invalidArgument(`Input axis should be in range [${-sparse.rank}, ${sparse.rank}), got ${given}`);
    }
    const axis = given < 0 ? given + sparse.rank : given;
    const full = sparse.shape[axis] as number;
    if (parts < 1 || parts > full) {
      throw invalidArgument(
        `Input num_split should be between 1 and the splitting dimension size (${full}), got ${parts}`,
      );
    }
    let from = 0;
    // The first ones take what is left over.
    const pieces = Array.from({ length: parts }, (_, i) => {
      const length = Math.floor(full / parts) + (i < full % parts ? 1 : 0);
      const piece = cut(
        sparse,
        sparse.shape.map((_, a) => (a === axis ? from : 0)),
        sparse.shape.with(axis, length),
      );
      from += length;
      return piece;
    });
    return [0, 1, 2].flatMap((output) => pieces.map((piece) => piece[output] as Tensor));
  };
}

// ---- concat --------------------------------------------------------------------------------------------------

function sparseConcat({ attrs }: NodeFacts): TensorFunction {
  const count = attrs.int("N");
  const given = attrs.int("concat_dim");
  return (...inputs) => {
    const parts = Array.from({ length: count }, (_, i) =>
      sparseTensor(inputs[i], inputs[count + i], inputs[2 * count + i]),
    );
    const first = parts[0] as SparseTensor;
    if (given < -first.rank || given >= first.rank) {
      throw invalidArgument(
        `Concat dimension must be in range [${-first.rank}, ${first.rank}), got ${given}`,
      );
    }
    return concatenated(parts, given < 0 ? given + first.rank : given);
  };
}

/** Sparse tensors one after another along an axis, in the order of the coordinates. */
function concatenated(parts: readonly SparseTensor[], axis: number): [Tensor, Tensor, Tensor] {
  const first = parts[0] as SparseTensor;
  const rank = first.rank;
  const total = parts.reduce((sum, part) => sum + part.count, 0);
  const indices = new Float64Array(total * rank);
  let [at, offset] = [0, 0];
  for (const [position, part] of parts.entries()) {
    checkSameShape(first.shape, part.shape, axis, position);
    for (let i = 0; i < part.count * rank; i++) {
      indices[at++] = (part.indices[i] as number) + (i % rank === axis ? offset : 0);
    }
    offset += part.shape[axis] as number;
  }
  const { dtype } = first.values;
  const data = allocate(dtype, total);
  at = 0;
  for (const { values } of parts) {
    copyEntries(data, at, values.data, 0, values.data.length);
    at += values.data.length;
  }
  const shape = first.shape.with(axis, offset);
  const joined = { indices, values: tensorOver(dtype, [total], data), shape, count: total, rank };
  return [...pickedRows(joined, sortedRows(indices, total, rank)), shapeTensor(shape)];
}

function checkSameShape(expected: Shape, shape: Shape, axis: number, position: number): void {
  if (shape.length !== expected.length) {
    throw invalidArgument(
      `Ranks of all input tensors must match: expected ${expected.length} but got ${shape.length} at position ${position}`,
    );
  }
  const other = expected.findIndex((size, a) => a !== axis && size !== shape[a]);
  if (other >= 0) {
    throw invalidArgument(
      `Input shapes must match: expected ${expected[other]} for dimension ${other} but got ${shape[other]} at position ${position}`,
    );
  }
}

// ---- empty rows ----------------------------------------------------------------------------------------------

/** Rows in the order of their first coordinate, with a default in each that has none. */
interface FilledRows {
  /** For each output entry, the input entry or -1 for a default. */
  readonly sources: Float64Array;
  /** For each output entry, its first coordinate. */
  readonly rowOf: Float64Array;
  readonly isEmpty: Uint8Array;
  /** Where each input entry went. */
  readonly places: Float64Array;
}

/** `stride`: from one entry's first coordinate to the next. */
function fillRows(indices: IndexData, stride: number, count: number, rows: number): FilledRows {
  const counts = new Float64Array(rows);
  for (let i = 0; i < count; i++) {
    const row = indices[i * stride] as number;
    if (row < 0 || row >= rows) throw invalidArgument(`indices(${i}, 0) is invalid: ${row} >= ${rows}`);
    counts[row] = (counts[row] as number) + 1;
  }
  const isEmpty = Uint8Array.from(counts, (inRow) => (inRow === 0 ? 1 : 0));
  const next = new Float64Array(rows);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    next[row] = total;
    total += Math.max(1, counts[row] as number);
  }
  const sources = new Float64Array(total).fill(-1);
  const rowOf = new Float64Array(total);
  for (let row = 0; row < rows; row++) {
    rowOf.fill(row, next[row], row + 1 < rows ? next[row + 1] : total);
  }
  const places = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const row = indices[i * stride] as number;
    const place = next[row] as number;
    next[row] = place + 1;
    places[i] = place;
    sources[place] = i;
  }
  return { sources, rowOf, isEmpty, places };
}

/** The values of filled rows. */
function filledValues(values: Tensor, fallback: Tensor, sources: Float64Array): Tensor {
  const data = filled(values.dtype, sources.length, fallback.data);
  const { lanes } = dtypeInfo(values.dtype);
  for (const [i, source] of sources.entries()) {
    if (source >= 0) copyEntries(data, i * lanes, values.data, source * lanes, lanes);
  }
  return tensorOver(values.dtype, [sources.length], data);
}

function requireScalar(fallback: Tensor): void {
  if (elementCount(fallback.shape) !== 1 || fallback.shape.length > 0) {
    throw invalidArgument(`default_value must be a scalar, saw: ${shapeText(fallback.shape)}`);
  }
}

const sparseFillEmptyRows: TensorFunction = (indexInput, values, shapeInput, fallback) => {
  const sparse = sparseTensor(indexInput, values, shapeInput);
  const { indices, rank, count, shape } = sparse;
  requireScalar(fallback as Tensor);
  if (rank === 0) throw invalidArgument("Dense shape cannot be empty.");
  const rows = countOf(shape.slice(0, 1));
  const { sources, rowOf, isEmpty, places } = fillRows(indices, rank, count, rows);
  const moved = new Float64Array(sources.length * rank);
  for (const [i, source] of sources.entries()) {
    if (source < 0) moved[i * rank] = rowOf[i] as number;
    else
      for (let axis = 0; axis < rank; axis++)
        moved[i * rank + axis] = indices[source * rank + axis] as number;
  }
  return [
    int64Tensor([sources.length, rank], moved),
    filledValues(sparse.values, fallback as Tensor, sources),
    tensorOver("bool", [rows], isEmpty),
    int64Tensor([count], places),
  ];
};

const raggedFillEmptyRows: TensorFunction = (rowIds, values, rowCount, fallback) => {
  requireScalar(fallback as Tensor);
  const ids = indexData(rowIds);
  const rows = countOf([integerOf(rowCount, "nrows")]);
  const { sources, rowOf, isEmpty, places } = fillRows(ids, 1, ids.length, rows);
  return [
    int64Tensor([rowOf.length], rowOf),
    filledValues(values as Tensor, fallback as Tensor, sources),
    tensorOver("bool", [rows], isEmpty),
    int64Tensor([places.length], places),
  ];
};

export const sparseReshapingKernels: HostTable = {
  SparseToDense: compute(sparseToDense),
  SparseReshape: compute(() => sparseReshape),
  SparseReorder: compute(() => sparseReorder),
  SparseSlice: compute(() => sparseSlice),
  SparseSplit: compute(sparseSplit),
  SparseConcat: compute(sparseConcat),
  SparseFillEmptyRows: compute(() => sparseFillEmptyRows),
  RaggedFillEmptyRows: compute(() => raggedFillEmptyRows),
};
