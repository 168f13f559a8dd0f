/**
 * Floats of 16, 8 and 4 bits to and from float32, over whole arrays.
 *
 * float16 is IEEE binary16, bfloat16 the upper half of float32. The 8-bit and 4-bit formats are those of the
 * ml_dtypes package that TensorFlow uses; one row of parameters describes each. Rounding is to nearest, ties to
 * even, everywhere. A value too large becomes infinity where the format has one, NaN where it has that alone, and
 * the largest finite number in float4_e2m1fn, which has neither.
 */

import { internal } from "./status.js";
import type { NumericTensor } from "./tensor.js";

/** The dtypes that this file converts. */
export type SmallFloat =
  | "float16"
  | "bfloat16"
  | "float8_e5m2"
  | "float8_e4m3fn"
  | "float8_e4m3fnuz"
  | "float8_e4m3b11fnuz"
  | "float8_e5m2fnuz"
  | "float4_e2m1fn";

/**
 * Whether a dtype is one of the small floats.
 *
 * @example
 * assert.equal(isSmallFloat("bfloat16"), true);
 * assert.equal(isSmallFloat("float32"), false);
 */
export function isSmallFloat(dtype: string): dtype is SmallFloat {
  return dtype === "bfloat16" || Object.hasOwn(formats, dtype);
}

/**
 * The values of small floats, given as their bits (one a byte for those of 4 and 8 bits).
 *
 * @example
 * assert.deepEqual(toFloat32("float16", Uint16Array.of(0x3c00)), Float32Array.of(1));
 */
export function toFloat32(dtype: SmallFloat, bits: Uint16Array | Uint8Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  if (dtype === "bfloat16") {
    const words = new Uint32Array(values.buffer);
    for (let i = 0; i < bits.length; i++) words[i] = (bits[i] as number) << 16;
    return values;
  }
  const table = decodeTable(dtype);
  const mask = table.length - 1;
  for (let i = 0; i < bits.length; i++) values[i] = table[(bits[i] as number) & mask] as number;
  return values;
}

/**
 * The bits of values as small floats.
 *
 * @example
 * assert.deepEqual(fromFloat32("bfloat16", [1]), Uint16Array.of(0x3f80));
 */
export function fromFloat32(
  dtype: "float16" | "bfloat16",
  values: ArrayLike<number>,
): Uint16Array<ArrayBuffer>;
export function fromFloat32(
  dtype: Exclude<SmallFloat, "float16" | "bfloat16">,
  values: ArrayLike<number>,
): Uint8Array<ArrayBuffer>;
export function fromFloat32(
  dtype: SmallFloat,
  values: ArrayLike<number>,
): Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
export function fromFloat32(
  dtype: SmallFloat,
  values: ArrayLike<number>,
): Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer> {
  const wide = dtype === "float16" || dtype === "bfloat16";
  const bits = wide ? new Uint16Array(values.length) : new Uint8Array(values.length);
  const words = wordsOf(values);
  if (dtype === "bfloat16") {
    for (let i = 0; i < words.length; i++) bits[i] = bfloat16Bits(words[i] as number);
    return bits;
  }
  const format = formats[dtype];
  for (let i = 0; i < words.length; i++) bits[i] = encode(format, words[i] as number);
  return bits;
}

/**
 * The elements of a tensor of small floats as float32. INTERNAL for other dtypes.
 *
 * @example
 * const half = tensor("float16", [1], Uint16Array.of(0x3c00));
 * assert.deepEqual(smallFloatsOf(half), Float32Array.of(1));
 */
export function smallFloatsOf(tensor: NumericTensor): Float32Array<ArrayBuffer> {
  if (!isSmallFloat(tensor.dtype)) throw internal(`${tensor.dtype} is not a float of 16 bits or fewer`);
  return toFloat32(tensor.dtype, tensor.data as Uint16Array | Uint8Array);
}

/** The bits of float32 values: a view where they are a Float32Array. */
function wordsOf(values: ArrayLike<number>): Uint32Array {
  const floats = values instanceof Float32Array ? values : Float32Array.from(values);
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}

/** Rounding adds just under half a unit of the lowest kept bit, and one more when that bit is odd. */
function bfloat16Bits(word: number): number {
  if ((word & 0x7fffffff) > 0x7f800000) return word >>> 31 === 1 ? 0xffc0 : 0x7fc0;
  return ((word + 0x7fff + ((word >>> 16) & 1)) >>> 16) & 0xffff;
}

interface Format {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** Bits of +infinity, or undefined in a format without. */
  readonly infinity?: number;
  /** Bits of the NaN that is written; undefined in a format without. */
  readonly nan?: number;
  /** Bits of the largest finite number. */
  readonly largest: number;
  /** "fnuz": there is no negative zero, its bits are the one NaN. */
  readonly unsignedZero: boolean;
}

