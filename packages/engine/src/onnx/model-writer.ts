/**
 * Writes an OnnxGraph as the bytes of an ONNX ModelProto (onnx/onnx-ml.proto), the form that ONNX Runtime loads.
 *
 * Weights that lie in a file stay there: they are written as external data (file name, offset, length), which
 * ONNX Runtime maps. It looks for such files in one folder only, so the folder that holds most bytes is chosen and
 * the caller passes it as session option `session.model_external_initializers_file_folder_path`. Everything else is
 * read here, one constant at a time, and written in place.
 */
import path from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  bytesOf,
  type DType,
  dtypeInfo,
  elementCount,
  encodeText,
  internal,
  invalidArgument,
  type NumericTensor,
  type PartialShape,
  resourceExhausted,
  type Tensor,
} from "@servable/formats";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "@servable/formats/protobuf/onnx/onnx-ml_pb";
import type { ConstantSource, ExternalData } from "../graph/constant.js";
import { OPSET } from "./kernel-types.js";
import type { OnnxAttr, OnnxGraph, OnnxOp, OnnxPort } from "./onnx-graph.js";
import { verifyGraph } from "./verify.js";

export interface WrittenModel {
  /** A ModelProto. */
  readonly bytes: Uint8Array;
  /** The folder of the files that its external data is in; absent when there is none. */
  readonly externalFolder?: string;
}

/** `ir_version` of the ONNX release that brought the operator set we write (onnx/helper.py, VERSION_TABLE). */
const IR_VERSION = 10n;

/** Smaller constants are written in place: ONNX Runtime wants the values of shapes and axes while it loads. */
const MIN_EXTERNAL_BYTES = 1024;

/** A protobuf message must stay below 2 GiB; what is not a constant gets a share of it. */
const MAX_INLINE_BYTES = 2 ** 31 - 2 ** 26;

/**
 * A ModelProto of the graph and the graphs in its attributes.
 * INTERNAL for a malformed graph (verify.ts); RESOURCE_EXHAUSTED, naming the biggest constant, when what must be written in place passes protobuf's 2 GiB.
 */
export function writeModel(graph: OnnxGraph): WrittenModel {
  verifyGraph(graph);
  const constants = allConstants(graph);
  const externalFolder = folderOfMostBytes(constants);
  checkInlineBytes(constants, externalFolder);
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "servable",
    opsetImport: [...domainsOf(graph)].map((domain) =>
      create(OperatorSetIdProtoSchema, { domain, version: domain === "" ? BigInt(OPSET) : 1n }),
    ),
    graph: graphProto(graph, externalFolder),
  });
  const bytes = toBinary(ModelProtoSchema, model);
  return externalFolder === undefined ? { bytes } : { bytes, externalFolder };
}

// ---- what goes where -----------------------------------------------------------------------------------------

type NamedConstant = readonly [name: string, source: ConstantSource];

function allConstants(graph: OnnxGraph): NamedConstant[] {
  return [...graph.initializers, ...subgraphs(graph).flatMap(allConstants)];
}

function domainsOf(graph: OnnxGraph): Set<string> {
  const domains = new Set<string>([""]);
  for (const op of graph.ops) domains.add(op.domain ?? "");
  for (const nested of subgraphs(graph)) for (const domain of domainsOf(nested)) domains.add(domain);
  return domains;
}

/** The graphs that are attributes of a graph's operators: branches and loop bodies. */
export function subgraphs(graph: OnnxGraph): OnnxGraph[] {
  return graph.ops.flatMap((op) =>
    Object.values(op.attrs).flatMap((attr) =>
      typeof attr === "object" && "graph" in attr ? [attr.graph] : [],
    ),
  );
}

/** Where a constant's elements lie in a file in the layout that ONNX has too; undefined when they must be written. */
function externalData(source: ConstantSource): ExternalData | undefined {
  const { external, dtype } = source;
  const sameLayout = dtypeInfo(dtype).bits === 8 * dtypeInfo(dtype).size;
  return external !== undefined && external.length >= MIN_EXTERNAL_BYTES && sameLayout ? external : undefined;
}

