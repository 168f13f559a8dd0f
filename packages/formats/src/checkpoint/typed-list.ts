/**
 * TensorProto messages that hold nothing but a typed list, as V1 checkpoints keep the values of their slices: dtype
 * and shape are told elsewhere. Encoded from typed arrays directly, for a list of JavaScript numbers would take many
 * times the memory. Field numbers are those of tensorflow/core/framework/tensor.proto.
 */
import { WireType } from "@bufbuild/protobuf/wire";
import type { DType } from "../dtype.js";
import { type TensorProto, TensorProtoSchema } from "../protobuf/gen/tensorflow/core/framework/tensor_pb.js";
import { invalidArgument } from "../status.js";
import { bytesOf, type NumericTensor, type StringTensor, type Tensor } from "../tensor.js";
import { MAX_VARINT64_BYTES, varintLength, writeVarint } from "../varint.js";

type ListField = Exclude<keyof TensorProto, `$${string}`>;

interface ListRow {
  readonly field: ListField;
  /** How an element is written: its bytes as they are in memory, or a varint. */
  readonly as: "bytes" | "varint";
}

const floats: ListRow = { field: "floatVal", as: "bytes" };
const doubles: ListRow = { field: "doubleVal", as: "bytes" };
const integers: ListRow = { field: "intVal", as: "varint" };

/** The dtypes that TensorFlow can save in the first format (TensorSliceWriter::MaxBytesPerElement), besides string. */
const rows: Partial<Record<DType, ListRow>> = {
  float32: floats,
  float64: doubles,
  complex64: { ...floats, field: "scomplexVal" },
  complex128: { ...doubles, field: "dcomplexVal" },
  float16: { field: "halfVal", as: "varint" },
  int64: { field: "int64Val", as: "varint" },
  bool: { field: "boolVal", as: "varint" },
  int32: integers,
  int16: integers,
  int8: integers,
  uint16: integers,
  uint8: integers,
  qint32: integers,
  qint16: integers,
  qint8: integers,
  quint16: integers,
  quint8: integers,
};

/** INVALID_ARGUMENT, naming `what`, for a dtype that the first format can't hold. */
export function encodeTypedList(tensor: Tensor, what: string): Uint8Array {
  if (tensor.dtype === "string") return encodeStrings(tensor);
  const row = rows[tensor.dtype];
  if (row === undefined)
    throw invalidArgument(`${what} is ${tensor.dtype}, which V1 checkpoints can't hold: write a V2 one`);
  if (tensor.data.length === 0) return new Uint8Array(0);
  const { number } = TensorProtoSchema.field[row.field];
  return lengthDelimited(number, [row.as === "bytes" ? bytesOf(tensor.data) : encodeVarints(tensor)]);
}

/** A field of a message whose content are these bytes, joined. */
export function lengthDelimited(field: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const tag = 8 * field + WireType.LengthDelimited;
  const bytes = new Uint8Array(varintLength(tag) + varintLength(length) + length);
  let at = writeVarint(length, bytes, writeVarint(tag, bytes, 0));
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function encodeStrings({ data }: StringTensor): Uint8Array {
  const { number } = TensorProtoSchema.field.stringVal;
  return Buffer.concat(data.map((string) => lengthDelimited(number, [string])));
}

/** Negative numbers take ten bytes, as those of 64 bits. */
function encodeVarints({ data }: NumericTensor): Uint8Array {
  const entries = data as ArrayLike<number | bigint>;
  let bytes = new Uint8Array(entries.length + MAX_VARINT64_BYTES);
  let at = 0;
  for (let i = 0; i < entries.length; i++) {
    if (at + MAX_VARINT64_BYTES > bytes.length) bytes = grown(bytes);
    at = writeInteger(entries[i] as number | bigint, bytes, at);
  }
  return bytes.subarray(0, at);
}

function grown(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * bytes.length);
  larger.set(bytes);
  return larger;
}

function writeInteger(value: number | bigint, bytes: Uint8Array, offset: number): number {
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return writeVarint(Number(value), bytes, offset);
  let rest = BigInt.asUintN(64, BigInt(value));
  let at = offset;
  for (; rest >= 128n; rest >>= 7n) bytes[at++] = Number(rest & 0x7fn) | 0x80;
  bytes[at++] = Number(rest);
  return at;
}
