/**
 * The conversions of C's printf that AsString and printed tensors use: f, e, g and d with flags, width and precision.
 *
 * The digits are those of the exact value, rounded half to even as glibc does; JavaScript's own toFixed and
 * toExponential round ties up and give up at 1e21.
 */

/** What stands between the percent sign and the letter. */
export interface PrintfFormat {
  /** One of " ", "+", "-", "0", "#", or "". */
  readonly flag: string;
  /** Least number of characters; -1 for none. */
  readonly width: number;
  /** Digits after the point (significant ones for g); -1 for six. */
  readonly precision: number;
  readonly conversion: "f" | "e" | "g";
}

const DEFAULT_PRECISION = 6;

/** A float64 as text. */
export function printFloat(value: number, format: PrintfFormat): string {
  const negative = value < 0 || Object.is(value, -0);
  const magnitude = Math.abs(value);
  const digits = Number.isFinite(magnitude) ? finiteText(magnitude, format) : nonFiniteText(magnitude);
  return padded(digits, negative, format, Number.isFinite(magnitude));
}

/** Decimal digits of an integer, with its sign taken apart. */
export function printInteger(value: number | bigint, flag: string, width: number): string {
  const negative = value < 0;
  return padded(String(value).slice(negative ? 1 : 0), negative, { flag, width }, true);
}

function nonFiniteText(magnitude: number): string {
  return Number.isNaN(magnitude) ? "nan" : "inf";
}

function padded(
  digits: string,
  negative: boolean,
  { flag, width }: Pick<PrintfFormat, "flag" | "width">,
  finite: boolean,
): string {
  const positiveSign = flag === "+" || flag === " " ? flag : "";
  const sign = negative ? "-" : positiveSign;
  const fill = width - sign.length;
  if (flag === "-") return (sign + digits).padEnd(width);
  // Zeros go between sign and digits, but never before "inf".
  if (flag === "0" && finite) return sign + digits.padStart(fill, "0");
  return (sign + digits).padStart(width);
}

function finiteText(magnitude: number, format: PrintfFormat): string {
  const precision = format.precision < 0 ? DEFAULT_PRECISION : format.precision;
  const keepPoint = format.flag === "#";
  switch (format.conversion) {
    case "f":
      return fixed(magnitude, precision, keepPoint);
    case "e":
      return exponential(magnitude, precision, keepPoint);
    case "g":
      return general(magnitude, Math.max(precision, 1), keepPoint);
  }
}

function fixed(magnitude: number, precision: number, keepPoint: boolean): string {
  const scaled = roundedQuotient(...scaledFraction(magnitude, precision));
  const digits = scaled.toString().padStart(precision + 1, "0");
  const whole = digits.slice(0, digits.length - precision);
  return withFraction(whole, digits.slice(digits.length - precision), keepPoint);
}

function withFraction(whole: string, fraction: string, keepPoint: boolean): string {
  return fraction === "" && !keepPoint ? whole : `${whole}.${fraction}`;
}

function exponential(magnitude: number, precision: number, keepPoint: boolean): string {
  const { digits, exponent } = significantDigits(magnitude, precision + 1);
  return withExponent(digits, exponent, keepPoint);
}

function withExponent(digits: string, exponent: number, keepPoint: boolean): string {
  const sign = exponent < 0 ? "-" : "+";
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${withFraction(digits.slice(0, 1), digits.slice(1), keepPoint)}e${sign}${power}`;
}

/** The shorter of both notations; without trailing zeros unless they are asked for. */
function general(magnitude: number, precision: number, keepZeros: boolean): string {
  const { digits, exponent } = significantDigits(magnitude, precision);
  const kept = keepZeros ? digits : digits.replace(/0+$/, "") || "0";
  if (exponent < -4 || exponent >= precision) return withExponent(kept, exponent, keepZeros);
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${kept}`;
  const whole = kept.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return withFraction(whole, kept.slice(exponent + 1), keepZeros);
}

interface Significant {
  /** As many as asked for, the first not zero unless all are. */
  readonly digits: string;
  /** Of the first digit. */
  readonly exponent: number;
}

function significantDigits(magnitude: number, count: number): Significant {
  if (magnitude === 0) return { digits: "0".repeat(count), exponent: 0 };
  let exponent = Math.floor(Math.log10(magnitude));
  // The logarithm may be off by one, and rounding may carry into another digit.
  for (exponent -= 1; ; exponent++) {
    const digits = roundedQuotient(...scaledFraction(magnitude, count - 1 - exponent)).toString();
    if (digits.length === count) return { digits, exponent };
  }
}

/** magnitude × 10^power as an exact fraction. */
function scaledFraction(magnitude: number, power: number): [numerator: bigint, denominator: bigint] {
  const [mantissa, exponent] = binaryParts(magnitude);
  const ten = 10n ** BigInt(Math.abs(power));
  const two = 1n << BigInt(Math.abs(exponent));
  const numerator = mantissa * (power > 0 ? ten : 1n) * (exponent > 0 ? two : 1n);
  return [numerator, (power < 0 ? ten : 1n) * (exponent < 0 ? two : 1n)];
}

const scratch = new DataView(new ArrayBuffer(8));

/** A positive float64 as mantissa × 2^exponent. */
function binaryParts(magnitude: number): [mantissa: bigint, exponent: number] {
  scratch.setFloat64(0, magnitude);
  const bits = scratch.getBigUint64(0);
  const exponent = Number(bits >> 52n);
  const fraction = bits & 0xfffffffffffffn;
  return exponent === 0 ? [fraction, -1074] : [fraction | 0x10000000000000n, exponent - 1075];
}

/** Half to even. */
function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}
