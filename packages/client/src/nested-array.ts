/**
 * Nested JavaScript arrays to and from tensors: what a caller writes by hand, and what is pleasant to read back.
 *
 * One element is a number, bigint, boolean, string, byte array or complex number. A dtype decides what an element may
 * be; a value outside the dtype's range is an error and never wrapped. Without a dtype the first element decides:
 * number → float32 (as TensorFlow does for Python floats), bigint → int64, boolean → bool, string and Uint8Array →
 * string, complex → complex64.
 */
import {
  type DType,
  decodeText,
  elementCount,
  invalidArgument,
  isSmallFloat,
  type NumericData,
  outOfRange,
  type Shape,
  shapeText,
  smallFloatsOf,
  stridesOf,
  type Tensor,
  type TensorOf,
} from "@servable/formats";
import { describe, type Element, isComplex, isTypedArray, type OutputElement } from "./element.js";
import { type ElementWriter, elementWriter } from "./element-writer.js";

/** A scalar, or arrays of arrays of elements, all rows of one axis equally long. */
export type Nested<E> = E | readonly Nested<E>[];

/** Like Nested, but the innermost rows may be typed arrays. */
export type NestedInput<E = Element> = E | NumericData | Uint8ClampedArray | readonly NestedInput<E>[];

/** How `toNested` shows elements that JavaScript has two types for. */
export interface NestedOptions {
  /** 64-bit integers: exact by default; as numbers OUT_OF_RANGE is thrown when one passes 2^53. */
  readonly int64?: "bigint" | "number";
  /** Strings: decoded from UTF-8 by default. */
  readonly string?: "text" | "bytes";
}

/** TensorFlow's own limit (TensorShape::MaxDimensions); it also stops at arrays that contain themselves. */
const MAX_RANK = 254;

/**
 * The tensor of nested arrays.
 *
 * @param dtype of the tensor; without it the first element decides
 * @param where names the value in errors, such as `input "x"`
 * @throws INVALID_ARGUMENT when rows differ in length or an element is none of the dtype, naming its position
 */
export function fromNested(value: NestedInput, dtype?: DType, where = "value"): Tensor {
  const bytesAreElements = dtype === undefined || dtype === "string";
  const { shape, first } = outline(value, bytesAreElements, where);
  const resolved = dtype ?? inferDtype(first, where);
  const writer = elementWriter(resolved, elementCount(shape));
  fill(value, { shape, strides: stridesOf(shape), writer, where, path: [] }, 0, 0);
  return { dtype: resolved, shape, data: writer.finish() } as Tensor;
}

/** Nested arrays with a tensor's values; an element itself for a scalar. */
export function toNested<D extends DType>(tensor: TensorOf<D>): Nested<OutputElement<D>>;
export function toNested(tensor: Tensor, options: NestedOptions): Nested<Element>;
export function toNested(tensor: TensorOf<DType>, options: NestedOptions = {}): Nested<Element> {
  const { shape } = tensor;
  requireRows(shape);
  const read = elementReader(tensor as Tensor, options);
  const strides = stridesOf(shape);
  const build = (axis: number, offset: number): Nested<Element> => {
    if (axis === shape.length) return read(offset);
    const stride = strides[axis] as number;
    const row = new Array<Nested<Element>>(shape[axis] as number);
    for (let i = 0; i < row.length; i++) row[i] = build(axis + 1, offset + i * stride);
    return row;
  };
  return build(0, 0);
}

/** More arrays than this, all of them empty, would be made of next to no data. */
const MAX_EMPTY_ROWS = 2 ** 24;

/** OUT_OF_RANGE for a shape without elements that yet asks for millions of rows, such as [1000000000,0]. */
function requireRows(shape: Shape): void {
  const empty = shape.indexOf(0);
  const rows = shape.slice(0, Math.max(empty, 0)).reduce((product, size) => product * size, 1);
  if (rows > MAX_EMPTY_ROWS) throw outOfRange(`Shape ${shapeText(shape)} has too many empty rows for arrays`);
}

/** The dtype whose memory a typed array is; of several, the plain integer. */
export function dtypeOfArray(data: NumericData | Uint8ClampedArray): Exclude<DType, "string"> {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Uint32Array) return "uint32";
  if (data instanceof Int16Array) return "int16";
  if (data instanceof Uint16Array) return "uint16";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof BigUint64Array) return "uint64";
  return "uint8";
}