const formats: Readonly<Record<Exclude<SmallFloat, "bfloat16">, Format>> = {
  float16: {
    exponentBits: 5,
    mantissaBits: 10,
    bias: 15,
    infinity: 0x7c00,
    nan: 0x7e00,
    largest: 0x7bff,
    unsignedZero: false,
  },
  float8_e5m2: {
    exponentBits: 5,
    mantissaBits: 2,
    bias: 15,
    infinity: 0x7c,
    nan: 0x7e,
    largest: 0x7b,
    unsignedZero: false,
  },
  float8_e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, nan: 0x7f, largest: 0x7e, unsignedZero: false },
  float8_e4m3fnuz: {
    exponentBits: 4,
    mantissaBits: 3,
    bias: 8,
    nan: 0x80,
    largest: 0x7f,
    unsignedZero: true,
  },
  float8_e4m3b11fnuz: {
    exponentBits: 4,
    mantissaBits: 3,
    bias: 11,
    nan: 0x80,
    largest: 0x7f,
    unsignedZero: true,
  },
  float8_e5m2fnuz: {
    exponentBits: 5,
    mantissaBits: 2,
    bias: 16,
    nan: 0x80,
    largest: 0x7f,
    unsignedZero: true,
  },
  float4_e2m1fn: { exponentBits: 2, mantissaBits: 1, bias: 1, largest: 0x7, unsignedZero: false },
};

const tables = new Map<SmallFloat, Float32Array>();

/** The value of every bit pattern of a format, made when first asked for. */
function decodeTable(dtype: Exclude<SmallFloat, "bfloat16">): Float32Array {
  const known = tables.get(dtype);
  if (known !== undefined) return known;
  const format = formats[dtype];
  const size = 2 ** (1 + format.exponentBits + format.mantissaBits);
  const table = Float32Array.from({ length: size }, (_, bits) => decode(format, bits));
  tables.set(dtype, table);
  return table;
}

function decode(format: Format, bits: number): number {
  const signBit = 1 << (format.exponentBits + format.mantissaBits);
  if (format.unsignedZero && bits === signBit) return Number.NaN;
  const sign = (bits & signBit) === 0 ? 1 : -1;
  const magnitude = bits & (signBit - 1);
  if (magnitude > format.largest)
    return magnitude === format.infinity ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  const exponent = magnitude >> format.mantissaBits;
  const mantissa = magnitude & ((1 << format.mantissaBits) - 1);
  // A subnormal has the smallest exponent and no hidden one.
  const fraction = exponent === 0 ? mantissa : mantissa + (1 << format.mantissaBits);
  return sign * fraction * 2 ** (Math.max(exponent, 1) - format.bias - format.mantissaBits);
}

/** The bits in `format` of the float32 whose bits are `word`. */
function encode(format: Format, word: number): number {
  const sign = (word >>> 31) << (format.exponentBits + format.mantissaBits);
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return notANumber(format, sign);
  const rounded = round(format, magnitude);
  if (rounded > format.largest || magnitude === 0x7f800000) return tooLarge(format, sign);
  return rounded === 0 && format.unsignedZero ? 0 : sign | rounded;
}

function notANumber(format: Format, sign: number): number {
  // float4_e2m1fn has no NaN; ml_dtypes writes a zero of the other sign.
  if (format.nan === undefined) return sign ^ (1 << (format.exponentBits + format.mantissaBits));
  return format.unsignedZero ? format.nan : sign | format.nan;
}

function tooLarge(format: Format, sign: number): number {
  if (format.infinity !== undefined) return sign | format.infinity;
  return format.nan === undefined ? sign | format.largest : notANumber(format, sign);
}

/** Exponent and mantissa bits of a finite magnitude, as if the exponent had no upper end. */
function round(format: Format, magnitude: number): number {
  const dropped = 23 - format.mantissaBits;
  const exponent = (magnitude >>> 23) - 127 + format.bias;
  if (exponent > 0) {
    // The exponent moves to its new bias; a carry out of the mantissa moves into it, as it should.
    const rebased = magnitude - ((127 - format.bias) << 23);
    return (rebased + ((1 << (dropped - 1)) - 1) + ((rebased >>> dropped) & 1)) >>> dropped;
  }
  const shift = dropped + 1 - exponent;
  // Below half of the smallest subnormal.
  if (shift > 24 || magnitude < 0x00800000) return 0;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  return (mantissa + ((1 << (shift - 1)) - 1) + ((mantissa >>> shift) & 1)) >>> shift;
}
