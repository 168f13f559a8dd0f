/**
 * Reads serialized tf.Examples and tf.SequenceExamples without making a message of them: the way that ParseExample
 * takes every request's examples.
 *
 * What is accepted, and what it means, is what TensorFlow's own fast parser does
 * (tensorflow/core/util/example_proto_fast_parsing.cc), which differs from a protocol buffer library in places:
 * of features with the same name the last one that has values counts, of several lists in one feature the first,
 * lists may be packed or not, names need not be UTF-8, and fields that nobody knows are allowed in the Example alone.
 */
import type { FeatureValues } from "./example.js";
import { invalidArgument } from "./status.js";
import { decodeText } from "./tensor.js";

/** Bytes of a message and the place of the reader in it. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

/** Tags of field 1, 2 and 3 by wire type: a length and bytes, a varint, four bytes. */
const DELIMITED_1 = 0x0a;
const DELIMITED_2 = 0x12;
const DELIMITED_3 = 0x1a;
const VARINT_1 = 0x08;
const FIXED32_1 = 0x0d;

/** Accepts a feature by its name; the others are not decoded. */
export type FeatureFilter = (name: string) => boolean;

/**
 * The features of a serialized tf.Example, by name. A feature without a kind is left out, as if it were missing.
 * Byte strings are views on `serialized`.
 *
 * @throws INVALID_ARGUMENT with the byte where it stops being an example
 *
 * @example
 * import { toBinary } from "@bufbuild/protobuf";
 * import { ExampleSchema } from "@servable/formats/protobuf/tensorflow/core/example/example_pb";
 *
 * const bytes = toBinary(ExampleSchema, makeExample({ id: int64Feature([7]) }));
 * assert.deepEqual(readExample(bytes).get("id"), { kind: "int64", values: BigInt64Array.of(7n) });
 */
export function readExample(serialized: Uint8Array, wanted?: FeatureFilter): Map<string, FeatureValues> {
  const features = new Map<string, FeatureValues>();
  const cursor = { bytes: serialized, at: 0, end: serialized.length };
  while (cursor.at < cursor.end) {
    if (take(cursor, DELIMITED_1)) readFeatures(delimited(cursor), features, wanted);
    else skipField(cursor);
  }
  return features;
}

/** The features of a serialized tf.SequenceExample: of the whole, and of each step. */
export interface SequenceFeatures {
  readonly context: Map<string, FeatureValues>;
  /** A step's feature is undefined when it has no kind. */
  readonly featureLists: Map<string, (FeatureValues | undefined)[]>;
}

/**
 * Like readExample for a tf.SequenceExample. The filter is asked for context features and feature lists alike.
 *
 * @example
 * import { toBinary } from "@bufbuild/protobuf";
 * import { SequenceExampleSchema } from "@servable/formats/protobuf/tensorflow/core/example/example_pb";
 *
 * const example = makeSequenceExample({}, { words: [bytesFeature(["a"]), bytesFeature(["b"])] });
 * const { featureLists } = readSequenceExample(toBinary(SequenceExampleSchema, example));
 * assert.equal(featureLists.get("words")?.length, 2);
 */
export function readSequenceExample(serialized: Uint8Array, wanted?: FeatureFilter): SequenceFeatures {
  const context = new Map<string, FeatureValues>();
  const featureLists = new Map<string, (FeatureValues | undefined)[]>();
  const cursor = { bytes: serialized, at: 0, end: serialized.length };
  while (cursor.at < cursor.end) {
    if (take(cursor, DELIMITED_1)) readFeatures(delimited(cursor), context, wanted);
    else if (take(cursor, DELIMITED_2)) readFeatureLists(delimited(cursor), featureLists, wanted);
    else skipField(cursor);
  }
  return { context, featureLists };
}

function readFeatures(cursor: Cursor, features: Map<string, FeatureValues>, wanted?: FeatureFilter): void {
  while (cursor.at < cursor.end) {
    expect(cursor, DELIMITED_1, "a feature");
    const { name, value } = readEntry(delimited(cursor));
    const kind = kindOf(value);
    if (kind === undefined || wanted?.(name) === false) continue;
    features.set(name, readValues(value, kind));
  }
}

function readFeatureLists(
  cursor: Cursor,
  lists: Map<string, (FeatureValues | undefined)[]>,
  wanted?: FeatureFilter,
): void {
  while (cursor.at < cursor.end) {
    expect(cursor, DELIMITED_1, "a feature list");
    const { name, value } = readEntry(delimited(cursor));
    if (wanted?.(name) === false) continue;
    const steps: (FeatureValues | undefined)[] = [];
    while (value.at < value.end) {
      expect(value, DELIMITED_1, "a feature");
      const feature = delimited(value);
      const kind = kindOf(feature);
      steps.push(kind && readValues(feature, kind));
    }
    lists.set(name, steps);
  }
}

/** A map entry: its name and its value, in either order. */
function readEntry(cursor: Cursor): { name: string; value: Cursor } {
  const nameFirst = take(cursor, DELIMITED_1);
  if (!nameFirst) expect(cursor, DELIMITED_2, "a feature's name or value");
  const first = delimited(cursor);
  expect(cursor, nameFirst ? DELIMITED_2 : DELIMITED_1, nameFirst ? "a feature's value" : "a feature's name");
  const second = delimited(cursor);
  if (cursor.at !== cursor.end) throw problem(cursor, "expected the end of a feature");
  const [key, value] = nameFirst ? [first, second] : [second, first];
  return { name: decodeText(key.bytes.subarray(key.at, key.end)), value };
}

