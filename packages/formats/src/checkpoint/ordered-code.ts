/**
 * OrderedCode (tensorflow/core/lib/strings/ordered_code.h): encodes numbers and strings into bytes that sort as the
 * values do. Checkpoints use it for one thing, the keys of a variable's slices; the file that reads them only ever
 * asks for a slice it knows of, so that nothing has to be decoded.
 */
import type { TensorSlice } from "./tensor-slice.js";

/** The length that stands for "all of this dimension" in keys and in TensorSliceProto without a length. */
export const FULL_EXTENT = -1;

/**
 * The key under which a table holds one slice of a tensor: zero, the name, the rank, then start and length of each
 * dimension. Written as EncodeTensorNameSlice of tensorflow/core/util/saved_tensor_slice_util.cc does.
 *
 * @param slice with FULL_EXTENT and start 0 where it takes all of a dimension
 */
export function encodeTensorNameSlice(name: Uint8Array, slice: TensorSlice): Uint8Array {
  const bytes: number[] = [];
  writeNatural(bytes, 0);
  writeString(bytes, name);
  writeNatural(bytes, slice.start.length);
  slice.start.forEach((start, axis) => {
    writeSigned(bytes, start);
    writeSigned(bytes, slice.length[axis] as number);
  });
  return Uint8Array.from(bytes);
}

/** The number of bytes, then the bytes, most significant first; zero has none. */
function writeNatural(bytes: number[], value: number): void {
  const digits = bytesOfNumber(value);
  bytes.push(digits.length, ...digits);
}

/** Bytes 0 and 255 are escaped by 255 and 0; the end is 0, 1. */
function writeString(bytes: number[], text: Uint8Array): void {
  for (const byte of text) {
    bytes.push(byte);
    if (byte === 0x00) bytes.push(0xff);
    if (byte === 0xff) bytes.push(0x00);
  }
  bytes.push(0x00, 0x01);
}

/**
 * Two's complement, most significant byte first, in as many bytes as hold seven bits each of it. The leading bits
 * are inverted for naturals: one for each byte, so that longer numbers sort after shorter ones.
 */
function writeSigned(bytes: number[], value: number): void {
  const magnitude = BigInt(value < 0 ? -value - 1 : value);
  const length = Math.floor(bitLength(magnitude) / 7) + 1;
  const header = length === 1 ? 0x80n : ((1n << BigInt(length)) - 1n) << BigInt(8 * length - length);
  const encoded = BigInt.asUintN(8 * length, BigInt(value)) ^ header;
  for (let i = length - 1; i >= 0; i--) bytes.push(Number((encoded >> BigInt(8 * i)) & 0xffn));
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

function bytesOfNumber(value: number): number[] {
  const digits: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return digits;
}
