/**
 * Text files of table entries: a line each, its key and its value being the whole line, the line's number or one of
 * its columns. The rules are those of TextFileLineIterator in tensorflow/core/kernels/lookup_util.cc: carriage returns
 * are dropped wherever they stand, an empty line is an error, a last line needs no newline.
 */
import {
  allocate,
  type DType,
  invalidArgument,
  outOfRange,
  readWholeFile,
  type Tensor,
  type TensorData,
} from "@servable/formats";
import { tensorOver } from "../element-memory.js";
import { parseBigInteger, parseFloat64, parseInteger } from "../number-parsing.js";

/** Its lines become strings in memory. */
const MAX_FILE_BYTES = 2 ** 30;

/** Column numbers that mean something else. */
const LINE_NUMBER = -1;
const WHOLE_LINE = -2;

export interface VocabularyFormat {
  /** A column from 0, LINE_NUMBER or WHOLE_LINE. */
  readonly keyIndex: number;
  readonly valueIndex: number;
  /** How many lines to read; -1 for all. */
  readonly size: number;
  readonly delimiter: Uint8Array;
  /** Added to line numbers. */
  readonly offset: number;
}

/**
 * The entries of a file, as vectors of keys and of values.
 * NOT_FOUND when there is no such file; INVALID_ARGUMENT, naming file and line, for what the format does not allow.
 */
export function readVocabulary(
  path: string,
  format: VocabularyFormat,
  keyDtype: DType,
  valueDtype: DType,
): [keys: Tensor, values: Tensor] {
  const content = readWholeFile(path, MAX_FILE_BYTES);
  const lines = splitLines(content, format.size < 0 ? Number.POSITIVE_INFINITY : format.size);
  // What TensorFlow says of a file without a single line when it has to count them.
  if (lines.length === 0 && format.size < 0) throw outOfRange(`${path} holds no entries`);
  if (lines.length < format.size) {
    throw invalidArgument(`Invalid vocab_size in ${path}: expected ${format.size} but got ${lines.length}`);
  }
  checkLines(lines, format, path);
  const keys = column(lines, format.keyIndex, keyDtype, format, path);
  const values = column(lines, format.valueIndex, valueDtype, format, path);
  return [keys, values];
}

interface Line {
  readonly bytes: Uint8Array;
  /** Offset in the file after the line. */
  readonly end: number;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

function splitLines(content: Uint8Array, limit: number): Line[] {
  const lines: Line[] = [];
  let start = 0;
  while (start < content.length && lines.length < limit) {
    const newline = content.indexOf(NEWLINE, start);
    const end = newline < 0 ? content.length : newline;
    const line = withoutCarriageReturns(content.subarray(start, end));
    // Without its newline an empty rest is no line.
    if (newline >= 0 || line.length > 0) lines.push({ bytes: line, end: Math.min(end + 1, content.length) });
    start = end + 1;
  }
  return lines;
}

function withoutCarriageReturns(line: Uint8Array): Uint8Array {
  return line.includes(CARRIAGE_RETURN) ? line.filter((byte) => byte !== CARRIAGE_RETURN) : line;
}

function checkLines(lines: readonly Line[], format: VocabularyFormat, path: string): void {
  const columns = Math.max(format.keyIndex, format.valueIndex) + 1;
  for (const [i, { bytes, end }] of lines.entries()) {
    if (bytes.length === 0) {
      throw invalidArgument(`Invalid content in ${path}: empty line found at position ${end}.`);
    }
    if (columns <= 0) continue;
    const found = splitColumns(bytes, format.delimiter).length;
    if (found < columns) {
      throw invalidArgument(
        `Invalid number of columns in ${path} line ${i}: expected at least ${columns} got ${found}`,
      );
    }
  }
}

/** Pieces between delimiters; a delimiter of several characters is any one of them, as in str_util::Split. */
function splitColumns(line: Uint8Array, delimiter: Uint8Array): Uint8Array[] {
  const columns: Uint8Array[] = [];
  let start = 0;
  for (let i = 0; i <= line.length; i++) {
    if (i < line.length && !delimiter.includes(line[i] as number)) continue;
    columns.push(line.subarray(start, i));
    start = i + 1;
  }
  return columns;
}

function column(
  lines: readonly Line[],
  index: number,
  dtype: DType,
  format: VocabularyFormat,
  path: string,
): Tensor {
  const data = allocate(dtype, lines.length);
  if (index === LINE_NUMBER) {
    for (let i = 0; i < lines.length; i++) store(data, i, i + format.offset);
  } else {
    const parse = parser(dtype);
    for (const [i, { bytes }] of lines.entries()) {
      const field = index === WHOLE_LINE ? bytes : splitColumns(bytes, format.delimiter)[index];
      const value = field === undefined ? undefined : parse(field);
      if (value === undefined) throw invalidArgument(`A field in ${path} line ${i} is not a valid ${dtype}.`);
      store(data, i, value);
    }
  }
  return tensorOver(dtype, [lines.length], data);
}

function store(data: TensorData, i: number, value: Uint8Array | number | bigint): void {
  const isBig = data instanceof BigInt64Array && typeof value === "number";
  (data as unknown as (typeof value)[])[i] = isBig ? BigInt(value) : value;
}

function parser(dtype: DType): (field: Uint8Array) => Uint8Array | number | bigint | undefined {
  switch (dtype) {
    case "string":
      return (field) => field;
    case "int32":
      return (field) => parseInteger(field, -(2 ** 31), 2 ** 31 - 1);
    case "int64":
      return (field) => parseBigInteger(field, -(2n ** 63n), 2n ** 63n - 1n);
    case "float32":
    case "float64":
      return parseFloat64;
    default:
      throw invalidArgument(`Data type ${dtype} not supported.`);
  }
}

/** Which dtypes a line's number and a whole line can fill. INVALID_ARGUMENT, naming the side, otherwise. */
export function checkIndexDtype(side: "Key" | "Value", index: number, dtype: DType): void {
  const name = side.toLowerCase();
  if (index === LINE_NUMBER && dtype !== "int64") {
    throw invalidArgument(
      `${side} index for line number requires table ${name} dtype of int64, got ${dtype}`,
    );
  }
  if (index === WHOLE_LINE && dtype !== "string" && dtype !== "int32" && dtype !== "int64") {
    throw invalidArgument(
      `${side} index for whole line requires string or integer table ${name}, got ${dtype}`,
    );
  }
}
