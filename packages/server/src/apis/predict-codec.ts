/**
 * PredictRequest and PredictResponse (apis/predict.proto). The request's tensors stay bytes until inference asks for
 * them, and then are views on the request where their layout allows.
 */
import { toBinary } from "@bufbuild/protobuf";
import {
  Code,
  decodeText,
  type Tensor,
  tensorBytesHint,
  tensorFromBytes,
  WireWriter,
  writeTensor,
} from "@servable/formats";
import { ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import type { LazyTensor } from "../inference/feeds.js";
import type { ModelSpec } from "../inference/model-spec.js";
import type { PredictRequest, PredictResponse } from "../inference/predict.js";
import { MIN_SPARE_BYTES, spareMemory } from "../servables/spare-memory.js";
import { modelSpecFromBytes, requestSpecMessage, writeModelSpec } from "./model-spec-codec.js";
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
  const writer = new WireWriter(sizeHint(inputs));
  writeTensors(writer, INPUTS, inputs, true);
  writer.bytesField(MODEL_SPEC, toBinary(ModelSpecSchema, requestSpecMessage(spec)));
  return writer.finish();
}

/** @param asContent whether numbers go into tensor_content, as bytes, or into typed lists */
export function encodePredictResponse({ spec, outputs }: PredictResponse, asContent: boolean): Uint8Array {
  const hint = sizeHint(outputs);
  const writer = new WireWriter(hint < MIN_SPARE_BYTES ? hint : new Uint8Array(spareMemory.take(hint)));
  const before = writer.size;
  writeModelSpec(writer, spec);
  writer.endField(RESPONSE_MODEL_SPEC, before);
  writeTensors(writer, OUTPUTS, outputs, asContent);
  const message = writer.finish();
  spareMemory.lend(message.buffer);
  return message;
}

/** For a model spec with its names, and for the name of an output. */
const SPEC_BYTES = 128;
const NAME_BYTES = 64;

function sizeHint(tensors: ReadonlyMap<string, Tensor>): number {
  let size = SPEC_BYTES;
  for (const tensor of tensors.values()) size += NAME_BYTES + tensorBytesHint(tensor);
  return size;
}

/** Entries of a map<string, TensorProto>, in their order: the writer begins with the last. */
function writeTensors(
  writer: WireWriter,
  field: number,
  tensors: ReadonlyMap<string, Tensor>,
  asContent: boolean,
): void {
  for (const [name, tensor] of tensors.size === 1 ? tensors : [...tensors].reverse()) {
    const before = writer.size;
    writeTensor(writer, tensor, asContent);
    writer.endField(VALUE, before);
    writer.textField(KEY, name);
    writer.endField(field, before);
  }
}
