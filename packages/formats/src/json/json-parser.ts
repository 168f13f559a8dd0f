/**
 * JSON text (RFC 8259) to a `JsonValue`, as TensorFlow Serving's parser takes it: with NaN, Inf and Infinity as
 * numbers, and with RapidJSON's error sentences, because clients see them in the REST API's answers.
 *
 * The text is hostile: nesting is bounded, nothing is allocated beyond a small multiple of the text's length.
 */
import { invalidArgument, type StatusError } from "../status.js";
import {
  hexDigit,
  JsonNumber,
  JsonString,
  type JsonValue,
  NumberKind,
  NumberPool,
  NumberRun,
  simpleEscape,
} from "./json-document.js";

/** Arrays and objects inside each other. TensorFlow's tensors have at most 254 dimensions. */
const MAX_DEPTH = 512;

/**
 * The document in UTF-8 `text`. Strings of the result are views on `text`.
 * INVALID_ARGUMENT "JSON Parse error: … at offset: n" (n in bytes) when it is malformed.
 */
export function parseJson(text: Uint8Array): JsonValue {
  return new Parser(text).document();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** Room for numbers to begin with. */
const MAX_FIRST_NUMBERS = 256;
/** All numbers of so many digits are exact. */
const MAX_SHORT_DIGITS = 15;

/** Powers of ten that doubles hold exactly. */
const exactPowersOfTen = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);

const latin1 = new TextDecoder("latin1");

class Parser {
  private at = 0;
  private depth = 0;
  private readonly pool: NumberPool;
  /** The number that `number()` has just read. */
  private value = 0;
  private kind: NumberKind = NumberKind.INTEGER;
  private big: bigint | undefined;
  /** The text, a character for each byte. */
  private characters: string | undefined;

  constructor(private readonly text: Uint8Array) {
    // A number and what parts it from the next take two bytes at least; a short text has no use for a large pool.
    this.pool = new NumberPool(Math.min(MAX_FIRST_NUMBERS, 1 + (text.length >> 1)));
  }

  document(): JsonValue {
    if (this.text[0] === 0xef && this.text[1] === 0xbb && this.text[2] === 0xbf) this.at = 3;
    this.skipSpace();
    if (this.at >= this.text.length) throw this.error("The document is empty.");
    const value = this.any();
    this.skipSpace();
    if (this.at < this.text.length) {
      throw this.error("The document root must not be followed by other values.");
    }
    return value;
  }

  private any(): JsonValue {
    switch (this.text[this.at]) {
      case OPEN_OBJECT:
        return this.object();
      case OPEN_ARRAY:
        return this.array();
      case QUOTE:
        return this.string();
      case 0x74:
        return this.literal("true", true);
      case 0x66:
        return this.literal("false", false);
      case 0x6e:
        return this.literal("null", null);
      default:
        this.number();
        return new JsonNumber(this.value, this.kind, this.big);
    }
  }

  private enter(): void {
    if (++this.depth > MAX_DEPTH) throw this.error(`Nesting is deeper than ${MAX_DEPTH} levels.`);
    this.at++;
    this.skipSpace();
  }

  /** Whether a bracket ends an array or object here. */
  private leaves(bracket: number): boolean {
    if (!this.take(bracket)) return false;
    this.depth--;
    return true;
  }

  private object(): JsonValue {
    const members = new Map<string, JsonValue>();
    this.enter();
    if (this.leaves(CLOSE_OBJECT)) return members;
    for (;;) {
      if (this.text[this.at] !== QUOTE) throw this.error("Missing a name for object member.");
      const name = this.string().text();
      this.skipSpace();
      if (!this.take(COLON)) throw this.error("Missing a colon after a name of object member.");
      this.skipSpace();
      const value = this.any();
      if (!members.has(name)) members.set(name, value);
      this.skipSpace();
      if (this.leaves(CLOSE_OBJECT)) return members;
      if (!this.take(COMMA)) throw this.error("Missing a comma or } after an object member.");
      this.skipSpace();
    }
  }

