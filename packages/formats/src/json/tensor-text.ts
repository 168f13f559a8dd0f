/**
 * Tensors as JSON text, in row and columnar layout; see tensor-json.ts for what they are.
 */
import { encodeBase64 } from "../base64.js";
import { isSmallFloat, smallFloatsOf } from "../float16.js";
import { elementCount, type Shape } from "../shape.js";
import { invalidArgument } from "../status.js";
import { decodeText, type Tensor } from "../tensor.js";
import { dtypeText, integerRanges } from "./dense-tensor.js";
import { float32Text, float64Text, type JsonWriter, quote } from "./json-writer.js";

/** A member `key` with one entry per row of the batch. `asBytes` says of which strings base64 is written. */
export function writeRows(
  writer: JsonWriter,
  key: string,
  tensors: ReadonlyMap<string, Tensor>,
  asBytes: (name: string) => boolean,
): void {
  const rows = batchSizeOf(tensors);
  const columns = [...tensors].map(([name, tensor]) => ({
    name,
    rowShape: tensor.shape.slice(1),
    elements: elementWriter(tensor, asBytes(name)),
  }));
  writer.key(key);
  writer.beginArray();
  for (let row = 0; row < rows; row++) {
    if (columns.length > 1) writer.beginObject();
    writer.singleLineArrays = true;
    for (const { name, rowShape, elements } of columns) {
      if (columns.length > 1) writer.key(name);
      writeNested(writer, rowShape, 0, row * elementCount(rowShape), elements);
    }
    writer.singleLineArrays = false;
    if (columns.length > 1) writer.endObject();
  }
  writer.endArray();
}

function batchSizeOf(tensors: ReadonlyMap<string, Tensor>): number {
  let rows: number | undefined;
  for (const [name, { shape }] of tensors) {
    const own = shape[0];
    if (own === undefined) throw invalidArgument(`Tensor name: ${name} has no shape information`);
    if (rows !== undefined && rows !== own) {
      throw invalidArgument(`Tensor name: ${name} has inconsistent batch size: ${own} expecting: ${rows}`);
    }
    rows = own;
  }
  return rows ?? 0;
}

/** A member `key` with whole tensors. */
export function writeColumns(
  writer: JsonWriter,
  key: string,
  tensors: ReadonlyMap<string, Tensor>,
  asBytes: (name: string) => boolean,
): void {
  writer.key(key);
  if (tensors.size > 1) writer.beginObject();
  for (const [name, tensor] of tensors) {
    if (tensors.size > 1) writer.key(name);
    writeNested(writer, tensor.shape, 0, 0, elementWriter(tensor, asBytes(name)));
  }
  if (tensors.size > 1) writer.endObject();
}

/** Writes the elements `from` to `from + count` as the entries of a list. */
type ElementWriter = (writer: JsonWriter, from: number, count: number) => void;

/** Nested lists of the elements from `offset` on; returns the offset after the last. */
function writeNested(
  writer: JsonWriter,
  shape: Shape,
  axis: number,
  offset: number,
  elements: ElementWriter,
): number {
  const size = shape[axis];
  if (size === undefined) {
    elements(writer, offset, 1);
    return offset + 1;
  }
  writer.beginArray();
  let next = offset;
  if (axis === shape.length - 1) {
    elements(writer, offset, size);
    next += size;
  } else {
    for (let i = 0; i < size; i++) next = writeNested(writer, shape, axis + 1, next, elements);
  }
  writer.endArray();
  return next;
}

function elementWriter(tensor: Tensor, asBytes: boolean): ElementWriter {
  if (tensor.dtype === "string" && asBytes) {
    const { data } = tensor;
    return (writer, from, count) => {
      for (let i = from; i < from + count; i++) writeBase64(writer, data[i] as Uint8Array);
    };
  }
  const text = elementText(tensor);
  return (writer, from, count) => writer.rawList(count, (index) => text(from + index));
}

function writeBase64(writer: JsonWriter, bytes: Uint8Array): void {
  writer.beginObject();
  writer.key("b64");
  writer.string(encodeBase64(bytes));
  writer.endObject();
}

/** The text of each element. */
function elementText(tensor: Tensor): (index: number) => string {
  const { data, dtype } = tensor;
  if (tensor.dtype === "string") return (index) => quote(decodeText(tensor.data[index] as Uint8Array));
  if (dtype === "bool") return (index) => (data[index] ? "true" : "false");
  if (dtype === "float32") return (index) => float32Text(data[index] as number);
  if (dtype === "float64") return (index) => float64Text(data[index] as number);
  if (integerRanges[dtype] !== undefined) return (index) => String(data[index]);
  if (isSmallFloat(dtype)) {
    const values = smallFloatsOf(tensor);
    return (index) => float32Text(values[index] as number);
  }
  throw invalidArgument(`Failed to write JSON value for tensor type: ${dtypeText(dtype)}`);
}
