/** Ops that take strings apart: StringSplit, StringSplitV2 into a sparse matrix, StringNGrams of a ragged one. */
import { invalidArgument, shapeText, type Tensor } from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { indexData, indexTensor, int64Tensor } from "../index-data.js";
import { compute, type TensorFunction } from "../kernel.js";
import { joinBytes } from "./joining.js";
import { stringsOf } from "./map-strings.js";

// ---- splitting -----------------------------------------------------------------------------------------------

type Split = (text: Uint8Array) => Uint8Array[];

/** The pieces of each string as a row of a sparse matrix: indices, values, shape. */
function sparseRows(input: Tensor | undefined, split: Split): Tensor[] {
  const { shape, data } = stringsOf(input);
  if (shape.length !== 1) throw invalidArgument(`input must be a vector, got shape: ${shapeText(shape)}`);
  const pieces = data.map(split);
  const values = pieces.flat();
  const indices = new Float64Array(2 * values.length);
  let at = 0;
  for (const [row, parts] of pieces.entries()) {
    for (let column = 0; column < parts.length; column++) {
      indices[at++] = row;
      indices[at++] = column;
    }
  }
  const widest = pieces.reduce((most, parts) => Math.max(most, parts.length), 0);
  return [
    int64Tensor([values.length, 2], indices),
    tensorOver("string", [values.length], values),
    int64Tensor([2], [data.length, widest]),
  ];
}

/** StringSplit: at each byte that is one of the delimiter's; into single bytes when there is none. */
function splitAtAny({ attrs }: NodeFacts): TensorFunction {
  const skipEmpty = attrs.bool("skip_empty");
  return (input, delimiterInput) => {
    const { shape, data } = stringsOf(delimiterInput);
    if (shape.length > 0) throw invalidArgument(`delimiter must be a scalar, got shape: ${shapeText(shape)}`);
    const delimiter = data[0] as Uint8Array;
    if (delimiter.length === 0) return sparseRows(input, singleBytes);
    return sparseRows(input, (text) => {
      const parts = text.length === 0 ? [] : piecesBetween(text, (byte) => delimiter.includes(byte));
      return skipEmpty ? parts.filter((part) => part.length > 0) : parts;
    });
  };
}

function singleBytes(text: Uint8Array): Uint8Array[] {
  return Array.from(text, (_, i) => text.subarray(i, i + 1));
}

function piecesBetween(text: Uint8Array, isDelimiter: (byte: number) => boolean): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (!isDelimiter(text[i] as number)) continue;
    parts.push(text.subarray(start, i));
    start = i + 1;
  }
  parts.push(text.subarray(start));
  return parts;
}

/** StringSplitV2: at a separator of any length; at runs of white space when it is empty. */
function splitAtSeparator({ attrs }: NodeFacts): TensorFunction {
  const maxSplit = attrs.int("maxsplit");
  const limit = maxSplit < 0 ? Number.POSITIVE_INFINITY : maxSplit;
  return (input, separatorInput) => {
    const { shape, data } = stringsOf(separatorInput);
    if (shape.length > 0) throw invalidArgument(`sep must be a scalar, got shape: ${shapeText(shape)}`);
    const separator = data[0] as Uint8Array;
    return sparseRows(input, (text) =>
      separator.length === 0 ? splitAtSpace(text, limit) : splitAt(text, separator, limit),
    );
  };
}

function splitAt(text: Uint8Array, separator: Uint8Array, limit: number): Uint8Array[] {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const parts: Uint8Array[] = [];
  let start = 0;
  while (parts.length < limit) {
    const found = bytes.indexOf(separator, start);
    if (found < 0) break;
    parts.push(text.subarray(start, found));
    start = found + separator.length;
  }
  parts.push(text.subarray(start));
  return parts;
}

