/**
 * How often each number occurs in each row of sparse or ragged input: Sparse- and RaggedBincount into dense bins, and the
 * …CountSparseOutput ops into sparse ones (tensorflow/core/kernels/{bincount,count}_ops.cc).
 */
import { elementCount, invalidArgument, type Tensor } from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { combiner, computableZeros, fromComputable, requireNumeric } from "../arithmetic.js";
import { type IndexData, indexData, int64Tensor } from "../index-data.js";
import { compute, countOf, integerOf, type TensorFunction } from "../kernel.js";
import { sizesOf } from "./sparse-tensor.js";

/** Values with the row that each belongs to. */
interface Rows {
  readonly values: IndexData;
  readonly rowOf: (position: number) => number;
  readonly rows: number;
  /** Without a batch there is one row, and results have one dimension less. */
  readonly batched: boolean;
}

function sparseRows(indexInput: Tensor, values: Tensor, shape: Tensor): Rows {
  const [count, rank] = [indexInput.shape[0] ?? 0, indexInput.shape[1] ?? 0];
  const sizes = sizesOf(shape);
  if (indexInput.shape.length !== 2 || rank !== sizes.length || count !== elementCount(values.shape)) {
    throw invalidArgument("indices, values and dense_shape of a sparse tensor do not belong together");
  }
  const indices = indexData(indexInput);
  const batched = rank > 1;
  const rows = batched ? countOf(sizes.slice(0, 1)) : 1;
  const rowOf = (i: number): number => {
    const row = indices[i * rank] as number;
    if (row < 0 || row >= rows)
      throw invalidArgument(
        `Index out of bound. \`batch\` (${row}) must be less than the dimension size (${rows}).`,
      );
    return row;
  };
  return { values: indexData(values), rowOf: batched ? rowOf : () => 0, rows, batched };
}

function raggedRows(splitInput: Tensor, values: Tensor): Rows {
  const splits = indexData(splitInput);
  const data = indexData(values);
  if (splits.length === 0) throw invalidArgument("Must provide at least 1 split; splits are empty");
  if (splits[0] !== 0) throw invalidArgument(`Splits must start with 0, not with ${splits[0]}`);
  if (splits.at(-1) !== data.length) {
    throw invalidArgument(
      `Splits must end with the number of values, got ${splits.at(-1)} instead of ${data.length}`,
    );
  }
  const rowOfValue = new Uint32Array(data.length);
  for (let row = 0; row + 1 < splits.length; row++) rowOfValue.fill(row, splits[row], splits[row + 1]);
  return { values: data, rowOf: (i) => rowOfValue[i] as number, rows: splits.length - 1, batched: true };
}

function denseRows(values: Tensor): Rows {
  if (values.shape.length < 1 || values.shape.length > 2) {
    throw invalidArgument(`Input must be a 1 or 2-dimensional tensor. Got: [${values.shape.join(",")}]`);
  }
  const width = values.shape.at(-1) as number;
  const batched = values.shape.length === 2;
  const rows = batched ? (values.shape[0] as number) : 1;
  return {
    values: indexData(values),
    rowOf: batched ? (i) => Math.floor(i / width) : () => 0,
    rows,
    batched,
  };
}

// ---- dense bins ----------------------------------------------------------------------------------------------

/** Values past the last bin count nowhere. */
function bincount(rows: Rows, sizeInput: Tensor, weightsInput: Tensor, binary: boolean): Tensor {
  const size = integerOf(sizeInput, "size");
  if (size < 0) throw invalidArgument(`size (${size}) must be non-negative`);
  const weights = requireNumeric(weightsInput, "weights");
  checkWeights(weights, rows.values.length);
  const shape = rows.batched ? [rows.rows, size] : [size];
  const bins = computableZeros(weights.dtype, countOf(shape));
  const count = counter(weights, binary);
  for (const [i, value] of rows.values.entries()) {
    if (value < 0) throw invalidArgument("Input must be non-negative");
    if (value < size) count(bins, rows.rowOf(i) * size + value, i);
  }
  return fromComputable(weights.dtype, shape, bins);
}

function checkWeights(weights: Tensor, count: number): void {
  const given = elementCount(weights.shape);
  if (given > 0 && given !== count) {
    throw invalidArgument(`Weights and values must have the same size. Weights: ${given}; values: ${count}`);
  }
}

