/**
 * String tensors in a TensorBundle's shard: the length of each string as varint64, the masked checksum of the lengths
 * (4 bytes), then all strings. The checksums take each length as a little-endian uint32, or as uint64 from 4 GiB on.
 * Defined by WriteStringTensor in tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
 */
import { crc32c, maskCrc32c } from "../crc32c.js";
import { readVarint } from "../varint.js";

/** Bytes of the checksum between lengths and strings. */
const CHECKSUM_BYTES = 4;

/** The strings, as views, and the checksum over everything; or what is wrong with the bytes. */
export type StoredStrings =
  | { readonly strings: Uint8Array[]; readonly crc: number }
  | { readonly problem: string; readonly offset: number };

/** Reads `count` strings from the bytes of an entry. */
export function readStoredStrings(bytes: Uint8Array, count: number): StoredStrings {
  // A length takes a byte at least: checked before anything of size `count` is made.
  if (count > bytes.length)
    return { problem: `${count} strings do not fit into ${bytes.length} bytes`, offset: 0 };
  const lengths = new Array<number>(count);
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const length = readVarint(bytes, offset);
    if (length === undefined) return { problem: `string ${i} has no length`, offset };
    lengths[i] = length.value;
    offset = length.end;
  }
  if (offset + CHECKSUM_BYTES > bytes.length)
    return { problem: "the checksum of the lengths is cut off", offset };
  const lengthsCrc = crcOfLengths(lengths);
  const checksum = bytes.subarray(offset, offset + CHECKSUM_BYTES);
  const stored = new DataView(checksum.buffer, checksum.byteOffset).getUint32(0, true);
  if (stored !== maskCrc32c(lengthsCrc))
    return { problem: "the lengths do not match their checksum", offset };
  offset += CHECKSUM_BYTES;
  const content = bytes.subarray(offset);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total !== content.length) {
    return { problem: `the lengths add up to ${total} bytes where ${content.length} are stored`, offset };
  }
  let at = 0;
  const strings = lengths.map((length) => {
    const start = at;
    at += length;
    return content.subarray(start, at);
  });
  return { strings, crc: crc32c(content, crc32c(checksum, lengthsCrc)) };
}

/** The checksum of string lengths, the first part of an entry's checksum. */
export function crcOfLengths(lengths: readonly number[]): number {
  const bytes = new Uint8Array(lengths.length * 8);
  const view = new DataView(bytes.buffer);
  let size = 0;
  for (const length of lengths) {
    view.setUint32(size, length % 2 ** 32, true);
    size += 4;
    if (length < 2 ** 32) continue;
    view.setUint32(size, Math.floor(length / 2 ** 32), true);
    size += 4;
  }
  return crc32c(bytes.subarray(0, size));
}
