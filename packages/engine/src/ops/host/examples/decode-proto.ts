/**
 * DecodeProtoV2: fields of serialized protocol buffers as tensors, by a descriptor that the model carries
 * (tensorflow/core/kernels/decode_proto_op.cc). Ranking models take their ExampleListWithContext apart with it.
 *
 * A field becomes a tensor of [messages…, most repetitions], filled up with its default; sizes say how many values each
 * message has.
 */
import {
  createFileRegistry,
  createRegistry,
  type DescField,
  type DescMessage,
  fromBinary,
  type Registry,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  allocate,
  type DType,
  dataLoss,
  decodeText,
  encodeText,
  invalidArgument,
  parseText,
  type Tensor,
} from "@servable/formats";
import {
  ExampleSchema,
  SequenceExampleSchema,
} from "@servable/formats/protobuf/tensorflow/core/example/example_pb";
import { TensorProtoSchema } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import {
  ExampleListWithContextSchema,
  InputSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/input_pb";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { indexTensor } from "../index-data.js";
import { compute, countOf, type TensorFunction } from "../kernel.js";
import { stringsOf } from "../strings/map-strings.js";

/** A value as a tensor of the wanted dtype holds it. */
type Element = number | bigint | Uint8Array;

// ---- descriptors ---------------------------------------------------------------------------------------------

const BYTES_SOURCE = "bytes://";

/** The messages that a model may speak of: those that it brings along, or those that TensorFlow has itself. */
function registryOf(source: Uint8Array): Registry {
  const text = decodeText(source.subarray(0, BYTES_SOURCE.length));
  if (source.length === 0 || decodeText(source) === "local://") {
    return createRegistry(
      ExampleSchema,
      SequenceExampleSchema,
      TensorProtoSchema,
      ExampleListWithContextSchema,
      InputSchema,
    );
  }
  try {
    if (text === BYTES_SOURCE) {
      return createFileRegistry(fromBinary(FileDescriptorSetSchema, source.subarray(BYTES_SOURCE.length)));
    }
  } catch (error) {
    throw notADescriptor((error as Error).message);
  }
  throw notADescriptor("it must be local:// or bytes://");
}

function notADescriptor(why: string): Error {
  return invalidArgument(`Source does not represent serialized file descriptor set proto: ${why}`);
}

// ---- fields --------------------------------------------------------------------------------------------------

/** How one wanted field is read. */
interface FieldReader {
  readonly field: DescField;
  readonly dtype: DType;
  /** One value, after its tag or within a packed list. */
  readonly read: (reader: BinaryReader, isPacked: boolean) => Element;
  readonly wireType: WireType;
  readonly fallback: Element;
}

interface ScalarForm {
  readonly dtypes: readonly DType[];
  readonly wireType: WireType;
  readonly read: (reader: BinaryReader) => number | bigint | boolean | string | Uint8Array;
}

const forms: Readonly<Record<ScalarType, ScalarForm>> = {
  [ScalarType.DOUBLE]: { dtypes: ["float64"], wireType: WireType.Bit64, read: (r) => r.double() },
  [ScalarType.FLOAT]: { dtypes: ["float32", "float64"], wireType: WireType.Bit32, read: (r) => r.float() },
  [ScalarType.INT64]: { dtypes: ["int64"], wireType: WireType.Varint, read: (r) => BigInt(r.int64()) },
  [ScalarType.UINT64]: { dtypes: ["uint64"], wireType: WireType.Varint, read: (r) => BigInt(r.uint64()) },
  [ScalarType.INT32]: { dtypes: ["int32", "int64"], wireType: WireType.Varint, read: (r) => r.int32() },
  [ScalarType.FIXED64]: { dtypes: ["uint64"], wireType: WireType.Bit64, read: (r) => BigInt(r.fixed64()) },
  [ScalarType.FIXED32]: { dtypes: ["uint32", "uint64"], wireType: WireType.Bit32, read: (r) => r.fixed32() },
  [ScalarType.BOOL]: { dtypes: ["bool"], wireType: WireType.Varint, read: (r) => r.bool() },
  [ScalarType.STRING]: { dtypes: ["string"], wireType: WireType.LengthDelimited, read: (r) => r.bytes() },
  [ScalarType.BYTES]: { dtypes: ["string"], wireType: WireType.LengthDelimited, read: (r) => r.bytes() },
  [ScalarType.UINT32]: { dtypes: ["uint32", "uint64"], wireType: WireType.Varint, read: (r) => r.uint32() },
  [ScalarType.SFIXED32]: { dtypes: ["int32", "int64"], wireType: WireType.Bit32, read: (r) => r.sfixed32() },
  [ScalarType.SFIXED64]: { dtypes: ["int64"], wireType: WireType.Bit64, read: (r) => BigInt(r.sfixed64()) },
  [ScalarType.SINT32]: { dtypes: ["int32", "int64"], wireType: WireType.Varint, read: (r) => r.sint32() },
  [ScalarType.SINT64]: { dtypes: ["int64"], wireType: WireType.Varint, read: (r) => BigInt(r.sint64()) },
};

const enumForm: ScalarForm = { dtypes: ["int32"], wireType: WireType.Varint, read: (r) => r.int32() };
const messageForm: ScalarForm = {
  dtypes: ["string"],
  wireType: WireType.LengthDelimited,
  read: (r) => r.bytes(),
};

function formOf(field: DescField): ScalarForm {
  if (field.scalar !== undefined) return forms[field.scalar];
  return field.enum !== undefined ? enumForm : messageForm;
}

function fieldReader(message: DescMessage, name: string, dtype: DType): FieldReader {
  const field = message.fields.find((candidate) => candidate.name === name);
  if (field === undefined)
    throw invalidArgument(`Unknown field: ${name} in message type ${message.typeName}`);
  const form = formOf(field);
  if (!form.dtypes.includes(dtype)) {
    throw invalidArgument(
      `Unexpected output type for ${message.typeName}.${name}: must be ${form.dtypes.join(" or ")}, got ${dtype}`,
    );
  }
  const isBig = dtype === "int64" || dtype === "uint64";
  // TensorFlow takes the 32 bits of a packed int32 for an unsigned number when it widens them.
  const isUnsigned = field.scalar === ScalarType.INT32 && isBig;
  const read = (reader: BinaryReader, isPacked: boolean): Element => {
    const value = form.read(reader);
    if (isUnsigned && isPacked) return BigInt((value as number) >>> 0);
    return elementOf(value, isBig);
  };
  return { field, dtype, read, wireType: form.wireType, fallback: fallbackOf(field, dtype, isBig) };
}

function elementOf(value: number | bigint | boolean | string | Uint8Array, isBig: boolean): Element {
  if (typeof value === "string") return encodeText(value);
  if (value instanceof Uint8Array) return value;
  return isBig ? BigInt(value) : Number(value);
}

/** What the descriptor says that an absent field means. */
function fallbackOf(field: DescField, dtype: DType, isBig: boolean): Element {
  const given =
    field.fieldKind === "scalar" || field.fieldKind === "enum" ? field.getDefaultValue() : undefined;
  if (given !== undefined) return elementOf(given as number | bigint | boolean | string | Uint8Array, isBig);
  if (field.fieldKind === "enum") return field.enum.values[0]?.number ?? 0;
  return dtype === "string" ? new Uint8Array(0) : elementOf(0, isBig);
}

// ---- messages ------------------------------------------------------------------------------------------------

/** The values of the wanted fields of one message. Of one that can't repeat, the last. */
function readMessage(
  bytes: Uint8Array,
  readers: ReadonlyMap<number, readonly FieldReader[]>,
  values: Element[][],
): void {
  const reader = new BinaryReader(bytes);
  const order = [...readers.values()].flat();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const start = reader.pos;
    const wanted = readers.get(number);
    if (wanted === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    for (const one of wanted) {
      reader.pos = start;
      const into = values[order.indexOf(one)] as Element[];
      readField(reader, one, wireType, number, into);
    }
  }
  if (reader.pos > reader.len) throw new RangeError("the message is cut off");
}

function readField(
  reader: BinaryReader,
  one: FieldReader,
  wireType: WireType,
  number: number,
  into: Element[],
): void {
  const isList = one.field.fieldKind === "list";
  if (wireType === one.wireType) {
    if (!isList) into.length = 0;
    into.push(one.read(reader, false));
  } else if (wireType === WireType.LengthDelimited && isList) {
    const packed = new BinaryReader(reader.bytes());
    while (packed.pos < packed.len) into.push(one.read(packed, true));
  } else reader.skip(wireType, number);
}

// ---- the op --------------------------------------------------------------------------------------------------

function decodeProto({ attrs }: NodeFacts): TensorFunction {
  const registry = registryOf(attrs.bytes("descriptor_source"));
  const typeName = attrs.string("message_type");
  const message = registry.getMessage(typeName);
  if (message === undefined) throw invalidArgument(`No descriptor found for message type ${typeName}`);
  const dtypes = attrs.types("output_types");
  const readers = attrs
    .strings("field_names")
    .map((name, i) => fieldReader(message, name, dtypes[i] as DType));
  if (readers.length !== dtypes.length)
    throw invalidArgument("field_names and output_types attributes must have the same length");
  const binaryOf = messageFormat(attrs.string("message_format"), message, registry);
  const byNumber = new Map<number, FieldReader[]>();
  for (const one of readers) byNumber.set(one.field.number, [...(byNumber.get(one.field.number) ?? []), one]);
  const order = [...byNumber.values()].flat();
  return (input) => {
    const { shape, data } = stringsOf(input);
    if (data.length === 0) throw invalidArgument("Bufs argument must contain at least one value");
    const values = data.map((bytes) => {
      const found = order.map((): Element[] => []);
      parsed(() => readMessage(binaryOf(bytes), byNumber, found));
      return readers.map((one) => found[order.indexOf(one)] as Element[]);
    });
    const sizes = values.flatMap((fields) => fields.map((field) => field.length));
    return [
      indexTensor("int32", [...shape, readers.length], sizes),
      ...readers.map((one, i) =>
        fieldTensor(
          one,
          shape,
          values.map((fields) => fields[i] as Element[]),
        ),
      ),
    ];
  };
}

function parsed(parse: () => void): void {
  try {
    parse();
  } catch (error) {
    throw dataLoss(`Unable to parse protocol buffer: ${(error as Error).message}`);
  }
}

function messageFormat(
  format: string,
  message: DescMessage,
  registry: Registry,
): (bytes: Uint8Array) => Uint8Array {
  if (format === "binary") return (bytes) => bytes;
  if (format !== "text") throw invalidArgument("format must be one of binary or text");
  return (bytes) => toBinary(message, parseText(message, decodeText(bytes), { registry }));
}

/** Values of one field in all messages, each filled up to the longest. */
function fieldTensor(
  { dtype, fallback }: FieldReader,
  batch: readonly number[],
  values: readonly Element[][],
): Tensor {
  const width = values.reduce((most, list) => Math.max(most, list.length), 1);
  const data = allocate(dtype, countOf([values.length, width]));
  const elements = (data as unknown as Element[]).fill(fallback);
  for (const [row, list] of values.entries()) {
    for (const [i, value] of list.entries()) elements[row * width + i] = value;
  }
  return tensorOver(dtype, [...batch, width], data);
}

export const decodeProtoKernels: HostTable = {
  DecodeProtoV2: compute(decodeProto),
};
