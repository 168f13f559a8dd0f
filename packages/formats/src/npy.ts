/**
 * NumPy's NPY files: one array with its dtype and shape (numpy/lib/format.py; versions 1.0, 2.0 and 3.0).
 *
 *     \x93NUMPY  major minor  length of the header  "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"  data
 *
 * Strings are NumPy's fixed-width ones: `S` (bytes, filled up with zeros) and `U` (UTF-32). Arrays of Python objects
 * are pickles, which are programs, and are refused. TensorFlow's types that NumPy lacks are written as float32 where
 * that holds all their values, and as the integers they are stored in otherwise.
 */
import { type DType, dtypeInfo } from "./dtype.js";
import { isSmallFloat, toFloat32 } from "./float16.js";
import { elementCount, type Shape, shapeText } from "./shape.js";
import { dataLoss, invalidArgument, resourceExhausted, StatusError, unimplemented } from "./status.js";
import { bytesOf, dataFromBytes, decodeText, encodeText, type NumericTensor, type Tensor } from "./tensor.js";

const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
/** The data begins at a multiple of this, so that it can be mapped. */
const ALIGNMENT = 64;
/** More than the longest description of a plain array: a longer one has fields, or is hostile. */
const MAX_HEADER_BYTES = 10_000;
/** Empty strings take no bytes in the file and some in memory: so many without any, at most. */
const MAX_EMPTY_STRINGS = 2 ** 20;

/**
 * Whether bytes begin as an NPY file does.
 *
 * @example
 * assert.equal(isNpy(writeNpy(zeros("float32", [2]) as Tensor)), true);
 */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * The array of an NPY file. Numbers are a view on the bytes where alignment and byte order allow.
 *
 * @param what names the bytes in errors
 * @throws DATA_LOSS for bytes that are no whole NPY file; RESOURCE_EXHAUSTED for a billion empty strings; UNIMPLEMENTED for Python objects, fields, times and what
 *   else is no tensor; INVALID_ARGUMENT for text that is not Unicode
 *
 * @example
 * const array = tensor("int32", [2], Int32Array.of(1, 2));
 * assert.deepEqual(readNpy(writeNpy(array), "array.npy"), array);
 */
export function readNpy(bytes: Uint8Array, what: string): Tensor {
  const { text, end } = readHeader(bytes, what);
  const { descr, isFortran, shape } = parseHeader(text, what);
  const type = elementTypeOf(descr, what);
  const count = countOf(shape, what);
  const needed = count * type.size;
  if (bytes.length - end !== needed) {
    throw dataLoss(
      `${what}: an array of ${descr} and shape ${shapeText(shape)} has ${needed} bytes, got ${bytes.length - end}`,
    );
  }
  if (type.size === 0 && count > MAX_EMPTY_STRINGS) {
    throw resourceExhausted(`${what}: ${count} empty strings, more than ${MAX_EMPTY_STRINGS}`);
  }
  const content = bytes.subarray(end);
  const ordered = isFortran && shape.length > 1 ? toRowMajor(content, shape, type.size) : content;
  return type.read(ordered, shape, count, what);
}

/**
 * The bytes of an NPY file of version 1.0.
 *
 * @example
 * fs.writeFileSync("array.npy", writeNpy(tensor("float64", [1], Float64Array.of(0.5))));
 * assert.ok(fs.statSync("array.npy").size > 64);
 */
