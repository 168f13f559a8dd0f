/**
 * The gRPC methods of TensorFlow Serving as a table: path, and what answers it. A row decodes the request, calls the
 * one implementation that REST calls too, and encodes the response.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, decodeMessage, invalidArgument, type Tensor } from "@servable/formats";
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
import { decodeSessionRunRequest, encodeSessionRunResponse } from "../apis/session-codec.js";
import type { CallSignal } from "../call-abort.js";
import { modelConfigsOf } from "../config/model-config.js";
import { classify } from "../inference/classify.js";
import type { InferenceOptions } from "../inference/inference-options.js";
import { modelMetadata } from "../inference/model-metadata.js";
import { requireSpec } from "../inference/model-spec.js";
import { multiInference } from "../inference/multi-inference.js";
import { predict } from "../inference/predict.js";
import { regress } from "../inference/regress.js";
import { sessionRun } from "../inference/session-run.js";
import { type Measuring, measured } from "../monitoring/measure.js";
import type { Api, MeasuredCall } from "../monitoring/metrics.js";
import type { RequestLog } from "../monitoring/request-log.js";
import { spareMemory } from "../servables/spare-memory.js";
import type { ServerCore } from "../server-core.js";
import type { Method, UnaryHandler } from "./transport.js";

export const PREDICTION_SERVICE = "tensorflow.serving.PredictionService";
export const MODEL_SERVICE = "tensorflow.serving.ModelService";
export const SESSION_SERVICE = "tensorflow.serving.SessionService";

export interface ServiceOptions {
  readonly checkMethodNames: boolean;
  /** Whether Predict answers with tensor_content in place of typed lists. */
  readonly answerAsTensorContent: boolean;
  readonly measuring: Measuring;
  readonly requestLog: RequestLog;
}

/** One kind of inference: bytes to a request, the request to a response, the response to bytes. */
interface Inference<Request, Response> {
  /** PredictionService by default. */
  readonly service?: string;
  readonly api: Api;
  readonly decode: (bytes: Uint8Array) => Request;
  /** The model that the request names. */
  readonly modelOf: (request: Request) => string | undefined;
  readonly run: (core: ServerCore, request: Request, options: InferenceOptions) => Promise<Response>;
  readonly encode: (response: Response) => Uint8Array;
}

export function servingMethods(core: ServerCore, options: ServiceOptions): Method[] {
  const inference = <Request, Response>(row: Inference<Request, Response>): Method =>
    unary(row.service ?? PREDICTION_SERVICE, row.api, async (bytes, context) => {
      const request = row.decode(bytes);
      const { signal } = context;
      const call: MeasuredCall = { model: row.modelOf(request) ?? "", api: row.api, entrypoint: "GRPC" };
      const { checkMethodNames, measuring, requestLog } = options;
      const isLogged = requestLog.samples(call.model);
      if (isLogged) spareMemory.share(bytes.buffer);
      const response = await measured(measuring, call, context, async (observer) =>
        row.encode(await row.run(core, request, { checkMethodNames, observer, signal })),
      );
      if (isLogged) requestLog.write({ ...call, request: bytes, response });
      return response;
    });
  return [
    inference({
      api: "Predict",
      decode: decodePredictRequest,
      modelOf: ({ spec }) => spec?.name,
      run: predict,
      encode: (response) => {
        const message = encodePredictResponse(response, options.answerAsTensorContent);
        takeBack(response.outputs);
        return message;
      },
    }),
    inference({
      api: "Classify",
      decode: decodeExamplesRequest,
      modelOf: ({ spec }) => spec?.name,
      run: classify,
      encode: encodeClassificationResponse,
    }),
    inference({
      api: "Regress",
      decode: decodeExamplesRequest,
      modelOf: ({ spec }) => spec?.name,
      run: regress,
      encode: encodeRegressionResponse,
    }),
    inference({
      api: "MultiInference",
      decode: decodeMultiInferenceRequest,
      modelOf: ({ tasks }) => tasks[0]?.spec?.name,
      run: multiInference,
      encode: encodeMultiInferenceResponse,
    }),
    inference({
      service: SESSION_SERVICE,
      api: "SessionRun",
      decode: decodeSessionRunRequest,
      modelOf: ({ spec }) => spec?.name,
      run: sessionRun,
      encode: encodeSessionRunResponse,
    }),
    unary(PREDICTION_SERVICE, "GetModelMetadata", async (request) => getModelMetadata(core, request)),
    unary(MODEL_SERVICE, "GetModelStatus", async (request) => getModelStatus(core, request)),
    unary(MODEL_SERVICE, "HandleReloadConfigRequest", (request, { signal }) =>
      reloadConfig(core, request, signal),
    ),
  ];
}

/** Keeps the memory of tensors that are encoded. */
function takeBack(tensors: ReadonlyMap<string, Tensor>): void {
  for (const { dtype, data } of tensors.values()) {
    if (dtype !== "string") spareMemory.takeBack(data.buffer);
  }
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

async function reloadConfig(core: ServerCore, request: Uint8Array, signal: CallSignal): Promise<Uint8Array> {
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