/** At runs of white space. What is left once the limit is reached keeps its end, and is there even when it is empty. */
function splitAtSpace(text: Uint8Array, limit: number): Uint8Array[] {
  if (limit === 0) return [text];
  const parts: Uint8Array[] = [];
  for (let start = afterSpace(text, 0); start < text.length; ) {
    let end = start;
    while (end < text.length && !isSpace(text[end] as number)) end++;
    parts.push(text.subarray(start, end));
    start = afterSpace(text, end);
    if (parts.length === limit) return [...parts, text.subarray(start)];
  }
  return parts;
}

function afterSpace(text: Uint8Array, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text[at] as number)) at++;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

// ---- n-grams -------------------------------------------------------------------------------------------------

interface NGramFormat {
  readonly separator: Uint8Array;
  readonly widths: readonly number[];
  readonly left: Uint8Array;
  readonly right: Uint8Array;
  /** Paddings on each side; -1 for as many as the n-gram can use. */
  readonly padWidth: number;
  readonly preserveShort: boolean;
}

function stringNGrams({ attrs, outputTypes }: NodeFacts): TensorFunction {
  const format: NGramFormat = {
    separator: attrs.bytes("separator"),
    widths: attrs.ints("ngram_widths"),
    left: attrs.bytes("left_pad"),
    right: attrs.bytes("right_pad"),
    padWidth: attrs.int("pad_width"),
    preserveShort: attrs.bool("preserve_short_sequences"),
  };
  const splitsDtype = outputTypes[1] as "int32" | "int64";
  return (dataInput, splitsInput) => {
    const { data } = stringsOf(dataInput);
    const splits = [...indexData(splitsInput)];
    checkSplits(splits, data.length);
    const all: Uint8Array[] = [];
    const ends = splits.slice(0, 1);
    for (let row = 0; row + 1 < splits.length; row++) {
      for (const gram of rowNGrams(data.slice(splits[row], splits[row + 1]), format)) all.push(gram);
      ends.push(all.length);
    }
    return [tensorOver("string", [all.length], all), indexTensor(splitsDtype, [ends.length], ends)];
  };
}

function checkSplits(splits: readonly number[], count: number): void {
  if (splits.length === 0) return;
  if (splits[0] !== 0) throw invalidArgument(`First split value must be 0, got ${splits[0]}`);
  for (let i = 1; i < splits.length; i++) {
    const [before, split] = [splits[i - 1] as number, splits[i] as number];
    if (split < before || split > count) {
      throw invalidArgument(`Invalid split value ${split}, must be in [${before}, ${count}]`);
    }
  }
  if (splits.at(-1) !== count) {
    throw invalidArgument(`Last split value must be data size. Expected ${count}, got ${splits.at(-1)}`);
  }
}

function rowNGrams(tokens: readonly Uint8Array[], format: NGramFormat): Uint8Array[] {
  const grams = format.widths.flatMap((width) => nGrams(tokens, width, paddingFor(width, format), format));
  if (grams.length > 0 || !format.preserveShort || tokens.length === 0) return grams;
  // Too short for any width: all of it as one, with its padding.
  const padding = Math.max(0, format.padWidth);
  return nGrams(tokens, tokens.length + 2 * padding, padding, format);
}

function paddingFor(width: number, { padWidth }: NGramFormat): number {
  return padWidth < 0 ? width - 1 : Math.min(padWidth, width - 1);
}

function nGrams(
  tokens: readonly Uint8Array[],
  width: number,
  padding: number,
  { left, right, separator }: NGramFormat,
): Uint8Array[] {
  const padded = [...new Array(padding).fill(left), ...tokens, ...new Array(padding).fill(right)];
  const count = Math.max(0, padded.length - width + 1);
  return Array.from({ length: count }, (_, i) => joinBytes(padded.slice(i, i + width), separator));
}

export const splittingKernels: HostTable = {
  StringSplit: compute(splitAtAny),
  StringSplitV2: compute(splitAtSeparator),
  StringNGrams: compute(stringNGrams),
};
