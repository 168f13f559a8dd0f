/**
 * Tensors in the JSON of TensorFlow Serving's REST API (docs: api_rest.md; source: util/json_tensor.cc).
 *
 * A request holds its tensors in one of two layouts, and the answer uses the same one:
 * - row: `"instances"` is a list with one entry per row of the batch, each a value or nested list (when the signature
 *   has one input) or an object with a value for every input. The answer has `"predictions"`, one entry per row.
 * - columnar: `"inputs"` is the whole tensor, or an object of tensors by name. The answer has `"outputs"`.
 *
 * The JSON says nothing of dtypes: those come from the signature. A string is written as text, or as
 * `{"b64": "…"}` where it is bytes; outputs whose name ends in `_bytes` are written so. NaN, Infinity and -Infinity
 * stand as bare words. Integers are exact in both directions, int64 and uint64 included. What would lose precision
 * (2^24 and up written as an integer for a float32) is refused.
 *
 * Errors are INVALID_ARGUMENT and say where in the document the fault is, never what stood there.
 */
import type { DType } from "./dtype.js";
import { base64Of, denseTensor, stackRows } from "./json/dense-tensor.js";
import {
  entryAt,
  isArray,
  isObject,
  type JsonArray,
  type JsonObject,
  JsonString,
  type JsonValue,
  type NumberRun,
  typeName,
} from "./json/json-document.js";
import { parseJson } from "./json/json-parser.js";
import { JsonWriter } from "./json/json-writer.js";
import { writeColumns, writeRows } from "./json/tensor-text.js";
import { invalidArgument, StatusError } from "./status.js";
import type { Tensor } from "./tensor.js";

export type JsonLayout = "row" | "columnar";

/** What JSON can't say of a tensor. A signature's `TensorSpec` is one. */
export interface JsonTensorSpec {
  readonly dtype: DType;
  /** Whether the tensor may be left out, because the signature has a default for it. */
  readonly optional?: boolean;
}
export type JsonTensorSpecs = ReadonlyMap<string, JsonTensorSpec>;

export interface PredictJson {
  /** As the request says; empty when it says nothing. */
  readonly signatureName: string;
  readonly layout: JsonLayout;
  readonly tensors: Map<string, Tensor>;
}

/**
 * The tensors of a Predict request's body.
 *
 * @param specsOf gives the inputs of the signature that the body names ("" when it names none)
 *
 * @example
 * const x = { name: "x:0", dtype: "float32", shape: [-1] } as const;
 * const body = encodeText('{"instances": [1, 2]}');
 * const { tensors } = tensorsFromJson(body, () => new Map([["x", x]]));
 * assert.deepEqual(tensors.get("x")?.data, Float32Array.of(1, 2));
 */
export function tensorsFromJson(
  body: Uint8Array,
  specsOf: (signatureName: string) => JsonTensorSpecs,
): PredictJson {
  const document = requestObject(parseJson(body));
  const signatureName = signatureNameOf(document);
  const specs = specsOf(signatureName);
  if (specs.size === 0) {
    throw invalidArgument(`Failed to get input map for signature: ${signatureName || "DEFAULT"}`);
  }
  const layout = layoutOf(document, "instances", "inputs");
  const tensors =
    layout === "row"
      ? tensorsFromRows(rowsOf(document.get("instances") as JsonValue), specs)
      : tensorsFromColumns(document.get("inputs") as JsonValue, specs);
  return { signatureName, layout, tensors };
}

/**
 * The body of a Predict request. Row layout needs tensors of one batch size.
 *
 * @example
 * const x = tensor("float32", [2], Float32Array.of(1, 2));
 * assert.deepEqual(JSON.parse(jsonFromInputs(new Map([["x", x]]), "row")), { instances: [1, 2] });
 */
