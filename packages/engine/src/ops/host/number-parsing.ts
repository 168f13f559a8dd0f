/**
 * Numbers out of text, by the rules of absl::SimpleAtoi and SimpleAtod that StringToNumber, DecodeCSV and vocabulary
 * files follow: white space around, a sign, decimal digits; floats also in hexadecimal, "inf" and "nan" in any case,
 * and never out of range (they become infinite or zero). Undefined stands for "not a number of that kind".
 */
import { latin1Of } from "./byte-strings.js";

const SIGN_PLUS = 0x2b;
const SIGN_MINUS = 0x2d;
const ZERO = 0x30;

/** An integer in [min, max], both safe integers. */
export function parseInteger(text: Uint8Array, min: number, max: number): number | undefined {
  const span = digitsOf(text);
  if (span === undefined) return undefined;
  let value = 0;
  for (let i = span.start; i < span.end; i++) {
    value = value * 10 + (text[i] as number) - ZERO;
    if (value > MAX_SAFE_PREFIX) return undefined;
  }
  return inRange(span.negative ? -value : value, min, max, span.negative);
}

/** One more digit after this would leave the safe integers. */
const MAX_SAFE_PREFIX = 900719925474098;

/** An integer of 64 bits. */
export function parseBigInteger(text: Uint8Array, min: bigint, max: bigint): bigint | undefined {
  const span = digitsOf(text);
  if (span === undefined) return undefined;
  const magnitude = magnitudeOf(text, span);
  if (magnitude === undefined) return undefined;
  return inRange(span.negative ? -magnitude : magnitude, min, max, span.negative);
}

function magnitudeOf(text: Uint8Array, { start, end }: Span): bigint | undefined {
  let first = start;
  while (first < end - 1 && text[first] === ZERO) first++;
  // 2^64 has 20 digits.
  return end - first > 20 ? undefined : BigInt(latin1Of(text, first, end));
}

/** Unsigned types take no minus sign at all, not even before a zero. */
function inRange<N extends number | bigint>(value: N, min: N, max: N, negative: boolean): N | undefined {
  if (value < min || value > max) return undefined;
  if (negative && Number(min) === 0) return undefined;
  // No negative zero.
  return Number(value) === 0 && typeof value === "number" ? (0 as N) : value;
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly negative: boolean;
}

/** Where the digits are; undefined unless white space, sign and digits are all there is. */
function digitsOf(text: Uint8Array): Span | undefined {
  let [start, end] = trimmed(text);
  const sign = text[start];
  const signed = start < end && (sign === SIGN_PLUS || sign === SIGN_MINUS);
  if (signed) start++;
  if (start === end) return undefined;
  for (let i = start; i < end; i++) {
    const digit = (text[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
  }
  return { start, end, negative: signed && sign === SIGN_MINUS };
}

/** The range without ASCII white space around it. */
export function trimmed(text: Uint8Array): [start: number, end: number] {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text[start] as number)) start++;
  while (end > start && isSpace(text[end - 1] as number)) end--;
  return [start, end];
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

const decimalForm = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const hexadecimalForm = /^([+-]?)0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?\d+))?$/i;
const infinityForm = /^([+-]?)inf(inity)?$/i;
const nanForm = /^[+-]?nan(\([A-Za-z0-9_]*\))?$/i;

/** A float64. Callers that want a float32 round it. */
export function parseFloat64(text: Uint8Array): number | undefined {
  const [start, end] = trimmed(text);
  const source = latin1Of(text, start, end);
  if (decimalForm.test(source)) return Number(source);
  const infinite = infinityForm.exec(source);
  if (infinite !== null) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (nanForm.test(source)) return Number.NaN;
  return parseHexadecimal(source);
}

function parseHexadecimal(source: string): number | undefined {
  const [matched, sign, whole = "", fraction = "", exponent = "0"] = hexadecimalForm.exec(source) ?? [];
  if (matched === undefined || whole.length + fraction.length === 0) return undefined;
  // More digits than a float64 holds change nothing but the last rounding.
  const mantissa = Number(BigInt(`0x${whole}${fraction}`));
  const value = mantissa * 2 ** (Number(exponent) - 4 * fraction.length);
  return sign === "-" ? -value : value;
}