  /** Numbers go into the pool as long as there is nothing else; the first other value turns them into a list. */
  private array(): JsonValue {
    const start = this.pool.size;
    let mixed: JsonValue[] | undefined;
    this.enter();
    if (this.leaves(CLOSE_ARRAY)) return [];
    for (;;) {
      if (mixed === undefined && this.startsNumber()) {
        if (!this.shortInteger()) this.pooledNumber();
      } else {
        mixed ??= this.listOf(start);
        mixed.push(this.any());
      }
      this.skipSpace();
      if (this.leaves(CLOSE_ARRAY)) return mixed ?? new NumberRun(this.pool, start, this.pool.size);
      if (!this.take(COMMA)) throw this.error("Missing a comma or ] after an array element.");
      this.skipSpace();
    }
  }

  private pooledNumber(): void {
    this.number();
    if (this.big === undefined) this.pool.push(this.value, this.kind);
    else this.pool.pushBig(this.big);
  }

  /** Reads a natural number with nothing around it, as pixels mostly are; false, with nothing read, for others. */
  private shortInteger(): boolean {
    const { text } = this;
    const start = this.at;
    let at = start;
    let value = 0;
    for (;;) {
      const byte = text[at] as number;
      if (!(byte >= ZERO && byte <= NINE)) break;
      value = value * 10 + (byte - ZERO);
      at++;
    }
    const end = text[at];
    const isShort = at > start && at - start <= MAX_SHORT_DIGITS && (end === COMMA || end === CLOSE_ARRAY);
    // A zero in front of other digits is for those to refuse who read all kinds of numbers.
    if (!isShort || (text[start] === ZERO && at - start > 1)) return false;
    this.at = at;
    this.pool.push(value, NumberKind.INTEGER);
    return true;
  }

  private listOf(start: number): JsonValue[] {
    const list: JsonValue[] = [];
    for (let index = start; index < this.pool.size; index++) list.push(this.pool.at(index));
    return list;
  }

  private startsNumber(): boolean {
    const byte = this.text[this.at] as number;
    return (byte >= ZERO && byte <= NINE) || byte === MINUS || byte === 0x4e || byte === 0x49;
  }

  private string(): JsonString {
    const { text } = this;
    const opening = this.at;
    const start = opening + 1;
    let hasEscapes = false;
    for (let at = start; at < text.length; at++) {
      const byte = text[at] as number;
      if (byte === QUOTE) {
        this.at = at + 1;
        return new JsonString(text, start, at, hasEscapes);
      }
      if (byte < 0x20) {
        this.at = at;
        throw this.error(
          byte === 0 ? "Missing a closing quotation mark in string." : "Invalid encoding in string.",
        );
      }
      if (byte === BACKSLASH) {
        hasEscapes = true;
        at = this.checkEscape(at);
      }
    }
    this.at = text.length;
    throw this.error("Missing a closing quotation mark in string.");
  }

  /** Checks the escape at a backslash and returns the offset of its last byte. */
  private checkEscape(at: number): number {
    const code = this.text[at + 1];
    if (code === undefined) return at;
    if (simpleEscape(code) !== undefined) return at + 1;
    this.at = at;
    if (code !== 0x75) throw this.error("Invalid escape character in string.");
    const unit = this.hex4(at + 2);
    if (unit >= 0xdc00 && unit < 0xe000) throw this.error("The surrogate pair in string is invalid.");
    if (unit < 0xd800 || unit >= 0xe000) return at + 5;
    const isPair = this.text[at + 6] === BACKSLASH && this.text[at + 7] === 0x75;
    const low = isPair ? this.hex4(at + 8) : 0;
    if (low < 0xdc00 || low >= 0xe000) throw this.error("The surrogate pair in string is invalid.");
    return at + 11;
  }

  private hex4(at: number): number {
    let value = 0;
    for (let i = at; i < at + 4; i++) {
      const digit = hexDigit(this.text[i] ?? 0);
      if (digit < 0) throw this.error("Incorrect hex digit after \\u escape in string.");
      value = value * 16 + digit;
    }
    return value;
  }

