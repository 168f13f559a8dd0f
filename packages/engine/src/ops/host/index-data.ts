/**
 * Integer tensors as JavaScript numbers in bulk: indices of sparse tensors, splits of ragged ones, ids and counts.
 *
 * int64 elements are read and written as two 32-bit halves: an order of magnitude quicker than through BigInt.
 * Numbers past 2^53 lose their low bits, which no index or size that fits in memory has.
 */
import { dtypeInfo, internal, type Shape, type Tensor, tensor } from "@servable/formats";
import { asTensor, type Value } from "../../values.js";

/** Elements of an integer tensor: its own memory where that holds numbers of 32 bits already. */
export type IndexData = Int32Array | Float64Array;

const TWO_32 = 4294967296;

/** The elements of a tensor of any integer dtype or of bool, row-major. */
export function indexData(value: Value | undefined): IndexData {
  const tensor = asTensor(value);
  switch (tensor.dtype) {
    case "int32":
      return tensor.data;
    case "int64":
      return numbersOfInt64(tensor.data);
    case "uint64":
      return Float64Array.from(tensor.data, Number);
    case "uint32":
      return Float64Array.from(tensor.data);
    default: {
      const { kind } = dtypeInfo(tensor.dtype);
      if (tensor.dtype === "string" || (kind !== "int" && kind !== "uint" && kind !== "bool")) {
        throw internal(`expected an integer tensor, got ${tensor.dtype}`);
      }
      return Int32Array.from(tensor.data as Int8Array);
    }
  }
}

/** int64 elements as numbers. */
export function numbersOfInt64(data: BigInt64Array): Float64Array {
  const halves = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  const numbers = new Float64Array(data.length);
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = (halves[2 * i + 1] as number) * TWO_32 + ((halves[2 * i] as number) >>> 0);
  }
  return numbers;
}

/** Whole numbers as int64 elements. */
export function int64DataOf(numbers: ArrayLike<number>): BigInt64Array {
  const data = new BigInt64Array(numbers.length);
  const halves = new Int32Array(data.buffer);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] as number;
    halves[2 * i] = number;
    halves[2 * i + 1] = Math.floor(number / TWO_32);
  }
  return data;
}

/** An int64 tensor of whole numbers. */
export function int64Tensor(shape: Shape, numbers: ArrayLike<number>): Tensor {
  return tensor("int64", shape, int64DataOf(numbers));
}

/** A tensor of whole numbers of the integer dtype that an attribute such as out_idx or Tsplits asks for. */
export function indexTensor(dtype: "int32" | "int64", shape: Shape, numbers: ArrayLike<number>): Tensor {
  return dtype === "int64" ? int64Tensor(shape, numbers) : tensor("int32", shape, Int32Array.from(numbers));
}
