/**
 * The bodies of REST's infer (document: Open Inference Protocol v2, "Inference"): a JSON object, and after it, where the
 * header Inference-Header-Content-Length says how long that is, the bytes of tensors one after another ("Binary Tensor
 * Data Extension").
 *
 * Beyond JSON's own values, NaN, Infinity and -Infinity stand as bare words, and a BYTES element that is no UTF-8 as
 * `{"b64": "…"}`, both as in the API under /v1. Errors are INVALID_ARGUMENT and say where in the document the fault is.
 */
import { isUtf8 } from "node:buffer";
import {
  elementCount,
  invalidArgument,
  isSmallFloat,
  type Shape,
  sameShape,
  shapeText,
  smallFloatsOf,
  type Tensor,
} from "@servable/formats";
import { denseTensor } from "@servable/formats/json/dense-tensor";
import {
  entryAt,
  isArray,
  isObject,
  JsonNumber,
  type JsonObject,
  JsonString,
  type JsonValue,
} from "@servable/formats/json/json-document";
import { parseJson } from "@servable/formats/json/json-parser";
import { float32Text, float64Text } from "@servable/formats/json/json-writer";
import type { LazyTensor } from "../inference/feeds.js";
import { type Datatype, datatypeOf, datatypeOfDtype, MAX_RANK, shapeOf } from "./datatypes.js";
import { type InferResponse, inputsByName, SIGNATURE_NAME } from "./infer.js";
import { rawOf, tensorFromRaw } from "./raw-contents.js";

/** A request's body: what InferRequest has, less the model, which the path names. */
export interface InferBody {
  readonly id: string;
  readonly signatureName: string;
  readonly inputs: ReadonlyMap<string, LazyTensor>;
  readonly outputs: readonly string[];
  /** Whether an output is to go as bytes. */
  readonly isBinary: (output: string) => boolean;
}

/** @param headerLength Inference-Header-Content-Length: the JSON's bytes, all of the body when it is not there */
export function readInferBody(body: Uint8Array, headerLength: string | undefined): InferBody {
  const jsonBytes = headerLength === undefined ? body.length : lengthOf(headerLength, body.length);
  const document = objectOf(parseJson(body.subarray(0, jsonBytes)), "the body");
  const parameters = parametersOf(document, "the body");
  const outputs = listOf(document, "outputs", requestedOutput);
  const isBinaryByDefault = flagOf(parameters, "binary_data_output", "the body") ?? false;
  const binary = new Map(outputs.map(({ name, isBinary }) => [name, isBinary]));
  if (memberOf(document, "inputs") === undefined) throw invalidArgument("the body has no inputs");
  return {
    id: textOf(document, "id", "the body") ?? "",
    signatureName: textOf(parameters, SIGNATURE_NAME, "parameters") ?? "",
    inputs: inputsByName(readInputs(document, body.subarray(jsonBytes))),
    outputs: outputs.map(({ name }) => name),
    isBinary: (output) => binary.get(output) ?? isBinaryByDefault,
  };
}

function lengthOf(header: string, bodyBytes: number): number {
  const length = /^\d{1,15}$/.test(header) ? Number(header) : Number.NaN;
  if (length <= bodyBytes) return length;
  throw invalidArgument(
    `Inference-Header-Content-Length is no number of the ${bodyBytes} bytes that the body has`,
  );
}

function requestedOutput(value: JsonValue, index: number): { name: string; isBinary: boolean | undefined } {
  const where = `outputs[${index}]`;
  const output = objectOf(value, where);
  const name = requiredText(output, "name", where);
  return { name, isBinary: flagOf(parametersOf(output, where), "binary_data", `output "${name}"`) };
}

/** The inputs in their order; each with binary data takes its part of what follows the JSON, and nothing is left. */
function readInputs(document: JsonObject, binary: Uint8Array): [string, LazyTensor][] {
  let at = 0;
  const inputs = listOf(document, "inputs", (value, index): [string, LazyTensor] => {
    const input = objectOf(value, `inputs[${index}]`);
    const name = requiredText(input, "name", `inputs[${index}]`);
    const size = sizeOf(parametersOf(input, `input "${name}"`), `input "${name}"`);
    if (size === undefined) return [name, () => tensorOfData(input)];
    const left = binary.length - at;
    if (size > left) {
      throw invalidArgument(
        `input "${name}": binary_data_size is ${size}, but ${left} bytes are left of the body`,
      );
    }
    if (memberOf(input, "data") !== undefined)
      throw invalidArgument(`input "${name}" has both data and binary_data_size`);
    const bytes = binary.subarray(at, at + size);
    at += size;
    return [name, () => tensorFromRaw(typeOf(input), sizesOf(input), bytes)];
  });
  if (at !== binary.length) {
    throw invalidArgument(`${binary.length - at} bytes after the JSON belong to no input's binary_data_size`);
  }
  return inputs;
}

function tensorOfData(input: JsonObject): Tensor {
  const { name, dtype } = typeOf(input);
  const shape = sizesOf(input);
  const count = elementCount(shape);
  const data = memberOf(input, "data");
  if (data === undefined) throw invalidArgument("data is missing");
  const tensor = denseTensor(data, dtype);
  if (tensor.data.length !== count) {
    throw invalidArgument(
      `${name} of shape ${shapeText(shape)} takes ${count} elements, but data has ${tensor.data.length}`,
    );
  }
  if (tensor.shape.length > 1 && !sameShape(tensor.shape, shape)) {
    throw invalidArgument(
      `data is nested as ${shapeText(tensor.shape)}, but the shape is ${shapeText(shape)}`,
    );
  }
  return { ...tensor, shape };
}

