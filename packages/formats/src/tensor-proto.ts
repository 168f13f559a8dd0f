/**
 * TensorProto (tensorflow/core/framework/tensor.proto) to and from Tensor.
 *
 * A TensorProto carries its elements either as `tensor_content`, the bytes of TensorFlow's memory, or in the typed
 * list of its dtype. A list may be shorter than the shape asks for: its last value fills the rest, and an empty list
 * means zeros. When both are there, `tensor_content` wins. The rules are those of Tensor::FromProto and
 * Tensor::AsProtoField in tensorflow/core/framework/tensor.cc.
 */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  DT_RESOURCE,
  DT_VARIANT,
  type DType,
  dataTypeName,
  dtypeFromNumber,
  dtypeInfo,
  requireDtype,
} from "./dtype.js";
import { type TensorProto, TensorProtoSchema } from "./protobuf/gen/tensorflow/core/framework/tensor_pb.js";
import {
  type TensorShapeProto,
  TensorShapeProtoSchema,
} from "./protobuf/gen/tensorflow/core/framework/tensor_shape_pb.js";
import type { DataType } from "./protobuf/gen/tensorflow/core/framework/types_pb.js";
import { elementCount, type PartialShape, type Shape, shapeText } from "./shape.js";
import { dataLoss, invalidArgument, resourceExhausted, unimplemented } from "./status.js";
import { readStringList, writeStringList } from "./string-list.js";
import {
  allocate,
  bytesOf,
  dataFromBytes,
  type NumericTensor,
  type StringTensor,
  type Tensor,
} from "./tensor.js";

/** A short list may stand for this much memory and no more. A larger tensor has to bring its own bytes. */
const MAX_BROADCAST_BYTES = 2 ** 28;
/** What one element of a string tensor costs in memory, at least. */
const STRING_ELEMENT_BYTES = 32;

type NumericDType = Exclude<DType, "string">;

/** The typed list of each numeric dtype. */
const listOf = {
  float32: "floatVal",
  float64: "doubleVal",
  int32: "intVal",
  uint8: "intVal",
  int16: "intVal",
  int8: "intVal",
  complex64: "scomplexVal",
  int64: "int64Val",
  bool: "boolVal",
  qint8: "intVal",
  quint8: "intVal",
  qint32: "intVal",
  bfloat16: "halfVal",
  qint16: "intVal",
  quint16: "intVal",
  uint16: "intVal",
  complex128: "dcomplexVal",
  float16: "halfVal",
  uint32: "uint32Val",
  uint64: "uint64Val",
  float8_e5m2: "float8Val",
  float8_e4m3fn: "float8Val",
  float8_e4m3fnuz: "float8Val",
  float8_e4m3b11fnuz: "float8Val",
  float8_e5m2fnuz: "float8Val",
  int4: "intVal",
  uint4: "intVal",
  int2: "intVal",
  uint2: "intVal",
  float4_e2m1fn: "float8Val",
} as const satisfies Record<NumericDType, keyof TensorProto>;

/**
 * The tensor of a TensorProto. Numeric `tensor_content` becomes a view on the message's bytes where their alignment
 * allows, so the tensor keeps the message's buffer alive.
 *
 * @param where names the tensor in errors, such as `input "x"` or `node "Const_3", attr "value"`
 * @throws INVALID_ARGUMENT for a dtype without values, a shape that is not fully known, or values that do not fit it;
 *   UNIMPLEMENTED for handles (DT_RESOURCE, DT_VARIANT); RESOURCE_EXHAUSTED when a short list stands for over 256 MiB
 *
 * @example
 * const x = tensor("float32", [2], Float32Array.of(1, 2));
 * assert.deepEqual(tensorFromProto(tensorToProto(x), "x"), x);
 */
export function tensorFromProto(proto: TensorProto, where: string): Tensor {
  const number: number = proto.dtype;
  if (number === DT_RESOURCE || number === DT_VARIANT) {
    throw unimplemented(`${where}: a tensor of ${dataTypeName(number)} holds handles, not values`);
  }
  const dtype = requireDtype(number, where);
  const shape = shapeFromProto(proto.tensorShape, where);
  const count = elementCountOf(shape, where);
  if (dtype === "string") return { dtype, shape, data: stringsOf(proto, shape, count, where) };
  const data = numbersOf(proto, dtype, shape, count, where);
  return { dtype, shape, data } as NumericTensor;
}

/**
 * How many bytes of memory the tensor of a TensorProto takes beyond those that the message brings: a short list stands
 * for many elements. 0 for a message that tensorFromProto refuses.
 *
 * @example
 * assert.equal(bytesBeyondProto(tensorToProto(zeros("float32", [0]) as Tensor)), 0);
 */
