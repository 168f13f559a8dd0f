/**
 * What a parsed JSON text is here. `JSON.parse` can't serve a tensor API: it loses int64 beyond 2^53, knows no NaN
 * and Infinity, and forgets whether a number was written 1 or 1.0, which decides between int64 and float features
 * of a tf.Example. It also makes one object per element, where millions of numbers are the normal case.
 *
 * So numbers that stand together in an array lie packed in one pool of the document (`NumberRun`), and strings stay
 * slices of the request's bytes until someone asks for text. Nothing here knows tensors; see tensor-json.ts.
 */

/** How a number was written. A big integer is one outside ±(2^53 - 1); its exact value is in the pool's `big`. */
export const NumberKind = { INTEGER: 0, DECIMAL: 1, BIG_INTEGER: 2 } as const;
export type NumberKind = (typeof NumberKind)[keyof typeof NumberKind];

/** All numbers of a document, in the order of the text. */
export class NumberPool {
  values: Float64Array;
  kinds: Uint8Array;
  /** Exact values of big integers, by index. */
  readonly big = new Map<number, bigint>();
  size = 0;

  /** @param capacity numbers that it holds before it grows */
  constructor(capacity: number) {
    this.values = new Float64Array(capacity);
    this.kinds = new Uint8Array(capacity);
  }

  push(value: number, kind: NumberKind): void {
    if (this.size === this.values.length) this.#grow();
    this.values[this.size] = value;
    this.kinds[this.size] = kind;
    this.size++;
  }

  pushBig(value: bigint): void {
    this.big.set(this.size, value);
    this.push(Number(value), NumberKind.BIG_INTEGER);
  }

  at(index: number): JsonNumber {
    const kind = this.kinds[index] as NumberKind;
    return new JsonNumber(this.values[index] as number, kind, this.big.get(index));
  }

  #grow(): void {
    const values = new Float64Array(this.values.length * 2);
    values.set(this.values);
    const kinds = new Uint8Array(values.length);
    kinds.set(this.kinds);
    this.values = values;
    this.kinds = kinds;
  }
}

/** A number that stands alone: the value of a member, or in an array with other things than numbers. */
export class JsonNumber {
  constructor(
    /** Nearest double. */
    readonly value: number,
    readonly kind: NumberKind,
    private readonly big: bigint | undefined,
  ) {}

  get isInteger(): boolean {
    return this.kind !== NumberKind.DECIMAL;
  }

  /** The exact integer. Only for integers. */
  get integer(): bigint {
    return this.big ?? BigInt(this.value);
  }
}

/** An array that holds numbers only: entries `start` to `end` of the document's pool. */
export class NumberRun {
  constructor(
    readonly pool: NumberPool,
    readonly start: number,
    readonly end: number,
  ) {}

  get length(): number {
    return this.end - this.start;
  }
}

/** A string as it lies in the text, between the quotes. */
export class JsonString {
  constructor(
    private readonly source: Uint8Array,
    private readonly start: number,
    private readonly end: number,
    private readonly hasEscapes: boolean,
  ) {}

  /** Its UTF-8 bytes: a view on the text where it has no escapes. Malformed UTF-8 comes out as it went in. */
  bytes(): Uint8Array {
    const raw = this.source.subarray(this.start, this.end);
    return this.hasEscapes ? withoutEscapes(raw) : raw;
  }

  text(): string {
    return decoder.decode(this.bytes());
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Members in the order of the text; of two members with one name the first counts. */
export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonArray = readonly JsonValue[];
export type JsonValue = null | boolean | JsonNumber | JsonString | NumberRun | JsonArray | JsonObject;

export function isArray(value: JsonValue): value is JsonArray | NumberRun {
  return Array.isArray(value) || value instanceof NumberRun;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

/** Entry `index` of an array of either kind. */
export function entryAt(array: JsonArray | NumberRun, index: number): JsonValue {
  return array instanceof NumberRun
    ? array.pool.at(array.start + index)
    : ((array as JsonArray)[index] ?? null);
}

/** "Object", "Array", "String" …: the names TensorFlow Serving's messages use. */
export function typeName(value: JsonValue): string {
  if (value === null) return "Null";
  if (value === true) return "True";
  if (value === false) return "False";
  if (value instanceof JsonNumber) return "Number";
  if (value instanceof JsonString) return "String";
  return isArray(value) ? "Array" : "Object";
}

const BACKSLASH = 0x5c;
const simpleEscapes: Readonly<Record<number, number>> = {
  34: 0x22,
  92: 0x5c,
  47: 0x2f,
  98: 0x08,
  102: 0x0c,
  110: 0x0a,
  114: 0x0d,
  116: 0x09,
};

/** The byte that `\` followed by `code` stands for; undefined for \u and for what is no escape. */
export function simpleEscape(code: number): number | undefined {
  return simpleEscapes[code];
}

/** Resolves escapes that the parser has checked. The result is never longer than the source. */
function withoutEscapes(raw: Uint8Array): Uint8Array {
  const out = new Uint8Array(raw.length);
  let size = 0;
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at] as number;
    if (byte !== BACKSLASH) {
      out[size++] = byte;
      continue;
    }
    const code = raw[++at] as number;
    const simple = simpleEscape(code);
    if (simple !== undefined) {
      out[size++] = simple;
      continue;
    }
    let point = hex4(raw, at + 1);
    at += 4;
    if (point >= 0xd800 && point < 0xdc00) {
      point = 0x10000 + ((point - 0xd800) << 10) + (hex4(raw, at + 3) - 0xdc00);
      at += 6;
    }
    size = putUtf8(out, size, point);
  }
  return out.subarray(0, size);
}

function hex4(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) value = value * 16 + hexDigit(bytes[i] as number);
  return value;
}

/** 0 to 15, or -1 when the byte is no hexadecimal digit. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function putUtf8(out: Uint8Array, at: number, point: number): number {
  if (point < 0x80) {
    out[at++] = point;
  } else if (point < 0x800) {
    out[at++] = 0xc0 | (point >> 6);
    out[at++] = 0x80 | (point & 0x3f);
  } else if (point < 0x10000) {
    out[at++] = 0xe0 | (point >> 12);
    out[at++] = 0x80 | ((point >> 6) & 0x3f);
    out[at++] = 0x80 | (point & 0x3f);
  } else {
    out[at++] = 0xf0 | (point >> 18);
    out[at++] = 0x80 | ((point >> 12) & 0x3f);
    out[at++] = 0x80 | ((point >> 6) & 0x3f);
    out[at++] = 0x80 | (point & 0x3f);
  }
  return at;
}
