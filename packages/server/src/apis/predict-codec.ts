/**
 * PredictRequest and PredictResponse (apis/predict.proto). The request's tensors stay bytes until inference asks for
 * them, and then are views on the request where their layout allows.
 */
import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, decodeText, type Tensor, tensorFromBytes, tensorToBytes } from "@servable/formats";
import { ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import type { LazyTensor } from "../inference/feeds.js";
import type { ModelSpec } from "../inference/model-spec.js";
import type { PredictRequest, PredictResponse } from "../inference/predict.js";
import { modelSpecFromBytes, modelSpecToBytes, requestSpecMessage } from "./model-spec-codec.js";
import { forEachField } from "./wire-fields.js";

const MODEL_SPEC = 1;
const INPUTS = 2;
const OUTPUT_FILTER = 3;
const OUTPUTS = 1;
const RESPONSE_MODEL_SPEC = 2;
const KEY = 1;
const VALUE = 2;

export function decodePredictRequest(bytes: Uint8Array): PredictRequest {
  let spec: ModelSpec | undefined;
  const inputs = new Map<string, LazyTensor>();
  const outputFilter: string[] = [];
  forEachField(bytes, "PredictRequest", (field, value) => {
    if (field === MODEL_SPEC) spec = modelSpecFromBytes(value);
    else if (field === INPUTS) addInput(inputs, value);
    else if (field === OUTPUT_FILTER) outputFilter.push(decodeText(value));
  });
  return { spec, inputs, outputFilter };
}

function addInput(inputs: Map<string, LazyTensor>, entry: Uint8Array): void {
  let name = "";
  let tensor: Uint8Array = new Uint8Array(0);
  forEachField(entry, "PredictRequest.inputs", (field, value) => {
    if (field === KEY) name = decodeText(value);
    else if (field === VALUE) tensor = value;
  });
  inputs.set(name, () => decodeTensor(name, tensor));
}

function decodeTensor(name: string, bytes: Uint8Array): Tensor {
  return tensorFromBytes(bytes, `input "${name}"`, Code.INTERNAL);
}

/** A request as a client would have sent it. */
export function encodePredictRequest(spec: ModelSpec, inputs: ReadonlyMap<string, Tensor>): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(MODEL_SPEC, WireType.LengthDelimited).bytes(toBinary(ModelSpecSchema, requestSpecMessage(spec)));
  writeTensors(writer, INPUTS, inputs, true);
  return writer.finish();
}

/** @param asContent whether numbers go into tensor_content, as bytes, or into typed lists */
export function encodePredictResponse({ spec, outputs }: PredictResponse, asContent: boolean): Uint8Array {
  const writer = new BinaryWriter();
  writeTensors(writer, OUTPUTS, outputs, asContent);
  writer.tag(RESPONSE_MODEL_SPEC, WireType.LengthDelimited).bytes(modelSpecToBytes(spec));
  return writer.finish();
}

/** Entries of a map<string, TensorProto>. */
function writeTensors(
  writer: BinaryWriter,
  field: number,
  tensors: ReadonlyMap<string, Tensor>,
  asContent: boolean,
): void {
  for (const [name, tensor] of tensors) {
    writer.tag(field, WireType.LengthDelimited).fork();
    writer.tag(KEY, WireType.LengthDelimited).string(name);
    writer.tag(VALUE, WireType.LengthDelimited).bytes(tensorToBytes(tensor, asContent));
    writer.join();
  }
}
