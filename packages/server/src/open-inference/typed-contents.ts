/**
 * Tensors as InferTensorContents (open_inference_grpc.proto): one list per kind of element, of which the datatype says
 * which counts. Integers of 8 and 16 bits stand in the lists of 32. A list is read from the message's bytes into the
 * tensor's memory, after its entries are counted, with no JavaScript number for each in between.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  allocate,
  elementCount,
  invalidArgument,
  type NumericData,
  type Shape,
  shapeText,
  type Tensor,
  WireKind,
  WireReader,
} from "@servable/formats";
import type { InferTensorContentsSchema } from "@servable/formats/protobuf/open_inference_grpc_pb";
import type { ContentsField, Datatype } from "./datatypes.js";
import { forEachVarint, varintsIn } from "./varint-list.js";

interface List {
  /** Of InferTensorContents. */
  readonly number: number;
  readonly name: string;
  /** Bytes of an entry; varints take as many as they need, byte strings tell their length. */
  readonly entry: 4 | 8 | "varint" | "bytes";
}

const lists: Readonly<Record<ContentsField, List>> = {
  boolContents: { number: 1, name: "bool_contents", entry: "varint" },
  intContents: { number: 2, name: "int_contents", entry: "varint" },
  int64Contents: { number: 3, name: "int64_contents", entry: "varint" },
  uintContents: { number: 4, name: "uint_contents", entry: "varint" },
  uint64Contents: { number: 5, name: "uint64_contents", entry: "varint" },
  fp32Contents: { number: 6, name: "fp32_contents", entry: 4 },
  fp64Contents: { number: 7, name: "fp64_contents", entry: 8 },
  bytesContents: { number: 8, name: "bytes_contents", entry: "bytes" },
};

/**
 * @param contents a serialized InferTensorContents
 *
 * INVALID_ARGUMENT when the datatype's list doesn't fit the shape, or an entry its datatype.
 */
export function tensorFromContents(datatype: Datatype, shape: Shape, contents: Uint8Array): Tensor {
  const { name, dtype, contents: field } = datatype;
  if (field === undefined) {
    throw invalidArgument(
      `${name} travels as raw_input_contents alone, for InferTensorContents has no list of it`,
    );
  }
  const list = lists[field];
  const count = elementCount(shape);
  const given = countOf(contents, list);
  if (given !== count) {
    throw invalidArgument(
      `${name} of shape ${shapeText(shape)} takes ${count} entries of ${list.name}, but ${given} came`,
    );
  }
  if (dtype === "string") return { dtype, shape, data: stringsOf(contents, list) };
  const data = allocate(dtype, count) as NumericData;
  if (list.entry === "varint") fillFromVarints(data, contents, list, datatype);
  else fillFromMemory(data, contents, list);
  return { dtype, shape, data } as Tensor;
}

/** Calls `visit` with each piece of a list: several entries packed, or a single one. Both have the same bytes. */
function forEachPiece(contents: Uint8Array, { number }: List, visit: (piece: Uint8Array) => void): void {
  const reader = new WireReader(contents);
  while (reader.next()) {
    const start = reader.at;
    const isPacked = reader.kind === WireKind.BYTES;
    const view = isPacked ? reader.view() : undefined;
    if (view === undefined) reader.skip();
    if (reader.field === number) visit(view ?? contents.subarray(start, reader.at));
  }
}

function countOf(contents: Uint8Array, list: List): number {
  const { entry } = list;
  let count = 0;
  forEachPiece(contents, list, (piece) => {
    if (entry === "bytes") count++;
    else if (entry === "varint") count += varintsIn(piece);
    else if (piece.length % entry === 0) count += piece.length / entry;
    else throw invalidArgument(`${piece.length} bytes of ${list.name} are no whole number of entries`);
  });
  return count;
}

function stringsOf(contents: Uint8Array, list: List): Uint8Array[] {
  const strings: Uint8Array[] = [];
  forEachPiece(contents, list, (piece) => strings.push(piece));
  return strings;
}

function fillFromMemory(data: NumericData, contents: Uint8Array, list: List): void {
  const memory = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  forEachPiece(contents, list, (piece) => {
    memory.set(piece, at);
    at += piece.length;
  });
}

function fillFromVarints(
  data: NumericData,
  contents: Uint8Array,
  list: List,
  { name, dtype }: Datatype,
): void {
  let index = 0;
  const put = (low: number, high: number): void => {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      // The typed array takes what is beyond 63 bits for a sign, or not.
      data[index++] = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
      return;
    }
    const value =
      dtype === "bool" ? Number((low | high) !== 0) : list === lists.intContents ? low | 0 : low >>> 0;
    data[index] = value;
    // A typed array keeps of an integer that is too large what it has room for.
    if (data[index] !== value) throw invalidArgument(`entry ${index} of ${list.name} is beyond ${name}`);
    index++;
  };
  forEachPiece(contents, list, (piece) => forEachVarint(piece, put));
}

/** The contents of a tensor whose datatype has a list. */
export function contentsOf(
  { dtype, contents: field }: Datatype,
  { data }: Tensor,
): MessageInitShape<typeof InferTensorContentsSchema> {
  if (field === undefined) return {};
  const values =
    dtype === "bool" ? Array.from(data as Uint8Array, (byte) => byte !== 0) : Array.from<unknown>(data);
  return { [field]: values };
}
