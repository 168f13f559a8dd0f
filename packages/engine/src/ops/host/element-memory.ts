/** Moving elements of any dtype, strings and complex numbers included, from one tensor's memory to another's. */
import { allocate, type DType, dtypeInfo, type Shape, type Tensor, type TensorData } from "@servable/formats";

/** Up to so many entries a plain loop beats TypedArray.set with its subarray. */
const SHORT_RUN = 16;

/**
 * Copies `count` array entries (complex elements have two). The arrays are of one dtype: what is given as typed array
 * is given as typed array twice.
 */
export function copyEntries(
  target: TensorData,
  at: number,
  source: TensorData,
  from: number,
  count: number,
): void {
  const [to, entries] = [target as unknown as number[], source as unknown as number[]];
  if (count > SHORT_RUN && ArrayBuffer.isView(target)) {
    (target as Float32Array).set((source as Float32Array).subarray(from, from + count), at);
    return;
  }
  for (let i = 0; i < count; i++) to[at + i] = entries[from + i] as number;
}

/** `data[rows[0]], data[rows[1]] …`, each row being `width` elements. Rows must be in range. */
export function gatherRows(
  dtype: DType,
  data: TensorData,
  rows: ArrayLike<number>,
  width: number,
): TensorData {
  const entries = width * dtypeInfo(dtype).lanes;
  const gathered = allocate(dtype, rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    copyEntries(gathered, i * entries, data, (rows[i] as number) * entries, entries);
  }
  return gathered;
}

/** Memory of `count` elements that are all the first element of `value`. */
export function filled(dtype: DType, count: number, value: TensorData): TensorData {
  const data = allocate(dtype, count);
  const { lanes } = dtypeInfo(dtype);
  if (lanes === 1) (data as unknown as number[]).fill(value[0] as number);
  else for (let i = 0; i < count; i++) copyEntries(data, i * lanes, value, 0, lanes);
  return data;
}

/** A copy of a tensor's memory, for whoever wants to change it. */
export function copyOf(tensor: Tensor): TensorData {
  return tensor.data.slice();
}

/** A tensor over memory whose dtype is known only at run time; the caller has counted the elements. */
export function tensorOver(dtype: DType, shape: Shape, data: TensorData): Tensor {
  return { dtype, shape, data } as Tensor;
}
