/**
 * A tensor in the dtype that an input has: NumPy makes float64 and int64 of what nobody said the type of. Rounding to a
 * narrower float is fine; a number that would become another is not.
 */
import {
  allocate,
  type DType,
  dtypeInfo,
  elementCount,
  fromFloat32,
  invalidArgument,
  isSmallFloat,
  type NumericTensor,
  smallFloatsOf,
  type Tensor,
} from "@servable/formats";

/** INVALID_ARGUMENT, naming the first element at fault, when the values don't fit. */
export function convertTensor(tensor: Tensor, dtype: DType): Tensor {
  if (tensor.dtype === dtype) return tensor;
  const target = dtypeInfo(dtype).kind;
  if (tensor.dtype === "string" || target === "string" || dtypeInfo(tensor.dtype).kind === "complex")
    throw invalidArgument(`has dtype ${tensor.dtype}, expected ${dtype}`);
  if (target === "complex" || target === "quantized")
    throw invalidArgument(`has dtype ${tensor.dtype}, expected ${dtype}; give it in that dtype`);
  const values = valuesOf(tensor);
  if (dtype !== "float32" && isSmallFloat(dtype)) {
    return {
      dtype,
      shape: tensor.shape,
      data: fromFloat32(dtype, Float32Array.from(values, Number)),
    } as Tensor;
  }
  const data = allocate(dtype, elementCount(tensor.shape)) as Float64Array | BigInt64Array;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | bigint;
    data[i] = (
      data instanceof BigInt64Array || isBigUnsigned(data) ? toBigInt(value, i) : Number(value)
    ) as never;
    if (target !== "float" && !holds(dtype, data[i] as number | bigint, value))
      throw invalidArgument(`element ${i} is no ${dtype}`);
  }
  return { dtype, shape: tensor.shape, data } as Tensor;
}

function valuesOf(tensor: NumericTensor): ArrayLike<number | bigint> {
  return isSmallFloat(tensor.dtype) ? smallFloatsOf(tensor) : tensor.data;
}

function isBigUnsigned(data: unknown): boolean {
  return data instanceof BigUint64Array;
}

function toBigInt(value: number | bigint, index: number): bigint {
  if (typeof value === "number" && !Number.isInteger(value))
    throw invalidArgument(`element ${index} is no whole number`);
  return BigInt(value);
}

/** Whether what was stored is what was given. */
function holds(dtype: DType, stored: number | bigint, given: number | bigint): boolean {
  // Numbers and bigints of one value are equal, and not identical.
  // biome-ignore lint/suspicious/noDoubleEquals: compares a number with a bigint by value
  return stored == given && (dtype !== "bool" || stored === 0 || stored === 1);
}
