/**
 * tf.Examples in the JSON of TensorFlow Serving's Classify and Regress requests, and the JSON of their answers
 * (docs: api_rest.md; source: util/json_tensor.cc).
 *
 * An example is an object with a value or a list for each feature. Text and `{"b64": …}` make a bytes feature, 1 and
 * true an int64 feature, 1.0 a float feature; one feature holds one kind. Features that all examples share may stand
 * once under `"context"`.
 *
 * Examples leave here serialized (tensorflow/core/example/example.proto), as a model takes them.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { base64Of, bytesOfValue } from "./json/dense-tensor.js";
import {
  entryAt,
  isArray,
  isObject,
  JsonNumber,
  type JsonObject,
  type JsonValue,
  NumberKind,
  typeName,
} from "./json/json-document.js";
import { parseJson } from "./json/json-parser.js";
import { float32Text, JsonWriter } from "./json/json-writer.js";
import { ExampleSchema } from "./protobuf/gen/tensorflow/core/example/example_pb.js";
import { type Feature, FeatureSchema } from "./protobuf/gen/tensorflow/core/example/feature_pb.js";
import { invalidArgument } from "./status.js";
import { requestObject, signatureNameOf } from "./tensor-json.js";

export interface ExamplesJson {
  /** As the request says; empty when it says nothing. */
  readonly signatureName: string;
  /** Serialized tf.Examples, at least one. */
  readonly examples: Uint8Array[];
  /** A serialized tf.Example whose features belong to every example. */
  readonly context?: Uint8Array;
}

/**
 * The examples of a Classify or Regress request's body.
 *
 * @example
 * const { examples } = examplesFromJson(encodeText('{"examples": [{"x": [1, 2]}]}'));
 * assert.equal(examples.length, 1);
 */
export function examplesFromJson(body: Uint8Array): ExamplesJson {
  const document = requestObject(parseJson(body));
  const signatureName = signatureNameOf(document);
  const context = document.get("context");
  const list = document.get("examples");
  if (list === undefined) {
    throw invalidArgument(
      "JSON Value: When method is classify, key 'examples' is expected and was not found",
    );
  }
  if (!isArray(list)) throw invalidArgument("JSON Value: Expecting 'examples' value to be an list/array");
  if (list.length === 0) throw invalidArgument("JSON Value: 'examples' value is an empty array");
  const examples = Array.from({ length: list.length }, (_, index) => example(entryAt(list, index)));
  return context === undefined
    ? { signatureName, examples }
    : { signatureName, examples, context: example(context) };
}

function example(value: JsonValue): Uint8Array {
  if (!isObject(value)) {
    throw invalidArgument(`Example must be JSON object but got JSON ${typeName(value)}`);
  }
  const feature = Object.fromEntries([...value].map(([name, content]) => [name, featureOf(name, content)]));
  return toBinary(ExampleSchema, create(ExampleSchema, { features: { feature } }));
}

function featureOf(name: string, content: JsonValue): Feature {
  const feature = create(FeatureSchema);
  if (!isArray(content)) {
    addValue(feature, name, content);
    return feature;
  }
  for (let index = 0; index < content.length; index++) addValue(feature, name, entryAt(content, index));
  return feature;
}

function addValue(feature: Feature, name: string, value: JsonValue): void {
  if (value === null || isArray(value) || isOtherObject(value)) {
    throw invalidArgument(`Feature: ${name} has element with unexpected JSON type: ${typeName(value)}`);
  }
  if (typeof value === "boolean") {
    listOf(feature, name, "int64List").push(value ? 1n : 0n);
  } else if (!(value instanceof JsonNumber)) {
    listOf(feature, name, "bytesList").push(bytesOfValue(value, "string"));
  } else if (value.isInteger) {
    listOf(feature, name, "int64List").push(int64(name, value));
  } else {
    listOf(feature, name, "floatList").push(float(value));
  }
}

function isOtherObject(value: JsonValue): value is JsonObject {
  return isObject(value) && base64Of(value) === undefined;
}

interface ValuesOfKind {
  bytesList: Uint8Array[];
  floatList: number[];
  int64List: bigint[];
}

/** The feature's values, when it is of this kind or has none yet. */
function listOf<K extends keyof ValuesOfKind>(feature: Feature, name: string, kind: K): ValuesOfKind[K] {
  const created = create(FeatureSchema, { kind: { case: kind, value: {} } } as Parameters<
    typeof create<typeof FeatureSchema>
  >[1]);
  if (feature.kind.case === undefined) feature.kind = created.kind;
  if (feature.kind.case !== kind) {
    const expected = (feature.kind.case ?? "").replace("List", "");
    throw invalidArgument(`Unexpected element type in feature: ${name} expecting type: ${expected}`);
  }
  return feature.kind.value.value as ValuesOfKind[K];
}

function int64(name: string, value: JsonNumber): bigint {
  if (value.integer >= 2n ** 63n) {
    throw invalidArgument(`Feature: ${name} has uint64 element. Only int64 is supported.`);
  }
  return value.integer;
}

const MAX_FLOAT32 = 3.4028234663852886e38;

function float({ value, kind }: JsonNumber): number {
  if (kind === NumberKind.DECIMAL && Number.isFinite(value) && Math.abs(value) > MAX_FLOAT32) {
    throw invalidArgument("Cannot convert JSON value to float without loss of precision.");
  }
  return value;
}

/** One class of a classification; absent labels are empty, absent scores 0. */
export interface JsonClass {
  readonly label: string;
  /** A float32. */
  readonly score: number;
}

/**
 * The body of a Classify answer: for each example, pairs of label and score.
 *
 * @example
 * const text = jsonFromClassifications([[{ label: "cat", score: 0.5 }]]);
 * assert.deepEqual(JSON.parse(text), { results: [[["cat", 0.5]]] });
 */
export function jsonFromClassifications(classifications: readonly (readonly JsonClass[])[]): string {
  if (classifications.length === 0) {
    throw invalidArgument("Cannot convert empty ClassificationResults to JSON");
  }
  const writer = new JsonWriter();
  writer.beginObject();
  writer.key("results");
  writer.beginArray();
  for (const classes of classifications) {
    writer.singleLineArrays = true;
    writer.beginArray();
    for (const { label, score } of classes) {
      writer.beginArray();
      writer.string(label);
      writer.raw(float32Text(score));
      writer.endArray();
    }
    writer.endArray();
    writer.singleLineArrays = false;
  }
  writer.endArray();
  writer.endObject();
  return writer.finish();
}

/**
 * The body of a Regress answer: a number for each example.
 *
 * @example
 * assert.deepEqual(JSON.parse(jsonFromRegressions([0.5, 2])), { results: [0.5, 2] });
 */
export function jsonFromRegressions(values: ArrayLike<number>): string {
  if (values.length === 0) throw invalidArgument("Cannot convert empty RegressionResults to JSON");
  const writer = new JsonWriter();
  writer.beginObject();
  writer.key("results");
  writer.singleLineArrays = true;
  writer.beginArray();
  writer.rawList(values.length, (index) => float32Text(values[index] as number));
  writer.endArray();
  writer.endObject();
  return writer.finish();
}
