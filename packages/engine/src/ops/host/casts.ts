/**
 * Cast and Bitcast.
 *
 * C++ leaves open what a float becomes as an integer that can't hold it. TensorFlow's kernels then do what x86 does
 * for one number: 32 and 64 bits get their "integer indefinite" value, narrower types the low bits of the 32-bit
 * result. (In long arrays TensorFlow's vector code saturates some of the narrow ones instead, depending on position.)
 */
import {
  bytesOf,
  type DType,
  dataFromBytes,
  dtypeInfo,
  elementCount,
  type NumericTensor,
  type Shape,
  shapeText,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import type { HostTable } from "../op-table.js";
import {
  type Complex,
  domainOf,
  elementsOf,
  isFloat,
  newElements,
  type Reals,
  realsOf,
  realTensor,
  tensorOf,
} from "./domains.js";
import { int64Tensor, numbersOfInt64 } from "./index-data.js";
import { compute, ensure, outputDtype } from "./kernel.js";

/**
 * The tensor in another dtype. `truncate` drops the mantissa bits that a smaller float lacks in place of rounding.
 */
export function cast(x: Tensor, to: DType, truncate = false): Tensor {
  if (x.dtype === to) return x;
  if (x.dtype === "string" || to === "string")
    throw unimplemented(`Cast ${x.dtype} to ${to} is not supported`);
  const quick = int64Cast(x, to);
  if (quick !== undefined) return quick;
  const convert = conversion(x.dtype, to, truncate) as (element: unknown) => unknown;
  const source = elementsOf<unknown>(x);
  const out = newElements<unknown>(to, x.shape);
  for (let i = 0; i < out.length; i++) out[i] = convert(source[i]);
  return tensorOf(to, x.shape, out);
}

/** Between int64 and numbers without making a bigint of each, where no number is too large for that. */
function int64Cast(x: Tensor, to: DType): Tensor | undefined {
  if (x.dtype === "int64" && domainOf(to) === "real" && to !== "bool" && dtypeInfo(to).bits >= 8) {
    return realTensor(to, x.shape, isFloat(to) ? numbersOfInt64(x.data) : lowHalves(x.data));
  }
  if (to !== "int64" || domainOf(x.dtype) !== "real") return undefined;
  const values = realsOf(x);
  return isFloat(x.dtype) ? wholeNumbers(x.shape, values) : int64Tensor(x.shape, values);
}

/** Integer parts as int64; undefined when one is too large to be exact as a number. */
function wholeNumbers(shape: Shape, values: Reals): Tensor | undefined {
  const whole = new Float64Array(values.length);
  for (let i = 0; i < whole.length; i++) {
    const number = Math.trunc(values[i] as number);
    if (!Number.isSafeInteger(number)) return undefined;
    whole[i] = number;
  }
  return int64Tensor(shape, whole);
}

function lowHalves(data: BigInt64Array): Int32Array {
  const halves = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  const low = new Int32Array(data.length);
  for (let i = 0; i < low.length; i++) low[i] = halves[2 * i] as number;
  return low;
}

function conversion(from: DType, to: DType, truncate: boolean): (element: never) => unknown {
  const fromNumber = ofNumber(from, to, truncate);
  switch (domainOf(from)) {
    case "complex":
      if (domainOf(to) === "complex") return (x: Complex) => x;
      return to === "bool" ? ([re, im]: Complex) => re !== 0 || im !== 0 : ([re]: Complex) => fromNumber(re);
    case "big":
      if (domainOf(to) === "big") return (x: bigint) => x;
      if (to === "bool") return (x: bigint) => x !== 0n;
      return dtypeInfo(to).kind === "int" || dtypeInfo(to).kind === "uint"
        ? (x: bigint) => fromNumber(Number(BigInt.asIntN(32, x)))
        : (x: bigint) => fromNumber(Number(x));
    default:
      return fromNumber;
  }
}

/** From a number of dtype `from` to an element of `to`; integers wrap where they are stored. */
function ofNumber(from: DType, to: DType, truncate: boolean): (x: number) => unknown {
  if (domainOf(to) === "complex") return (x): Complex => [x, 0];
  if (to === "bool") return (x) => x !== 0;
  const { kind, bits } = dtypeInfo(to);
  if (kind === "float") return truncate && isFloat(from) ? withoutLowBits(from, to) : (x) => x;
  const fractional = isFloat(from) || domainOf(from) === "complex";
  if (domainOf(to) === "big") return fractional ? (x) => bigOfFloat(x, kind === "uint") : BigInt;
  const integer = fractional
    ? kind === "uint" && bits === 32
      ? uint32OfFloat
      : int32OfFloat
    : (x: number) => x;
  if (bits >= 8) return integer;
  const unused = 32 - bits;
  return kind === "int" ? (x) => (integer(x) << unused) >> unused : (x) => (integer(x) << unused) >>> unused;
}

function int32OfFloat(x: number): number {
  return x > -(2 ** 31) - 1 && x < 2 ** 31 ? Math.trunc(x) : -(2 ** 31);
}

function uint32OfFloat(x: number): number {
  return x > -(2 ** 31) - 1 && x < 2 ** 32 ? Math.trunc(x) : 2 ** 31;
}

/** The low 64 bits of the integer part; 2^63, which is the smallest int64, for what has no such bits. */
function bigOfFloat(x: number, unsigned: boolean): bigint {
  const inRange = x >= -(2 ** 63) && x < (unsigned ? 2 ** 64 : 2 ** 63);
  return inRange ? BigInt(Math.trunc(x)) : -(2n ** 63n);
}

const mantissaBits: Partial<Record<DType, number>> = { float64: 52, float32: 23, float16: 10, bfloat16: 7 };
const double = new Float64Array(1);
const doubleBits = new BigUint64Array(double.buffer);

function withoutLowBits(from: DType, to: DType): (x: number) => number {
  const kept = mantissaBits[to] ?? 52;
  if ((mantissaBits[from] ?? 0) <= kept) return (x) => x;
  const mask = ~((1n << BigInt(52 - kept)) - 1n);
  return (x) => {
    double[0] = x;
    doubleBits[0] = (doubleBits[0] as bigint) & mask;
    return double[0];
  };
}

/** The same bytes as another dtype: a narrower one adds a last dimension, a wider one consumes it. */
function bitcast(x: Tensor, to: DType): Tensor {
  const [from, target] = [dtypeInfo(x.dtype), dtypeInfo(to)];
  if (from.size === 0 || target.size === 0)
    throw unimplemented(`Bitcast ${x.dtype} to ${to} is not supported`);
  const data = dataFromBytes(to as NumericTensor["dtype"], bytesOf((x as NumericTensor).data));
  return { dtype: to, shape: bitcastShape(x.shape, from.size, target.size), data } as Tensor;
}

function bitcastShape(shape: Shape, from: number, to: number): Shape {
  if (from >= to) return from === to ? shape : [...shape, from / to];
  ensure(
    shape.at(-1) === to / from,
    () =>
      `Cannot bitcast from ${from} to ${to} bytes an element: shape ${shapeText(shape)} must end in ${to / from}`,
  );
  return shape.slice(0, -1);
}

/** Whether a scalar is not zero, a string not empty, a tensor not without elements. */
function isTrue(x: Tensor): boolean {
  const { shape } = x;
  if (shape.length > 0) return elementCount(shape) > 0;
  if (x.dtype === "string") return (x.data[0] as Uint8Array).length > 0;
  return (cast(x, "bool", false).data as Uint8Array)[0] !== 0;
}

export const castKernels: HostTable = {
  Cast: compute((node) => {
    const truncate = node.attrs.bool("Truncate");
    return (x) => cast(x, outputDtype(node), truncate);
  }),
  ToBool: compute(() => (x) => ({ dtype: "bool", shape: [], data: Uint8Array.of(isTrue(x) ? 1 : 0) })),
  Bitcast: compute((node) => (x) => bitcast(x, outputDtype(node))),
};
