/**
 * The IDX format of the MNIST files: a magic number (two zero bytes, the element type, the rank), the sizes as
 * big-endian uint32, then the elements. Only unsigned bytes occur here. http://yann.lecun.com/exdb/mnist/
 */
import { gunzipSync } from "node:zlib";
import { dataLoss } from "@servable/formats";

export interface IdxArray {
  /** Outermost first: [60000, 28, 28] for the training images. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
/** The largest of the MNIST files has 47 MB; more is not one of them. */
const MAX_BYTES = 64 * 2 ** 20;

/** The array in a compressed file. DATA_LOSS, naming the file, when it is damaged or something else. */
export function readCompressedIdx(compressed: Uint8Array, file: string): IdxArray {
  let bytes: Uint8Array;
  try {
    bytes = gunzipSync(compressed, { maxOutputLength: MAX_BYTES });
  } catch (reason) {
    throw dataLoss(`${file} cannot be decompressed: ${(reason as Error).message}`, { cause: reason });
  }
  return readIdx(bytes, file);
}

/** The array in the bytes of a file. */
export function readIdx(bytes: Uint8Array, file: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0 || bytes[2] !== UNSIGNED_BYTE) {
    throw dataLoss(`${file} is no IDX file of unsigned bytes`);
  }
  const rank = bytes[3] as number;
  const start = 4 + 4 * rank;
  if (bytes.length < start) throw dataLoss(`${file}: ${bytes.length} bytes are too few for ${rank} sizes`);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - start !== count) {
    throw dataLoss(
      `${file}: an array of [${shape}] has ${count} bytes, the file has ${bytes.length - start}`,
    );
  }
  return { shape, data: bytes.subarray(start) };
}
