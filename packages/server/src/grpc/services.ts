/**
 * The gRPC methods of TensorFlow Serving as a table: path, and what answers it. A row decodes the request, calls the
 * one implementation that REST calls too, and encodes the response.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, decodeMessage, invalidArgument } from "@servable/formats";
import {
  GetModelMetadataRequestSchema,
  GetModelMetadataResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import {
  GetModelStatusRequestSchema,
  GetModelStatusResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import {
  ReloadConfigRequestSchema,
  ReloadConfigResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/model_management_pb";
import {
  decodeExamplesRequest,
  decodeMultiInferenceRequest,
  encodeClassificationResponse,
  encodeMultiInferenceResponse,
  encodeRegressionResponse,
} from "../apis/examples-codec.js";
import { modelMetadataMessage, modelStatusMessage, statusInit } from "../apis/model-codec.js";
import { modelSpecOf } from "../apis/model-spec-codec.js";
import { decodePredictRequest, encodePredictResponse } from "../apis/predict-codec.js";
import { modelConfigsOf } from "../config/model-config.js";
import { classify } from "../inference/classify.js";
import type { InferenceOptions } from "../inference/inference-options.js";
import { modelMetadata } from "../inference/model-metadata.js";
import { requireSpec } from "../inference/model-spec.js";
import { multiInference } from "../inference/multi-inference.js";
import { predict } from "../inference/predict.js";
import { regress } from "../inference/regress.js";
import type { ServerCore } from "../server-core.js";
import type { CallContext, Method, UnaryHandler } from "./transport.js";

export const PREDICTION_SERVICE = "tensorflow.serving.PredictionService";
export const MODEL_SERVICE = "tensorflow.serving.ModelService";

export interface ServiceOptions {
  readonly checkMethodNames: boolean;
  /** Whether Predict answers with tensor_content in place of typed lists. */
  readonly answerAsTensorContent: boolean;
}

export function servingMethods(core: ServerCore, options: ServiceOptions): Method[] {
  const withSignal = ({ signal }: CallContext): InferenceOptions => ({
    checkMethodNames: options.checkMethodNames,
    signal,
  });
  return [
    unary(PREDICTION_SERVICE, "Predict", async (request, context) =>
      encodePredictResponse(
        await predict(core, decodePredictRequest(request), withSignal(context)),
        options.answerAsTensorContent,
      ),
    ),
    unary(PREDICTION_SERVICE, "Classify", async (request, context) =>
      encodeClassificationResponse(await classify(core, decodeExamplesRequest(request), withSignal(context))),
    ),
    unary(PREDICTION_SERVICE, "Regress", async (request, context) =>
      encodeRegressionResponse(await regress(core, decodeExamplesRequest(request), withSignal(context))),
    ),
    unary(PREDICTION_SERVICE, "MultiInference", async (request, context) =>
      encodeMultiInferenceResponse(
        await multiInference(core, decodeMultiInferenceRequest(request), withSignal(context)),
      ),
    ),
    unary(PREDICTION_SERVICE, "GetModelMetadata", async (request) => getModelMetadata(core, request)),
    unary(MODEL_SERVICE, "GetModelStatus", async (request) => getModelStatus(core, request)),
    unary(MODEL_SERVICE, "HandleReloadConfigRequest", (request, { signal }) =>
      reloadConfig(core, request, signal),
    ),
  ];
}

function unary(service: string, name: string, handler: UnaryHandler): Method {
  return { kind: "unary", path: `/${service}/${name}`, handler };
}

function getModelMetadata(core: ServerCore, request: Uint8Array): Uint8Array {
  const { modelSpec, metadataField } = decodeMessage(
    GetModelMetadataRequestSchema,
    request,
    "GetModelMetadataRequest",
    Code.INTERNAL,
  );
  const metadata = modelMetadata(core, modelSpec && modelSpecOf(modelSpec), metadataField);
  return toBinary(GetModelMetadataResponseSchema, modelMetadataMessage(metadata));
}

function getModelStatus(core: ServerCore, request: Uint8Array): Uint8Array {
  const { modelSpec } = decodeMessage(
    GetModelStatusRequestSchema,
    request,
    "GetModelStatusRequest",
    Code.INTERNAL,
  );
  const versions = core.status(requireSpec(modelSpec && modelSpecOf(modelSpec)));
  return toBinary(GetModelStatusResponseSchema, modelStatusMessage(versions));
}

async function reloadConfig(core: ServerCore, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const { config } = decodeMessage(ReloadConfigRequestSchema, request, "ReloadConfigRequest", Code.INTERNAL);
  if (config?.config.case !== "modelConfigList") {
    throw invalidArgument(
      "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported",
    );
  }
  await core.reload(modelConfigsOf(config), signal);
  return toBinary(
    ReloadConfigResponseSchema,
    create(ReloadConfigResponseSchema, { status: statusInit(undefined) }),
  );
}
