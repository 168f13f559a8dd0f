/**
 * The client's half of example-json.ts: the body of a Classify or Regress request from tf.Examples, and the values of
 * the answers (docs: api_rest.md).
 */
import { encodeBase64 } from "./base64.js";
import type { JsonClass } from "./example-json.js";
import { entryAt, isArray, isObject, JsonNumber, JsonString, type JsonValue } from "./json/json-document.js";
import { parseJson } from "./json/json-parser.js";
import { float32Text, quote } from "./json/json-writer.js";
import type { Example } from "./protobuf/gen/tensorflow/core/example/example_pb.js";
import type { Feature } from "./protobuf/gen/tensorflow/core/example/feature_pb.js";
import { internal } from "./status.js";

/**
 * The body of a request. Features without a value are left out, which means the same to a model.
 *
 * @param context features that belong to every example
 * @param signatureName empty for the default one
 *
 * @example
 * const text = jsonFromExamples([makeExample({ x: floatFeature([1]) })], undefined);
 * assert.deepEqual(JSON.parse(text).examples, [{ x: [1] }]);
 */
export function jsonFromExamples(
  examples: readonly Example[],
  context: Example | undefined,
  signatureName = "",
): string {
  const members = [`"examples":[${examples.map(exampleText).join(",")}]`];
  if (context !== undefined) members.unshift(`"context":${exampleText(context)}`);
  if (signatureName !== "") members.unshift(`"signature_name":${quote(signatureName)}`);
  return `{${members.join(",")}}`;
}

function exampleText({ features }: Example): string {
  const members = Object.entries(features?.feature ?? {}).flatMap(([name, feature]) => {
    const values = valueTexts(feature);
    return values.length === 0 ? [] : [`${quote(name)}:[${values.join(",")}]`];
  });
  return `{${members.join(",")}}`;
}

/** How a number is written decides its kind on the other side: 1 is an int64, 1.0 a float. */
function valueTexts({ kind }: Feature): string[] {
  switch (kind.case) {
    case "floatList":
      return kind.value.value.map((value) => float32Text(Math.fround(value)));
    case "int64List":
      return kind.value.value.map(String);
    case "bytesList":
      return kind.value.value.map((bytes) => `{"b64":${quote(encodeBase64(bytes))}}`);
    default:
      return [];
  }
}

/**
 * The classes of each example, from {"results": [[["label", score], …], …]}. INTERNAL for anything else.
 *
 * @example
 * const classes = classificationsFromJson(encodeText('{"results": [[["cat", 0.75]]]}'));
 * assert.equal(classes[0]?.[0]?.score, 0.75);
 */
export function classificationsFromJson(body: Uint8Array): JsonClass[][] {
  return resultsOf(body).map((row) => entriesOf(row, "a list of classes").map(classOf));
}

/**
 * The value of each example, from {"results": [value, …]}. INTERNAL for anything else.
 *
 * @example
 * assert.deepEqual(regressionsFromJson(encodeText('{"results": [0.5, 2]}')), [0.5, 2]);
 */
export function regressionsFromJson(body: Uint8Array): number[] {
  return resultsOf(body).map(numberOf);
}

/** TensorFlow Serving's documentation says "result", its code writes "results". */
function resultsOf(body: Uint8Array): JsonValue[] {
  const document = parseJson(body);
  const list = isObject(document) ? (document.get("results") ?? document.get("result")) : undefined;
  return entriesOf(list, "the list of results");
}

function entriesOf(value: JsonValue | undefined, what: string): JsonValue[] {
  if (value === undefined || !isArray(value)) throw unreadable(what);
  return Array.from({ length: value.length }, (_, index) => entryAt(value, index));
}

function classOf(value: JsonValue): JsonClass {
  const [label, score] = entriesOf(value, "a label and a score");
  if (!(label instanceof JsonString)) throw unreadable("a label");
  return { label: label.text(), score: numberOf(score) };
}

/** A float32: the text has just as many digits as tell it from its neighbours. */
function numberOf(value: JsonValue | undefined): number {
  if (!(value instanceof JsonNumber)) throw unreadable("a number");
  return Math.fround(value.value);
}

const unreadable = (missing: string) => internal(`The server's answer lacks ${missing}`);
