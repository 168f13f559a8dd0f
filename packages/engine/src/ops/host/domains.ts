/**
 * What an element of each dtype is to a kernel, and arrays of such elements.
 *
 * - real: a JavaScript number. Floats of 16 bits and fewer are computed in float32 and rounded when stored, as Eigen
 *   does; integers up to 32 bits wrap when stored in the dtype's own array.
 * - big: a bigint, for int64 and uint64, which wrap when stored likewise.
 * - complex: a [real, imaginary] pair.
 * - string: a byte array.
 *
 * `elementsOf` and `tensorOf` go from tensors to such arrays and back; where a dtype's array holds its elements as
 * they are, neither copies.
 */
import {
  allocate,
  type DType,
  dtypeInfo,
  fromFloat32,
  internal,
  isSmallFloat,
  type NumericData,
  type Shape,
  type Tensor,
  type TensorData,
  toFloat32,
} from "@servable/formats";
import { countOf, countOfObjects } from "./kernel.js";

export type Complex = readonly [re: number, im: number];
export type Domain = "real" | "big" | "complex" | "string";

/** A writable array of any kind: typed or not. */
export interface Elements<E> {
  readonly length: number;
  [index: number]: E;
}

/** Typed arrays whose entries are numbers. */
export type Reals = Exclude<NumericData, BigInt64Array | BigUint64Array>;

export function domainOf(dtype: DType): Domain {
  if (dtype === "int64" || dtype === "uint64") return "big";
  if (dtype === "string") return "string";
  return dtypeInfo(dtype).lanes === 2 ? "complex" : "real";
}

/** Whether the dtype's numbers have fractions. */
export function isFloat(dtype: DType): boolean {
  return dtypeInfo(dtype).kind === "float";
}

/** The elements of a real tensor. INTERNAL for other domains. */
export function realsOf({ dtype, data }: Tensor): Reals {
  if (isSmallFloat(dtype)) return toFloat32(dtype, data as Uint16Array | Uint8Array);
  if (domainOf(dtype) !== "real") throw internal(`expected real numbers, got ${dtype}`);
  return data as Reals;
}

export function complexesOf({ dtype, data }: Tensor): Complex[] {
  if (domainOf(dtype) !== "complex") throw internal(`expected complex numbers, got ${dtype}`);
  const lanes = data as Float32Array | Float64Array;
  return Array.from({ length: lanes.length / 2 }, (_, i) => [
    lanes[2 * i] as number,
    lanes[2 * i + 1] as number,
  ]);
}

export function stringsOf({ dtype, data }: Tensor): Uint8Array[] {
  if (dtype !== "string") throw internal(`expected strings, got ${dtype}`);
  return data;
}

/** The elements of a tensor, whatever its domain; the caller knows from the dtype what E is. */
export function elementsOf<E>(tensor: Tensor): Elements<E> {
  const domain = domainOf(tensor.dtype);
  const elements =
    domain === "complex" ? complexesOf(tensor) : domain === "real" ? realsOf(tensor) : tensor.data;
  return elements as unknown as Elements<E>;
}

/** Zeroed memory for real numbers of a dtype; float32 for the floats it holds as bits. */
export function newReals(dtype: DType, shape: Shape): Reals {
  return allocate(isSmallFloat(dtype) ? "float32" : dtype, countOf(shape)) as Reals;
}

const ZERO: Complex = [0, 0];

/** Memory for the elements of a dtype, zeroed (empty strings). */
export function newElements<E>(dtype: DType, shape: Shape): Elements<E> {
  const domain = domainOf(dtype);
  if (domain === "real") return newReals(dtype, shape) as unknown as Elements<E>;
  const count = domain === "big" ? countOf(shape) : countOfObjects(shape);
  const elements = domain === "complex" ? new Array<Complex>(count).fill(ZERO) : allocate(dtype, count);
  return elements as unknown as Elements<E>;
}

/** A tensor of elements as `newElements` or `elementsOf` gives them. */
export function tensorOf(dtype: DType, shape: Shape, elements: Elements<unknown>): Tensor {
  return { dtype, shape, data: dataOf(dtype, elements) } as Tensor;
}

function dataOf(dtype: DType, elements: Elements<unknown>): TensorData {
  if (isSmallFloat(dtype)) return fromFloat32(dtype, elements as Elements<number>);
  if (domainOf(dtype) !== "complex") return elements as unknown as TensorData;
  const lanes = allocate(dtype, elements.length) as Float32Array | Float64Array;
  for (let i = 0; i < elements.length; i++) {
    const [re, im] = elements[i] as Complex;
    lanes[2 * i] = re;
    lanes[2 * i + 1] = im;
  }
  return lanes;
}

/** A tensor of numbers (whole ones, for int64), rounded and wrapped to the dtype. */
export function tensorOfNumbers(dtype: DType, shape: Shape, numbers: ArrayLike<number>): Tensor {
  const elements = newElements<unknown>(dtype, shape);
  const domain = domainOf(dtype);
  for (let i = 0; i < elements.length; i++) {
    const number = numbers[i] as number;
    elements[i] = domain === "big" ? BigInt(number) : domain === "complex" ? [number, 0] : number;
  }
  return tensorOf(dtype, shape, elements);
}

/** A tensor of real numbers, rounded or wrapped to the dtype once. */
export function realTensor(dtype: DType, shape: Shape, values: ArrayLike<number>): Tensor {
  const out = newReals(dtype, shape);
  for (let i = 0; i < out.length; i++) out[i] = values[i] as number;
  return tensorOf(dtype, shape, out);
}

/** An int32 or int64 vector, as shapes are given. */
export function integerVector(dtype: DType, values: readonly number[]): Tensor {
  return tensorOfNumbers(dtype, [values.length], values);
}

const single = new Float32Array(1);

/** Rounds a number to what a float dtype holds: where TensorFlow rounds in the middle of a formula. */
export function roundingOf(dtype: DType): (value: number) => number {
  if (dtype === "float32") return Math.fround;
  if (!isSmallFloat(dtype)) return (value) => value;
  return (value) => {
    single[0] = value;
    return toFloat32(dtype, fromFloat32(dtype, single))[0] as number;
  };
}