export function writeNpy(tensor: Tensor): Uint8Array {
  const { descr, content } = encode(tensor);
  const { shape } = tensor;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const fixed = MAGIC.length + 4;
  const length = Math.ceil((fixed + header.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(length + content.length);
  bytes.set(MAGIC);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, length - fixed, true);
  bytes.set(encodeText(`${header.padEnd(length - fixed - 1)}\n`), fixed);
  bytes.set(content, length);
  return bytes;
}

// ---- header --------------------------------------------------------------------------------------------------

function readHeader(bytes: Uint8Array, what: string): { text: string; end: number } {
  if (!isNpy(bytes)) throw dataLoss(`${what} is no NPY file: it does not begin with \\x93NUMPY`);
  const major = bytes[6] ?? 0;
  if (major < 1 || major > 3) throw unimplemented(`${what}: version ${major} of the NPY format is not known`);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw dataLoss(`${what}: the NPY file ends in its header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) throw unimplemented(`${what}: the NPY header has ${length} bytes`);
  const end = start + length;
  if (bytes.length < end) throw dataLoss(`${what}: the NPY file ends in its header`);
  return { text: decodeText(bytes.subarray(start, end)), end };
}

interface Header {
  readonly descr: string;
  readonly isFortran: boolean;
  readonly shape: Shape;
}

/** The header is a Python dictionary with just these three keys, in any order. */
function parseHeader(text: string, what: string): Header {
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const sizes = /'shape':\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (/'descr':\s*\[/.test(text)) throw unimplemented(`${what}: arrays with named fields are no tensors`);
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw dataLoss(`${what}: an NPY header without descr, fortran_order or shape`);
  }
  return { descr, isFortran: order === "True", shape: (sizes.match(/\d+/g) ?? []).map(Number) };
}

function countOf(shape: Shape, what: string): number {
  try {
    return elementCount(shape);
  } catch (reason) {
    throw dataLoss(`${what}: ${StatusError.from(reason).message}`, { cause: reason });
  }
}

// ---- elements ------------------------------------------------------------------------------------------------

interface ElementType {
  /** Bytes per element. */
  readonly size: number;
  readonly read: (bytes: Uint8Array, shape: Shape, count: number, what: string) => Tensor;
}

/** NumPy's kinds and sizes that are TensorFlow's: '<f4' is kind f, 4 bytes. */
const numberTypes: Readonly<Record<string, Exclude<DType, "string">>> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
  u8: "uint64",
  b1: "bool",
  c8: "complex64",
  c16: "complex128",
};

function elementTypeOf(descr: string, what: string): ElementType {
  const [, order = "", kind = "", digits = ""] = /^([<>|=]?)([a-zA-Z])(\d*)$/.exec(descr) ?? [];
  const dtype = numberTypes[kind + digits];
  if (dtype !== undefined) return numbers(dtype, order === ">");
  if (kind === "S" || kind === "a") return byteStrings(Number(digits));
  if (kind === "U") return unicodeStrings(Number(digits), order === ">");
  if (kind === "O") {
    throw unimplemented(
      `${what}: an array of Python objects is a pickle, which is not read; save strings with a dtype such as 'S' or 'U'`,
    );
  }
  throw unimplemented(`${what}: elements of NumPy type '${descr}' are no tensor's`);
}

function numbers(dtype: Exclude<DType, "string">, isBigEndian: boolean): ElementType {
  const { size, lanes } = dtypeInfo(dtype);
  return {
    size,
    read: (bytes, shape) => {
      const little = isBigEndian ? swapped(bytes, size / lanes) : bytes;
      const isTruth = dtype !== "bool" || little.every((byte) => byte <= 1);
      const truth = isTruth ? little : little.map((byte) => (byte === 0 ? 0 : 1));
      return { dtype, shape, data: dataFromBytes(dtype, truth) } as NumericTensor;
    },
  };
}

/** Each unit of `size` bytes backwards. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const result = Uint8Array.from(bytes);
  for (let at = 0; at < result.length; at += size) result.subarray(at, at + size).reverse();
  return result;
}

function byteStrings(width: number): ElementType {
  return {
    size: width,
    read: (bytes, shape, count) => {
      const data = Array.from({ length: count }, (_, i) =>
        withoutTrailingZeros(bytes.subarray(i * width, (i + 1) * width)),
      );
      return { dtype: "string", shape, data };
    },
  };
}

function withoutTrailingZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

/** Characters as 4 bytes each; TensorFlow has them as UTF-8. */
function unicodeStrings(width: number, isBigEndian: boolean): ElementType {
  const size = 4 * width;
  return {
    size,
    read: (bytes, shape, count, what) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const text = (index: number) => {
        const points: number[] = [];
        for (let at = 0; at < size; at += 4) points.push(view.getUint32(index * size + at, !isBigEndian));
        while (points.at(-1) === 0) points.pop();
        return encodeText(textOf(points, what));
      };
      return { dtype: "string", shape, data: Array.from({ length: count }, (_, i) => text(i)) };
    },
  };
}

function textOf(points: readonly number[], what: string): string {
  try {
    return points.map((point) => String.fromCodePoint(point)).join("");
  } catch (reason) {
    throw invalidArgument(`${what}: text with a character that Unicode does not have`, { cause: reason });
  }
}

/** Elements in the order of the last axis first, from those in the order of the first axis first. */
function toRowMajor(bytes: Uint8Array, shape: Shape, size: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  const strides = columnStrides(shape);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < bytes.length; to += size) {
    result.set(bytes.subarray(from * size, (from + 1) * size), to);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const step = strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      from += step;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= step * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}

function columnStrides(shape: Shape): number[] {
  let stride = 1;
  return shape.map((size) => {
    const own = stride;
    stride *= size;
    return own;
  });
}

// ---- writing -------------------------------------------------------------------------------------------------

const kinds: Partial<Record<ReturnType<typeof dtypeInfo>["kind"], string>> = {
  float: "f",
  int: "i",
  uint: "u",
  bool: "b",
  complex: "c",
};

function encode(tensor: Tensor): { descr: string; content: Uint8Array } {
  if (tensor.dtype === "string") return encodeStrings(tensor.data);
  const { dtype, data } = tensor;
  const { kind, size } = dtypeInfo(dtype);
  if (dtype !== "float16" && isSmallFloat(dtype)) {
    return { descr: "<f4", content: bytesOf(toFloat32(dtype, data as Uint16Array)) };
  }
  const letter = kinds[kind] ?? (data instanceof Uint8Array || data instanceof Uint16Array ? "u" : "i");
  return { descr: `${size === 1 ? "|" : "<"}${letter}${size}`, content: bytesOf(data) };
}

/** NumPy can't tell zeros at the end of a string from the filling. */
function encodeStrings(strings: readonly Uint8Array[]): { descr: string; content: Uint8Array } {
  const width = strings.reduce((longest, { length }) => Math.max(longest, length), 1);
  const content = new Uint8Array(elementCount([strings.length, width]));
  strings.forEach((string, i) => {
    content.set(string, i * width);
  });
  return { descr: `|S${width}`, content };
}
