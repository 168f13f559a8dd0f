/** Products of matrices, and sums of products in general (Einsum): one contraction over labelled dimensions. */
import {
  type DType,
  failedPrecondition,
  invalidArgument,
  type Shape,
  sameShape,
  shapeText,
  stridesOf,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import * as complex from "./complex.js";
import {
  type Complex,
  domainOf,
  type Elements,
  elementsOf,
  isFloat,
  newElements,
  tensorOf,
} from "./domains.js";
import { compute, countOf, ensure, outputDtype } from "./kernel.js";
import { broadcastShape, loopNest } from "./loop-nest.js";

/** How one domain multiplies and adds. */
interface Arithmetic<E> {
  readonly add: (a: E, b: E) => E;
  readonly mul: (a: E, b: E) => E;
  readonly conj: (a: E) => E;
}

const integers: Arithmetic<number> = { add: (a, b) => (a + b) | 0, mul: Math.imul, conj: (a) => a };
const bigs: Arithmetic<bigint> = {
  add: (a, b) => BigInt.asIntN(64, a + b),
  mul: (a, b) => a * b,
  conj: (a) => a,
};
const complexes: Arithmetic<Complex> = { add: complex.add, mul: complex.mul, conj: complex.conj };

function arithmeticOf(dtype: DType): Arithmetic<unknown> {
  switch (domainOf(dtype)) {
    case "real":
      return integers as Arithmetic<unknown>;
    case "big":
      return bigs as Arithmetic<unknown>;
    case "complex":
      return complexes as Arithmetic<unknown>;
    default:
      throw unimplemented(`no kernel for ${dtype}`);
  }
}

/** An operand of a contraction: its elements and how they are read at the positions of the loops. */
interface Operand {
  readonly tensor: Tensor;
  readonly strides: readonly number[];
  readonly conjugated?: boolean;
}

/**
 * out[…] += a[…] × b[…] at every position of `loops`; outStrides is 0 along what is summed over. Floats are summed in
 * double.
 */
function contract(
  loops: readonly number[],
  a: Operand,
  b: Operand,
  outDtype: DType,
  outShape: readonly number[],
  outStrides: readonly number[],
): Tensor {
  const nest = loopNest(loops, [a.strides, b.strides, outStrides]);
  const { run } = nest;
  const [stepA = 0, stepB = 0, stepOut = 0] = nest.steps;
  if (isFloat(a.tensor.dtype)) {
    const [x, y] = [elementsOf<number>(a.tensor), elementsOf<number>(b.tensor)];
    const totals = new Float64Array(countOf(outShape));
    nest.each(([i = 0, j = 0, o = 0]) => {
      if (stepA === 0 && stepB === 1 && stepOut === 1) {
        addScaled(x[i] as number, y, j, totals, o, run);
        return;
      }
      for (let n = 0; n < run; n++, i += stepA, j += stepB, o += stepOut) {
        totals[o] = (totals[o] as number) + (x[i] as number) * (y[j] as number);
      }
    });
    const out = newElements<number>(outDtype, outShape);
    for (let i = 0; i < totals.length; i++) out[i] = totals[i] as number;
    return tensorOf(outDtype, outShape, out);
  }
  const { add, mul, conj } = arithmeticOf(a.tensor.dtype);
  const read = ({ tensor, conjugated }: Operand): Elements<unknown> => {
    const elements = elementsOf<unknown>(tensor);
    return conjugated === true ? Array.from(elements as ArrayLike<unknown>, conj) : elements;
  };
  const [x, y] = [read(a), read(b)];
  const out = newElements<unknown>(outDtype, outShape);
  nest.each(([i = 0, j = 0, o = 0]) => {
    for (let n = 0; n < run; n++, i += stepA, j += stepB, o += stepOut) out[o] = add(out[o], mul(x[i], y[j]));
  });
  return tensorOf(outDtype, outShape, out);
}

/** The innermost loop of a matrix product: a row of b, times one element of a. */
function addScaled(
  factor: number,
  row: Elements<number>,
  from: number,
  totals: Float64Array,
  to: number,
  length: number,
): void {
  for (let n = 0; n < length; n++)
    totals[to + n] = (totals[to + n] as number) + factor * (row[from + n] as number);
}

// ---- matrices --------------------------------------------------------------------------------------------------

interface MatrixOptions {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Transposing conjugates too. */
  readonly adjoint: boolean;
}

/** Batches of matrix products; batch dimensions broadcast. */
function matMul(
  a: Tensor,
  b: Tensor,
  outDtype: DType,
  { transposeA, transposeB, adjoint }: MatrixOptions,
): Tensor {
  const [rankA, rankB] = [a.shape.length, b.shape.length];
  ensure(rankA >= 2, () => `In[0] ndims must be >= 2: ${rankA}`);
  ensure(rankB >= 2, () => `In[1] ndims must be >= 2: ${rankB}`);
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number];
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [kOfB, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  ensure(
    k === kOfB,
    () => `Matrix size-incompatible: In[0]: ${shapeText(a.shape)}, In[1]: ${shapeText(b.shape)}`,
  );
  const batch = broadcastBatches(a, b);
  const outShape = [...batch, m, n];
  // The order of the loops is batch, row, inner, column: the innermost one then walks along rows of b and of the
  // result.
  const [outRow, outColumn] = stridesOf(outShape).slice(-2) as [number, number];
  const strides = (x: Tensor, transposed: boolean, rows: boolean): number[] => {
    const own = stridesOf(x.shape);
    const [row, column] = (transposed ? own.slice(-2).reverse() : own.slice(-2)) as [number, number];
    return [...batchStrides(x, batch), ...(rows ? [row, column, 0] : [0, row, column])];
  };
  return contract(
    [...batch, m, k, n],
    { tensor: a, strides: strides(a, transposeA, true), conjugated: adjoint && transposeA },
    { tensor: b, strides: strides(b, transposeB, false), conjugated: adjoint && transposeB },
    outDtype,
    outShape,
    [...stridesOf(outShape).slice(0, -2), outRow, 0, outColumn],
  );
}

function broadcastBatches(a: Tensor, b: Tensor): readonly number[] {
  try {
    return broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  } catch (cause) {
    throw invalidArgument(
      `In[0] and In[1] must have compatible batch dimensions: ${shapeText(a.shape)} vs. ${shapeText(b.shape)}`,
      { cause },
    );
  }
}

function batchStrides(x: Tensor, batch: readonly number[]): number[] {
  const strides = stridesOf(x.shape).slice(0, -2);
  const missing = batch.length - strides.length;
  return batch.map((_, axis) =>
    axis < missing || x.shape[axis - missing] === 1 ? 0 : (strides[axis - missing] as number),
  );
}

/** MatMul knows matrices alone; the first version of BatchMatMul broadcasts no batch. */
function checkOperands(op: string, a: Shape, b: Shape): void {
  if (op === "MatMul" || op === "SparseMatMul") {
    for (const [i, { length }] of [a, b].entries())
      ensure(length === 2, () => `In[${i}] ndims must be == 2: ${length}`);
  }
  if (op === "BatchMatMul") {
    ensure(
      sameShape(a.slice(0, -2), b.slice(0, -2)),
      () => `In[0] and In[1] must have the same batch: ${shapeText(a)} vs. ${shapeText(b)}`,
    );
  }
}

const matMulRow = (first: string, second: string, adjoint: boolean): HostRow =>
  compute((node) => {
    const options = {
      transposeA: node.attrs.bool(first),
      transposeB: node.attrs.bool(second),
      adjoint,
    };
    return (a, b) => {
      checkOperands(node.op, a.shape, b.shape);
      return matMul(a, b, outputDtype(node), options);
    };
  });

// ---- einsum ----------------------------------------------------------------------------------------------------

/** One label per dimension; those of the ellipsis are numbers, counted from the right so that they broadcast. */
type Labels = readonly string[];

interface Equation {
  readonly inputs: readonly string[];
  readonly output: string;
}

/** "ij,jk->ik". INVALID_ARGUMENT for what is no such thing. */
function parseEquation(equation: string, count: number): Equation {
  const match = /^([^>]*)->([^>]*)$/.exec(equation.replace(/\s/g, ""));
  const inputs = match?.[1]?.split(",") ?? [];
  const output = match?.[2];
  if (output === undefined || inputs.length !== count || ![...inputs, output].every(isTerm)) {
    throw invalidArgument(`Einsum equation "${equation}" does not describe ${count} inputs and an output`);
  }
  return { inputs, output };
}

const isTerm = (term: string): boolean => /^[A-Za-z]*(\.\.\.[A-Za-z]*)?$/.test(term);

function labelsOf(term: string, ellipsisRank: number): Labels {
  const [head = "", tail] = term.split("...");
  if (tail === undefined) return [...head];
  const ellipsis = Array.from({ length: ellipsisRank }, (_, i) => String(ellipsisRank - i));
  return [...head, ...ellipsis, ...tail];
}

function ellipsisRankOf(term: string, { shape }: Tensor): number {
  const named = term.replace("...", "").length;
  const rest = shape.length - named;
  ensure(
    term.includes("...") ? rest >= 0 : rest === 0,
    () =>
      `Expected input of rank ${named}${term.includes("...") ? " or more" : ""} for "${term}", got shape ${shapeText(shape)}`,
  );
  return rest;
}

function einsum(equation: Equation, inputs: readonly Tensor[]): Tensor {
  const ranks = inputs.map((input, i) => ellipsisRankOf(equation.inputs[i] as string, input));
  const labels = inputs.map((_, i) => labelsOf(equation.inputs[i] as string, ranks[i] as number));
  const outLabels = labelsOf(equation.output, Math.max(...ranks));
  const sizes = labelSizes(labels, inputs);
  const missing = outLabels.find((label) => !sizes.has(label));
  ensure(missing === undefined, () => `Einsum output label "${missing}" is in no input`);
  // Summed labels before the last of the output: the innermost loop then runs along the output.
  const summed = [...sizes.keys()].filter((label) => !outLabels.includes(label));
  const kept = [...new Set(outLabels)];
  const order = [...kept.slice(0, -1), ...summed, ...kept.slice(-1)];
  const outShape = outLabels.map((label) => sizes.get(label) as number);
  const [first] = inputs as [Tensor];
  const operands: Operand[] = inputs.map((tensor, i) => ({
    tensor,
    strides: stridesByLabel(order, labels[i] as Labels, tensor.shape),
  }));
  const loops = order.map((label) => sizes.get(label) as number);
  const [a, b = ones(first.dtype, loops.length)] = operands as [Operand, ...Operand[]];
  return contract(loops, a, b, first.dtype, outShape, stridesByLabel(order, outLabels, outShape));
}

function labelSizes(labels: readonly Labels[], inputs: readonly Tensor[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const [i, of] of labels.entries()) {
    for (const [axis, label] of of.entries()) {
      const size = inputs[i]?.shape[axis] as number;
      const known = sizes.get(label) ?? size;
      const broadcasts = /\d/.test(label) && (known === 1 || size === 1);
      ensure(
        known === size || broadcasts,
        () => `Expected dimension ${known} at axis ${axis} of input ${i} for label "${label}", got ${size}`,
      );
      sizes.set(label, known === 1 ? size : known);
    }
  }
  return sizes;
}

/**
 * How a tensor is walked along each label: a label it has twice walks its diagonal, one it lacks (or broadcasts)
 * stays.
 */
function stridesByLabel(order: Labels, own: Labels, shape: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return order.map((label) =>
    own.reduce(
      (sum, each, axis) => sum + (each === label && shape[axis] !== 1 ? (strides[axis] as number) : 0),
      0,
    ),
  );
}

/** The second operand of an equation that has one input. */
function ones(dtype: DType, loops: number): Operand {
  const one = newElements<unknown>(dtype, []);
  one[0] = domainOf(dtype) === "big" ? 1n : domainOf(dtype) === "complex" ? [1, 0] : 1;
  return { tensor: tensorOf(dtype, [], one), strides: new Array<number>(loops).fill(0) };
}

// ---- others ----------------------------------------------------------------------------------------------------

/** Cross products of the vectors of three along the last dimension. */
function cross(a: Tensor, b: Tensor): Tensor {
  if (a.shape.at(-1) !== 3) {
    throw failedPrecondition(
      `Cross-products are only defined for 3-element vectors, got shape ${shapeText(a.shape)}`,
    );
  }
  ensure(
    shapeText(a.shape) === shapeText(b.shape),
    () => `Both inputs must be of same shape: ${shapeText(a.shape)} vs. ${shapeText(b.shape)}`,
  );
  const [x, y] = [elementsOf<number>(a), elementsOf<number>(b)];
  const out = newElements<number>(a.dtype, a.shape);
  const multiply =
    isFloat(a.dtype) || domainOf(a.dtype) === "big" ? (p: number, q: number) => p * q : Math.imul;
  for (let row = 0; row < out.length; row += 3) {
    for (let i = 0; i < 3; i++) {
      const [j, k] = [row + ((i + 1) % 3), row + ((i + 2) % 3)];
      out[row + i] = multiply(x[j] as number, y[k] as number) - multiply(x[k] as number, y[j] as number);
    }
  }
  return tensorOf(a.dtype, a.shape, out);
}

export const productKernels: HostTable = {
  MatMul: matMulRow("transpose_a", "transpose_b", false),
  SparseMatMul: matMulRow("transpose_a", "transpose_b", false),
  BatchMatMul: matMulRow("adj_x", "adj_y", true),
  BatchMatMulV2: matMulRow("adj_x", "adj_y", true),
  BatchMatMulV3: matMulRow("adj_x", "adj_y", true),
  Einsum: compute((node) => {
    const equation = parseEquation(node.attrs.string("equation"), node.attrs.int("N"));
    return (...inputs) => einsum(equation, inputs);
  }),
  Cross: compute(() => cross),
};