type Row = readonly NestedInput[] | ArrayLike<number | bigint>;

/** The value as a row of further values; undefined when it is an element. */
function rowOf(value: NestedInput, bytesAreElements: boolean): Row | undefined {
  if (Array.isArray(value)) return value;
  if (!isTypedArray(value) || (bytesAreElements && value instanceof Uint8Array)) return undefined;
  return value;
}

/** The shape along the first elements, and the first element itself; `fill` finds out whether the others agree. */
function outline(value: NestedInput, bytesAreElements: boolean, where: string) {
  const shape: number[] = [];
  let first: NestedInput | undefined = value;
  while (first !== undefined) {
    const row = rowOf(first, bytesAreElements);
    if (row === undefined) break;
    if (shape.length === MAX_RANK) throw invalidArgument(`${where} is nested deeper than ${MAX_RANK} arrays`);
    shape.push(row.length);
    // Typed arrays decide by their class, as their first number would not tell float32 from int8.
    if (isTypedArray(first)) return { shape, first };
    first = row[0];
  }
  return { shape, first };
}

function inferDtype(first: NestedInput | undefined, where: string): DType {
  if (first === undefined || typeof first === "number") return "float32";
  if (typeof first === "bigint") return "int64";
  if (typeof first === "boolean") return "bool";
  if (typeof first === "string" || first instanceof Uint8Array) return "string";
  if (isTypedArray(first)) return dtypeOfArray(first);
  if (isComplex(first)) return "complex64";
  throw invalidArgument(`${where} has ${describe(first)} for an element`);
}

interface Filling {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly writer: ElementWriter;
  readonly where: string;
  /** Index along each axis of what is being looked at. */
  readonly path: number[];
}

function fill(value: NestedInput, filling: Filling, axis: number, offset: number): void {
  const { shape, strides, writer, path } = filling;
  if (axis === shape.length) {
    const problem = writer.put(value as Element, offset);
    if (problem !== undefined) throw invalidArgument(`${position(filling, axis)} ${problem}`);
    return;
  }
  const row = rowOf(value, writer.bytesAreElements);
  if (row === undefined || row.length !== shape[axis]) {
    const got = row === undefined ? describe(value) : `${row.length}`;
    throw invalidArgument(
      `${position(filling, axis)} must have ${shape[axis]} entries like those before it ` +
        `(shape ${shapeText(shape)}), got ${got}`,
    );
  }
  const stride = strides[axis] as number;
  for (let i = 0; i < row.length; i++) {
    path[axis] = i;
    fill(row[i] as NestedInput, filling, axis + 1, offset + i * stride);
  }
}

function position({ where, path }: Filling, axis: number): string {
  return `${where}${path
    .slice(0, axis)
    .map((index) => `[${index}]`)
    .join("")}`;
}

function elementReader(tensor: Tensor, options: NestedOptions): (index: number) => Element {
  switch (tensor.dtype) {
    case "string":
      return stringReader(tensor.data, options);
    case "bool":
      return (index) => tensor.data[index] !== 0;
    case "int64":
    case "uint64":
      return wideIntegerReader(tensor.data, options);
    case "complex64":
    case "complex128":
      return (index) => ({
        re: tensor.data[2 * index] as number,
        im: tensor.data[2 * index + 1] as number,
      });
    default: {
      const data = isSmallFloat(tensor.dtype) ? smallFloatsOf(tensor) : tensor.data;
      return (index) => data[index] as number;
    }
  }
}

function stringReader(data: readonly Uint8Array[], options: NestedOptions): (index: number) => Element {
  if (options.string === "bytes") return (index) => data[index] as Uint8Array;
  return (index) => decodeText(data[index] as Uint8Array);
}

function wideIntegerReader(
  data: BigInt64Array | BigUint64Array,
  options: NestedOptions,
): (index: number) => Element {
  if (options.int64 !== "number") return (index) => data[index] as bigint;
  return (index) => {
    const exact = data[index] as bigint;
    const number = Number(exact);
    if (!Number.isSafeInteger(number)) {
      throw outOfRange(`Element ${index} passes 2^53 and is no exact number: ask for bigints`);
    }
    return number;
  };
}
