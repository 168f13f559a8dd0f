/** Arithmetic of two tensors, broadcast: the semantics of tensorflow/core/kernels/cwise_ops.h. */
import { dtypeInfo, internal, invalidArgument, sameShape, shapeText } from "@servable/formats";
import type { HostTable } from "../op-table.js";
import * as complex from "./complex.js";
import type { Complex } from "./domains.js";
import { type BinaryFunctions, binary, binaryFor, both, zipped } from "./elementwise.js";
import { compute, ensure, outputDtype } from "./kernel.js";

/** Written for numbers and bigints alike, as all functions given to `both`. */
const nonZero = (divisor: number): number => {
  if (!divisor) throw invalidArgument("Integer division by zero");
  return divisor;
};

/** What TensorFlow's TruncateDiv and TruncateMod say: they are not on its list of ops that may fail so. */
const nonZeroInternal = (divisor: number): number => {
  if (!divisor) {
    throw internal("Unexpected error in binary operator (only integer div and mod should have errors)");
  }
  return divisor;
};

/** A remainder with the divisor's sign. Like the two below it, written for numbers and bigints alike. */
const floorMod = (x: number, y: number): number => {
  const rest = x % y;
  return rest && rest < 0 !== y < 0 ? rest + y : rest;
};

const floorMods: BinaryFunctions = {
  rounded: (round) => (x, y) => {
    const rest = x % y;
    return rest !== 0 && rest < 0 !== y < 0 ? round(rest + y) : rest;
  },
  ...both((x: number, y: number) => floorMod(x, nonZero(y))),
};

const floorDivs: BinaryFunctions = {
  rounded: (round) => (x, y) => Math.floor(round(x / y)),
  ...both((x: number, y: number) => (x - floorMod(x, nonZero(y))) / y),
};

type Divisor = typeof nonZero;

const divisions = (checked: Divisor): BinaryFunctions => ({
  float: (x, y) => x / y,
  ...both((x: number, y: number) => (x - (x % checked(y))) / y),
  complex: complex.div,
});

const remainders = (checked: Divisor): BinaryFunctions => ({
  float: (x, y) => x % y,
  ...both((x: number, y: number) => x % checked(y)),
});

export const additions: BinaryFunctions = {
  float: (x, y) => x + y,
  ...both((x: number, y: number) => x + y),
  complex: complex.add,
  string: concatenated,
};

/** One byte string after the other. */
export function concatenated(x: Uint8Array, y: Uint8Array): Uint8Array {
  const joined = new Uint8Array(x.length + y.length);
  joined.set(x);
  joined.set(y, x.length);
  return joined;
}

/** NaN if either is: Math.max and Math.min are so too, but -0 is below 0 for them and equal to it for TensorFlow. */
const larger = (x: number, y: number): number => (x >= y || Number.isNaN(x) ? x : y);
const smaller = (x: number, y: number): number => (x <= y || Number.isNaN(x) ? x : y);

const powers: BinaryFunctions = {
  float: floatPower,
  int: (x, y) => {
    if (y < 0) throw negativePower();
    let power = 1;
    for (let base = x, rest = y; rest > 0; rest = Math.floor(rest / 2), base = Math.imul(base, base)) {
      if (rest % 2 === 1) power = Math.imul(power, base);
    }
    return power;
  },
  big: (x, y) => {
    if (y < 0n) throw negativePower();
    let power = 1n;
    for (let base = x, rest = y; rest > 0n; rest >>= 1n, base = BigInt.asIntN(64, base * base)) {
      if (rest & 1n) power = BigInt.asIntN(64, power * base);
    }
    return power;
  },
  complex: complex.pow,
};

/** Where JavaScript leaves IEEE 754: 1 to any power and -1 to an infinite one are 1. */
function floatPower(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;
}

/** The sum of any number of tensors of one shape. */
const addN = compute(
  () =>
    (first, ...others) =>
      others.reduce((sum, x) => {
        ensure(
          sameShape(x.shape, first.shape),
          () =>
            `Inputs to operation must have the same size and shape. Input 0: ${shapeText(first.shape)} != ${shapeText(x.shape)}`,
        );
        return zipped(sum, x, x.dtype, binaryFor(additions, x.dtype));
      }, first),
);

