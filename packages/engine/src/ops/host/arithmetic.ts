/**
 * Binary arithmetic by dtype, for ops that combine an element of a state or an output with an update in place:
 * AssignAdd, ScatterMax, sparse sums.
 *
 * Small floats are computed as float32 and rounded once at the end, as Eigen's accumulators are not: sums of many
 * halves may differ from TensorFlow's in the last bit. Integers wrap around. Complex numbers know add, sub and mul.
 */
import {
  type DType,
  dtypeInfo,
  fromFloat32,
  invalidArgument,
  isSmallFloat,
  type NumericData,
  type NumericTensor,
  smallFloatsOf,
  type Tensor,
  unimplemented,
} from "@servable/formats";

/** What an update does to an element. */
export type Combine = "add" | "sub" | "mul" | "div" | "min" | "max" | "update";

/** Combines the entry of `target` at `at` with the entry of `source` at `from`, in the target. */
export type CombineAt = (target: NumericData, at: number, source: NumericData, from: number) => void;

/** The elements of a tensor in a type that JavaScript computes in: small floats as float32, all else as they are. */
export function computable(tensor: NumericTensor): NumericData {
  return isSmallFloat(tensor.dtype) ? smallFloatsOf(tensor) : tensor.data;
}

/** Zeroed memory to compute `count` elements of a dtype in. */
export function computableZeros(dtype: NumericTensor["dtype"], count: number): NumericData {
  if (isSmallFloat(dtype)) return new Float32Array(count);
  const { array, lanes, size } = dtypeInfo(dtype);
  if (array === undefined) throw unimplemented(`arithmetic on ${dtype}`);
  return new array(new ArrayBuffer(count * size), 0, count * lanes);
}

/** Computed elements as a tensor of a dtype: small floats are rounded. */
export function fromComputable(dtype: DType, shape: readonly number[], data: NumericData): Tensor {
  const stored = isSmallFloat(dtype) ? fromFloat32(dtype, data as Float32Array) : data;
  return { dtype, shape, data: stored } as Tensor;
}

/** A tensor as a numeric one. INVALID_ARGUMENT, naming the op, for strings. */
export function requireNumeric(tensor: Tensor, op: string): NumericTensor {
  if (tensor.dtype === "string") throw invalidArgument(`${op} does not compute with strings`);
  return tensor;
}

type Numbers = number[];
type BigInts = bigint[];

const numberOps: Readonly<Record<Combine, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  update: (_, b) => b,
};

const bigintOps: Readonly<Record<Combine, (a: bigint, b: bigint) => bigint>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / nonZero(b),
  min: (a, b) => lesser(a, b),
  max: (a, b) => (lesser(a, b) === a ? b : a),
  update: (_, b) => b,
};

function lesser(a: bigint, b: bigint): bigint {
  if (b < a) return b;
  return a;
}

/** How a dtype combines entries. UNIMPLEMENTED for what the dtype has no such arithmetic for. */
export function combiner(dtype: DType, how: Combine): CombineAt {
  const { kind, size } = dtypeInfo(dtype);
  if (kind === "complex") return complexCombiner(dtype, how);
  if (size === 8 && kind !== "float") {
    const combine = bigintOps[how];
    return (target, at, source, from) => {
      const [t, s] = [target as unknown as BigInts, source as unknown as BigInts];
      t[at] = combine(t[at] as bigint, s[from] as bigint);
    };
  }
  const combine = kind === "float" ? numberOps[how] : smallIntegerOp(how, kind === "bool");
  return (target, at, source, from) => {
    const [t, s] = [target as unknown as Numbers, source as unknown as Numbers];
    t[at] = combine(t[at] as number, s[from] as number);
  };
}

/** Storing into the typed array wraps; only products of 32 bits need more than a double keeps. */
function smallIntegerOp(how: Combine, bool: boolean): (a: number, b: number) => number {
  if (how === "mul") return Math.imul;
  if (how === "div") return (a, b) => Math.trunc(a / (b === 0 ? nonZero(b) : b));
  if (how === "add" && bool) return (a, b) => a | b;
  return numberOps[how];
}

function nonZero<N extends number | bigint>(divisor: N): N {
  if (Number(divisor) === 0) throw invalidArgument("Integer division by zero");
  return divisor;
}

/** Entries are pairs: `at` and `from` count complex elements. */
function complexCombiner(dtype: DType, how: Combine): CombineAt {
  const combine = complexOps[how];
  if (combine === undefined) throw unimplemented(`"${how}" of ${dtype} elements`);
  return (target, at, source, from) => {
    const [t, s] = [target as unknown as Numbers, source as unknown as Numbers];
    const [re, im] = combine(
      t[2 * at] as number,
      t[2 * at + 1] as number,
      s[2 * from] as number,
      s[2 * from + 1] as number,
    );
    t[2 * at] = re;
    t[2 * at + 1] = im;
  };
}

type ComplexOp = (a: number, ai: number, b: number, bi: number) => readonly [number, number];

const complexOps: Readonly<Partial<Record<Combine, ComplexOp>>> = {
  add: (a, ai, b, bi) => [a + b, ai + bi],
  sub: (a, ai, b, bi) => [a - b, ai - bi],
  mul: (a, ai, b, bi) => [a * b - ai * bi, a * bi + ai * b],
  update: (_a, _ai, b, bi) => [b, bi],
};
