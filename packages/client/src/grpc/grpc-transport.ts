/** The transport over gRPC: tensorflow.serving.PredictionService and ModelService. */

import type { DescMessage } from "@bufbuild/protobuf";
import { create, type DescMethodUnary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, codeName, internal, StatusError } from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import { ModelService } from "@servable/formats/protobuf/tensorflow_serving/apis/model_service_pb";
import { PredictionService } from "@servable/formats/protobuf/tensorflow_serving/apis/prediction_service_pb";
import type { CallContext } from "../call-context.js";
import type {
  ClassifyResult,
  InferenceResult,
  InferenceTask,
  ModelConfig,
  ModelMetadata,
  PredictResult,
  RegressResult,
  VersionStatus,
} from "../client.js";
import { signaturesFromMap, versionStatusesOf } from "../model-answers.js";
import type { ModelTarget } from "../model-target.js";
import type { Examples, PredictCall, Transport } from "../transport.js";
import { Channel, type ChannelSettings } from "./channel.js";
import {
  classScores,
  inferenceResult,
  inputOf,
  modelSpec,
  outputsOf,
  predictMessage,
  regressionValues,
  servedModel,
  serverConfig,
  taskMessage,
} from "./messages.js";

/** The one kind of metadata that TensorFlow Serving knows. */
const SIGNATURE_DEF = "signature_def";

export class GrpcTransport implements Transport {
  readonly needsSignatures = false;
  readonly #channel: Channel;

  constructor(settings: ChannelSettings) {
    this.#channel = new Channel(settings);
  }

  async predict(call: PredictCall, context: CallContext): Promise<PredictResult> {
    const answer = await this.#call(PredictionService.method.predict, predictMessage(call), context);
    return { model: servedModel(answer.modelSpec, call.target), outputs: outputsOf(answer) };
  }

  async classify(target: ModelTarget, input: Examples, context: CallContext): Promise<ClassifyResult> {
    const request = { modelSpec: modelSpec(target), input: inputOf(input) };
    const answer = await this.#call(PredictionService.method.classify, request, context);
    return { model: servedModel(answer.modelSpec, target), classifications: classScores(answer.result) };
  }

  async regress(target: ModelTarget, input: Examples, context: CallContext): Promise<RegressResult> {
    const request = { modelSpec: modelSpec(target), input: inputOf(input) };
    const answer = await this.#call(PredictionService.method.regress, request, context);
    return { model: servedModel(answer.modelSpec, target), values: regressionValues(answer.result) };
  }

  async multiInference(
    tasks: readonly InferenceTask[],
    input: Examples,
    context: CallContext,
  ): Promise<InferenceResult[]> {
    const request = { tasks: tasks.map(taskMessage), input: inputOf(input) };
    const { results } = await this.#call(PredictionService.method.multiInference, request, context);
    if (results.length !== tasks.length) {
      throw internal(`The server has answered ${tasks.length} tasks with ${results.length} results`);
    }
    return results.map((result, index) => inferenceResult(result, tasks[index] as InferenceTask));
  }

  async getModelMetadata(target: ModelTarget, context: CallContext): Promise<ModelMetadata> {
    const request = { modelSpec: modelSpec(target), metadataField: [SIGNATURE_DEF] };
    const answer = await this.#call(PredictionService.method.getModelMetadata, request, context);
    const packed = answer.metadata[SIGNATURE_DEF];
    const map = packed && anyUnpack(packed, SignatureDefMapSchema);
    if (map === undefined)
      throw internal(`The server's metadata of model "${target.model}" has no signature_def`);
    const { name, version } = servedModel(answer.modelSpec, target);
    return { model: { name, version }, signatures: signaturesFromMap(map) };
  }

  async getModelStatus(target: ModelTarget, context: CallContext): Promise<VersionStatus[]> {
    const request = { modelSpec: modelSpec(target) };
    return versionStatusesOf(await this.#call(ModelService.method.getModelStatus, request, context));
  }

  async reloadConfig(models: readonly ModelConfig[], context: CallContext): Promise<void> {
    const request = { config: serverConfig(models) };
    const { status } = await this.#call(ModelService.method.handleReloadConfigRequest, request, context);
    // The call itself succeeds even when the new configuration is refused.
    const code = Code[codeName(status?.errorCode ?? Code.OK)];
    if (code !== Code.OK) throw new StatusError(code, status?.errorMessage ?? "");
  }

  close(): void {
    this.#channel.close();
  }

  #call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    context: CallContext,
  ): Promise<MessageShape<O>> {
    return this.#channel.unary(method, create(method.input, request), context);
  }
}
