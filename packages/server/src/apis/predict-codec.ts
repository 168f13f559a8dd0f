/**
 * PredictRequest and PredictResponse (apis/predict.proto). The request's tensors stay bytes until inference asks for
 * them, and then are views on the request where their layout allows.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  Code,
  decodeMessage,
  decodeText,
  type Tensor,
  tensorFromProto,
  tensorToProto,
} from "@servable/formats";
import { TensorProtoSchema } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import {
  PredictRequestSchema,
  PredictResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import type { LazyTensor } from "../inference/feeds.js";
import type { ModelSpec } from "../inference/model-spec.js";
import type { PredictRequest, PredictResponse } from "../inference/predict.js";
import { modelSpecFromBytes, modelSpecMessage, requestSpecMessage } from "./model-spec-codec.js";
import { forEachField } from "./wire-fields.js";

const MODEL_SPEC = 1;
const INPUTS = 2;
const OUTPUT_FILTER = 3;
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
  const what = `input "${name}"`;
  return tensorFromProto(decodeMessage(TensorProtoSchema, bytes, what, Code.INTERNAL), what);
}

/** A request as a client would have sent it. */
export function encodePredictRequest(spec: ModelSpec, inputs: ReadonlyMap<string, Tensor>): Uint8Array {
  const message = create(PredictRequestSchema, {
    modelSpec: requestSpecMessage(spec),
    inputs: Object.fromEntries(
      [...inputs].map(([name, tensor]) => [name, tensorToProto(tensor, { asContent: true })]),
    ),
  });
  return toBinary(PredictRequestSchema, message);
}

/** @param asContent whether numbers go into tensor_content, as bytes, or into typed lists */
export function encodePredictResponse({ spec, outputs }: PredictResponse, asContent: boolean): Uint8Array {
  const message = create(PredictResponseSchema, {
    modelSpec: modelSpecMessage(spec),
    outputs: Object.fromEntries(
      [...outputs].map(([name, tensor]) => [name, tensorToProto(tensor, { asContent })]),
    ),
  });
  return toBinary(PredictResponseSchema, message);
}