function folderOfMostBytes(constants: readonly NamedConstant[]): string | undefined {
  const bytesOfFolder = new Map<string, number>();
  for (const [, source] of constants) {
    const external = externalData(source);
    if (external === undefined) continue;
    const folder = path.dirname(external.file);
    bytesOfFolder.set(folder, (bytesOfFolder.get(folder) ?? 0) + external.length);
  }
  return [...bytesOfFolder].sort(([, a], [, b]) => b - a)[0]?.[0];
}

function isExternal(source: ConstantSource, folder: string | undefined): boolean {
  const external = externalData(source);
  return external !== undefined && path.dirname(external.file) === folder;
}

function checkInlineBytes(constants: readonly NamedConstant[], folder: string | undefined): void {
  const sizes = constants
    .filter(([, source]) => !isExternal(source, folder))
    .map(([name, source]) => ({ name, bytes: elementCount(source.shape) * dtypeInfo(source.dtype).size }))
    .sort((a, b) => b.bytes - a.bytes);
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const biggest = sizes[0];
  if (total <= MAX_INLINE_BYTES || biggest === undefined) return;
  throw resourceExhausted(
    `the model's constants need ${total} bytes in one ONNX model, more than the ${MAX_INLINE_BYTES} that fit; ` +
      `the biggest, "${biggest.name}", has ${biggest.bytes}. Save large weights as variables: those stay in their files`,
  );
}

// ---- protos --------------------------------------------------------------------------------------------------

function graphProto(graph: OnnxGraph, folder: string | undefined): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name,
    input: graph.inputs.map(valueInfo),
    output: graph.outputs.map(valueInfo),
    initializer: [...graph.initializers].map(([name, source]) => initializer(name, source, folder)),
    node: graph.ops.map((op) => nodeProto(op, folder)),
  });
}

function valueInfo({ name, dtype, shape }: OnnxPort): ValueInfoProto {
  const tensorType = create(TypeProto_TensorSchema, { elemType: elementTypeOf(dtype) });
  if (shape !== null) tensorType.shape = create(TensorShapeProtoSchema, { dim: dimensions(name, shape) });
  const type = create(TypeProtoSchema, { value: { case: "tensorType", value: tensorType } });
  return create(ValueInfoProtoSchema, { name, type });
}

/**
 * Unknown sizes have names of their own. ONNX Runtime then knows which results are of equal size and share memory;
 * without names it compares every result with all before it, in a time that grows with the square of their number.
 */
function dimensions(name: string, shape: NonNullable<PartialShape>): TensorShapeProto_Dimension[] {
  return shape.map((size, axis) => {
    const value =
      size < 0
        ? { case: "dimParam" as const, value: `${name}[${axis}]` }
        : { case: "dimValue" as const, value: int64Of(size) };
    return create(TensorShapeProto_DimensionSchema, { value });
  });
}

function nodeProto(op: OnnxOp, folder: string | undefined): NodeProto {
  return create(NodeProtoSchema, {
    opType: op.type,
    name: op.name,
    input: [...op.inputs],
    output: [...op.outputs],
    attribute: Object.entries(op.attrs).map(([name, attr]) => attributeProto(name, attr, folder)),
    ...(op.domain === undefined ? {} : { domain: op.domain }),
  });
}

function attributeProto(name: string, attr: OnnxAttr, folder: string | undefined): AttributeProto {
  return create(AttributeProtoSchema, { name, ...attributeValue(attr, folder) });
}

type AttributeValue = Partial<
  Pick<AttributeProto, "type" | "f" | "i" | "s" | "t" | "g" | "floats" | "ints" | "strings">
>;

function attributeValue(attr: OnnxAttr, folder: string | undefined): AttributeValue {
  if (typeof attr === "number") return { type: AttributeType.INT, i: int64Of(attr) };
  if (typeof attr === "string") return { type: AttributeType.STRING, s: encodeText(attr) };
  if (isInts(attr)) return { type: AttributeType.INTS, ints: attr.map(int64Of) };
  if ("float" in attr) return { type: AttributeType.FLOAT, f: attr.float };
  if ("floats" in attr) return { type: AttributeType.FLOATS, floats: [...attr.floats] };
  if ("strings" in attr) return { type: AttributeType.STRINGS, strings: attr.strings.map(encodeText) };
  if ("tensor" in attr) return { type: AttributeType.TENSOR, t: tensorProto("", attr.tensor) };
  if ("dtype" in attr) return { type: AttributeType.INT, i: BigInt(elementTypeOf(attr.dtype)) };
  return { type: AttributeType.GRAPH, g: graphProto(attr.graph, folder) };
}

