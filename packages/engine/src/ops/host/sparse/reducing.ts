/** Sums and maxima of sparse tensors along axes, dense or sparse in turn. */
import {
  invalidArgument,
  type NumericData,
  type NumericTensor,
  type Shape,
  stridesOf,
  type Tensor,
} from "@servable/formats";
import type { HostRow, HostTable } from "../../op-table.js";
import {
  type CombineAt,
  combiner,
  computable,
  computableZeros,
  fromComputable,
  requireNumeric,
} from "../arithmetic.js";
import { indexData, int64Tensor } from "../index-data.js";
import { compute, countOf } from "../kernel.js";
import { type SparseTensor, shapeTensor, sortedRows, sparseTensor } from "./sparse-tensor.js";

interface Reduction {
  readonly sparse: SparseTensor;
  /** The axes that stay. */
  readonly kept: readonly number[];
  /** With sizes of 1 for the reduced axes where they are kept. */
  readonly shape: Shape;
}

function reductionOf(inputs: readonly Tensor[], keepDims: boolean): Reduction {
  const sparse = sparseTensor(inputs[0], inputs[1], inputs[2]);
  const reduced = new Set([...indexData(inputs[3])].map((axis) => normalAxis(axis, sparse.rank)));
  const kept = sparse.shape.map((_, axis) => axis).filter((axis) => !reduced.has(axis));
  const shape = keepDims
    ? sparse.shape.map((size, axis) => (reduced.has(axis) ? 1 : size))
    : kept.map((axis) => sparse.shape[axis] as number);
  return { sparse, kept, shape };
}

function normalAxis(axis: number, rank: number): number {
  if (axis < -rank || axis >= rank) {
    throw invalidArgument(`Invalid reduction dimension ${axis}, for input with ${rank} dimensions.`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** The entries of each group that becomes one element: groups in order, entries as they come. */
function groupsOf({ sparse, kept }: Reduction): { keys: Float64Array; groups: number[][] } {
  const { indices, count, rank } = sparse;
  const keys = new Float64Array(count * kept.length);
  for (let i = 0; i < count; i++) {
    for (const [k, axis] of kept.entries()) keys[i * kept.length + k] = indices[i * rank + axis] as number;
  }
  const groups: number[][] = [];
  let last: number | undefined;
  for (const row of sortedRows(keys, count, kept.length)) {
    if (last === undefined || !sameKey(keys, last, row, kept.length)) groups.push([]);
    groups.at(-1)?.push(row);
    last = row;
  }
  return { keys, groups };
}

function sameKey(keys: Float64Array, a: number, b: number, width: number): boolean {
  for (let k = 0; k < width; k++) if (keys[a * width + k] !== keys[b * width + k]) return false;
  return true;
}

/** Groups of entries, each combined into one. */
interface Reduced {
  readonly reduction: Reduction;
  readonly groups: readonly number[][];
  /** The coordinate of a group along the k-th of the axes that stay. */
  readonly coordinate: (group: readonly number[], k: number) => number;
  readonly dtype: NumericTensor["dtype"];
  /** One element for each group. */
  readonly data: NumericData;
}

/** A kernel that combines the values of each group, and of which `result` makes tensors. */
function reduce(
  how: "add" | "max",
  result: (reduced: Reduced, keepDims: boolean) => Tensor | readonly Tensor[],
): HostRow {
  return compute(({ attrs }) => {
    const keepDims = attrs.bool("keep_dims");
    return (...inputs) => {
      const reduction = reductionOf(inputs, keepDims);
      const { keys, groups } = groupsOf(reduction);
      const width = reduction.kept.length;
      const coordinate = (group: readonly number[], k: number) =>
        keys[(group[0] as number) * width + k] as number;
      const { dtype, data } = combined(reduction.sparse.values, groups, how);
      return result({ reduction, groups, coordinate, dtype, data }, keepDims);
    };
  });
}

function combined(sparseValues: Tensor, groups: readonly number[][], how: "add" | "max") {
  const values = requireNumeric(sparseValues, "a sparse reduction");
  const source = computable(values);
  const data = computableZeros(values.dtype, groups.length);
  const combine: CombineAt = combiner(values.dtype, how);
  const start: CombineAt = combiner(values.dtype, "update");
  for (const [g, rows] of groups.entries()) {
    for (const [i, row] of rows.entries()) (i === 0 ? start : combine)(data, g, source, row);
  }
  return { dtype: values.dtype, data };
}

function toDense({ reduction: { kept, shape, sparse }, groups, coordinate, dtype, data }: Reduced): Tensor {
  const dense = computableZeros(dtype, countOf(shape));
  const place = combiner(dtype, "update");
  const sizes = kept.map((axis) => sparse.shape[axis] as number);
  const strides = stridesOf(sizes);
  for (const [g, group] of groups.entries()) {
    let at = 0;
    for (const [k, stride] of strides.entries()) {
      const index = coordinate(group, k);
      if (index < 0 || index >= (sizes[k] as number)) {
        throw invalidArgument(`Index ${index} of the sparse tensor is outside its size ${sizes[k]}`);
      }
      at += index * stride;
    }
    place(dense, at, data, g);
  }
  return fromComputable(dtype, shape, dense);
}

function toSparse(
  { reduction: { kept, shape, sparse }, groups, coordinate, dtype, data }: Reduced,
  keepDims: boolean,
): Tensor[] {
  const places = keepDims ? sparse.shape.map((_, axis) => kept.indexOf(axis)) : kept.map((_, k) => k);
  const indices = groups.flatMap((group) => places.map((k) => (k < 0 ? 0 : coordinate(group, k))));
  return [
    int64Tensor([groups.length, shape.length], indices),
    fromComputable(dtype, [groups.length], data),
    shapeTensor(shape),
  ];
}

export const sparseReducingKernels: HostTable = {
  SparseReduceSum: reduce("add", toDense),
  SparseReduceSumSparse: reduce("add", toSparse),
  SparseReduceMax: reduce("max", toDense),
  SparseReduceMaxSparse: reduce("max", toSparse),
};
