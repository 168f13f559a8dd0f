/**
 * tf.Examples as a caller writes them: features by name. Defined by tensorflow/core/example/feature.proto: a feature
 * is a list of floats, of int64s or of byte strings.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { encodeText, invalidArgument } from "@servable/formats";
import { type Example, ExampleSchema } from "@servable/formats/protobuf/tensorflow/core/example/example_pb";
import { type Feature, FeatureSchema } from "@servable/formats/protobuf/tensorflow/core/example/feature_pb";

/**
 * One feature. Numbers make a list of floats; bigints, Int32Array and BigInt64Array a list of int64s; strings (as
 * UTF-8) and byte arrays a list of byte strings. A value outside an array stands for a list of one.
 */
export type FeatureValue =
  | number
  | bigint
  | string
  | Uint8Array
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | readonly number[]
  | readonly bigint[]
  | readonly (string | Uint8Array)[];

/** Features by name, or a serialized tf.Example. */
export type ExampleValue = Readonly<Record<string, FeatureValue>> | Uint8Array;

/** The tf.Example of a value. INVALID_ARGUMENT, naming `where` and the feature, for what can't be one. */
export function exampleOf(value: ExampleValue, where: string): Example {
  if (value instanceof Uint8Array) return parseExample(value, where);
  const feature = Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, featureOf(entry, `${where}, feature "${name}"`)]),
  );
  return create(ExampleSchema, { features: { feature } });
}

function parseExample(bytes: Uint8Array, where: string): Example {
  try {
    return fromBinary(ExampleSchema, bytes);
  } catch (reason) {
    throw invalidArgument(`${where}: its ${bytes.length} bytes are no tf.Example`, { cause: reason });
  }
}

function featureOf(value: FeatureValue, where: string): Feature {
  if (value instanceof Float32Array || value instanceof Float64Array) return floats(Array.from(value));
  if (value instanceof Int32Array) return int64s([...value].map(BigInt), where);
  if (value instanceof BigInt64Array) return int64s([...value], where);
  const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (entries.length === 0) return create(FeatureSchema);
  if (entries.every((entry) => typeof entry === "number")) return floats(entries);
  if (entries.every((entry) => typeof entry === "bigint")) return int64s(entries, where);
  if (entries.every(isText)) return byteStrings(entries);
  throw invalidArgument(
    `${where} must be all numbers, all bigints or all strings and byte arrays, got ${kindsOf(entries)}`,
  );
}

const isText = (entry: unknown): entry is string | Uint8Array =>
  typeof entry === "string" || entry instanceof Uint8Array;

const kindsOf = (entries: readonly unknown[]): string =>
  [...new Set(entries.map((entry) => (entry === null ? "null" : typeof entry)))].join(" and ");

function floats(values: readonly number[]): Feature {
  return create(FeatureSchema, { kind: { case: "floatList", value: { value: [...values] } } });
}

function int64s(values: readonly bigint[], where: string): Feature {
  const problem = values.findIndex((entry) => BigInt.asIntN(64, entry) !== entry);
  if (problem >= 0) throw invalidArgument(`${where}: entry ${problem} is outside the range of int64`);
  return create(FeatureSchema, { kind: { case: "int64List", value: { value: [...values] } } });
}

function byteStrings(entries: readonly (string | Uint8Array)[]): Feature {
  const value = entries.map((entry) => (typeof entry === "string" ? encodeText(entry) : entry));
  return create(FeatureSchema, { kind: { case: "bytesList", value: { value } } });
}
