/**
 * JSON text laid out as TensorFlow Serving lays it out, so that what compares or greps its answers goes on working:
 * objects over several lines with four spaces a level, arrays of numbers on one line, floats as the shortest of
 * six or (when that isn't exact) nine digits, NaN and Infinity as bare words.
 *
 * The layout is that of RapidJSON's PrettyWriter with its single-line-array option switched on and off in between,
 * which is why a list of predictions closes on a line of its own.
 */

/** Receives values in document order and builds the text. The caller keeps arrays and objects balanced. */
export class JsonWriter {
  /** Arrays opened, filled and closed while this is set stay on one line. */
  singleLineArrays = false;
  private readonly parts: string[] = [];
  private readonly levels: Level[] = [];

  beginObject(): void {
    this.prefix();
    this.levels.push({ isArray: false, count: 0 });
    this.parts.push("{");
  }

  endObject(): void {
    const level = this.levels.pop();
    if (level !== undefined && level.count > 0) this.newLine();
    this.parts.push("}");
  }

  beginArray(): void {
    this.prefix();
    this.levels.push({ isArray: true, count: 0 });
    this.parts.push("[");
  }

  endArray(): void {
    const level = this.levels.pop();
    if (level !== undefined && level.count > 0 && !this.singleLineArrays) this.newLine();
    this.parts.push("]");
  }

  key(name: string): void {
    this.string(name);
  }

  string(text: string): void {
    this.raw(quote(text));
  }

  /** A value that is JSON text already. */
  raw(text: string): void {
    this.prefix();
    this.parts.push(text);
  }

  /** Values of an array that stands on one line, without a call for each. */
  rawList(count: number, text: (index: number) => string): void {
    if (count === 0) return;
    const texts = new Array<string>(count);
    for (let index = 0; index < count; index++) texts[index] = text(index);
    if (this.singleLineArrays) {
      this.raw(texts.join(", "));
    } else {
      for (const one of texts) this.raw(one);
    }
  }

  finish(): string {
    return this.parts.join("");
  }

  private prefix(): void {
    const level = this.levels.at(-1);
    if (level === undefined) return;
    if (level.isArray) this.arrayPrefix(level);
    else this.memberPrefix(level);
    level.count++;
  }

  private arrayPrefix(level: Level): void {
    if (level.count > 0) this.parts.push(this.singleLineArrays ? ", " : ",");
    if (!this.singleLineArrays) this.newLine();
  }

  /** In an object, even values are names and odd ones what they stand for. */
  private memberPrefix(level: Level): void {
    if (level.count % 2 === 1) {
      this.parts.push(": ");
      return;
    }
    if (level.count > 0) this.parts.push(",");
    this.newLine();
  }

  private newLine(): void {
    this.parts.push("\n", "    ".repeat(this.levels.length));
  }
}

interface Level {
  readonly isArray: boolean;
  count: number;
}

/** A string in quotes. Only the case of hexadecimal digits in escapes differs from RapidJSON. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** Significant digits that printf's %g gives by default, and those that identify every float32 and every float64. */
const SHORT_DIGITS = 6;
const FLOAT32_DIGITS = 9;
const FLOAT64_DIGITS = 17;

/** A float32, given as the double of the same value. */
export function float32Text(value: number): string {
  return decimalText(value, FLOAT32_DIGITS, Math.fround);
}

export function float64Text(value: number): string {
  return decimalText(value, FLOAT64_DIGITS, (number) => number);
}

function decimalText(value: number, digits: number, round: (value: number) => number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return Object.is(value, -0) ? "-0.0" : `${value}.0`;
  let text = generalFormat(value, SHORT_DIGITS);
  if (round(Number(text)) !== value) text = generalFormat(value, digits);
  return text.includes(".") || text.includes("e") ? text : `${text}.0`;
}

/** printf("%.*g"): scientific below 1e-4 and from 10^digits on, no trailing zeros, at least two exponent digits. */
export function generalFormat(value: number, digits: number): string {
  const magnitude = Math.abs(value);
  const text = value.toPrecision(digits);
  if (magnitude >= 1e-4 && !text.includes("e")) return stripZeros(text);
  if (magnitude === 0) return stripZeros(text);
  const scientific = value.toExponential(digits - 1);
  const split = scientific.indexOf("e");
  const exponent = Number(scientific.slice(split + 1));
  if (exponent >= -4 && exponent < digits) return stripZeros(text);
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${stripZeros(scientific.slice(0, split))}e${exponent < 0 ? "-" : "+"}${power}`;
}

function stripZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
