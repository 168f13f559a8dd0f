/**
 * Decompression of Snappy's raw format (github.com/google/snappy, format_description.txt): a varint with the length
 * of the result, then literals and copies of earlier output. Blocks of a table may be compressed so; TensorFlow's
 * checkpoint writers do not do it, other writers of the same format do.
 */
import { readVarint } from "../varint.js";

/** A copy of 64 bytes takes two to five: compressed bytes cannot stand for more than this many times as many. */
const MAX_EXPANSION = 64;

/** The bytes that `compressed` stands for; undefined when it is damaged. The result is bounded by 64 times its size. */
export function decompressSnappy(compressed: Uint8Array): Uint8Array | undefined {
  const length = readVarint(compressed, 0);
  if (length === undefined || length.value > compressed.length * MAX_EXPANSION) return undefined;
  const output = new Uint8Array(length.value);
  let from = length.end;
  let to = 0;
  while (from < compressed.length) {
    const element = readElement(compressed, from);
    if (element === undefined || to + element.length > output.length) return undefined;
    from = element.end;
    if (element.distance === 0) {
      output.set(compressed.subarray(from - element.length, from), to);
    } else {
      if (element.distance > to) return undefined;
      copyWithin(output, to, element.distance, element.length);
    }
    to += element.length;
  }
  return to === output.length ? output : undefined;
}

interface Element {
  readonly length: number;
  /** How far back a copy starts; 0 for a literal, whose bytes come before `end`. */
  readonly distance: number;
  /** Offset after the element. */
  readonly end: number;
}

function readElement(bytes: Uint8Array, offset: number): Element | undefined {
  const tag = bytes[offset] as number;
  const upper = tag >>> 2;
  switch (tag & 3) {
    case 0: {
      // Up to 60 the length is in the tag, else in the next one to four bytes.
      const extra = Math.max(upper - 59, 0);
      const length = (extra === 0 ? upper : littleEndian(bytes, offset + 1, extra)) + 1;
      return finish(bytes, { length, distance: 0, end: offset + 1 + extra + length });
    }
    case 1: {
      const distance = ((tag >>> 5) << 8) | littleEndian(bytes, offset + 1, 1);
      return copyOf(bytes, { length: (upper & 7) + 4, distance, end: offset + 2 });
    }
    case 2:
      return copyOf(bytes, {
        length: upper + 1,
        distance: littleEndian(bytes, offset + 1, 2),
        end: offset + 3,
      });
    default:
      return copyOf(bytes, {
        length: upper + 1,
        distance: littleEndian(bytes, offset + 1, 4),
        end: offset + 5,
      });
  }
}

function copyOf(bytes: Uint8Array, element: Element): Element | undefined {
  return element.distance === 0 ? undefined : finish(bytes, element);
}

function finish(bytes: Uint8Array, element: Element): Element | undefined {
  return element.end > bytes.length ? undefined : element;
}

/** An unsigned number of one to four bytes; bytes past the end count as 0 and are caught by the element's end. */
function littleEndian(bytes: Uint8Array, offset: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (bytes[offset + i] ?? 0);
  return value;
}

/** A copy may overlap what it writes: then it repeats. */
function copyWithin(output: Uint8Array, to: number, distance: number, length: number): void {
  if (distance >= length) output.copyWithin(to, to - distance, to - distance + length);
  else for (let i = to; i < to + length; i++) output[i] = output[i - distance] as number;
}