export function jsonFromInputs(
  tensors: ReadonlyMap<string, Tensor>,
  layout: JsonLayout,
  signatureName = "",
): string {
  const writer = new JsonWriter();
  writer.beginObject();
  if (signatureName !== "") {
    writer.key("signature_name");
    writer.string(signatureName);
  }
  if (layout === "row") {
    writeRows(writer, "instances", tensors, () => true);
  } else {
    writeColumns(writer, "inputs", tensors, () => true);
  }
  writer.endObject();
  return writer.finish();
}

/**
 * The body of a Predict answer, laid out as TensorFlow Serving does.
 *
 * @example
 * const y = tensor("float32", [2], Float32Array.of(1, 2));
 * assert.deepEqual(JSON.parse(jsonFromTensors(new Map([["y", y]]), "row")), { predictions: [1, 2] });
 */
export function jsonFromTensors(tensors: ReadonlyMap<string, Tensor>, layout: JsonLayout): string {
  if (tensors.size === 0) throw invalidArgument("Cannot convert empty tensor map to JSON");
  const asBytes = (name: string) => name.endsWith("_bytes");
  const writer = new JsonWriter();
  writer.beginObject();
  if (layout === "row") writeRows(writer, "predictions", tensors, asBytes);
  else writeColumns(writer, "outputs", tensors, asBytes);
  writer.endObject();
  return writer.finish();
}

/**
 * The tensors of a Predict answer's body.
 *
 * @param specs the outputs that were asked for; an answer with one output doesn't name it
 *
 * @example
 * const y = { name: "y:0", dtype: "float32", shape: [-1] } as const;
 * const outputs = outputsFromJson(encodeText('{"predictions": [1, 2]}'), new Map([["y", y]]));
 * assert.deepEqual(outputs.get("y")?.data, Float32Array.of(1, 2));
 */
export function outputsFromJson(body: Uint8Array, specs: JsonTensorSpecs): Map<string, Tensor> {
  const document = requestObject(parseJson(body));
  return layoutOf(document, "predictions", "outputs") === "row"
    ? tensorsFromRows(listOf(document.get("predictions") as JsonValue, "predictions"), specs)
    : tensorsFromColumns(document.get("outputs") as JsonValue, specs);
}

// --- The document ---------------------------------------------------------------------------------------------

/**
 * The document, which must be an object.
 *
 * @example
 * assert.equal(requestObject(new Map()).size, 0);
 */
export function requestObject(document: JsonValue): JsonObject {
  if (!isObject(document)) throw invalidArgument(`JSON Value of type ${typeName(document)} Is not object`);
  return document;
}

/**
 * `signature_name` of a request, empty when there is none.
 *
 * @example
 * assert.equal(signatureNameOf(new Map()), "");
 */
export function signatureNameOf(document: JsonObject): string {
  const name = document.get("signature_name");
  if (name === undefined) return "";
  if (name instanceof JsonString) return name.text();
  throw invalidArgument("JSON Value not formatted correctly. 'signature_name' key must be a string value.");
}

function layoutOf(document: JsonObject, row: string, column: string): JsonLayout {
  const hasRow = document.has(row);
  const hasColumn = document.has(column);
  if (hasRow && hasColumn) {
    throw invalidArgument(
      `JSON Value Not formatted correctly expecting only one of '${column}' or '${row}' keys to exist`,
    );
  }
  if (!hasRow && !hasColumn) throw invalidArgument(`Missing '${column}' or '${row}' key`);
  return hasRow ? "row" : "columnar";
}

type JsonList = JsonArray | NumberRun;

function listOf(value: JsonValue, key: string): JsonList {
  if (!isArray(value)) {
    throw invalidArgument(`JSON Value of type ${typeName(value)}: Expecting '${key}' to be an list/array`);
  }
  return value;
}

function rowsOf(value: JsonValue): JsonList {
  const rows = listOf(value, "instances");
  if (rows.length === 0) throw invalidArgument("JSON Value: No values in 'instances' array");
  return rows;
}

// --- Row layout: one entry per row of the batch -------------------------------------------------------------------

