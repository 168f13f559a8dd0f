/** The REST API of the Open Inference Protocol v2 as a table of routes, beside those of rest/rest-api.ts. */
import { failedPrecondition, invalidArgument, notFound } from "@servable/formats";
import type { ModelSpec } from "../inference/model-spec.js";
import type { HttpAnswer, HttpHandler, HttpRequest } from "../rest/http-server.js";
import { infer, modelSpecOf, type OpenInference } from "./infer.js";
import { inferAnswer, readInferBody } from "./infer-json.js";
import { describeModel, describeServer, isModelReady } from "./model-description.js";

/** Paths that begin so are for these routes. */
export const OPEN_INFERENCE_PREFIX = "/v2";

const HEADER_LENGTH = "Inference-Header-Content-Length";

interface Route {
  readonly verb: "GET" | "POST";
  /** With the groups model and version where it has them. */
  readonly pattern: RegExp;
  readonly answer: (spec: ModelSpec, request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;
}

const MODEL = "/v2/models/(?<model>[^/]+)(?:/versions/(?<version>[^/]+))?";

/** The answer to a request under /v2. Throws StatusError. */
export function openInferenceRest(server: OpenInference): HttpHandler {
  const { core, isReady } = server;
  const route = (verb: Route["verb"], path: string, answer: Route["answer"]): Route => ({
    verb,
    pattern: new RegExp(`^${path}/?$`),
    answer,
  });
  const routes: readonly Route[] = [
    route("POST", `${MODEL}/infer`, (spec, request) => inferRest(server, spec, request)),
    route("GET", `${MODEL}/ready`, (spec) => {
      if (!isModelReady(core, spec)) throw failedPrecondition(`model "${spec.name}" is not ready`);
      return json({ name: spec.name, ready: true });
    }),
    route("GET", MODEL, (spec) => json(describeModel(core, spec))),
    route("GET", "/v2/health/live", () => json({ live: true })),
    route("GET", "/v2/health/ready", () => {
      if (!isReady()) throw failedPrecondition("not every configured model has a version that is ready");
      return json({ ready: true });
    }),
    route("GET", "/v2", () => json(describeServer())),
  ];
  return async (request) => {
    for (const { verb, pattern, answer } of routes) {
      const match = request.verb === verb ? pattern.exec(request.path) : null;
      if (match !== null) return await answer(specOf(match.groups), request);
    }
    throw notFound(`Not found: ${request.verb} ${request.path}`);
  };
}

function specOf({ model = "", version = "" }: Record<string, string> = {}): ModelSpec {
  return modelSpecOf(decoded("model name", model), decoded("model version", version));
}

function decoded(what: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidArgument(`Failed to decode ${what}: ${text}`);
  }
}

function json(value: unknown): HttpAnswer {
  return { contentType: "application/json", body: JSON.stringify(value) };
}

async function inferRest(server: OpenInference, model: ModelSpec, request: HttpRequest): Promise<HttpAnswer> {
  const { signatureName, isBinary, ...body } = readInferBody(
    request.body,
    request.header(HEADER_LENGTH.toLowerCase()),
  );
  const spec = { ...model, signatureName };
  return await infer(server, "REST", { ...body, spec }, request, (response) => {
    const { body: content, jsonBytes } = inferAnswer(response, isBinary);
    if (jsonBytes === undefined) return { contentType: "application/json", body: content };
    const headers = { [HEADER_LENGTH]: String(jsonBytes) };
    return { contentType: "application/octet-stream", body: content, headers };
  });
}
