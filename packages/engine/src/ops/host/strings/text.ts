/** Strings changed or measured one by one: case, white space, length, substrings. */
import { decodeText, encodeText, invalidArgument, type Shape, type Tensor } from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { type IndexData, indexData } from "../index-data.js";
import { compute, type TensorFunction } from "../kernel.js";
import { broadcastShape, broadcastStrides } from "../loop-nest.js";
import { trimmed } from "../number-parsing.js";
import { mapStrings, mapToNumbers, stringsOf } from "./map-strings.js";

// ---- case ----------------------------------------------------------------------------------------------------

/** Bytes of a range of letters moved by `distance`; all others stay. */
const shifted =
  (first: number, last: number, distance: number) =>
  (text: Uint8Array): Uint8Array =>
    text.map((byte) => (byte >= first && byte <= last ? byte + distance : byte));

const asciiLower = shifted(0x41, 0x5a, 0x20);
const asciiUpper = shifted(0x61, 0x7a, -0x20);

/** TensorFlow hands the text to ICU as a C string, which ends at the first zero byte. */
function untilZero(text: Uint8Array): Uint8Array {
  const zero = text.indexOf(0);
  return zero < 0 ? text : text.subarray(0, zero);
}

function isUtf8({ attrs }: NodeFacts): boolean {
  const encoding = attrs.string("encoding");
  if (encoding !== "" && encoding !== "utf-8") {
    throw invalidArgument(`only utf8 or '' (no encoding) is supported, got "${encoding}"`);
  }
  return encoding === "utf-8";
}

// ---- length --------------------------------------------------------------------------------------------------

/** Bytes that continue a UTF-8 sequence. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** As TensorFlow counts, whether the text is well-formed or not: bytes that do not continue a sequence. */
function characterCount(text: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (!isContinuation(text[i] as number)) count++;
  return count;
}

function inCharacters({ attrs }: NodeFacts): boolean {
  return attrs.string("unit") === "UTF8_CHAR";
}

// ---- Substr --------------------------------------------------------------------------------------------------

type Cut = (text: Uint8Array, pos: number, length: number, index: number) => Uint8Array;

const cutBytes: Cut = (text, pos, length, index) => {
  if (pos > text.length || pos < -text.length) throw outside(pos, index);
  const start = pos < 0 ? pos + text.length : pos;
  // TensorFlow takes a negative length of bytes for a very large one, but none of characters.
  return text.subarray(start, length < 0 ? text.length : start + length);
};

const cutCharacters: Cut = (text, pos, length, index) => {
  const starts = characterStarts(text);
  const count = starts.length - 1;
  if (pos > count || pos < -count) throw outside(pos, index);
  const start = pos < 0 ? pos + count : pos;
  return text.subarray(starts[start], starts[Math.min(start + Math.max(0, length), count)]);
};

/** Where characters begin, and the end of the text. Bytes that continue nothing belong to what precedes them. */
function characterStarts(text: Uint8Array): number[] {
  const starts: number[] = [];
  for (let i = 0; i < text.length; i++) {
    if (i === 0 || !isContinuation(text[i] as number)) starts.push(i);
  }
  starts.push(text.length);
  return starts;
}

function outside(pos: number, index: number): Error {
  return invalidArgument(`pos ${pos} out of range for string at index ${index}`);
}

function substr(node: NodeFacts): TensorFunction {
  const cut = inCharacters(node) ? cutCharacters : cutBytes;
  return (input, pos, length) => {
    const text = stringsOf(input);
    const [places, lengths] = [indexData(pos), indexData(length)];
    const cuts = (pos as Tensor).shape;
    const shape = broadcastShape(text.shape, cuts);
    const [texts, places_] = [positionsIn(text.shape, shape), positionsIn(cuts, shape)];
    const pieces = Array.from(texts, (from, i) => {
      const at = places_[i] as number;
      return cut(text.data[from] as Uint8Array, places[at] as number, lengths[at] as number, i);
    });
    return tensorOver("string", shape, pieces);
  };
}

/** For each element of `shape`, the position of the element of `own` that is broadcast to it. */
function positionsIn(own: Shape, shape: Shape): IndexData {
  const strides = broadcastStrides(own, shape);
  let positions = [0];
  for (const [axis, size] of shape.entries()) {
    const stride = strides[axis] as number;
    positions = positions.flatMap((position) =>
      Array.from({ length: size }, (_, i) => position + i * stride),
    );
  }
  return Float64Array.from(positions);
}

export const textKernels: HostTable = {
  StringLower: mapStrings((node) =>
    isUtf8(node) ? (text) => encodeText(decodeText(untilZero(text)).toLowerCase()) : asciiLower,
  ),
  StringUpper: mapStrings((node) =>
    isUtf8(node) ? (text) => encodeText(decodeText(untilZero(text)).toUpperCase()) : asciiUpper,
  ),
  StringStrip: mapStrings(() => (text) => text.subarray(...trimmed(text))),
  StringLength: mapToNumbers("int32", (node) =>
    inCharacters(node) ? characterCount : (text) => text.length,
  ),
  Substr: compute(substr),
};
