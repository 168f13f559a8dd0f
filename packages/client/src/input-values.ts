/**
 * What a caller may pass for an input of Predict, and how it becomes the tensor that is sent.
 *
 * A tensor is sent as it is. Everything else takes the dtype that the model's signature declares for the input; where
 * the signature is not known, the dtype follows from the value itself (see nested-array.ts).
 */
import {
  type DType,
  type DTypeArrays,
  dtypeInfo,
  elementCount,
  fromFloat32,
  invalidArgument,
  isSmallFloat,
  type NumericData,
  type Shape,
  type Signature,
  shapeText,
  type Tensor,
  type TensorOf,
} from "@servable/formats";
import { type Element, type InputElement, isTypedArray } from "./element.js";
import { dtypeOfArray, fromNested, type NestedInput } from "./nested-array.js";

/**
 * Elements in row-major order, and their shape. An array of the dtype's own class is sent as it is: Uint16Array holds
 * the bits of a float16, Uint8Array a bool. Any other class is converted element by element.
 */
export interface ShapedData {
  readonly shape: Shape;
  readonly data: NumericData | Uint8ClampedArray | readonly Element[];
}

/** One input: a tensor, elements with a shape, or nested arrays. A bare typed array has the shape [length]. */
export type InputValue<E = Element> = Tensor | ShapedData | NestedInput<E>;

/** What may be passed for an input of one dtype. */
export type InputOf<D extends DType> =
  | TensorOf<D>
  | { readonly shape: Shape; readonly data: DTypeArrays[D] | readonly InputElement<D>[] }
  | NestedInput<InputElement<D>>;

/** The inputs of a request by name. */
export type Inputs = Readonly<Record<string, InputValue>> | ReadonlyMap<string, InputValue>;

/** The name and value of each input. */
export function inputEntries(inputs: Inputs): readonly (readonly [string, InputValue])[] {
  return inputs instanceof Map ? [...inputs] : Object.entries(inputs);
}

/** Whether every input states its own dtype, so that no signature has to be asked for. */
export function areTensors(inputs: Inputs): boolean {
  return inputEntries(inputs).every(([, value]) => isTensor(value));
}

/**
 * The tensors to send.
 *
 * @param signature declares the dtypes; undefined to go by the values alone. An input that it does not know is sent
 *   all the same: refusing it is the server's to do.
 * @throws INVALID_ARGUMENT naming every input whose value can't become a tensor of its dtype
 */
export function tensorsOf(inputs: Inputs, signature: Signature | undefined): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const problems: string[] = [];
  for (const [name, value] of inputEntries(inputs)) {
    try {
      tensors.set(name, tensorOf(value, signature?.inputs.get(name)?.dtype, `input "${name}"`));
    } catch (reason) {
      problems.push((reason as Error).message);
    }
  }
  if (problems.length > 0) throw invalidArgument(problems.join("; "));
  return tensors;
}

function tensorOf(value: InputValue, dtype: DType | undefined, where: string): Tensor {
  if (isTensor(value)) return checkedTensor(value, where);
  if (isShapedData(value)) return fromShapedData(value, dtype, where);
  // Bytes are one string unless the model wants numbers; other typed arrays are vectors.
  const bytes = value instanceof Uint8Array && (dtype === undefined || dtype === "string");
  if (isTypedArray(value) && !bytes) return fromVector(value, dtype, where);
  return fromNested(value as NestedInput, dtype, where);
}

function isShapedData(value: InputValue): value is ShapedData {
  return typeof value === "object" && value !== null && "shape" in value && "data" in value;
}

function isTensor(value: InputValue): value is Tensor {
  return isShapedData(value) && "dtype" in value;
}

function checkedTensor(tensor: Tensor, where: string): Tensor {
  requireEntries(tensor.dtype, tensor.shape, tensor.data.length, where);
  return tensor;
}

function fromVector(data: NumericData | Uint8ClampedArray, dtype: DType | undefined, where: string): Tensor {
  const lanes = dtype !== undefined && hasClassOf(data, dtype) ? dtypeInfo(dtype).lanes : 1;
  return fromShapedData({ shape: [data.length / lanes], data }, dtype, where);
}

function fromShapedData({ shape, data }: ShapedData, dtype: DType | undefined, where: string): Tensor {
  if (isTypedArray(data)) {
    const target = dtype ?? dtypeOfArray(data);
    const own = memoryOf(data, target);
    if (own !== undefined) {
      requireEntries(target, shape, own.length, where);
      return { dtype: target, shape, data: own } as Tensor;
    }
  }
  const flat = fromNested(data as NestedInput, dtype, where);
  requireEntries(flat.dtype, shape, flat.data.length, where);
  return { ...flat, shape };
}

/** The array as memory of a dtype, if it can be had without looking at single elements. */
function memoryOf(data: NumericData | Uint8ClampedArray, dtype: DType): NumericData | undefined {
  if (data instanceof Uint8ClampedArray) {
    return memoryOf(new Uint8Array(data.buffer, data.byteOffset, data.length), dtype);
  }
  if (hasClassOf(data, dtype)) return data;
  if (isSmallFloat(dtype) && data instanceof Float32Array) return fromFloat32(dtype, data);
  return undefined;
}

/** Types of fewer than 8 bits are left out: not every entry of their arrays is a value of theirs. */
function hasClassOf(data: NumericData | Uint8ClampedArray, dtype: DType): boolean {
  const { array, bits } = dtypeInfo(dtype);
  return array !== undefined && bits >= 8 && data instanceof array;
}

function requireEntries(dtype: DType, shape: Shape, entries: number, where: string): void {
  const wanted = elementCount(shape) * dtypeInfo(dtype).lanes;
  if (entries !== wanted) {
    throw invalidArgument(
      `${where}: ${dtype} data of shape ${shapeText(shape)} needs ${wanted} entries, got ${entries}`,
    );
  }
}
