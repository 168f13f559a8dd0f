/** The transport over TensorFlow Serving's REST API (docs: api_rest.md). */
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import {
  classificationsFromJson,
  decodeText,
  internal,
  jsonFromExamples,
  regressionsFromJson,
  type Signature,
  unimplemented,
} from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import { GetModelStatusResponseSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import { ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import type { CallContext } from "../call-context.js";
import type {
  ClassifyResult,
  InferenceResult,
  ModelMetadata,
  PredictResult,
  RegressResult,
  VersionStatus,
} from "../client.js";
import { signaturesFromMap, versionStatusesOf } from "../model-answers.js";
import { type ModelTarget, type ServedModel, targetSignature, targetVersion } from "../model-target.js";
import type { Examples, PredictCall, Transport } from "../transport.js";
import { type ConnectionSettings, HttpConnection } from "./http-connection.js";
import { modelPath } from "./paths.js";
import { predictBody, predictOutputs } from "./predict-json.js";

export class RestTransport implements Transport {
  readonly needsSignatures = true;
  readonly #connection: HttpConnection;

  constructor(settings: ConnectionSettings) {
    this.#connection = new HttpConnection(settings);
  }

  async predict(call: PredictCall, context: CallContext): Promise<PredictResult> {
    const { target, inputs, outputFilter } = call;
    const signature = call.signature as Signature;
    const body = predictBody(inputs, signature, target.signature);
    const answer = await this.#connection.post(`${modelPath(target)}:predict`, body, context);
    return { model: askedFor(target), outputs: predictOutputs(answer, signature, outputFilter) };
  }

  async classify(target: ModelTarget, input: Examples, context: CallContext): Promise<ClassifyResult> {
    const body = jsonFromExamples(input.examples, input.context, target.signature);
    const answer = await this.#connection.post(`${modelPath(target)}:classify`, body, context);
    return { model: askedFor(target), classifications: classificationsFromJson(answer) };
  }

  async regress(target: ModelTarget, input: Examples, context: CallContext): Promise<RegressResult> {
    const body = jsonFromExamples(input.examples, input.context, target.signature);
    const answer = await this.#connection.post(`${modelPath(target)}:regress`, body, context);
    return { model: askedFor(target), values: regressionsFromJson(answer) };
  }

  async multiInference(): Promise<InferenceResult[]> {
    throw unimplemented("TensorFlow Serving's REST API has no MultiInference; connect by gRPC");
  }

  async getModelMetadata(target: ModelTarget, context: CallContext): Promise<ModelMetadata> {
    const answer = jsonOf(await this.#connection.get(`${modelPath(target)}/metadata`, context));
    const { model_spec: spec, metadata } = answer as {
      model_spec?: JsonValue;
      metadata?: { signature_def?: JsonValue };
    };
    const map = messageOf(SignatureDefMapSchema, metadata?.signature_def);
    const { versionChoice: choice } = messageOf(ModelSpecSchema, spec);
    const version = choice.case === "version" ? choice.value.value : targetVersion(target);
    return { model: { name: target.model, version }, signatures: signaturesFromMap(map) };
  }

  async getModelStatus(target: ModelTarget, context: CallContext): Promise<VersionStatus[]> {
    const answer = jsonOf(await this.#connection.get(modelPath(target), context));
    return versionStatusesOf(messageOf(GetModelStatusResponseSchema, answer));
  }

  async reloadConfig(): Promise<void> {
    throw unimplemented("TensorFlow Serving's REST API can't reload the configuration; connect by gRPC");
  }

  close(): void {
    this.#connection.close();
  }
}

function askedFor(target: ModelTarget): ServedModel {
  return { name: target.model, version: targetVersion(target), signature: targetSignature(target) };
}

function jsonOf(body: Uint8Array): JsonValue {
  try {
    return JSON.parse(decodeText(body)) as JsonValue;
  } catch (reason) {
    throw internal("The server's answer is no JSON", { cause: reason });
  }
}

/** A message in protobuf's JSON form, which TensorFlow Serving writes with the field names of the .proto files. */
function messageOf<Desc extends DescMessage>(schema: Desc, json: JsonValue | undefined): MessageShape<Desc> {
  try {
    return fromJson(schema, json ?? {}, { ignoreUnknownFields: true });
  } catch (reason) {
    throw internal(`The server's answer is no ${schema.typeName}: ${(reason as Error).message}`, {
      cause: reason,
    });
  }
}
