/**
 * Serialized TensorProtos (tensorflow/core/framework/tensor.proto) to and from tensors, without a message in between.
 * A request's tensors are most of its bytes, and a generic decoder makes a JavaScript number of each element of a
 * typed list. Here, packed floats are copied as the bytes they are.
 *
 * Only what clients send by the thousand is done here: dtype, shape, and `tensor_content` or one complete, packed list.
 * Everything else, faults included, is left to tensor-proto.ts, which knows all rules and words all errors.
 */
import { toBinary } from "@bufbuild/protobuf";
import { type DType, dtypeFromNumber, dtypeInfo, type NumericData } from "./dtype.js";
import { decodeMessage } from "./protobuf/binary.js";
import { TensorProtoSchema } from "./protobuf/gen/tensorflow/core/framework/tensor_pb.js";
import type { Shape } from "./shape.js";
import { Code } from "./status.js";
import { allocate, bytesOf, dataFromBytes, type NumericTensor, type Tensor } from "./tensor.js";
import { tensorFromProto, tensorToProto } from "./tensor-proto.js";
import { MAX_VARINT64_BYTES, writeVarint } from "./varint.js";
import { WireKind, WireReader } from "./wire-reader.js";
import { WireWriter } from "./wire-writer.js";

const DTYPE = 1;
const TENSOR_SHAPE = 2;
const TENSOR_CONTENT = 4;
const STRING_VAL = 8;
/** In TensorShapeProto, and in its Dim. */
const DIM = 2;
const SIZE = 1;

interface ListField {
  readonly field: number;
  /** Elements as they lie in memory, or as varints of 32 or 64 bits. */
  readonly encoding: "memory" | "varint32" | "varint64";
}

const list = (field: number, encoding: ListField["encoding"]): ListField => ({ field, encoding });

/** The typed list of each dtype that has one worth the trouble. */
const listFields: Partial<Record<DType, ListField>> = {
  float32: list(5, "memory"),
  float64: list(6, "memory"),
  complex64: list(9, "memory"),
  complex128: list(12, "memory"),
  int8: list(7, "varint32"),
  uint8: list(7, "varint32"),
  int16: list(7, "varint32"),
  uint16: list(7, "varint32"),
  int32: list(7, "varint32"),
  bool: list(11, "varint32"),
  float16: list(13, "varint32"),
  bfloat16: list(13, "varint32"),
  uint32: list(16, "varint32"),
  int64: list(10, "varint64"),
  uint64: list(17, "varint64"),
};

/**
 * The tensor of a serialized TensorProto. Numeric `tensor_content` and strings become views on the bytes.
 *
 * @param where names the tensor in errors, such as `input "x"`
 * @param malformed is the code for bytes that are no TensorProto
 * @throws what tensorFromProto throws
 *
 * @example
 * const x = tensor("float32", [2], Float32Array.of(1, 2));
 * assert.deepEqual(tensorFromBytes(tensorToBytes(x), "x"), x);
 */
export function tensorFromBytes(
  bytes: Uint8Array,
  where: string,
  malformed: Code = Code.INVALID_ARGUMENT,
): Tensor {
  return (
    readPlain(bytes) ?? tensorFromProto(decodeMessage(TensorProtoSchema, bytes, where, malformed), where)
  );
}

/**
 * A serialized TensorProto of the tensor; see tensorToProto for the option.
 *
 * @example
 * assert.ok(tensorToBytes(zeros("float32", [4]) as Tensor, true).length >= 16);
 */
export function tensorToBytes(tensor: Tensor, asContent = false): Uint8Array {
  const writer = new WireWriter(tensorBytesHint(tensor));
  writeTensor(writer, tensor, asContent);
  return writer.finish();
}

/**
 * About how many bytes a serialized TensorProto takes: enough for numbers whose bytes are sent as they are.
 *
 * @example
 * assert.ok(tensorBytesHint(zeros("float32", [100])) >= 400);
 */
export function tensorBytesHint({ dtype, shape, data }: Tensor): number {
  const sizes = OVERHEAD_BYTES + DIM_BYTES * shape.length;
  return dtype === "string" ? sizes + STRING_BYTES * data.length : sizes + data.byteLength;
}