function tensorsFromRows(rows: JsonList, specs: JsonTensorSpecs): Map<string, Tensor> {
  const first = rows.length > 0 ? entryAt(rows, 0) : null;
  if (isNamedRow(first)) return tensorsFromNamedRows(rows, first, specs);
  if (specs.size > 1) {
    throw invalidArgument(
      "instances is a plain list, but expecting list of objects as multiple " +
        `input tensors required as per tensorinfo_map: {${[...specs.keys()].join(",")}}`,
    );
  }
  const [name, spec] = [...specs][0] as [string, JsonTensorSpec];
  return new Map([
    [name, stackRows(rows, spec.dtype, (index, status) => rowError(index, undefined, status))],
  ]);
}

/** An object of named tensors, as against one that stands for bytes. */
function isNamedRow(value: JsonValue): value is JsonObject {
  return isObject(value) && base64Of(value) === undefined;
}

/** Those of `specs` that must be in `values` or are. */
function withoutAbsent(specs: JsonTensorSpecs, values: JsonObject): JsonTensorSpecs {
  return new Map([...specs].filter(([name, spec]) => spec.optional !== true || values.has(name)));
}

function tensorsFromNamedRows(
  rows: JsonList,
  first: JsonObject,
  specs: JsonTensorSpecs,
): Map<string, Tensor> {
  const present = withoutAbsent(specs, first);
  const columns = new Map<string, JsonValue[]>([...present.keys()].map((name) => [name, []]));
  for (let index = 0; index < rows.length; index++) {
    const row = entryAt(rows, index);
    if (!isNamedRow(row)) {
      throw invalidArgument(`Expecting object but got ${typeName(row)} at item ${index} of input list`);
    }
    checkKeys(row, present, index);
    for (const [name, column] of columns) column.push(row.get(name) as JsonValue);
  }
  return new Map(
    [...present].map(([name, spec]) => [
      name,
      stackRows(columns.get(name) as JsonValue[], spec.dtype, (index, status) =>
        rowError(index, name, status),
      ),
    ]),
  );
}

function checkKeys(row: JsonObject, specs: JsonTensorSpecs, index: number): void {
  const unknown = [...row.keys()].filter((name) => !specs.has(name));
  if (unknown.length === 0 && row.size === specs.size) return;
  const detail = unknown.length > 0 ? `JSON object: does not have named input: ${unknown.join(",")}. ` : "";
  throw invalidArgument(
    `Failed to process element: ${index} of 'instances' list. ${detail}JSON object keys {${[...row.keys()].join(",")}} ` +
      `must be equal to: ${[...specs.keys()].sort().join(",")}`,
  );
}

function rowError(index: number, name: string | undefined, status: StatusError): StatusError {
  const key = name === undefined ? "" : ` key: ${name}`;
  return new StatusError(
    status.code,
    `Failed to process element: ${index}${key} of 'instances' list. Error: ${status.codeName}: ${status.message}`,
  );
}

// --- Columnar layout: whole tensors -------------------------------------------------------------------------------

function tensorsFromColumns(value: JsonValue, specs: JsonTensorSpecs): Map<string, Tensor> {
  if (!isNamedRow(value)) {
    if (specs.size > 1) {
      throw invalidArgument(
        "inputs is a plain value/list, but expecting an object as multiple " +
          `input tensors required as per tensorinfo_map: {${[...specs.keys()].join(",")}}`,
      );
    }
    const [name, spec] = [...specs][0] as [string, JsonTensorSpec];
    return new Map([[name, denseTensor(value, spec.dtype)]]);
  }
  const present = withoutAbsent(specs, value);
  const missing = [...present.keys()].filter((name) => !value.has(name));
  if (missing.length > 0) {
    throw invalidArgument(`Missing named input: ${missing.join(", ")} in 'inputs' object.`);
  }
  return new Map(
    [...present].map(([name, spec]) => [name, denseTensor(value.get(name) as JsonValue, spec.dtype)]),
  );
}