type Count = (bins: ReturnType<typeof computableZeros>, bin: number, position: number) => void;

/** Adds one, or a weight, to a bin; or only notes that there is something. */
function counter(weights: Exclude<Tensor, { dtype: "string" }>, binary: boolean): Count {
  const one = weights.dtype === "int64" ? BigInt64Array.of(1n) : Float64Array.of(1);
  if (binary || weights.data.length === 0) {
    const combine = combiner(weights.dtype, binary ? "update" : "add");
    return (bins, bin) => combine(bins, bin, one, 0);
  }
  const add = combiner(weights.dtype, "add");
  return (bins, bin, position) => add(bins, bin, weights.data, position);
}

function sparseBincount({ attrs }: NodeFacts): TensorFunction {
  const binary = attrs.bool("binary_output");
  return (indices, values, shape, size, weights) =>
    bincount(
      sparseRows(indices as Tensor, values as Tensor, shape as Tensor),
      size as Tensor,
      weights as Tensor,
      binary,
    );
}

function raggedBincount({ attrs }: NodeFacts): TensorFunction {
  const binary = attrs.bool("binary_output");
  return (splits, values, size, weights) =>
    bincount(raggedRows(splits as Tensor, values as Tensor), size as Tensor, weights as Tensor, binary);
}

// ---- sparse counts -------------------------------------------------------------------------------------------

interface CountLimits {
  readonly least: number;
  /** Values from here on count nowhere; -1 for none. */
  readonly most: number;
  readonly binary: boolean;
}

function limitsOf({ attrs }: NodeFacts): CountLimits {
  return { least: attrs.int("minlength"), most: attrs.int("maxlength"), binary: attrs.bool("binary_output") };
}

/** Indices, counts and shape: an entry for each value that occurs in a row. */
function countedSparsely(rows: Rows, weightsInput: Tensor, { least, most, binary }: CountLimits): Tensor[] {
  const weights = requireNumeric(weightsInput, "weights");
  checkWeights(weights, rows.values.length);
  const positions = Array.from({ length: rows.rows }, () => new Map<number, number[]>());
  let greatest = -1;
  for (const [i, value] of rows.values.entries()) {
    if (value < 0) throw invalidArgument("Input values must all be non-negative");
    greatest = Math.max(greatest, value);
    if (most >= 0 && value >= most) continue;
    const inRow = positions[rows.rowOf(i)] as Map<number, number[]>;
    const same = inRow.get(value);
    if (same === undefined) inRow.set(value, [i]);
    else same.push(i);
  }
  const entries = positions.flatMap((inRow, row) =>
    [...inRow].sort(([a], [b]) => a - b).map(([value, where]) => ({ row, value, where })),
  );
  const counts = computableZeros(weights.dtype, entries.length);
  const count = counter(weights, binary);
  for (const [e, { where }] of entries.entries()) for (const i of where) count(counts, e, i);
  const width = most > 0 ? most : Math.max(greatest + 1, least);
  const indices = entries.flatMap(({ row, value }) => (rows.batched ? [row, value] : [value]));
  const shape = rows.batched ? [rows.rows, width] : [width];
  return [
    int64Tensor([entries.length, shape.length], indices),
    fromComputable(weights.dtype, [entries.length], counts),
    int64Tensor([shape.length], shape),
  ];
}

function denseCount(node: NodeFacts): TensorFunction {
  const limits = limitsOf(node);
  return (values, weights) => countedSparsely(denseRows(values as Tensor), weights as Tensor, limits);
}

function sparseCount(node: NodeFacts): TensorFunction {
  const limits = limitsOf(node);
  return (indices, values, shape, weights) =>
    countedSparsely(
      sparseRows(indices as Tensor, values as Tensor, shape as Tensor),
      weights as Tensor,
      limits,
    );
}

function raggedCount(node: NodeFacts): TensorFunction {
  const limits = limitsOf(node);
  return (splits, values, weights) =>
    countedSparsely(raggedRows(splits as Tensor, values as Tensor), weights as Tensor, limits);
}

export const countingKernels: HostTable = {
  SparseBincount: compute(sparseBincount),
  RaggedBincount: compute(raggedBincount),
  DenseCountSparseOutput: compute(denseCount),
  SparseCountSparseOutput: compute(sparseCount),
  RaggedCountSparseOutput: compute(raggedCount),
};