const OVERHEAD_BYTES = 16;
const DIM_BYTES = 2 + 1 + MAX_VARINT64_BYTES;
const STRING_BYTES = 32;

/**
 * Writes the fields of a TensorProto; see tensorToProto for the option.
 *
 * @example
 * const x = tensor("float32", [2], Float32Array.of(1, 2));
 * const writer = new WireWriter(tensorBytesHint(x));
 * writeTensor(writer, x, true);
 * assert.deepEqual(tensorFromBytes(writer.finish(), "x"), x);
 */
export function writeTensor(writer: WireWriter, tensor: Tensor, asContent: boolean): void {
  const { dtype } = tensor;
  const field = listFields[dtype];
  if (dtype === "string" ? asContent : field === undefined) {
    writer.raw(toBinary(TensorProtoSchema, tensorToProto(tensor, { asContent })));
    return;
  }
  if (tensor.dtype === "string") {
    for (const string of tensor.data.toReversed()) writer.bytesField(STRING_VAL, string);
  } else if (tensor.data.length > 0) {
    const { data } = tensor as NumericTensor;
    const { field: number, encoding } = field as ListField;
    if (asContent) writer.bytesField(TENSOR_CONTENT, bytesOf(data));
    else writer.bytesField(number, packed(data, encoding));
  }
  writeShape(writer, tensor.shape);
  writer.varintField(DTYPE, dtypeInfo(dtype).number);
}

function writeShape(writer: WireWriter, shape: Shape): void {
  const before = writer.size;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    const dimBefore = writer.size;
    if (size !== 0) writer.varintField(SIZE, size);
    writer.endField(DIM, dimBefore);
  }
  writer.endField(TENSOR_SHAPE, before);
}

/** What one pass over a TensorProto finds. */
interface Found {
  dtype: DType | undefined;
  shape: number[] | undefined;
  content: Uint8Array | undefined;
  listField: number | undefined;
  listBytes: Uint8Array | undefined;
  readonly strings: Uint8Array[];
}

/** The tensor, when the TensorProto is a plain one without fault. */
function readPlain(bytes: Uint8Array): Tensor | undefined {
  const found: Found = {
    dtype: undefined,
    shape: [],
    content: undefined,
    listField: undefined,
    listBytes: undefined,
    strings: [],
  };
  try {
    if (!scan(new WireReader(bytes), found)) return undefined;
  } catch {
    return undefined;
  }
  const { dtype, shape } = found;
  if (dtype === undefined || shape === undefined) return undefined;
  const count = shape.reduce((product, size) => product * size, 1);
  // Not more than the bytes can hold: no allocation for a claim.
  if (!(count <= bytes.length)) return undefined;
  const data = dtype === "string" ? stringsOf(found, count) : numbersOf(found, dtype, count);
  return data === undefined ? undefined : ({ dtype, shape, data } as Tensor);
}

/** False when there is something that is not for this file. */
function scan(reader: WireReader, found: Found): boolean {
  while (reader.next()) {
    const { field, kind } = reader;
    if (field === DTYPE && kind === WireKind.VARINT) {
      found.dtype = dtypeFromNumber(reader.varint());
      continue;
    }
    if (kind !== WireKind.BYTES) return false;
    const value = reader.view();
    if (field === TENSOR_SHAPE) found.shape = readShape(value);
    else if (field === TENSOR_CONTENT) found.content = value;
    else if (field === STRING_VAL) found.strings.push(value);
    else if (found.listField === undefined) [found.listField, found.listBytes] = [field, value];
    else return false;
  }
  return true;
}

/** The sizes, or undefined when some are unknown. */
function readShape(bytes: Uint8Array): number[] | undefined {
  const shape: number[] = [];
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.field !== DIM || reader.kind !== WireKind.BYTES) return undefined;
    const size = readDim(reader.view());
    if (size === undefined) return undefined;
    shape.push(size);
  }
  return shape;
}