  /** Reads a number into `value`, `kind` and `big`. */
  private number(): void {
    const { text } = this;
    const start = this.at;
    this.big = undefined;
    const negative = text[this.at] === MINUS;
    if (negative) this.at++;
    const first = text[this.at] as number;
    if (!(first >= ZERO && first <= NINE)) {
      this.special(start, negative);
      return;
    }

    let mantissa = 0;
    if (first === ZERO) {
      this.at++;
    } else {
      mantissa = this.digits(0);
    }
    let fractionDigits = 0;
    let exponent = 0;
    this.kind = NumberKind.INTEGER;
    if (text[this.at] === POINT) {
      const point = this.at++;
      this.kind = NumberKind.DECIMAL;
      mantissa = this.digits(mantissa);
      fractionDigits = this.at - point - 1;
      if (fractionDigits === 0) throw this.error("Missing fraction part in number.");
    }
    if (((text[this.at] as number) | 0x20) === 0x65) {
      this.kind = NumberKind.DECIMAL;
      exponent = this.exponent();
    }

    if (this.kind === NumberKind.INTEGER) {
      this.integer(start, mantissa, negative);
      return;
    }
    const value = this.decimal(start, negative, mantissa, exponent - fractionDigits);
    if (!Number.isFinite(value)) {
      this.at = start;
      throw this.error("Number too big to be stored in double.");
    }
    this.value = value;
  }

  /** Continues `mantissa` with the digits that follow; past 2^53 the result is no longer exact, and only that counts. */
  private digits(mantissa: number): number {
    const { text } = this;
    let value = mantissa;
    let at = this.at;
    for (;;) {
      const byte = text[at] as number;
      if (!(byte >= ZERO && byte <= NINE)) break;
      value = value * 10 + (byte - ZERO);
      at++;
    }
    this.at = at;
    return value;
  }

  private exponent(): number {
    this.at++;
    const sign = this.text[this.at];
    if (sign === PLUS || sign === MINUS) this.at++;
    const start = this.at;
    const digits = this.digits(0);
    if (this.at === start) throw this.error("Missing exponent in number.");
    return sign === MINUS ? -digits : digits;
  }

  private integer(start: number, mantissa: number, negative: boolean): void {
    this.value = negative ? -mantissa : mantissa;
    if (mantissa <= Number.MAX_SAFE_INTEGER) return;
    const literal = this.literalText(start);
    // Twenty digits hold every uint64. A longer literal is a double, whatever its length.
    const exact = literal.length <= 21 ? BigInt(literal) : undefined;
    if (exact !== undefined && exact >= MIN_INT64 && exact <= MAX_UINT64) {
      this.kind = NumberKind.BIG_INTEGER;
      this.big = exact;
      return;
    }
    this.kind = NumberKind.DECIMAL;
    this.value = Number(literal);
    if (!Number.isFinite(this.value)) {
      this.at = start;
      throw this.error("Number too big to be stored in double.");
    }
  }

  /** mantissa × 10^scale, correctly rounded: one exact multiplication where that is enough, else from the text. */
  private decimal(start: number, negative: boolean, mantissa: number, scale: number): number {
    if (mantissa <= Number.MAX_SAFE_INTEGER && scale >= -22 && scale <= 22) {
      const power = exactPowersOfTen[Math.abs(scale)] as number;
      const magnitude = scale < 0 ? mantissa / power : mantissa * power;
      return negative ? -magnitude : magnitude;
    }
    return Number(this.literalText(start));
  }

  /** The text from `start` up to here. All of it is decoded at once when it is first asked for: parts are then views. */
  private literalText(start: number): string {
    this.characters ??= latin1.decode(this.text);
    return this.characters.slice(start, this.at);
  }

  private special(start: number, negative: boolean): void {
    const value = this.matches("NaN")
      ? Number.NaN
      : this.matches("Inf")
        ? Number.POSITIVE_INFINITY
        : undefined;
    if (value === undefined) {
      this.at = start;
      throw this.error("Invalid value.");
    }
    this.at += 3;
    if (value === Number.POSITIVE_INFINITY && this.matches("inity")) this.at += 5;
    this.value = negative ? -value : value;
    this.kind = NumberKind.DECIMAL;
  }

  private literal<T extends JsonValue>(word: string, value: T): T {
    if (!this.matches(word)) throw this.error("Invalid value.");
    this.at += word.length;
    return value;
  }

  private matches(word: string): boolean {
    for (let i = 0; i < word.length; i++) {
      if (this.text[this.at + i] !== word.charCodeAt(i)) return false;
    }
    return true;
  }

  private take(byte: number): boolean {
    if (this.text[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    const { text } = this;
    for (;;) {
      const byte = text[this.at] as number;
      // Mostly there is none.
      if (byte > 0x20) return;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.at++;
    }
  }

  private error(sentence: string): StatusError {
    return invalidArgument(`JSON Parse error: ${sentence} at offset: ${this.at}`);
  }
}
