/** Arithmetic of sparse tensors with dense ones and with each other; softmax. */
import {
  invalidArgument,
  type NumericData,
  type NumericTensor,
  type Shape,
  shapeText,
  stridesOf,
  type Tensor,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import {
  type Combine,
  type CombineAt,
  combiner,
  computable,
  computableZeros,
  fromComputable,
  requireNumeric,
} from "../arithmetic.js";
import { type IndexData, int64Tensor } from "../index-data.js";
import { compute, countOf, type TensorFunction } from "../kernel.js";
import { compareRows, rowGroups, type SparseTensor, sparseTensor } from "./sparse-tensor.js";

function valuesOf(sparse: SparseTensor): NumericTensor {
  return requireNumeric(sparse.values, "a sparse operation");
}

// ---- with a dense tensor -------------------------------------------------------------------------------------

/** At the entries of the sparse side alone; the dense side may be broadcast to it. */
function denseCwise(how: Combine): HostTable[string] {
  return compute(() => (indices, values, shape, denseInput) => {
    const sparse = sparseTensor(indices, values, shape);
    const dense = requireNumeric(denseInput as Tensor, "a sparse operation");
    const strides = stridesWithin(dense.shape, sparse.shape);
    const own = valuesOf(sparse);
    const data = computable(own).slice();
    const other = computable(dense);
    const combine = combiner(own.dtype, how);
    for (let i = 0; i < sparse.count; i++) {
      let at = 0;
      for (let axis = 0; axis < sparse.rank; axis++) {
        const index = sparse.indices[i * sparse.rank + axis] as number;
        if (index < 0 || index >= (sparse.shape[axis] as number)) throw outside(i, index, sparse.shape[axis]);
        at += index * (strides[axis] as number);
      }
      combine(data, i, other, at);
    }
    return fromComputable(own.dtype, [sparse.count], data);
  });
}

function outside(row: number, index: number, size: number | undefined): Error {
  return invalidArgument(
    `Provided indices are out-of-bounds w.r.t. dense side with broadcasted shape: indices[${row}] has ${index} where the size is ${size}`,
  );
}

/** Strides by which a dense tensor is read at the coordinates of a shape that it broadcasts to. */
function stridesWithin(dense: Shape, shape: Shape): number[] {
  const missing = shape.length - dense.length;
  const fits = missing >= 0 && dense.every((size, axis) => size === 1 || size === shape[axis + missing]);
  if (!fits) {
    throw invalidArgument(
      `SparseDenseBinaryOpShared broadcasts dense to sparse only; got incompatible shapes: ${shapeText(shape)} vs. ${shapeText(dense)}`,
    );
  }
  const strides = stridesOf(dense);
  return shape.map((_, axis) =>
    axis < missing || dense[axis - missing] === 1 ? 0 : (strides[axis - missing] as number),
  );
}

const tensorDenseAdd: TensorFunction = (indexInput, valueInput, shapeInput, denseInput) => {
  const sparse = sparseTensor(indexInput, valueInput, shapeInput);
  const dense = requireNumeric(denseInput as Tensor, "SparseTensorDenseAdd");
  const wrong = sparse.shape.findIndex((size, axis) => size !== dense.shape[axis]);
  if (sparse.rank !== dense.shape.length || wrong >= 0) {
    throw invalidArgument(
      `Dimension ${Math.max(0, wrong)} does not equal (no broadcasting is supported): sparse side ${shapeText(sparse.shape)} vs dense side ${shapeText(dense.shape)}`,
    );
  }
  const data = computable(dense).slice();
  const values = computable(valuesOf(sparse));
  const combine = combiner(dense.dtype, "add");
  const strides = stridesOf(dense.shape);
  for (let i = 0; i < sparse.count; i++) {
    let at = 0;
    for (let axis = 0; axis < sparse.rank; axis++) {
      const index = sparse.indices[i * sparse.rank + axis] as number;
      if (index < 0 || index >= (dense.shape[axis] as number)) {
        throw invalidArgument(
          `Sparse tensor has an invalid index on dimension ${axis}: a_indices(${i},${axis}) = ${index}, dense tensor shape: ${shapeText(dense.shape)}`,
        );
      }
      at += index * (strides[axis] as number);
    }
    combine(data, at, values, i);
  }
  return fromComputable(dense.dtype, dense.shape, data);
};

// ---- matrix product ------------------------------------------------------------------------------------------

function tensorDenseMatMul({ attrs }: NodeFacts): TensorFunction {
  const [adjointA, adjointB] = [attrs.bool("adjoint_a"), attrs.bool("adjoint_b")];
  return (indices, values, shape, denseInput) => {
    const a = sparseTensor(indices, values, shape);
    const b = requireNumeric(denseInput as Tensor, "SparseTensorDenseMatMul");
    if (a.rank !== 2 || b.shape.length !== 2)
      throw invalidArgument(
        `Both operands must be matrices, got ${shapeText(a.shape)} and ${shapeText(b.shape)}`,
      );
    const [rows, inner] = (adjointA ? a.shape.toReversed() : a.shape) as [number, number];
    const [innerB, columns] = (adjointB ? b.shape.toReversed() : b.shape) as [number, number];
    if (inner !== innerB) {
      throw invalidArgument(
        `Cannot multiply A and B because inner dimension does not match: ${inner} vs. ${innerB}.  Did you forget a transpose?  ` +
          `Dimensions of A: ${shapeText(a.shape)}.  Dimensions of B: ${shapeText(b.shape)}`,
      );
    }
    const product = computableZeros(b.dtype, countOf([rows, columns]));
    const isComplex = b.dtype === "complex64" || b.dtype === "complex128";
    const own = conjugated(computable(valuesOf(a)), isComplex && adjointA);
    const other = conjugated(computable(b), isComplex && adjointB);
    const addProduct = isComplex ? complexAddProduct : realAddProduct(b);
    const [strideK, strideN] = adjointB ? [1, inner] : [columns, 1];
    for (let i = 0; i < a.count; i++) {
      const [m, k] = coordinates(a.indices, i, adjointA, rows, inner);
      for (let n = 0; n < columns; n++)
        addProduct(product, m * columns + n, own, i, other, k * strideK + n * strideN);
    }
    return fromComputable(b.dtype, [rows, columns], product);
  };
}

function coordinates(
  indices: IndexData,
  i: number,
  adjoint: boolean,
  rows: number,
  inner: number,
): [number, number] {
  const [first, second] = [indices[2 * i] as number, indices[2 * i + 1] as number];
  const [m, k] = adjoint ? [second, first] : [first, second];
  if (k < 0 || k >= inner)
    throw invalidArgument(`k (${k}) from index[${i},${adjoint ? 0 : 1}] out of bounds (>=${inner})`);
  if (m < 0 || m >= rows)
    throw invalidArgument(`m (${m}) from index[${i},${adjoint ? 1 : 0}] out of bounds (>=${rows})`);
  return [m, k];
}

type AddProduct = (
  sum: NumericData,
  at: number,
  a: NumericData,
  i: number,
  b: NumericData,
  j: number,
) => void;

/** Each product is added at the precision of the sum's array. */
function realAddProduct({ dtype }: NumericTensor): AddProduct {
  if (dtype === "int64" || dtype === "uint64") {
    return (sum, at, a, i, b, j) => {
      const [s, x, y] = [sum, a, b] as unknown as [bigint[], bigint[], bigint[]];
      s[at] = (s[at] as bigint) + (x[i] as bigint) * (y[j] as bigint);
    };
  }
  const multiply = dtype === "int32" ? Math.imul : (x: number, y: number): number => x * y;
  return (sum, at, a, i, b, j) => {
    const [s, x, y] = [sum, a, b] as unknown as [number[], number[], number[]];
    s[at] = (s[at] as number) + multiply(x[i] as number, y[j] as number);
  };
}

const complexAddProduct: AddProduct = (sum, at, a, i, b, j) => {
  const [s, x, y] = [sum, a, b] as unknown as [number[], number[], number[]];
  const [re, im] = [x[2 * i] as number, x[2 * i + 1] as number];
  const [re2, im2] = [y[2 * j] as number, y[2 * j + 1] as number];
  s[2 * at] = (s[2 * at] as number) + re * re2 - im * im2;
  s[2 * at + 1] = (s[2 * at + 1] as number) + re * im2 + im * re2;
};

function conjugated(data: NumericData, conjugate: boolean): NumericData {
  if (!conjugate) return data;
  const pairs = data.slice() as Float32Array;
  for (let i = 1; i < pairs.length; i += 2) pairs[i] = -(pairs[i] as number);
  return pairs;
}

// ---- two sparse tensors --------------------------------------------------------------------------------------

/** The entries of both in order: rows of a and of b, -1 for where one has none. */
function merged(a: SparseTensor, b: SparseTensor): [rowA: number, rowB: number][] {
  const wrong = a.shape.findIndex((size, axis) => size !== b.shape[axis]);
  if (a.rank !== b.rank) throw invalidArgument(`Operands' ranks do not match: got ${a.rank} and ${b.rank}`);
  if (wrong >= 0) {
    throw invalidArgument(
      `Operands' shapes do not match: got ${a.shape[wrong]} and ${b.shape[wrong]} for dimension ${wrong}`,
    );
  }
  const rows: [number, number][] = [];
  let [i, j] = [0, 0];
  while (i < a.count || j < b.count) {
    const order = i === a.count ? 1 : j === b.count ? -1 : compareRows(a.indices, i, b.indices, j, a.rank);
    rows.push([order <= 0 ? i++ : -1, order >= 0 ? j++ : -1]);
  }
  return rows;
}

/** Indices of merged entries, and each one's value of a combined with that of b, zeros standing for none. */
function combinedEntries(a: SparseTensor, b: SparseTensor, combine: CombineAt) {
  const rows = merged(a, b);
  const dtype = valuesOf(a).dtype;
  const data = computableZeros(dtype, rows.length);
  const [own, other] = [computable(valuesOf(a)), computable(valuesOf(b))];
  const lanes = data.length / Math.max(1, rows.length);
  const zero = computableZeros(dtype, 1);
  const indices = new Float64Array(rows.length * a.rank);
  for (const [at, [i, j]] of rows.entries()) {
    const source = i >= 0 ? a.indices : b.indices;
    const row = i >= 0 ? i : j;
    for (let axis = 0; axis < a.rank; axis++)
      indices[at * a.rank + axis] = source[row * a.rank + axis] as number;
    if (i >= 0) copyLanes(data, at, own, i, lanes);
    combine(data, at, j >= 0 ? other : zero, Math.max(0, j));
  }
  return { indices, data, rows, dtype };
}

function copyLanes(target: NumericData, at: number, source: NumericData, from: number, lanes: number): void {
  const [to, entries] = [target, source] as unknown as [number[], number[]];
  for (let lane = 0; lane < lanes; lane++) to[at * lanes + lane] = entries[from * lanes + lane] as number;
}

/** Sums; those of two entries that are smaller than the threshold are left out. */
const sparseAdd: TensorFunction = (...inputs) => {
  const [a, b] = [sparseTensor(...threeOf(inputs, 0)), sparseTensor(...threeOf(inputs, 3))];
  const threshold = Number(computable(requireNumeric(inputs[6] as Tensor, "thresh"))[0]);
  const { indices, data, rows, dtype } = combinedEntries(a, b, combiner(valuesOf(a).dtype, "add"));
  const lanes = data.length / Math.max(1, rows.length);
  const kept: number[] = [];
  for (const [i, [rowA, rowB]] of rows.entries()) {
    const magnitude =
      lanes === 2 ? Math.hypot(Number(data[2 * i]), Number(data[2 * i + 1])) : Math.abs(Number(data[i]));
    if (magnitude >= threshold || rowA < 0 || rowB < 0) kept.push(i);
  }
  const values = computableZeros(dtype, kept.length);
  const keptIndices = new Float64Array(kept.length * a.rank);
  for (const [at, i] of kept.entries()) {
    copyLanes(values, at, data, i, lanes);
    keptIndices.set(indices.subarray(i * a.rank, (i + 1) * a.rank), at * a.rank);
  }
  return [
    int64Tensor([kept.length, a.rank], keptIndices),
    fromComputable(dtype, [kept.length], values),
    int64Tensor([a.rank], a.shape),
  ];
};

function threeOf(
  inputs: readonly Tensor[],
  from: number,
): [Tensor | undefined, Tensor | undefined, Tensor | undefined] {
  return [inputs[from], inputs[from + 1], inputs[from + 2]];
}

function sparseSparse(how: "min" | "max"): HostTable[string] {
  return compute(() => (...inputs) => {
    const [a, b] = [sparseTensor(...threeOf(inputs, 0)), sparseTensor(...threeOf(inputs, 3))];
    const { indices, data, rows, dtype } = combinedEntries(a, b, combiner(valuesOf(a).dtype, how));
    return [int64Tensor([rows.length, a.rank], indices), fromComputable(dtype, [rows.length], data)];
  });
}

// ---- softmax -------------------------------------------------------------------------------------------------

/** Over the entries of each innermost row. */
const sparseSoftmax: TensorFunction = (indexInput, valueInput, shapeInput) => {
  const sparse = sparseTensor(indexInput, valueInput, shapeInput);
  if (sparse.rank < 2)
    throw invalidArgument(`Input should have rank >= 2, but got: ${shapeText(sparse.shape)}`);
  const own = valuesOf(sparse);
  const source = computable(own) as Float32Array;
  const data = source.slice();
  const round = own.dtype === "float64" ? (x: number): number => x : Math.fround;
  for (const { start, end } of rowGroups(sparse.indices, sparse.count, sparse.rank, sparse.rank - 1)) {
    let most = Number.NEGATIVE_INFINITY;
    for (let i = start; i < end; i++) most = Math.max(most, source[i] as number);
    let sum = 0;
    for (let i = start; i < end; i++) {
      data[i] = Math.exp(round((source[i] as number) - most));
      sum = round(sum + (data[i] as number));
    }
    for (let i = start; i < end; i++) data[i] = (data[i] as number) / sum;
  }
  return fromComputable(own.dtype, [sparse.count], data);
};

export const sparseArithmeticKernels: HostTable = {
  SparseDenseCwiseAdd: denseCwise("add"),
  SparseDenseCwiseMul: denseCwise("mul"),
  SparseDenseCwiseDiv: denseCwise("div"),
  SparseTensorDenseAdd: compute(() => tensorDenseAdd),
  SparseTensorDenseMatMul: compute(tensorDenseMatMul),
  SparseAdd: compute(() => sparseAdd),
  SparseSparseMaximum: sparseSparse("max"),
  SparseSparseMinimum: sparseSparse("min"),
  SparseSoftmax: compute(() => sparseSoftmax),
};
