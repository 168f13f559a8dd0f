/**
 * From random bits to numbers, bit by bit as in tensorflow/core/lib/random/random_distributions.h, so that the same
 * seeds give the same numbers.
 */
import { type DType, type Shape, type Tensor, unimplemented } from "@servable/formats";
import { type Elements, newElements, tensorOf } from "../domains.js";
import { type Block, type Philox, Words } from "./philox.js";

/** Makes the numbers of one block. */
export type Sample = (block: Block) => readonly (number | bigint)[];

/** Mantissa bits that uniform numbers are made of. */
const uniformBits: Partial<Record<DType, number>> = { float32: 23, float16: 10, bfloat16: 7 };

/** In [0, 1) with 52 bits. */
export function uniformDouble(high: number, low: number): number {
  return ((high & 0xfffff) * 2 ** 32 + low) * 2 ** -52;
}

const uniformFloat = (word: number): number => (word & 0x7fffff) * 2 ** -23;

/** Uniform in [0, 1). */
export function uniform(dtype: DType): Sample {
  if (dtype === "float64") return ([a, b, c, d]) => [uniformDouble(a, b), uniformDouble(c, d)];
  const bits = uniformBits[dtype];
  if (bits === undefined) throw unimplemented(`no kernel for ${dtype}`);
  const mask = 2 ** bits - 1;
  return (block) => block.map((word) => (word & mask) / 2 ** bits);
}

/** Two independent normal numbers from two uniform ones. */
function boxMuller(u: number, v: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(Math.max(u, 1e-7)));
  const angle = 2 * Math.PI * v;
  return [Math.sin(angle) * radius, Math.cos(angle) * radius];
}

const normalDoubles = ([a, b, c, d]: Block): [number, number] =>
  boxMuller(uniformDouble(a, b), uniformDouble(c, d));
const normalFloats = (a: number, b: number): [number, number] => boxMuller(uniformFloat(a), uniformFloat(b));

/** Of mean 0 and deviation 1. */
export function normal(dtype: DType): Sample {
  if (dtype === "float64") return normalDoubles;
  return ([a, b, c, d]) => [...normalFloats(a, b), ...normalFloats(c, d)];
}

/** All values of an integer dtype, equally likely. */
export function fullIntegers(dtype: DType): Sample {
  return is64(dtype) ? ([a, b, c, d]) => [wide(a, b), wide(c, d)] : (block) => block;
}

/** Integers in [low, high), by the remainder. */
export function integersIn(dtype: DType, low: number | bigint, high: number | bigint): Sample {
  if (is64(dtype)) {
    const [first, range] = [BigInt(low), BigInt.asUintN(64, BigInt(high) - BigInt(low))];
    return ([a, b, c, d]) => [first + (wide(a, b) % range), first + (wide(c, d) % range)];
  }
  const [first, range] = [Number(low), Number(high) - Number(low)];
  return (block) => block.map((word) => first + (word % range));
}

const is64 = (dtype: DType): boolean => dtype === "int64" || dtype === "uint64";
const wide = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);

/** A tensor of samples, block after block. */
export function fill(generator: Philox, dtype: DType, shape: Shape, sample: Sample): Tensor {
  const out = newElements<number | bigint>(dtype, shape) as Elements<number | bigint>;
  for (let i = 0; i < out.length; ) {
    for (const value of sample(generator.next())) if (i < out.length) out[i++] = value;
  }
  return tensorOf(dtype, shape, out);
}

/** Blocks set aside for each number of a distribution that rejects some. */
export const RESERVED_PER_OUTPUT = 256;
const TRUNCATED_AT = 2;

/** Normal numbers within two deviations: others are drawn again. */
export function fillTruncatedNormal(generator: Philox, dtype: DType, shape: Shape): Tensor {
  const out = newElements<number>(dtype, shape);
  const group = dtype === "float64" ? 2 : 4;
  for (let start = 0; start < out.length; start += group) {
    const words = new Words(generator.fork().skip((start * RESERVED_PER_OUTPUT) / 4));
    const draw = (): readonly number[] => {
      const [a, b] = [words.next(), words.next()];
      return dtype === "float64" ? normalDoubles([a, b, words.next(), words.next()]) : normalFloats(a, b);
    };
    for (let i = start; i < Math.min(start + group, out.length); ) {
      for (const value of draw()) {
        if (Math.abs(value) < TRUNCATED_AT && i < Math.min(start + group, out.length)) out[i++] = value;
      }
    }
  }
  return tensorOf(dtype, shape, out);
}

// ---- distributions with parameters -----------------------------------------------------------------------------

/** Uniform or normal doubles that a rejection loop draws one by one; of each block the last first. */
function drawing(generator: Philox, sample: (block: Block) => readonly number[]): () => number {
  let left: number[] = [];
  return () => {
    if (left.length === 0) left = [...sample(generator.next())];
    return left.pop() as number;
  };
}

const uniformDoubles = ([a, b, c, d]: Block): number[] => [uniformDouble(a, b), uniformDouble(c, d)];

/** Draws one number of a distribution with a parameter. */
export type DrawOne = (generator: Philox, parameter: number) => number;

/**
 * Gamma of shape alpha and rate 1, by Marsaglia and Tsang's rejection ("A simple method for generating gamma
 * variables", 2000).
 */
export function drawGamma(generator: Philox, alpha: number): number {
  if (!(alpha > 0)) return Number.NaN;
  const nextUniform = drawing(generator, uniformDoubles);
  if (alpha === 1) return -Math.log1p(-nextUniform());
  const nextNormal = drawing(generator, normalDoubles);
  const small = alpha < 1;
  const d = alpha + (small ? 2 / 3 : -1 / 3);
  const c = 1 / 3 / Math.sqrt(d);
  for (;;) {
    const x = nextNormal();
    const root = 1 + c * x;
    if (root <= 0) continue;
    const v = root ** 3;
    const u = nextUniform();
    const square = x * x;
    if (u < 1 - 0.0331 * square * square || Math.log(u) < 0.5 * square + d * (1 - v + Math.log(v))) {
      return small ? d * v * nextUniform() ** (1 / alpha) : d * v;
    }
  }
}

/** Poisson, for small rates by Knuth's product of uniform numbers, else by Hörmann's transformed rejection (1993). */
export function poissonOf(logGamma: (x: number) => number): DrawOne {
  return (generator, rate) => {
    if (!(rate >= 0) || !Number.isFinite(rate)) return Number.NaN;
    const next = drawing(generator, uniformDoubles);
    return rate < 10 ? knuth(next, rate) : hormann(next, rate, logGamma);
  };
}

function knuth(next: () => number, rate: number): number {
  const limit = Math.exp(-rate);
  for (let [count, product] = [0, 1]; ; count++) {
    product *= next();
    if (product <= limit) return count;
  }
}

function hormann(next: () => number, rate: number, logGamma: (x: number) => number): number {
  const b = 0.931 + 2.53 * Math.sqrt(rate);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  for (;;) {
    const u = next() - 0.5;
    const v = next();
    const edge = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / edge + b) * u + rate + 0.43);
    if (edge >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2)) return k;
    if (k < 0 || (edge < 0.013 && v > edge)) continue;
    const s = Math.log((v * inverseAlpha) / (a / (edge * edge) + b));
    if (s <= -rate + k * Math.log(rate) - logGamma(k + 1)) return k;
  }
}