function typeOf(input: JsonObject): Datatype {
  return datatypeOf(requiredText(input, "datatype", "the input"));
}

function sizesOf(input: JsonObject): Shape {
  if (memberOf(input, "shape") === undefined) throw invalidArgument("shape is missing");
  const sizes = listOf(input, "shape", (size, axis) => {
    if (axis >= MAX_RANK) throw invalidArgument(`the shape has more than ${MAX_RANK} dimensions`);
    if (size instanceof JsonNumber && size.isInteger) return size.integer;
    throw invalidArgument("shape has a size that is no integer");
  });
  return shapeOf(sizes);
}

// --- The document ---------------------------------------------------------------------------------------------

function objectOf(value: JsonValue, where: string): JsonObject {
  if (isObject(value)) return value;
  throw invalidArgument(`${where} is no JSON object`);
}

/** A member that is there: clients write null for what they leave out. */
function memberOf(object: JsonObject, key: string): JsonValue | undefined {
  return object.get(key) ?? undefined;
}

/** The entries of a member as they are read, up to the first that is wrong; none when it is not there. */
function listOf<T>(object: JsonObject, key: string, read: (value: JsonValue, index: number) => T): T[] {
  const value = memberOf(object, key) ?? [];
  if (!isArray(value)) throw invalidArgument(`${key} is no list`);
  const entries: T[] = [];
  while (entries.length < value.length) entries.push(read(entryAt(value, entries.length), entries.length));
  return entries;
}

function parametersOf(object: JsonObject, where: string): JsonObject {
  return objectOf(memberOf(object, "parameters") ?? new Map(), `parameters of ${where}`);
}

function textOf(object: JsonObject, key: string, where: string): string | undefined {
  const value = memberOf(object, key);
  if (value === undefined || value instanceof JsonString) return value?.text();
  throw invalidArgument(`${key} of ${where} is no string`);
}

function requiredText(object: JsonObject, key: string, where: string): string {
  const text = textOf(object, key, where);
  if (text === undefined) throw invalidArgument(`${where} has no ${key}`);
  return text;
}

function flagOf(parameters: JsonObject, key: string, where: string): boolean | undefined {
  const value = memberOf(parameters, key);
  if (value === undefined || typeof value === "boolean") return value;
  throw invalidArgument(`${key} of ${where} is neither true nor false`);
}

function sizeOf(parameters: JsonObject, where: string): number | undefined {
  const value = memberOf(parameters, "binary_data_size");
  if (value === undefined) return undefined;
  if (value instanceof JsonNumber && value.isInteger && value.value >= 0) return value.value;
  throw invalidArgument(`binary_data_size of ${where} is no natural number`);
}

// --- The answer -----------------------------------------------------------------------------------------------

export interface InferAnswer {
  readonly body: string | Uint8Array;
  /** Of the JSON in a body that has bytes after it. */
  readonly jsonBytes?: number;
}

export function inferAnswer(
  { spec, id, outputs }: InferResponse,
  isBinary: (output: string) => boolean,
): InferAnswer {
  const pieces: Uint8Array[] = [];
  const texts = [...outputs].map(([name, tensor]) => {
    const raw = isBinary(name) ? rawOf(tensor) : undefined;
    if (raw !== undefined) pieces.push(raw);
    return outputText(name, tensor, raw?.length);
  });
  const members = [
    `"model_name":${JSON.stringify(spec.name)}`,
    `"model_version":"${spec.version}"`,
    ...(id === "" ? [] : [`"id":${JSON.stringify(id)}`]),
    `"outputs":[${texts.join(",")}]`,
  ];
  const body = `{${members.join(",")}}`;
  if (pieces.length === 0) return { body };
  const json = Buffer.from(body);
  return { body: Buffer.concat([json, ...pieces]), jsonBytes: json.length };
}

function outputText(name: string, tensor: Tensor, rawBytes: number | undefined): string {
  const datatype = datatypeOfDtype(tensor.dtype, name).name;
  const data =
    rawBytes === undefined
      ? `"data":[${elementTexts(tensor).join(",")}]`
      : `"parameters":{"binary_data_size":${rawBytes}}`;
  return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${tensor.shape.join(",")}],${data}}`;
}

function elementTexts(tensor: Tensor): string[] {
  if (tensor.dtype === "string") return tensor.data.map(stringText);
  if (tensor.dtype === "bool") return Array.from(tensor.data, (byte) => (byte === 0 ? "false" : "true"));
  if (tensor.dtype === "float64") return Array.from(tensor.data, float64Text);
  if (tensor.dtype === "float32") return Array.from(tensor.data, float32Text);
  if (isSmallFloat(tensor.dtype)) return Array.from(smallFloatsOf(tensor), float32Text);
  return Array.from<number | bigint, string>(tensor.data, String);
}

function stringText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? JSON.stringify(buffer.toString()) : `{"b64":"${buffer.toString("base64")}"}`;
}