const negativePower = () => invalidArgument("Integers to negative integer powers are not allowed");

/** Shift counts outside the type's width act like the nearest one inside. */
const clampedCount = (count: number, bits: number): number => Math.min(Math.max(count, 0), bits - 1);
const clampedBigCount = (count: bigint): bigint => (count < 0n ? 0n : count > 63n ? 63n : count);

const shift = (
  int: (bits: number) => (x: number, y: number) => number,
  big: (x: bigint, y: bigint) => bigint,
) =>
  compute((node) => (x, y) => {
    const bits = dtypeInfo(x.dtype).bits;
    return zipped(x, y, outputDtype(node), binaryFor({ int: int(bits), big }, x.dtype));
  });

export const elementwiseBinaryKernels: HostTable = {
  Add: binary(additions),
  AddV2: binary(additions),
  AddN: addN,
  AccumulateNV2: addN,
  Sub: binary({ float: (x, y) => x - y, ...both((x: number, y: number) => x - y), complex: complex.sub }),
  Mul: binary({
    float: (x, y) => x * y,
    int: Math.imul,
    big: (x, y) => x * y,
    complex: complex.mul,
  }),
  MulNoNan: binary({
    float: (x, y) => (y === 0 ? 0 : x * y),
    complex: (x, y) => (complex.isZero(y) ? complex.complexOf(0) : complex.mul(x, y)),
  }),
  Div: binary(divisions(nonZero)),
  RealDiv: binary(divisions(nonZero)),
  TruncateDiv: binary({
    ...divisions(nonZeroInternal),
    rounded: (round) => (x, y) => Math.trunc(round(x / y)),
  }),
  DivNoNan: binary({
    float: (x, y) => (y === 0 ? 0 : x / y),
    complex: (x, y) => (complex.isZero(y) ? complex.complexOf(0) : complex.div(x, y)),
  }),
  FloorDiv: binary(floorDivs),
  FloorMod: binary(floorMods),
  Mod: binary(remainders(nonZero)),
  TruncateMod: binary(remainders(nonZeroInternal)),
  Maximum: binary({ float: larger, ...both(larger) }),
  Minimum: binary({ float: smaller, ...both(smaller) }),
  Pow: binary(powers),
  SquaredDifference: binary({
    rounded: (round) => (x, y) => round(x - y) ** 2,
    int: (x, y) => Math.imul(x - y, x - y),
    big: (x, y) => (x - y) * (x - y),
    complex: (x, y): Complex => {
      const difference = complex.sub(x, y);
      return complex.mul(complex.conj(difference), difference);
    },
  }),

  Atan2: binary({ float: Math.atan2 }),
  Xdivy: binary({
    float: (x, y) => (x === 0 ? 0 : x / y),
    complex: (x, y) => (complex.isZero(x) ? complex.complexOf(0) : complex.div(x, y)),
  }),
  Xlogy: binary({
    float: (x, y) => (x === 0 ? 0 : x * Math.log(y)),
    complex: (x, y) => (complex.isZero(x) ? complex.complexOf(0) : complex.mul(x, complex.log(y))),
  }),
  Xlog1py: binary({
    float: (x, y) => (x === 0 ? 0 : x * Math.log1p(y)),
    complex: (x, y) => (complex.isZero(x) ? complex.complexOf(0) : complex.mul(x, complex.log1p(y))),
  }),
  BitwiseAnd: binary(both((x: number, y: number) => x & y)),
  BitwiseOr: binary(both((x: number, y: number) => x | y)),
  BitwiseXor: binary(both((x: number, y: number) => x ^ y)),
  LeftShift: shift(
    (bits) => (x, y) => x << clampedCount(y, bits),
    (x, y) => x << clampedBigCount(y),
  ),
  RightShift: shift(
    // Of uint32 the 32 bits are read as signed by >>, hence >>>.
    (bits) => (x, y) => (x < 0 ? x >> clampedCount(y, bits) : x >>> clampedCount(y, bits)),
    (x, y) => x >> clampedBigCount(y),
  ),
  Complex: binary({ float: (re, im): Complex => [re, im] }),
};
