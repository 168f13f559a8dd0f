/** Tensors as serialized TensorProtos and back: SerializeTensor, ParseTensor; JSON into tf.Examples. */
import { fromJsonString, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  Code,
  decodeMessage,
  invalidArgument,
  type Tensor,
  tensorFromProto,
  tensorToProto,
} from "@servable/formats";
import { type Example, ExampleSchema } from "@servable/formats/protobuf/tensorflow/core/example/example_pb";
import type { Feature } from "@servable/formats/protobuf/tensorflow/core/example/feature_pb";
import { TensorProtoSchema } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { compute, outputDtype, type TensorFunction } from "../kernel.js";
import { mapStrings, stringsOf } from "../strings/map-strings.js";

const serializeTensor: TensorFunction = (tensor) =>
  tensorOver(
    "string",
    [],
    [
      toBinary(
        TensorProtoSchema,
        tensorToProto(tensor as Tensor, { asContent: (tensor as Tensor).dtype !== "string" }),
      ),
    ],
  );

function parseTensor(node: NodeFacts): TensorFunction {
  const dtype = outputDtype(node);
  return (serialized) => {
    const bytes = stringsOf(serialized).data[0];
    if (bytes === undefined || stringsOf(serialized).data.length !== 1) {
      throw invalidArgument(
        `Expected \`serialized\` to be a scalar, got ${stringsOf(serialized).data.length} strings`,
      );
    }
    const proto = decodeMessage(TensorProtoSchema, bytes, "`serialized`", Code.INVALID_ARGUMENT);
    const tensor = tensorFromProto(proto, "`serialized`");
    if (tensor.dtype !== dtype) {
      throw invalidArgument(`Type mismatch between parsed tensor (${tensor.dtype}) and dtype (${dtype})`);
    }
    return tensor;
  };
}

// ---- DecodeJSONExample ---------------------------------------------------------------------------------------

function jsonExample(text: Uint8Array): Uint8Array {
  let example: Example;
  try {
    example = fromJsonString(ExampleSchema, Buffer.from(text).toString("utf8"));
  } catch (error) {
    throw invalidArgument(`Error while parsing JSON: ${(error as Error).message}`);
  }
  return writeExample(example);
}

/** As TensorFlow writes it: in the order of the JSON, lists not packed. */
function writeExample({ features }: Example): Uint8Array {
  if (features === undefined) return new Uint8Array(0);
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork();
  for (const [name, feature] of Object.entries(features.feature)) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).fork();
    writeFeature(writer, feature);
    writer.join().join();
  }
  return writer.join().finish();
}

function writeFeature(writer: BinaryWriter, { kind }: Feature): void {
  switch (kind.case) {
    case "bytesList":
      writer.tag(1, WireType.LengthDelimited).fork();
      for (const value of kind.value.value) writer.tag(1, WireType.LengthDelimited).bytes(value);
      break;
    case "floatList":
      writer.tag(2, WireType.LengthDelimited).fork();
      for (const value of kind.value.value) writer.tag(1, WireType.Bit32).float(value);
      break;
    case "int64List":
      writer.tag(3, WireType.LengthDelimited).fork();
      for (const value of kind.value.value) writer.tag(1, WireType.Varint).int64(value);
      break;
    default:
      return;
  }
  writer.join();
}

export const serializedTensorKernels: HostTable = {
  SerializeTensor: compute(() => serializeTensor),
  ParseTensor: compute(parseTensor),
  DecodeJSONExample: mapStrings(() => jsonExample),
};