export function bytesBeyondProto(proto: TensorProto): number {
  const dtype = dtypeFromNumber(proto.dtype);
  const shape = partialShapeFromProto(proto.tensorShape);
  if (dtype === undefined || proto.tensorContent.length > 0) return 0;
  if (shape === null || shape.some((size) => size < 0)) return 0;
  const count = shape.reduce((product, size) => product * size, 1);
  const [given, size] =
    dtype === "string"
      ? [proto.stringVal.length, STRING_ELEMENT_BYTES]
      : [proto[listOf[dtype]].length / dtypeInfo(dtype).lanes, dtypeInfo(dtype).size];
  return Math.max(0, count - given) * size;
}

/**
 * The tensor of a TensorProto's typed list, with dtype and shape told from elsewhere: V1 checkpoints keep them so.
 * The list must be complete. DATA_LOSS, naming `where`, when it is not.
 *
 * @example
 * const list = tensorToProto(tensor("int32", [2], Int32Array.of(1, 2)));
 * assert.deepEqual(tensorFromList(list, "int32", [2], "x").data, Int32Array.of(1, 2));
 */
export function tensorFromList(proto: TensorProto, dtype: DType, shape: Shape, where: string): Tensor {
  const count = elementCountOf(shape, where);
  const list = dtype === "string" ? proto.stringVal : proto[listOf[dtype]];
  const entries = count * dtypeInfo(dtype).lanes;
  if (list.length !== entries) {
    throw dataLoss(
      `${where}: ${dtype} of shape ${shapeText(shape)} needs ${entries} values, got ${list.length}`,
    );
  }
  if (dtype === "string") return { dtype, shape, data: proto.stringVal };
  return { dtype, shape, data: numbersFromList(proto, dtype, shape, count, where) } as NumericTensor;
}

/**
 * The sizes of a TensorShapeProto that is fully known; no proto is a scalar.
 * INVALID_ARGUMENT, naming `where`, when the rank or a size is unknown.
 *
 * @example
 * assert.deepEqual(shapeFromProto(shapeToProto([2, 3]), "x"), [2, 3]);
 */
export function shapeFromProto(proto: TensorShapeProto | undefined, where: string): number[] {
  const shape = partialShapeFromProto(proto);
  if (shape === null || shape.some((size) => size < 0)) {
    throw invalidArgument(`${where}: shape ${shapeText(shape)} must be fully known`);
  }
  return [...shape];
}

/**
 * The sizes of a TensorShapeProto: null for an unknown rank, -1 for an unknown size. No proto is a scalar.
 *
 * @example
 * assert.deepEqual(partialShapeFromProto(shapeToProto([-1, 3])), [-1, 3]);
 */
export function partialShapeFromProto(proto: TensorShapeProto | undefined): PartialShape {
  if (proto === undefined) return [];
  if (proto.unknownRank) return null;
  return proto.dim.map((dim) => (dim.size < 0n ? -1 : Number(dim.size)));
}

function elementCountOf(shape: Shape, where: string): number {
  try {
    return elementCount(shape);
  } catch (reason) {
    throw invalidArgument(`${where}: ${(reason as Error).message}`, { cause: reason });
  }
}

function numbersOf(proto: TensorProto, dtype: NumericDType, shape: Shape, count: number, where: string) {
  const { size } = dtypeInfo(dtype);
  if (count === 0) return allocate(dtype, 0);
  if (proto.tensorContent.byteLength === 0) return numbersFromList(proto, dtype, shape, count, where);
  if (proto.tensorContent.byteLength !== count * size) {
    throw invalidArgument(
      `${where}: ${dtype} tensor of shape ${shapeText(shape)} needs ${count * size} bytes of tensor_content, ` +
        `got ${proto.tensorContent.byteLength}`,
    );
  }
  if (dtype === "bool" && proto.tensorContent.some((byte) => byte > 1)) {
    throw invalidArgument(`${where}: tensor_content of a bool tensor has a byte that is neither 0 nor 1`);
  }
  return dataFromBytes(dtype, proto.tensorContent);
}

function numbersFromList(
  proto: TensorProto,
  dtype: NumericDType,
  shape: Shape,
  count: number,
  where: string,
) {
  const { size, bits, lanes } = dtypeInfo(dtype);
  const list: ArrayLike<number | bigint | boolean> = proto[listOf[dtype]];
  // Half a complex number at the end is dropped, as TensorFlow does.
  const given = list.length - (list.length % lanes);
  requireFit(given / lanes, count, count * size, `${where}: ${dtype} tensor of shape ${shapeText(shape)}`);
  const data = allocate(dtype, count) as Float32Array;
  // Typed arrays convert booleans and wrap integers by themselves; the type system can't know that list and array
  // are both of bigints or both not.
  const entries = list as ArrayLike<number>;
  for (let i = 0; i < given; i++) data[i] = entries[i] as number;
  repeatLast(data, given, lanes);
  return bits < 8 ? dataFromBytes(dtype, bytesOf(data)) : data;
}

