/**
 * TensorFlow Serving's REST API as a table of routes (docs: api_rest.md; source: model_servers/http_rest_api_util.cc
 * and http_rest_api_handler.cc). A route parses its JSON, calls the one implementation that gRPC calls too, and
 * answers JSON. Sockets, compression and status codes are for http-server.ts.
 */
import { toJson } from "@bufbuild/protobuf";
import {
  decodeMessage,
  examplesFromJson,
  invalidArgument,
  type JsonTensorSpecs,
  jsonFromClassifications,
  jsonFromRegressions,
  jsonFromTensors,
  type Signature,
  type Tensor,
  tensorsFromJson,
} from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import { GetModelStatusResponseSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import { ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import {
  encodeClassificationResponse,
  encodeExamplesRequest,
  encodeRegressionResponse,
} from "../apis/examples-codec.js";
import { modelStatusMessage } from "../apis/model-codec.js";
import { modelSpecMessage } from "../apis/model-spec-codec.js";
import { encodePredictRequest, encodePredictResponse } from "../apis/predict-codec.js";
import { classify } from "../inference/classify.js";
import type { InferenceOptions } from "../inference/inference-options.js";
import { modelMetadata, SIGNATURE_DEF } from "../inference/model-metadata.js";
import { type ModelSpec, signatureNameOf, withModel } from "../inference/model-spec.js";
import { runPredict } from "../inference/predict.js";
import { regress } from "../inference/regress.js";
import { type Measuring, measured } from "../monitoring/measure.js";
import type { Api, MeasuredCall } from "../monitoring/metrics.js";
import type { RequestLog } from "../monitoring/request-log.js";
import type { ServedModel } from "../servables/served-model.js";
import type { ServerCore } from "../server-core.js";

export interface RestRequest {
  readonly verb: string;
  /** Without the query. */
  readonly path: string;
  readonly body: Uint8Array;
  readonly signal: AbortSignal;
}

export interface RestOptions {
  readonly checkMethodNames: boolean;
  readonly measuring: Measuring;
  readonly requestLog: RequestLog;
}

type RestHandler = (spec: ModelSpec, request: RestRequest) => Promise<string>;

/** Answers a request's body for one kind of inference. */
type Inference = (
  core: ServerCore,
  spec: ModelSpec,
  body: Uint8Array,
  options: RestInferenceOptions,
) => Promise<InferenceAnswer>;

interface RestInferenceOptions extends InferenceOptions {
  /** Whether the call is to be logged. */
  readonly isLogged: boolean;
}

interface InferenceAnswer {
  readonly json: string;
  /** The call as gRPC would have had it, when it is to be logged. */
  readonly logged?: { readonly request: Uint8Array; readonly response: Uint8Array };
}

interface Route {
  readonly verb: "GET" | "POST";
  /** With the groups model, version, label and, where it is needed to tell routes apart, what follows. */
  readonly pattern: RegExp;
  readonly handler: RestHandler;
}

const MODEL = String.raw`/v1/models/(?<model>[^/:]+)(?:/versions/(?<version>\d+)|/labels/(?<label>[^/:]+))?`;

/** The answer to a request under /v1/: JSON text. Throws StatusError. */
export function restApi(
  core: ServerCore,
  { checkMethodNames, measuring, requestLog }: RestOptions,
): (request: RestRequest) => Promise<string> {
  const route = (verb: Route["verb"], suffix: string, handler: RestHandler): Route => ({
    verb,
    pattern: new RegExp(`^${MODEL}${suffix}$`, "i"),
    handler,
  });
  const inference = (api: Api, answer: Inference): Route =>
    route("POST", `:${api}`, async (spec, { body, signal }) => {
      const call: MeasuredCall = { model: spec.name, api, entrypoint: "REST" };
      const isLogged = requestLog.samples(spec.name);
      const { json, logged } = await measured(measuring, call, (observer) =>
        answer(core, spec, body, { checkMethodNames, signal, observer, isLogged }),
      );
      if (logged !== undefined) requestLog.write({ ...call, ...logged });
      return json;
    });
  const routes: readonly Route[] = [
    inference("Predict", predictRest),
    inference("Classify", classifyRest),
    inference("Regress", regressRest),
    route("GET", "", async (spec) => statusJson(core, spec)),
    route("GET", "/metadata", async (spec) => metadataJson(core, spec)),
  ];
  return async (request) => {
    for (const { verb, pattern, handler } of routes) {
      const groups = request.verb === verb ? pattern.exec(request.path)?.groups : undefined;
      if (groups !== undefined) return await handler(specOf(groups), request);
    }
    if (request.verb === "GET" && /^\/v1\/models(\/metadata)?$/i.test(request.path)) {
      throw invalidArgument("Missing model name in request.");
    }
    throw invalidArgument(`Malformed request: ${request.verb} ${request.path}`);
  };
}

function specOf({ model, version, label }: Record<string, string | undefined>): ModelSpec {
  const name = decodeText("model name", model ?? "");
  if (label !== undefined)
    return { name, signatureName: "", label: decodeText("model version label", label) };
  if (version === undefined) return { name, signatureName: "" };
  if (version.length > 19 || BigInt(version) >= 2n ** 63n) {
    throw invalidArgument(`Failed to convert version: ${version} to numeric.`);
  }
  return { name, signatureName: "", version: BigInt(version) };
}

function decodeText(what: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidArgument(`Failed to decode ${what}:${text}`);
  }
}

const predictRest: Inference = async (core, model, body, options) =>
  await withModel(core, model, async (servable, version) => {
    const { signatureName, layout, tensors } = tensorsFromJson(body, (name) =>
      inputSpecs(servable, signatureNameOf({ ...model, signatureName: name })),
    );
    const spec = { ...model, signatureName };
    const inputs = new Map(
      [...tensors].map(([name, tensor]): [string, () => Tensor] => [name, () => tensor]),
    );
    // Before the model runs: it takes the tensors over.
    const request = options.isLogged ? encodePredictRequest(spec, tensors) : undefined;
    const outputs = await runPredict(servable, { spec, inputs, outputFilter: [] }, options);
    const json = jsonFromTensors(outputs, layout);
    if (request === undefined) return { json };
    const served = { name: spec.name, version, signatureName: signatureNameOf(spec) };
    return { json, logged: { request, response: encodePredictResponse({ spec: served, outputs }, true) } };
  });

function inputSpecs(model: ServedModel, name: string): JsonTensorSpecs {
  const signature: Signature | undefined = model.signatures.get(name);
  if (signature === undefined) {
    throw invalidArgument(`Serving signature name: "${name}" not found in signature def`);
  }
  return new Map(
    [...signature.inputs].map(([input, { dtype }]) => [
      input,
      { dtype, optional: signature.defaults.has(input) },
    ]),
  );
}

const classifyRest: Inference = async (core, model, body, options) => {
  const { signatureName, ...input } = examplesFromJson(body);
  const spec = { ...model, signatureName };
  const response = await classify(core, { spec, input }, options);
  const json = jsonFromClassifications(response.classifications);
  if (!options.isLogged) return { json };
  const request = encodeExamplesRequest(spec, input);
  return { json, logged: { request, response: encodeClassificationResponse(response) } };
};

const regressRest: Inference = async (core, model, body, options) => {
  const { signatureName, ...input } = examplesFromJson(body);
  const spec = { ...model, signatureName };
  const response = await regress(core, { spec, input }, options);
  const json = jsonFromRegressions(response.values);
  if (!options.isLogged) return { json };
  const request = encodeExamplesRequest(spec, input);
  return { json, logged: { request, response: encodeRegressionResponse(response) } };
};

/** How TensorFlow Serving prints protobuf messages: every field, by the names of the .proto files. */
const printAll = { alwaysEmitImplicit: true, useProtoFieldName: true } as const;

function statusJson(core: ServerCore, spec: ModelSpec): string {
  const message = modelStatusMessage(core.status(spec));
  return `${JSON.stringify(toJson(GetModelStatusResponseSchema, message, printAll), undefined, 1)}\n`;
}

function metadataJson(core: ServerCore, spec: ModelSpec): string {
  const { spec: served, signatureDefs } = modelMetadata(core, spec, [SIGNATURE_DEF]);
  const map = decodeMessage(SignatureDefMapSchema, signatureDefs, SIGNATURE_DEF);
  const json = {
    model_spec: toJson(ModelSpecSchema, modelSpecMessage(served), printAll),
    metadata: { signature_def: toJson(SignatureDefMapSchema, map, printAll) },
  };
  return `${JSON.stringify(json, undefined, 1)}\n`;
}
