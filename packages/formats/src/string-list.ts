/**
 * The bytes of a string tensor in `tensor_content`: all lengths as varints, then all strings, as written by
 * port::EncodeStringList of TensorFlow (core/platform/tensor_coding.cc).
 */
import { invalidArgument } from "./status.js";
import { readVarint, varintLength, writeVarint } from "./varint.js";

/**
 * The strings of a string list, as views. INVALID_ARGUMENT, naming `what`, when the bytes are not exactly `count`
 * lengths and the strings they announce.
 */
export function readStringList(bytes: Uint8Array, count: number, what: string): Uint8Array[] {
  // Each string has a length of at least one byte: checked before anything of size `count` is made.
  if (count > bytes.length)
    throw invalidArgument(`${what} needs ${count} strings, got ${bytes.length} bytes`);
  const lengths = new Array<number>(count);
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const length = readVarint(bytes, offset);
    if (length === undefined) throw invalidArgument(`${what}: string ${i} has no length at byte ${offset}`);
    lengths[i] = length.value;
    offset = length.end;
  }
  const strings = lengths.map((length) => {
    const start = offset;
    offset += length;
    return bytes.subarray(start, offset);
  });
  if (offset !== bytes.length) {
    throw invalidArgument(`${what}: the string lengths add up to ${offset} bytes, got ${bytes.length}`);
  }
  return strings;
}

/** The bytes of a string list. */
export function writeStringList(strings: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const string of strings) size += varintLength(string.length) + string.length;
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const string of strings) offset = writeVarint(string.length, bytes, offset);
  for (const string of strings) {
    bytes.set(string, offset);
    offset += string.length;
  }
  return bytes;
}