/** INVALID_ARGUMENT for more values than elements; RESOURCE_EXHAUSTED when few values stand for too much memory. */
function requireFit(given: number, count: number, bytes: number, what: string): void {
  if (given > count) throw invalidArgument(`${what} has ${count} elements, got ${given} values`);
  if (given < count && bytes > MAX_BROADCAST_BYTES) {
    throw resourceExhausted(`${what} has ${count} elements, but only ${given} values are given to fill it`);
  }
}

/** Fills the entries from `given` on with the last element before them; zeros stay when there is none. */
function repeatLast(data: Float32Array, given: number, lanes: number): void {
  if (given === 0 || given === data.length) return;
  if (lanes === 1) {
    data.fill(data[given - 1] as number, given);
    return;
  }
  for (let i = given; i < data.length; i++) data[i] = data[i - lanes] as number;
}

function stringsOf(proto: TensorProto, shape: Shape, count: number, where: string): Uint8Array[] {
  if (count === 0) return [];
  const what = `${where}: string tensor of shape ${shapeText(shape)}`;
  if (proto.tensorContent.byteLength > 0) return readStringList(proto.tensorContent, count, what);
  const given = proto.stringVal.length;
  requireFit(given, count, count * STRING_ELEMENT_BYTES, what);
  if (given === count) return proto.stringVal;
  const data = allocate("string", count);
  for (let i = 0; i < given; i++) data[i] = proto.stringVal[i] as Uint8Array;
  if (given > 0) data.fill(proto.stringVal[given - 1] as Uint8Array, given);
  return data;
}

/** How to write a tensor. */
export interface TensorToProtoOptions {
  /** Put numeric elements into `tensor_content` as bytes (a view on the tensor) in place of the typed list. */
  readonly asContent?: boolean;
}

/**
 * A TensorProto with the tensor's values: in the typed list of its dtype, as TensorFlow Serving answers by default,
 * or in `tensor_content`. Lists are written in full.
 *
 * @example
 * const proto = tensorToProto(tensor("float32", [2], Float32Array.of(1, 2)), { asContent: true });
 * assert.equal(proto.tensorContent.length, 8);
 */
export function tensorToProto(tensor: Tensor, options: TensorToProtoOptions = {}): TensorProto {
  const { dtype } = tensor;
  return create(TensorProtoSchema, {
    dtype: dtypeInfo(dtype).number as DataType,
    tensorShape: shapeToProto(tensor.shape),
    ...(dtype === "string" ? stringValues(tensor, options) : numericValues(tensor as NumericTensor, options)),
  });
}

/**
 * A TensorShapeProto: unknown rank for null, -1 for an unknown size.
 *
 * @example
 * assert.deepEqual(shapeToProto([2, -1]).dim.map(({ size }) => size), [2n, -1n]);
 */
export function shapeToProto(shape: PartialShape): TensorShapeProto {
  return create(TensorShapeProtoSchema, {
    unknownRank: shape === null,
    dim: shape === null ? [] : shape.map((size) => ({ size: sizeToProto(size, shape) })),
  });
}

/** INVALID_ARGUMENT for what no 64-bit integer holds: configurations may say anything. */
function sizeToProto(size: number, shape: Exclude<PartialShape, null>): bigint {
  if (Number.isInteger(size) && Math.abs(size) < 2 ** 63) return BigInt(size);
  throw invalidArgument(`Shape ${shapeText(shape)} has a size that is no 64-bit integer`);
}

type Values = MessageInitShape<typeof TensorProtoSchema>;

function stringValues(tensor: StringTensor, options: TensorToProtoOptions): Values {
  return options.asContent ? { tensorContent: writeStringList(tensor.data) } : { stringVal: tensor.data };
}

function numericValues(tensor: NumericTensor, options: TensorToProtoOptions): Values {
  if (options.asContent) return { tensorContent: bytesOf(tensor.data) };
  const list = listOf[tensor.dtype];
  if (list === "float8Val") return { float8Val: bytesOf(tensor.data) };
  if (list === "boolVal") return { boolVal: Array.from(tensor.data as Uint8Array, (entry) => entry !== 0) };
  return { [list]: Array.from<number | bigint>(tensor.data) };
}
