/**
 * Rows for ops that compute each element of the output from one element of each input, broadcast against each other.
 *
 * A row lists scalar functions by domain (see elements.ts). JavaScript's arithmetic and comparison operators mean the
 * same for bigint as for number, so `both` serves integers of all widths; results wrap where they are stored.
 */
import {
  type DType,
  invalidArgument,
  type Shape,
  sameShape,
  shapeText,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import type { HostRow, NodeFacts } from "../op-table.js";
import type { Complex } from "./domains.js";
import {
  domainOf,
  type Elements,
  elementsOf,
  isFloat,
  newElements,
  roundingOf,
  tensorOf,
} from "./domains.js";
import { compute, outputDtype } from "./kernel.js";
import { broadcastNest, broadcastShape } from "./loop-nest.js";

/** Rounds to the dtype of the node's first input; for formulas whose intermediate results TensorFlow rounds. */
export type Rounding = (value: number) => number;

/** Scalar functions by domain; `Out` is what they return, the element itself unless said otherwise. */
export interface ScalarFunctions<F, B, C, S = never> {
  /** Floats of all sizes, computed in double and rounded when stored. */
  readonly float?: F;
  /** Like `float`, for formulas that need rounding on the way. */
  readonly rounded?: (round: Rounding) => F;
  /** Integers up to 32 bits, bool, quantized. */
  readonly int?: F;
  /** int64 and uint64. */
  readonly big?: B;
  readonly complex?: C;
  readonly string?: S;
}

type Unary<E> = (x: E) => unknown;
type Binary<E> = (x: E, y: E) => unknown;
type Ternary<E> = (x: E, y: E, z: E) => unknown;

export type UnaryFunctions = ScalarFunctions<Unary<number>, Unary<bigint>, Unary<Complex>, Unary<Uint8Array>>;
export type BinaryFunctions = ScalarFunctions<
  Binary<number>,
  Binary<bigint>,
  Binary<Complex>,
  Binary<Uint8Array>
>;

/** One function of numbers for all integers, written with operators that bigint has too. */
export function both<F>(f: F): { int: F; big: never } {
  return { int: f, big: f as never };
}

/** The scalar function of a dtype. UNIMPLEMENTED when the op has none. */
function functionFor(functions: ScalarFunctions<unknown, unknown, unknown, unknown>, dtype: DType): unknown {
  const domain = domainOf(dtype);
  const found =
    domain !== "real"
      ? functions[domain]
      : isFloat(dtype)
        ? (functions.rounded?.(roundingOf(dtype)) ?? functions.float)
        : functions.int;
  if (found === undefined) throw unimplemented(`no kernel for ${dtype}`);
  return found;
}

/** y = f(x). The output's dtype is the node's own (bool for IsNan, float32 for ComplexAbs). */
export function unary(functions: UnaryFunctions): HostRow {
  return compute((node) => (x) => {
    const f = functionFor(functions, x.dtype) as Unary<unknown>;
    return mapped(x, outputDtype(node), f);
  });
}

/** Applies f to each element. */
export function mapped(x: Tensor, dtype: DType, f: (x: never) => unknown): Tensor {
  const apply = f as Unary<unknown>;
  const elements = elementsOf<unknown>(x);
  const out = newElements<unknown>(dtype, x.shape);
  for (let i = 0; i < out.length; i++) out[i] = apply(elements[i]);
  return tensorOf(dtype, x.shape, out);
}

/** z = f(x, y), broadcast. */
export function binary(functions: BinaryFunctions): HostRow {
  return compute((node) => (x, y) => zipped(x, y, outputDtype(node), binaryFor(functions, x.dtype)));
}

/** The function of two scalars of a dtype. */
export function binaryFor(functions: BinaryFunctions, dtype: DType): (x: never, y: never) => unknown {
  return functionFor(functions, dtype) as Binary<never>;
}

/** Applies f to each pair of elements of the broadcast operands. */
export function zipped(x: Tensor, y: Tensor, dtype: DType, f: (x: never, y: never) => unknown): Tensor {
  const apply = f as Binary<unknown>;
  const shape = broadcastShape(x.shape, y.shape);
  const a = elementsOf<unknown>(x);
  const b = elementsOf<unknown>(y);
  const out = newElements<unknown>(dtype, shape);
  const nest = broadcastNest(shape, [x.shape, y.shape]);
  const { run } = nest;
  const [stepA = 0, stepB = 0] = nest.steps;
  nest.each(([i = 0, j = 0, o = 0]) => {
    for (let k = o; k < o + run; k++, i += stepA, j += stepB) out[k] = apply(a[i], b[j]);
  });
  return tensorOf(dtype, shape, out);
}

/** f(x, y, z), broadcast; all of one dtype, floats. */
export function ternary(f: (x: number, y: number, z: number) => number): HostRow {
  return compute((node) => (x, y, z) => zipped3(x, y, z, outputDtype(node), f));
}

/** Applies f to each triple of elements of the broadcast operands. */
export function zipped3(
  x: Tensor,
  y: Tensor,
  z: Tensor,
  dtype: DType,
  f: (x: never, y: never, z: never) => unknown,
): Tensor {
  const apply = f as Ternary<unknown>;
  const shape = broadcastShape(x.shape, y.shape, z.shape);
  const [a, b, c] = [x, y, z].map((operand) => elementsOf<unknown>(operand)) as [
    Elements<unknown>,
    Elements<unknown>,
    Elements<unknown>,
  ];
  const out = newElements<unknown>(dtype, shape);
  const nest = broadcastNest(shape, [x.shape, y.shape, z.shape]);
  const { run } = nest;
  const [stepA = 0, stepB = 0, stepC = 0] = nest.steps;
  nest.each(([i = 0, j = 0, l = 0, o = 0]) => {
    for (let k = o; k < o + run; k++, i += stepA, j += stepB, l += stepC) out[k] = apply(a[i], b[j], c[l]);
  });
  return tensorOf(dtype, shape, out);
}

/** f(x, y) without broadcasting, as gradients and a few old ops have it. */
export function pairwise(functions: BinaryFunctions): HostRow {
  return compute((node) => (x, y) => {
    requireSameShape(x.shape, y.shape, node);
    return zipped(x, y, outputDtype(node), binaryFor(functions, x.dtype));
  });
}

function requireSameShape(x: Shape, y: Shape, node: NodeFacts): void {
  if (sameShape(x, y)) return;
  throw invalidArgument(`${node.op} needs inputs of one shape, got ${shapeText(x)} and ${shapeText(y)}`);
}
