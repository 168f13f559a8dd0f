/**
 * Constants of TensorFlow Lite models as tensors: elements of 4 bits unpacked, strings taken out of their lists,
 * sparse ones filled up. Quantized ones stay as they are stored.
 */
import { type DType, dtypeInfo } from "../dtype.js";
import { elementCount, shapeText } from "../shape.js";
import { dataLoss, resourceExhausted, unimplemented } from "../status.js";
import { allocate, dataFromBytes, type NumericTensor, type Tensor } from "../tensor.js";
import type { TfliteTensor } from "./model.js";
import { densePositions } from "./sparsity.js";

/** A few stored elements may stand for this many times as many, of which most are zero, and no more. */
const MAX_SPARSITY = 64;
const DENSE_ALLOWANCE = 2 ** 16;

/**
 * The value of a tensor with a buffer.
 *
 * @param what names the tensor in errors
 * @throws DATA_LOSS when the buffer does not fit type and shape; UNIMPLEMENTED for handles; RESOURCE_EXHAUSTED for a
 *   sparse tensor that is almost nothing but zeros
 *
 * @example
 * const weights: TfliteTensor = {
 *   name: "w",
 *   type: "int32",
 *   shape: [2],
 *   declaredShape: [2],
 *   buffer: Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0),
 *   isVariable: false,
 * };
 * assert.deepEqual(constantTensor(weights, "w").data, Int32Array.of(1, 2));
 */
export function constantTensor({ type, shape, buffer, sparsity }: TfliteTensor, what: string): Tensor {
  if (type === "resource" || type === "variant") throw unimplemented(`${what}: a constant of type ${type}`);
  const bytes = buffer ?? new Uint8Array(0);
  const count = countOf(shape, what);
  if (type === "string") return { dtype: type, shape, data: readStrings(bytes, count, what) };
  if (sparsity === undefined)
    return { dtype: type, shape, data: elements(type, bytes, count, what) } as Tensor;
  const stored = Math.floor((bytes.length * 8) / dtypeInfo(type).bits);
  if (count > DENSE_ALLOWANCE + MAX_SPARSITY * stored)
    throw resourceExhausted(
      `${what}: ${stored} stored elements stand for ${count}, far more than weights have`,
    );
  const values = elements(type, bytes, stored, what);
  const data = allocate(type, count) as Float32Array;
  densePositions(sparsity, shape, stored, what).forEach((position, i) => {
    data[position] = (values as Float32Array)[i] as number;
  });
  return { dtype: type, shape, data } as Tensor;
}

function countOf(shape: readonly number[], what: string): number {
  try {
    return elementCount(shape);
  } catch (reason) {
    throw dataLoss(`${what}: ${(reason as Error).message}`, { cause: reason });
  }
}

function elements(
  type: Exclude<DType, "string">,
  bytes: Uint8Array,
  count: number,
  what: string,
): NumericTensor["data"] {
  const { bits, lanes } = dtypeInfo(type);
  const expected = Math.ceil((count * bits) / 8);
  if (bytes.length !== expected)
    throw dataLoss(`${what}: ${count} elements of ${type} need ${expected} bytes, got ${bytes.length}`);
  return bits === 8 || lanes === 2 || bits > 8
    ? dataFromBytes(type, bytes)
    : dataFromBytes(type, unpacked(bytes, count, bits));
}

/** One element a byte, the lowest bits of a byte first. */
function unpacked(bytes: Uint8Array, count: number, bits: number): Uint8Array {
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  return Uint8Array.from(
    { length: count },
    (_, i) => ((bytes[Math.floor(i / perByte)] as number) >> (bits * (i % perByte))) & mask,
  );
}

/** How many there are, where each begins and where the last ends, all in 32 bits, then the bytes. */
function readStrings(bytes: Uint8Array, count: number, what: string): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = bytes.length < 4 ? 0 : view.getInt32(0, true);
  if (found !== count) throw dataLoss(`${what}: ${count} strings expected, got ${found}`);
  if (count === 0) return [];
  if (bytes.length < 4 * (count + 2))
    throw dataLoss(`${what}: ${bytes.length} bytes hold no ${count} strings`);
  const offset = (i: number) => view.getInt32(4 * (i + 1), true);
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [offset(i), offset(i + 1)];
    if (from < 0 || to < from || to > bytes.length)
      throw dataLoss(`${what}: string ${i} is outside of its bytes`);
    return bytes.subarray(from, to);
  });
}

/**
 * "float32 of shape [1,2]", for messages.
 *
 * @example
 * const weights: TfliteTensor = {
 *   name: "w",
 *   type: "int32",
 *   shape: [2],
 *   declaredShape: [2],
 *   buffer: Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0),
 *   isVariable: false,
 * };
 * assert.equal(tensorText(weights), "int32 of shape [2]");
 */
export function tensorText({ type, declaredShape }: TfliteTensor): string {
  return `${type} of shape ${shapeText(declaredShape)}`;
}