type FeatureKind = FeatureValues["kind"];

/** The kind of a feature by its first field, which is left behind; undefined for an empty feature. */
function kindOf(feature: Cursor): FeatureKind | undefined {
  if (feature.at === feature.end) return undefined;
  if (take(feature, DELIMITED_1)) return "bytes";
  if (take(feature, DELIMITED_2)) return "float";
  if (take(feature, DELIMITED_3)) return "int64";
  throw problem(feature, "expected a list of bytes, floats or int64s");
}

function readValues(feature: Cursor, kind: FeatureKind): FeatureValues {
  const list = delimited(feature);
  switch (kind) {
    case "bytes":
      return { kind, values: readBytes(list) };
    case "float":
      return { kind, values: readFloats(list) };
    case "int64":
      return { kind, values: readInt64s(list) };
  }
}

function readBytes(list: Cursor): Uint8Array[] {
  const values: Uint8Array[] = [];
  while (list.at < list.end) {
    expect(list, DELIMITED_1, "bytes");
    const value = delimited(list);
    values.push(value.bytes.subarray(value.at, value.end));
  }
  return values;
}

function readFloats(list: Cursor): Float32Array {
  if (list.at === list.end) return new Float32Array(0);
  const packed = take(list, DELIMITED_1);
  const source = packed ? delimited(list) : list;
  const length = source.end - source.at;
  // Unpacked, each float has its tag before it.
  if (length % (packed ? 4 : 5) !== 0) throw problem(source, "expected whole floats");
  const values = new Float32Array(length / (packed ? 4 : 5));
  const target = new Uint8Array(values.buffer);
  if (packed) {
    target.set(source.bytes.subarray(source.at, source.end));
    return values;
  }
  for (let offset = 0; offset < target.length; offset += 4) {
    expect(source, FIXED32_1, "a float");
    target.set(source.bytes.subarray(source.at, source.at + 4), offset);
    source.at += 4;
  }
  return values;
}

function readInt64s(list: Cursor): BigInt64Array {
  if (list.at === list.end) return new BigInt64Array(0);
  const packed = take(list, DELIMITED_1);
  const source = packed ? delimited(list) : list;
  // Each varint ends with a byte below 0x80, and so does each tag.
  let ends = 0;
  for (let i = source.at; i < source.end; i++) if ((source.bytes[i] as number) < 0x80) ends++;
  const values = new BigInt64Array(packed ? ends : ends / 2);
  // Halves are written as words, for a BigInt per value costs more than all the rest.
  const words = new Int32Array(values.buffer);
  for (let i = 0; i < values.length; i++) {
    if (!packed) expect(source, VARINT_1, "an int64");
    readVarint64(source, words, 2 * i);
  }
  if (source.at !== source.end) throw problem(source, "expected an int64");
  return values;
}

/** Reads a varint of up to 64 bits into two words, the lower one first. */
function readVarint64(cursor: Cursor, words: Int32Array, at: number): void {
  const { bytes, end } = cursor;
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (cursor.at >= end) throw problem(cursor, "a number is cut off");
    const byte = bytes[cursor.at++] as number;
    const bits = byte & 0x7f;
    if (shift < 32) low |= bits << shift;
    if (shift > 28) high |= bits << (shift - 32);
    else if (shift === 28) high |= bits >> 4;
    if (byte < 0x80) {
      words[at] = low;
      words[at + 1] = high;
      return;
    }
  }
  throw problem(cursor, "a number has more than ten bytes");
}

/** Goes past a tag of one byte if it is here. */
function take(cursor: Cursor, tag: number): boolean {
  if (cursor.at >= cursor.end || cursor.bytes[cursor.at] !== tag) return false;
  cursor.at++;
  return true;
}

function expect(cursor: Cursor, tag: number, what: string): void {
  if (!take(cursor, tag)) throw problem(cursor, `expected ${what}`);
}

/** The content of a length-delimited field whose tag has been read. */
function delimited(cursor: Cursor): Cursor {
  const length = readVarint32(cursor);
  const start = cursor.at;
  if (length > cursor.end - start) {
    throw problem(cursor, `a field of ${length} bytes where ${cursor.end - start} are left`);
  }
  cursor.at = start + length;
  return { bytes: cursor.bytes, at: start, end: cursor.at };
}

function readVarint32(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (cursor.at >= cursor.end) break;
    const byte = cursor.bytes[cursor.at++] as number;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw problem(cursor, "a length is cut off");
}

const skippedVarint = new Int32Array(2);

/** Goes past a field that nobody knows. */
function skipField(cursor: Cursor): void {
  const start = cursor.at;
  const tag = readVarint32(cursor);
  switch (tag % 8) {
    case 0:
      readVarint64(cursor, skippedVarint, 0);
      break;
    case 1:
      cursor.at += 8;
      break;
    case 2:
      delimited(cursor);
      break;
    case 5:
      cursor.at += 4;
      break;
    default:
      cursor.at = cursor.end + 1;
  }
  if (tag < 8 || cursor.at > cursor.end) {
    cursor.at = start;
    throw problem(cursor, "expected a field");
  }
}

function problem(cursor: Cursor, what: string): Error {
  return invalidArgument(
    `Could not parse example input: ${what} at byte ${cursor.at} of ${cursor.bytes.length}`,
  );
}
