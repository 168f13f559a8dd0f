/**
 * The tensor: dtype, shape, row-major data. A plain object, so that it crosses a worker boundary by structured
 * clone or transfer without being taken apart. Data may be a view on a larger buffer (a request, a mapped file);
 * whoever writes to it must own it.
 */
import { type DType, type DTypeArrays, dtypeInfo, type NumericData } from "./dtype.js";
import { elementCount, type Shape, shapeText } from "./shape.js";
import { internal, invalidArgument } from "./status.js";

export interface TensorOf<D extends DType> {
  readonly dtype: D;
  readonly shape: Shape;
  /** elementCount(shape) × lanes entries, row-major. */
  readonly data: DTypeArrays[D];
}

/** A tensor of any dtype; comparing `dtype` narrows the type of `data`. */
export type Tensor = { [D in DType]: TensorOf<D> }[DType];
export type StringTensor = TensorOf<"string">;
export type NumericTensor = Exclude<Tensor, StringTensor>;

/**
 * A tensor over existing memory. INTERNAL when the data's length does not fit the shape.
 *
 * @example
 * const x = tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4));
 * assert.equal(x.data[3], 4);
 */
export function tensor<D extends DType>(dtype: D, shape: Shape, data: DTypeArrays[D]): TensorOf<D> {
  const expected = elementCount(shape) * dtypeInfo(dtype).lanes;
  if (data.length !== expected) {
    throw internal(
      `${dtype} tensor of shape ${shapeText(shape)} needs ${expected} entries, got ${data.length}`,
    );
  }
  return { dtype, shape, data };
}

/**
 * Zeroed memory for `count` elements (empty strings for string).
 *
 * @example
 * assert.deepEqual(allocate("int32", 2), Int32Array.of(0, 0));
 */
export function allocate<D extends DType>(dtype: D, count: number): DTypeArrays[D] {
  const info = dtypeInfo(dtype);
  if (info.array === undefined) return new Array<Uint8Array>(count).fill(EMPTY) as DTypeArrays[D];
  return new info.array(new ArrayBuffer(count * info.size)) as DTypeArrays[D];
}

const EMPTY = new Uint8Array(0);

/**
 * A zeroed tensor (empty strings for string).
 *
 * @example
 * assert.deepEqual(zeros("float32", [2]).data, Float32Array.of(0, 0));
 */
export function zeros<D extends DType>(dtype: D, shape: Shape): TensorOf<D> {
  return { dtype, shape, data: allocate(dtype, elementCount(shape)) };
}

/**
 * A typed array over little-endian bytes: a view where the alignment allows, otherwise a copy. Types of 2 and 4
 * bits are one a byte, as in TensorFlow's memory, where the upper bits mean nothing; here they are put in order.
 * INVALID_ARGUMENT when the length is no multiple of the element size.
 *
 * @example
 * assert.deepEqual(dataFromBytes("int16", Uint8Array.of(1, 0, 2, 0)), Int16Array.of(1, 2));
 */
export function dataFromBytes(dtype: Exclude<DType, "string">, bytes: Uint8Array): NumericData {
  const { array, size, bits, lanes } = dtypeInfo(dtype);
  if (array === undefined) throw internal("strings have no fixed-size bytes");
  if (bytes.byteLength % size !== 0) {
    throw invalidArgument(
      `${bytes.byteLength} bytes are no whole number of ${dtype} elements of ${size} bytes`,
    );
  }
  // Not bytes.slice(): a Buffer's slice is a view.
  const aligned = bytes.byteOffset % (size / lanes) === 0 ? bytes : Uint8Array.from(bytes);
  const data = new array(aligned.buffer, aligned.byteOffset, (bytes.byteLength / size) * lanes);
  return bits < 8 ? withoutUpperBits(data as Int8Array | Uint8Array, bits) : data;
}

/** The low `bits` of each entry, sign-extended in an Int8Array: the same array when nothing has to change. */
function withoutUpperBits(data: Int8Array | Uint8Array, bits: number): Int8Array | Uint8Array {
  const unused = 32 - bits;
  const clean =
    data instanceof Int8Array
      ? (entry: number) => (entry << unused) >> unused
      : (entry: number) => (entry << unused) >>> unused;
  return data.every((entry) => clean(entry) === entry) ? data : data.map(clean);
}

/**
 * The memory of numeric data as bytes, without a copy.
 *
 * @example
 * assert.deepEqual(bytesOf(Int16Array.of(1, 2)), Uint8Array.of(1, 0, 2, 0));
 */
export function bytesOf(data: NumericData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * UTF-8 bytes of a string.
 *
 * @example
 * assert.deepEqual(encodeText("é"), Uint8Array.of(0xc3, 0xa9));
 */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * The string of UTF-8 bytes; malformed sequences become U+FFFD.
 *
 * @example
 * assert.equal(decodeText(Uint8Array.of(0xc3, 0xa9)), "é");
 */
export function decodeText(bytes: Uint8Array): string {
  return shortAscii(bytes) ?? decoder.decode(bytes);
}

/** Names are short, mostly, and calling the platform's decoder costs more than looking at them. */
const MAX_SHORT_BYTES = 32;

function shortAscii(bytes: Uint8Array): string | undefined {
  if (bytes.length > MAX_SHORT_BYTES) return undefined;
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) >= 0x80) return undefined;
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/**
 * A string tensor of JavaScript strings, encoded as UTF-8.
 *
 * @example
 * assert.deepEqual(stringTensor([2], ["a", Uint8Array.of(0xff)]).data[1], Uint8Array.of(0xff));
 */
export function stringTensor(shape: Shape, values: readonly (string | Uint8Array)[]): StringTensor {
  return tensor(
    "string",
    shape,
    values.map((value) => (typeof value === "string" ? encodeText(value) : value)),
  );
}
