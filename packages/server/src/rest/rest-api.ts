/**
 * TensorFlow Serving's REST API as a table of routes (docs: api_rest.md; source: model_servers/http_rest_api_util.cc
 * and http_rest_api_handler.cc). A route parses its JSON, calls the one implementation that gRPC calls too, and
 * answers JSON, or the binary forms of media-type.ts. Sockets, compression and status codes are for http-server.ts.
 */
import { toJson } from "@bufbuild/protobuf";
import {
  decodeMessage,
  examplesFromJson,
  invalidArgument,
  jsonFromClassifications,
  jsonFromRegressions,
  type Tensor,
} from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import { GetModelStatusResponseSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import { ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import {
  decodeExamplesRequest,
  encodeClassificationResponse,
  encodeExamplesRequest,
  encodeRegressionResponse,
} from "../apis/examples-codec.js";
import { modelStatusMessage } from "../apis/model-codec.js";
import { modelSpecMessage } from "../apis/model-spec-codec.js";
import { encodePredictRequest, encodePredictResponse } from "../apis/predict-codec.js";
import { type ClassifyRequest, classify } from "../inference/classify.js";
import type { ExampleInput } from "../inference/examples.js";
import type { RequestInputs } from "../inference/feeds.js";
import type { InferenceOptions } from "../inference/inference-options.js";
import { modelMetadata, SIGNATURE_DEF } from "../inference/model-metadata.js";
import { type ModelSpec, signatureNameOf, withModel } from "../inference/model-spec.js";
import { runPredict } from "../inference/predict.js";
import { regress } from "../inference/regress.js";
import { type Measuring, measured } from "../monitoring/measure.js";
import type { Api, MeasuredCall } from "../monitoring/metrics.js";
import type { RequestLog } from "../monitoring/request-log.js";
import type { ServerCore } from "../server-core.js";
import type { HttpAnswer, HttpHandler, HttpRequest } from "./http-server.js";
import { acceptedKind, bodyKind, mediaTypes } from "./media-type.js";
import { predictAnswer } from "./predict-answer.js";
import { blamingBody, readPredictBody } from "./predict-body.js";

export interface RestOptions {
  readonly checkMethodNames: boolean;
  readonly measuring: Measuring;
  readonly requestLog: RequestLog;
}

type RestHandler = (spec: ModelSpec, request: HttpRequest) => Promise<HttpAnswer>;

/** Answers a request for one kind of inference. */
type Inference = (
  core: ServerCore,
  spec: ModelSpec,
  request: HttpRequest,
  options: RestInferenceOptions,
) => Promise<InferenceAnswer>;

interface RestInferenceOptions extends InferenceOptions {
  /** Whether the call is to be logged. */
  readonly isLogged: boolean;
}

interface InferenceAnswer {
  readonly answer: HttpAnswer;
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

/** The answer to a request under /v1/. Throws StatusError. */
export function restApi(
  core: ServerCore,
  { checkMethodNames, measuring, requestLog }: RestOptions,
): HttpHandler {
  const route = (verb: Route["verb"], suffix: string, handler: RestHandler): Route => ({
    verb,
    pattern: new RegExp(`^${MODEL}${suffix}$`, "i"),
    handler,
  });
  const inference = (api: Api, answer: Inference): Route =>
    route("POST", `:${api}`, async (spec, request) => {
      const call: MeasuredCall = { model: spec.name, api, entrypoint: "REST" };
      const isLogged = requestLog.samples(spec.name);
      const { signal } = request;
      const result = await measured(measuring, call, request, (observer) =>
        answer(core, spec, request, { checkMethodNames, isLogged, observer, signal }),
      );
      if (result.logged !== undefined) requestLog.write({ ...call, ...result.logged });
      return result.answer;
    });
  const routes: readonly Route[] = [
    inference("Predict", predictRest),
    inference("Classify", classifyRest),
    inference("Regress", regressRest),
    route("GET", "", async (spec) => json(statusJson(core, spec))),
    route("GET", "/metadata", async (spec) => json(metadataJson(core, spec))),
  ];
  const matches = new Matches(routes);
  return async (request) => {
    const match = matches.of(request.verb, request.path);
    if (match !== undefined) return await match.handler(match.spec, request);
    if (request.verb === "GET" && /^\/v1\/models(\/metadata)?$/i.test(request.path)) {
      throw invalidArgument("Missing model name in request.");
    }
    throw invalidArgument(`Malformed request: ${request.verb} ${request.path}`);
  };
}

interface Match {
  readonly handler: RestHandler;
  readonly spec: ModelSpec;
}

/** Paths that are remembered: those of a server's models, unless someone makes up others. */
const MAX_KNOWN_PATHS = 1000;

/** Which route a path takes, and which model it names. A client asks for the same path again and again. */
class Matches {
  readonly #known = new Map<string, Match>();

  constructor(private readonly routes: readonly Route[]) {}

  of(verb: string, path: string): Match | undefined {
    const key = `${verb} ${path}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const match = this.#find(verb, path);
    if (match === undefined) return undefined;
    if (this.#known.size >= MAX_KNOWN_PATHS) this.#known.clear();
    this.#known.set(key, match);
    return match;
  }

  #find(verb: string, path: string): Match | undefined {
    for (const route of this.routes) {
      const groups = route.verb === verb ? route.pattern.exec(path)?.groups : undefined;
      if (groups !== undefined) return { handler: route.handler, spec: specOf(groups) };
    }
    return undefined;
  }
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

function json(body: string): HttpAnswer {
  return { contentType: mediaTypes.json, body };
}

const predictRest: Inference = async (core, model, request, options) =>
  await withModel(core, model, async (servable, version) => {
    const kind = bodyKind(request.contentType);
    const call = await readPredictBody(kind, servable, model, request);
    const { signatureName, layout, inputs, outputFilter } = call;
    const spec = { ...model, signatureName };
    // Before the model runs: it takes the tensors over.
    const logged = options.isLogged ? encodePredictRequest(spec, decoded(inputs)) : undefined;
    const outputs = await runPredict(servable, { spec, inputs, outputFilter }, options);
    const served = { name: spec.name, version, signatureName: signatureNameOf(spec) };
    const answer = predictAnswer({ spec: served, outputs, layout }, kind, request.accept);
    if (logged === undefined) return { answer };
    const response = encodePredictResponse({ spec: served, outputs }, true);
    return { answer, logged: { request: logged, response } };
  });

function decoded(inputs: RequestInputs): Map<string, Tensor> {
  return new Map([...inputs].map(([name, input]) => [name, input()]));
}

/** How Classify and Regress differ here. */
interface ExamplesCall<Response> {
  readonly run: (core: ServerCore, request: ClassifyRequest, options: InferenceOptions) => Promise<Response>;
  readonly json: (response: Response) => string;
  readonly encode: (response: Response) => Uint8Array;
}

/** Examples by JSON, or as the message of the gRPC API. */
function examplesRest<Response>({ run, json: print, encode }: ExamplesCall<Response>): Inference {
  return async (core, model, { body, contentType, accept }, options) => {
    const isMessage = bodyKind(contentType) === "protobuf";
    const { signatureName, ...input } = isMessage ? examplesFromMessage(body) : examplesFromJson(body);
    const spec = { ...model, signatureName };
    const response = await run(core, { spec, input }, options);
    const kind = acceptedKind(accept) ?? (isMessage ? "protobuf" : "json");
    const answer =
      kind === "protobuf"
        ? { contentType: mediaTypes.protobuf, body: encode(response) }
        : json(print(response));
    if (!options.isLogged) return { answer };
    return { answer, logged: { request: encodeExamplesRequest(spec, input), response: encode(response) } };
  };
}

function examplesFromMessage(body: Uint8Array): ExampleInput & { readonly signatureName: string } {
  const { spec, input } = blamingBody(() => decodeExamplesRequest(body));
  return { ...input, signatureName: spec?.signatureName ?? "" };
}

const classifyRest = examplesRest({
  run: classify,
  json: ({ classifications }) => jsonFromClassifications(classifications),
  encode: encodeClassificationResponse,
});

const regressRest = examplesRest({
  run: regress,
  json: ({ values }) => jsonFromRegressions(values),
  encode: encodeRegressionResponse,
});

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
