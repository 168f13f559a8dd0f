/**
 * Nested JavaScript arrays to and from tensors: what a caller writes by hand, and what is pleasant to read back.
 *
 * One element is a number, bigint, boolean, string, byte array or complex number. A dtype decides what an element may
 * be; a value outside the dtype's range is an error and never wrapped. Without a dtype the first element decides:
 * number → float32 (as TensorFlow does for Python floats), bigint → int64, boolean → bool, string and Uint8Array →
 * string, complex → complex64.
 */
import {
  allocate,
  type DType,
  type DTypeArrays,
  decodeText,
  dtypeInfo,
  elementCount,
  encodeText,
  fromFloat32,
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

export interface Complex {
  readonly re: number;
  readonly im: number;
}

/** One element, of any dtype. */
export type Element = number | bigint | boolean | string | Uint8Array | Complex;

/** A scalar, or arrays of arrays of elements, all rows of one axis equally long. */
export type Nested<E> = E | readonly Nested<E>[];

/** Like Nested, but the innermost rows may be typed arrays. */
export type NestedInput<E = Element> = E | NumericData | Uint8ClampedArray | readonly NestedInput<E>[];

type WideInteger = "int64" | "uint64";
type ComplexDType = "complex64" | "complex128";

/** What may stand for an element of a dtype in an input. */
export type InputElement<D extends DType> = D extends "string"
  ? string | Uint8Array
  : D extends "bool"
    ? boolean
    : D extends ComplexDType
      ? Complex | number
      : D extends WideInteger
        ? bigint | number
        : number;

/** What `toNested` makes of an element when no option says otherwise. */
export type OutputElement<D extends DType> = D extends "string"
  ? string
  : D extends "bool"
    ? boolean
    : D extends ComplexDType
      ? Complex
      : D extends WideInteger
        ? bigint
        : number;

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
  const read = elementReader(tensor as Tensor, options);
  const strides = stridesOf(shape);
  const build = (axis: number, offset: number): Nested<Element> => {
    if (axis === shape.length) return read(offset);
    const stride = strides[axis] as number;
    return Array.from({ length: shape[axis] as number }, (_, i) => build(axis + 1, offset + i * stride));
  };
  return build(0, 0);
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

/** Whether a value is an array of numbers or bigints (and no DataView). */
export function isTypedArray(value: unknown): value is NumericData | Uint8ClampedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
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

/** Takes the elements of one tensor. */
interface ElementWriter {
  /** Whether a Uint8Array is one element, not a row of numbers. */
  readonly bytesAreElements: boolean;
  /** Stores an element, or says what is wrong with it. */
  put(element: Element, index: number): string | undefined;
  /** The memory of the tensor. */
  finish(): DTypeArrays[DType];
}

function elementWriter(dtype: DType, count: number): ElementWriter {
  if (isSmallFloat(dtype)) {
    const wide = allocate("float32", count);
    return { ...floatWriter(dtype, wide), finish: () => fromFloat32(dtype, wide) };
  }
  switch (dtype) {
    case "string":
      return stringWriter(allocate(dtype, count));
    case "bool":
      return boolWriter(allocate(dtype, count));
    case "float32":
    case "float64":
      return floatWriter(dtype, allocate(dtype, count));
    case "complex64":
    case "complex128":
      return complexWriter(dtype, allocate(dtype, count));
    default:
      return integerWriter(dtype, allocate(dtype, count));
  }
}

const expected = (what: string, dtype: DType, got: unknown) =>
  `must be ${what} for dtype ${dtype}, got ${describe(got)}`;

function stringWriter(data: Uint8Array[]): ElementWriter {
  return {
    bytesAreElements: true,
    put(element, index) {
      if (typeof element === "string") data[index] = encodeText(element);
      else if (element instanceof Uint8Array) data[index] = element;
      else return expected("a string or a Uint8Array", "string", element);
      return undefined;
    },
    finish: () => data,
  };
}

function boolWriter(data: Uint8Array): ElementWriter {
  return {
    bytesAreElements: false,
    put(element, index) {
      if (typeof element !== "boolean") return expected("true or false", "bool", element);
      data[index] = element ? 1 : 0;
      return undefined;
    },
    finish: () => data,
  };
}

function floatWriter(dtype: DType, data: Float32Array | Float64Array): ElementWriter {
  return {
    bytesAreElements: false,
    put(element, index) {
      if (typeof element !== "number") return expected("a number", dtype, element);
      data[index] = element;
      return undefined;
    },
    finish: () => data,
  };
}

function complexWriter(dtype: ComplexDType, data: Float32Array | Float64Array): ElementWriter {
  return {
    bytesAreElements: false,
    put(element, index) {
      const value = typeof element === "number" ? { re: element, im: 0 } : element;
      if (!isComplex(value)) return expected("a number or { re, im }", dtype, element);
      data[2 * index] = value.re;
      data[2 * index + 1] = value.im;
      return undefined;
    },
    finish: () => data,
  };
}

function integerWriter(dtype: Exclude<DType, "string">, data: NumericData): ElementWriter {
  const [least, most] = integerRange(dtype);
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  return {
    bytesAreElements: false,
    put(element, index) {
      if (typeof element !== "number" && typeof element !== "bigint") {
        return expected("an integer", dtype, element);
      }
      if (typeof element === "number" && !Number.isInteger(element)) {
        return `must be an integer for dtype ${dtype}, got a number that is not whole`;
      }
      if (element < least || element > most) return `is outside the range of ${dtype}, ${least} to ${most}`;
      if (wide) data[index] = BigInt(element);
      else data[index] = Number(element);
      return undefined;
    },
    finish: () => data,
  };
}

/** The least and greatest integer of a dtype. */
function integerRange(dtype: DType): readonly [bigint, bigint] {
  const { bits, kind } = dtypeInfo(dtype);
  const signed = kind === "int" || dtype.startsWith("qint");
  return signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n];
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

function isComplex(value: unknown): value is Complex {
  if (typeof value !== "object" || value === null) return false;
  const { re, im } = value as Partial<Complex>;
  return typeof re === "number" && typeof im === "number";
}

/** What a value is, never what it holds: errors must not carry tensor contents. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (isTypedArray(value)) return `a ${value.constructor.name}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
