/**
 * Reads FlexBuffers (flatbuffers.dev, "FlexBuffers"), FlatBuffers without a schema: options of TensorFlow Lite's
 * custom operators, and signatures in a model's metadata. Values come last, what they refer to before them.
 *
 * Bytes are not trusted: every position is checked, depth and the number of values are bounded.
 */
import { dataLoss } from "../status.js";
import { decodeText } from "../tensor.js";

/** Strings, which may hold any bytes, and blobs come as bytes. */
export type FlexValue =
  | null
  | number
  | boolean
  | Uint8Array
  | readonly FlexValue[]
  | ReadonlyMap<string, FlexValue>;

const MAX_DEPTH = 16;

/** Types of values by number, as far as they matter here; typed vectors name their elements' type. */
const types: Readonly<Record<number, string>> = {
  0: "null",
  1: "int",
  2: "uint",
  3: "float",
  4: "key",
  5: "string",
  6: "indirect int",
  7: "indirect uint",
  8: "indirect float",
  9: "map",
  10: "vector",
  11: "int vector",
  12: "uint vector",
  13: "float vector",
  14: "key vector",
  25: "blob",
  26: "bool",
  36: "bool vector",
};

/**
 * The value that a FlexBuffer holds.
 * DATA_LOSS, naming `what`, for bytes that are none, or whose values are shared or nested without measure.
 *
 * @example
 * assert.equal(readFlexBuffer(Uint8Array.of(5, 8, 1), "options"), 5);
 */
export function readFlexBuffer(bytes: Uint8Array, what: string): FlexValue {
  return new FlexReader(bytes, what).root();
}

class FlexReader {
  private readonly view: DataView;
  private budget: number;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly what: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.budget = 4 * bytes.length + 64;
  }

  /** The last byte says how wide the root is, the one before of what type. */
  root(): FlexValue {
    const end = this.bytes.length;
    if (end < 3) throw this.damaged(0, "no FlexBuffer");
    const width = this.bytes[end - 1] as number;
    return this.value(end - 2 - width, width, this.bytes[end - 2] as number, 0);
  }

  /** @param width bytes of the value itself, or of the offset to it */
  private value(at: number, width: number, packedType: number, depth: number): FlexValue {
    if (--this.budget < 0 || depth > MAX_DEPTH) throw this.damaged(at, "too many values");
    const type = types[packedType >> 2];
    const inner = 1 << (packedType & 3);
    switch (type) {
      case "null":
        return null;
      case "int":
      case "uint":
      case "float":
        return this.number(at, width, type);
      case "bool":
        return this.number(at, width, "uint") !== 0;
      case "indirect int":
      case "indirect uint":
      case "indirect float":
        return this.number(this.target(at, width), inner, type.slice("indirect ".length));
      case "key":
        return this.key(this.target(at, width));
      case "string":
      case "blob":
        return this.blob(this.target(at, width), inner);
      case "map":
        return this.map(this.target(at, width), inner, depth);
      case "vector":
        return this.vector(this.target(at, width), inner, undefined, depth);
      case undefined:
        throw this.damaged(at, `a value of type ${packedType >> 2}, which is not supported`);
      default:
        return this.vector(this.target(at, width), inner, typeNumber(type.split(" ")[0] as string), depth);
    }
  }

  private number(at: number, width: number, type: string): number {
    this.require(at, width);
    const { view } = this;
    switch (`${type} ${width}`) {
      case "int 1":
        return view.getInt8(at);
      case "int 2":
        return view.getInt16(at, true);
      case "int 4":
        return view.getInt32(at, true);
      case "int 8":
        return Number(view.getBigInt64(at, true));
      case "uint 1":
        return view.getUint8(at);
      case "uint 2":
        return view.getUint16(at, true);
      case "uint 4":
        return view.getUint32(at, true);
      case "uint 8":
        return Number(view.getBigUint64(at, true));
      case "float 4":
        return view.getFloat32(at, true);
      case "float 8":
        return view.getFloat64(at, true);
      default:
        throw this.damaged(at, `a number of ${width} bytes`);
    }
  }

  /** Elements of a vector, whose size lies before them; types of untyped ones behind. */
  private vector(at: number, width: number, elementType: number | undefined, depth: number): FlexValue[] {
    const size = this.number(at - width, width, "uint");
    this.require(at, size * width + (elementType === undefined ? size : 0));
    return Array.from({ length: size }, (_, i) => {
      const packed = elementType ?? (this.bytes[at + size * width + i] as number);
      return this.value(at + i * width, width, packed, depth + 1);
    });
  }

  /** A vector of values, with the offset and the width of one of keys before it. */
  private map(at: number, width: number, depth: number): Map<string, FlexValue> {
    const keysWidth = this.number(at - 2 * width, width, "uint");
    const keysAt = this.target(at - 3 * width, width);
    const keys = this.vector(keysAt, keysWidth, typeNumber("key"), depth);
    const values = this.vector(at, width, undefined, depth);
    if (keys.length !== values.length) throw this.damaged(at, "a map with fewer keys than values");
    return new Map(keys.map((key, i) => [decodeText(key as Uint8Array), values[i] as FlexValue]));
  }

  /** Up to a zero. */
  private key(at: number): Uint8Array {
    const end = this.bytes.indexOf(0, at);
    if (at < 0 || end < 0) throw this.damaged(at, "a key without an end");
    this.budget -= (end - at) / 16;
    return this.bytes.subarray(at, end);
  }

  private blob(at: number, width: number): Uint8Array {
    const size = this.number(at - width, width, "uint");
    this.require(at, size);
    return this.bytes.subarray(at, at + size);
  }

  private target(at: number, width: number): number {
    return at - this.number(at, width, "uint");
  }

  private require(at: number, length: number): void {
    if (at < 0 || at + length > this.bytes.length) throw this.damaged(at, `${length} bytes are not there`);
  }

  private damaged(at: number, problem: string): Error {
    return dataLoss(`${this.what}, byte ${at}: ${problem}`);
  }
}

/** The packed type of a type by name; vectors' elements say nothing of widths of their own. */
function typeNumber(name: string): number {
  return 4 * Number(Object.keys(types).find((number) => types[Number(number)] === name));
}
