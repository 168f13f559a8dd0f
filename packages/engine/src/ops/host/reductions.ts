/**
 * Ops that combine the elements along axes into one. Floats are summed in double and rounded once, so results are
 * as close to the exact ones as TensorFlow's, not always equal to them in the last bit.
 */
import {
  type DType,
  dtypeInfo,
  invalidArgument,
  type Shape,
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
import { compute, countOf, integersOf } from "./kernel.js";
import { loopNest } from "./loop-nest.js";

/** How elements of one domain are combined. */
export interface Fold<E> {
  readonly start: (dtype: DType) => E;
  readonly step: (total: E, x: E) => E;
  /** Integers too are totalled in doubles, and wrap only as results. */
  readonly wide?: boolean;
  /** From the total over `count` elements to the result. */
  readonly finish?: (total: E, count: number) => E;
}

export interface Folds {
  readonly float?: Fold<number>;
  readonly int?: Fold<number>;
  readonly big?: Fold<bigint>;
  readonly complex?: Fold<Complex>;
}

/** Which axes an op's second input names. INVALID_ARGUMENT for one that is outside or named twice. */
export function reducedAxes(axes: Tensor, rank: number): Set<number> {
  const seen = new Set<number>();
  for (const axis of integersOf(axes)) {
    if (axis < -rank || axis >= rank) {
      throw invalidArgument(`Invalid reduction dimension (${axis} for input with ${rank} dimension(s)`);
    }
    const positive = axis < 0 ? axis + rank : axis;
    if (seen.has(positive)) {
      throw invalidArgument(`Invalid reduction arguments: Axes contains duplicate dimension: ${positive}`);
    }
    seen.add(positive);
  }
  return seen;
}

/** The shape without the axes, or with 1 in their place. */
export function reducedShape(shape: Shape, axes: ReadonlySet<number>, keepDims: boolean): Shape {
  return keepDims
    ? shape.map((size, axis) => (axes.has(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.has(axis));
}

/** Memory for totals: doubles for floats, so that only the result is rounded. */
function totalsFor(dtype: DType, shape: Shape, wide: boolean): Elements<unknown> {
  return wide ? (new Float64Array(countOf(shape)) as Elements<unknown>) : newElements(dtype, shape);
}

/** Combines the elements of x along the axes. */
function reduce<E>(x: Tensor, axes: ReadonlySet<number>, keepDims: boolean, fold: Fold<E>): Tensor {
  const shape = reducedShape(x.shape, axes, keepDims);
  const wide = isFloat(x.dtype) || fold.wide === true;
  const totals = totalsFor(x.dtype, shape, wide) as Elements<E>;
  const start = fold.start(x.dtype);
  for (let i = 0; i < totals.length; i++) totals[i] = start;
  accumulate(x, axes, totals, fold.step);
  if (fold.finish !== undefined) {
    const count = [...axes].reduce((product, axis) => product * (x.shape[axis] as number), 1);
    for (let i = 0; i < totals.length; i++) totals[i] = fold.finish(totals[i] as E, count);
  }
  return tensorOf(x.dtype, shape, wide ? stored(x.dtype, shape, totals) : totals);
}

function accumulate<E>(
  x: Tensor,
  axes: ReadonlySet<number>,
  totals: Elements<E>,
  step: (total: E, x: E) => E,
): void {
  const source = elementsOf<E>(x);
  const kept = stridesOf(reducedShape(x.shape, axes, true));
  const into = x.shape.map((_, axis) => (axes.has(axis) ? 0 : (kept[axis] as number)));
  const nest = loopNest(x.shape, [stridesOf(x.shape), into]);
  const { run } = nest;
  const [, stepOut = 0] = nest.steps;
  nest.each(([i = 0, o = 0]) => {
    for (let k = i; k < i + run; k++, o += stepOut) totals[o] = step(totals[o] as E, source[k] as E);
  });
}

function stored(dtype: DType, shape: Shape, totals: Elements<unknown>): Elements<unknown> {
  const elements = newElements<unknown>(dtype, shape);
  for (let i = 0; i < elements.length; i++) elements[i] = totals[i];
  return elements;
}

const reduction = (folds: Folds): HostRow =>
  compute((node) => {
    const keepDims = node.attrs.bool("keep_dims");
    return (x, axes) => reduce(x, reducedAxes(axes, x.shape.length), keepDims, foldFor(folds, x.dtype));
  });

export function foldFor(folds: Folds, dtype: DType): Fold<unknown> {
  const domain = domainOf(dtype);
  const fold =
    domain === "real"
      ? folds[isFloat(dtype) ? "float" : "int"]
      : domain === "string"
        ? undefined
        : folds[domain];
  if (fold === undefined) throw unimplemented(`no kernel for ${dtype}`);
  return fold as Fold<unknown>;
}

/** The least and the largest value of an integer dtype. */
export function limitsOf(dtype: DType): { least: bigint; most: bigint } {
  const { kind, bits } = dtypeInfo(dtype);
  const signed = kind === "int" || dtype.startsWith("qint");
  const most = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  return { least: signed ? -most - 1n : 0n, most };
}

export const sums: Folds = {
  float: { start: () => 0, step: (total, x) => total + x },
  int: { start: () => 0, step: (total, x) => total + x },
  big: { start: () => 0n, step: (total, x) => total + x },
  complex: { start: () => [0, 0], step: complex.add },
};

const means: Folds = {
  float: { ...(sums.float as Fold<number>), finish: (total, count) => total / count },
  int: { ...(sums.int as Fold<number>), wide: true, finish: (total, count) => Math.trunc(total / count) },
  big: {
    ...(sums.big as Fold<bigint>),
    finish: (total, count) => (count === 0 ? 0n : total / BigInt(count)),
  },
  complex: {
    ...(sums.complex as Fold<Complex>),
    finish: (total, count) => (count === 0 ? total : complex.scale(total, 1 / count)),
  },
};

export const products: Folds = {
  float: { start: () => 1, step: (total, x) => total * x },
  int: { start: () => 1, step: Math.imul },
  big: { start: () => 1n, step: (total, x) => total * x },
  complex: { start: () => [1, 0], step: complex.mul },
};

function largerBig(a: bigint, b: bigint): bigint {
  if (b > a) return b;
  return a;
}

function smallerBig(a: bigint, b: bigint): bigint {
  if (b < a) return b;
  return a;
}

/** NaN once met stays: no comparison with it holds. */
export const largest: Folds = {
  float: {
    start: () => Number.NEGATIVE_INFINITY,
    step: (total, x) => (total >= x || Number.isNaN(total) ? total : x),
  },
  int: { start: (dtype) => Number(limitsOf(dtype).least), step: Math.max },
  big: { start: (dtype) => limitsOf(dtype).least, step: largerBig },
};

export const smallest: Folds = {
  float: {
    start: () => Number.POSITIVE_INFINITY,
    step: (total, x) => (total <= x || Number.isNaN(total) ? total : x),
  },
  int: { start: (dtype) => Number(limitsOf(dtype).most), step: Math.min },
  big: { start: (dtype) => limitsOf(dtype).most, step: smallerBig },
};

const euclideanNorm: Folds = {
  float: { start: () => 0, step: (total, x) => total + x * x, finish: Math.sqrt },
  int: {
    start: () => 0,
    step: (total, x) => total + Math.imul(x, x),
    finish: (total) => (total < 0 ? -(2 ** 31) : Math.trunc(Math.sqrt(total))),
  },
  big: {
    start: () => 0n,
    step: (total, x) => total + x * x,
    finish: (total) => (total < 0n ? -(2n ** 63n) : BigInt(Math.trunc(Math.sqrt(Number(total))))),
  },
  complex: {
    start: () => [0, 0],
    step: (total, x) => complex.add(total, complex.mul(complex.conj(x), x)),
    finish: complex.sqrt,
  },
};

export const reductionKernels: HostTable = {
  Sum: reduction(sums),
  Mean: reduction(means),
  Prod: reduction(products),
  Max: reduction(largest),
  Min: reduction(smallest),
  EuclideanNorm: reduction(euclideanNorm),
  All: reduction({ int: { start: () => 1, step: (total, x) => total & x } }),
  Any: reduction({ int: { start: () => 0, step: (total, x) => total | x } }),
};