/** Numbers of hostile models come near 2^63, which a double rounds up to what no int64 is. */
function int64Of(value: number): bigint {
  if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 63)
    throw invalidArgument(`an attribute or size is ${value}, which is no 64-bit integer`);
  return BigInt(value);
}

/** Array.isArray does not narrow a readonly array out of a union. */
function isInts(attr: Exclude<OnnxAttr, number | string>): attr is readonly number[] {
  return Array.isArray(attr);
}

function initializer(name: string, source: ConstantSource, folder: string | undefined): TensorProto {
  if (source.external === undefined || !isExternal(source, folder)) return tensorProto(name, source.read());
  const { file, offset, length } = source.external;
  return create(TensorProtoSchema, {
    name,
    dims: source.shape.map(BigInt),
    dataType: elementTypeOf(source.dtype),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      entry("location", path.basename(file)),
      entry("offset", String(offset)),
      entry("length", String(length)),
    ],
  });
}

function entry(key: string, value: string): StringStringEntryProto {
  return create(StringStringEntryProtoSchema, { key, value });
}

function tensorProto(name: string, tensor: Tensor): TensorProto {
  const facts = { name, dims: tensor.shape.map(BigInt), dataType: elementTypeOf(tensor.dtype) };
  if (tensor.dtype === "string") return create(TensorProtoSchema, { ...facts, stringData: tensor.data });
  return create(TensorProtoSchema, { ...facts, rawData: rawData(tensor) });
}

/** Elements as ONNX has them: little-endian; those of 4 and 2 bits packed, the first in the lowest bits. */
function rawData(tensor: NumericTensor): Uint8Array {
  const { bits, size } = dtypeInfo(tensor.dtype);
  if (bits === 8 * size) return bytesOf(tensor.data);
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  const packed = new Uint8Array(Math.ceil(tensor.data.length / perByte));
  bytesOf(tensor.data).forEach((element, i) => {
    packed[Math.floor(i / perByte)] =
      (packed[Math.floor(i / perByte)] as number) | ((element & mask) << ((i % perByte) * bits));
  });
  return packed;
}

const elementTypes: Partial<Record<DType, DataType>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  bfloat16: DataType.BFLOAT16,
  float8_e4m3fn: DataType.FLOAT8E4M3FN,
  float8_e4m3fnuz: DataType.FLOAT8E4M3FNUZ,
  float8_e5m2: DataType.FLOAT8E5M2,
  float8_e5m2fnuz: DataType.FLOAT8E5M2FNUZ,
  float4_e2m1fn: DataType.FLOAT4E2M1,
  int8: DataType.INT8,
  int16: DataType.INT16,
  int32: DataType.INT32,
  int64: DataType.INT64,
  uint8: DataType.UINT8,
  uint16: DataType.UINT16,
  uint32: DataType.UINT32,
  uint64: DataType.UINT64,
  int4: DataType.INT4,
  uint4: DataType.UINT4,
  int2: DataType.INT2,
  uint2: DataType.UINT2,
  bool: DataType.BOOL,
  string: DataType.STRING,
  complex64: DataType.COMPLEX64,
  complex128: DataType.COMPLEX128,
  qint8: DataType.INT8,
  quint8: DataType.UINT8,
  qint16: DataType.INT16,
  quint16: DataType.UINT16,
  qint32: DataType.INT32,
};

/** `TensorProto.DataType` of a dtype, quantized ones as their integers. INTERNAL for the few that ONNX lacks. */
function elementTypeOf(dtype: DType): DataType {
  const elementType = elementTypes[dtype];
  if (elementType === undefined) throw internal(`ONNX has no element type ${dtype}`);
  return elementType;
}