function readDim(bytes: Uint8Array): number | undefined {
  const reader = new WireReader(bytes);
  let size = 0;
  while (reader.next()) {
    if (reader.field === SIZE && reader.kind === WireKind.VARINT) size = reader.varint();
    else reader.skip();
  }
  return size >= 0 ? size : undefined;
}

function stringsOf({ content, listField, strings }: Found, count: number): Uint8Array[] | undefined {
  const isPlain = content === undefined && listField === undefined && strings.length === count;
  return isPlain ? strings : undefined;
}

function numbersOf(found: Found, dtype: Exclude<DType, "string">, count: number): NumericData | undefined {
  const { content, listField, listBytes, strings } = found;
  if (strings.length > 0) return undefined;
  const { size } = dtypeInfo(dtype);
  if (content !== undefined) {
    const isPlain = listField === undefined && content.length > 0 && content.length === count * size;
    // The bytes of bools are checked elsewhere.
    return isPlain && dtype !== "bool" ? dataFromBytes(dtype, content) : undefined;
  }
  const field = listFields[dtype];
  if (field === undefined || listBytes === undefined || listField !== field.field) return undefined;
  if (field.encoding === "memory") {
    return listBytes.length === count * size ? dataFromBytes(dtype, listBytes) : undefined;
  }
  const data = allocate(dtype, count) as NumericData;
  const isComplete =
    field.encoding === "varint32" ? readVarints32(listBytes, data) : readVarints64(listBytes, data);
  if (dtype === "bool") data.forEach(asBool);
  return isComplete ? data : undefined;
}

/** Any varint but 0 is true. */
function asBool(value: number | bigint, index: number, data: ArrayLike<number | bigint>): void {
  (data as Uint8Array)[index] = value ? 1 : 0;
}

/** Fills `data` with the low 32 bits of varints. False when they are not as many. */
function readVarints32(bytes: Uint8Array, data: NumericData): boolean {
  let at = 0;
  for (let i = 0; i < data.length; i++) {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift >= 7 * MAX_VARINT64_BYTES) return false;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    data[i] = value;
  }
  return at === bytes.length;
}

/** Fills 64-bit `data` with varints. False when they are not as many. */
function readVarints64(bytes: Uint8Array, data: NumericData): boolean {
  // Little-endian, as everywhere in memory here: low word first.
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  let at = 0;
  for (let i = 0; i < words.length; i += 2) {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined || shift >= 7 * MAX_VARINT64_BYTES) return false;
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift > 28) high |= bits << (shift - 32);
      else if (shift === 28) high |= bits >>> 4;
      if (byte < 0x80) break;
    }
    words[i] = low;
    words[i + 1] = high;
  }
  return at === bytes.length;
}

function packed(data: NumericData, encoding: ListField["encoding"]): Uint8Array {
  if (encoding === "memory") return bytesOf(data);
  return encoding === "varint32" ? writeVarints32(data) : writeVarints64(data);
}

function writeVarints32(data: NumericData): Uint8Array {
  const bytes = new Uint8Array(data.length * MAX_VARINT64_BYTES);
  let at = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    at = value < 0 ? writeNegative(value, bytes, at) : writeVarint(value, bytes, at);
  }
  return bytes.subarray(0, at);
}

/** A negative int32 takes ten bytes, as protocol buffers extend its sign to 64 bits. */
function writeNegative(value: number, bytes: Uint8Array, offset: number): number {
  let rest = value >>> 0;
  let at = offset;
  for (let i = 0; i < 4; i++) {
    bytes[at++] = rest | 0x80;
    rest >>>= 7;
  }
  // The last four bits of the number and the first three of its extension; five bytes hold the other 29.
  bytes[at++] = rest | 0xf0;
  bytes.fill(0xff, at, at + 4);
  bytes[at + 4] = 0x01;
  return at + 5;
}

function writeVarints64(data: NumericData): Uint8Array {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  const bytes = new Uint8Array(data.length * MAX_VARINT64_BYTES);
  let at = 0;
  for (let i = 0; i < words.length; i += 2) {
    let low = words[i] as number;
    let high = words[i + 1] as number;
    while (high !== 0 || low >= 0x80) {
      bytes[at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[at++] = low;
  }
  return bytes.subarray(0, at);
}
