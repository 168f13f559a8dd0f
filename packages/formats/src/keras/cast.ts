/** Values of weights in another dtype: a file need not have them in that of the layer. */
import { type DType, dtypeInfo } from "../dtype.js";
import { isSmallFloat, toFloat32 } from "../float16.js";
import { invalidArgument } from "../status.js";
import type { Tensor } from "../tensor.js";
import { numbersOf } from "./nodes.js";

/** The same numbers in another dtype, rounded as that needs. INVALID_ARGUMENT for strings and complex numbers. */
export function castNumbers(value: Tensor, dtype: DType): Tensor {
  if (value.dtype === dtype) return value;
  const kinds = [dtypeInfo(value.dtype).kind, dtypeInfo(dtype).kind];
  if (kinds.includes("string") || kinds.includes("complex")) {
    throw invalidArgument(`${value.dtype} can't be made ${dtype}`);
  }
  return numbersOf(dtype, value.shape, plainNumbers(value));
}

/** The elements as JavaScript's numbers. */
export function plainNumbers(value: Tensor): number[] {
  if (value.dtype === "string") throw invalidArgument("strings are no numbers");
  if (isSmallFloat(value.dtype)) return Array.from(toFloat32(value.dtype, value.data as Uint16Array));
  return Array.from(value.data as ArrayLike<number | bigint>, Number);
}
