/**
 * The HTTP/1.1 server: reads bodies, undoes and does gzip, keeps the time limit, turns errors into answers. Which
 * path does what is for the routes it is given.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { constants, gunzip, gzip } from "node:zlib";
import { Code, httpStatusOf, invalidArgument, notFound, StatusError, unavailable } from "@servable/formats";
import { CallAbort, type CallSignal } from "../call-abort.js";
import { spareMemory } from "../servables/spare-memory.js";
import { wakefulLoop } from "../wakeful-loop.js";
import { BodyTooLarge, plain, readBody } from "./http-body.js";

export interface HttpRequest {
  readonly verb: string;
  /** As sent, without the query. */
  readonly path: string;
  readonly query: string;
  /** The value of a header by its name in lower case. */
  header(name: string): string | undefined;
  /** Headers, empty when they are not there. */
  readonly contentType: string;
  readonly accept: string;
  readonly body: Uint8Array;
  /** Aborted with a StatusError when the client is gone or the time is up. */
  readonly signal: CallSignal;
}

export interface HttpAnswer {
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Besides those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Throws StatusError; the answer is then its JSON with its HTTP status. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer>;

/** Paths that begin with `prefix` go to `handler`. The first match counts. */
export interface HttpRoute {
  readonly prefix: string;
  readonly handler: HttpHandler;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly timeoutMs: number;
  /** Whether web pages of other origins may call. */
  readonly allowCrossOrigin: boolean;
  /** Bytes of one body, as sent and after gunzip. */
  readonly maxBodyBytes: number;
  readonly maxInflatedBytes: number;
}

export interface RunningHttpServer {
  readonly port: number;
  /** Takes no new connections and resolves when the requests under way are answered. */
  drain(): Promise<void>;
  close(): void;
}

/** Smaller answers are not worth compressing. */
const MIN_GZIP_BYTES = 1024;
/** Idle connections stay open longer than common load balancers keep theirs. */
const KEEP_ALIVE_MS = 75_000;

const deflate = promisify(gzip);
const inflate = promisify(gunzip);

export async function startHttpServer(
  routes: readonly HttpRoute[],
  options: HttpServerOptions,
): Promise<RunningHttpServer> {
  const state: State = { routes, options, isDraining: false };
  const server = createServer((request, response) => void respond(state, request, response));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    drain: () =>
      new Promise((resolve) => {
        state.isDraining = true;
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface State {
  readonly routes: readonly HttpRoute[];
  readonly options: HttpServerOptions;
  /** Connections are closed once their request is answered. */
  isDraining: boolean;
}

function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(unavailable(`Cannot listen at ${host}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen(port, host, resolve);
  });
}

async function respond(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { allowCrossOrigin } = state.options;
  if (allowCrossOrigin) {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Allow-Methods", "POST, GET");
    response.setHeader("Access-Control-Allow-Headers", "Content-Type, Tensor-Shape, Tensor-Type");
  }
  // What the caller calls its request, for whoever compares its log with ours.
  const id = request.headers["x-request-id"];
  if (id !== undefined) response.setHeader("X-Request-Id", id);
  let status = 200;
  let answer: HttpAnswer = { contentType: JSON_TYPE, body: "" };
  try {
    const isPreflight = allowCrossOrigin && request.method === "OPTIONS";
    if (!isPreflight) answer = await answerOf(state, request, response);
  } catch (reason) {
    const error = StatusError.from(reason);
    status = httpStatus(error);
    answer = { contentType: JSON_TYPE, body: errorJson(error.message) };
  }
  if (allowCrossOrigin && answer.headers !== undefined) {
    response.setHeader("Access-Control-Expose-Headers", Object.keys(answer.headers).join(", "));
  }
  if (state.isDraining) response.setHeader("Connection", "close");
  await send(request, response, status, answer);
}

const JSON_TYPE = "application/json";

async function answerOf(
  { routes, options }: State,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<HttpAnswer> {
  const verb = request.method ?? "GET";
  const [path = "", query = ""] = splitOnce(request.url ?? "/", "?");
  const route = routes.find(({ prefix }) => path.toLowerCase().startsWith(prefix));
  if (route === undefined) {
    // The connection can't be used again before its body is read.
    request.resume();
    throw notFound(`Not found: ${verb} ${path}`);
  }
  const body = await inflated(
    request,
    await readBody(request, options.maxBodyBytes),
    options.maxInflatedBytes,
  );
  // The time that a caller takes to send its body is not the server's.
  const { abort, clear } = limitTime(response, options.timeoutMs);
  wakefulLoop.requestBegan();
  try {
    const answer = await route.handler(new ReceivedRequest(request, verb, path, query, body, abort.signal));
    // Only now: an answer may be a view on the request. What failed may still be read by a run that nobody waits for.
    if (isAlone(body)) response.once("finish", () => spareMemory.give(body.buffer as ArrayBuffer));
    return answer;
  } finally {
    clear();
    wakefulLoop.requestEnded();
  }
}

/** Whether the memory has nothing else in it; what was moved to another thread has no bytes. */
function isAlone({ buffer, byteLength }: Uint8Array): boolean {
  return byteLength > 0 && byteLength === buffer.byteLength;
}

class ReceivedRequest implements HttpRequest {
  readonly contentType: string;
  readonly accept: string;

  constructor(
    private readonly message: IncomingMessage,
    readonly verb: string,
    readonly path: string,
    readonly query: string,
    readonly body: Uint8Array,
    readonly signal: CallSignal,
  ) {
    const { "content-type": contentType = "", accept = "" } = message.headers;
    this.contentType = contentType;
    this.accept = accept;
  }

  header(name: string): string | undefined {
    return this.message.headers[name]?.toString();
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Aborts when the time is up, or when the connection closes before the answer is sent. */
function limitTime(response: ServerResponse, timeoutMs: number): { abort: CallAbort; clear: () => void } {
  const abort = new CallAbort();
  const timer = setTimeout(() => {
    abort.abort(new StatusError(Code.DEADLINE_EXCEEDED, `The request took longer than ${timeoutMs} ms`));
  }, timeoutMs);
  response.on("close", () => {
    if (!response.writableFinished) abort.abort(new StatusError(Code.CANCELLED, "The client is gone"));
  });
  return { abort, clear: () => clearTimeout(timer) };
}

async function inflated(request: IncomingMessage, body: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return body;
  if (encoding !== "gzip" && encoding !== "x-gzip") {
    throw invalidArgument(`Content-Encoding "${encoding}" is not supported, only gzip is`);
  }
  try {
    return plain(await inflate(body, { maxOutputLength: maxBytes }));
  } catch (reason) {
    const { code, message } = reason as NodeJS.ErrnoException;
    if (code === "ERR_BUFFER_TOO_LARGE")
      throw new BodyTooLarge(`The body inflates to more than ${maxBytes} bytes`);
    throw invalidArgument(`The body is no gzip: ${message}`);
  }
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  { contentType, body, headers: more }: HttpAnswer,
): Promise<void> {
  if (response.destroyed) return;
  const headers: Record<string, string | number> = contentType === "" ? {} : { "Content-Type": contentType };
  if (more !== undefined) Object.assign(headers, more);
  const acceptsGzip = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  let payload = body;
  if (acceptsGzip && body.length >= MIN_GZIP_BYTES) {
    payload = await deflate(body, { level: constants.Z_BEST_SPEED });
    headers["Content-Encoding"] = "gzip";
  }
  headers["Content-Length"] = Buffer.byteLength(payload);
  // What is left of a body that was refused would be taken for the next request.
  if (!request.complete) headers.Connection = "close";
  // A text goes out in one piece with the headers.
  response.writeHead(status, headers).end(payload);
}

function httpStatus(error: StatusError): number {
  return error instanceof BodyTooLarge ? 413 : httpStatusOf(error.code);
}

/** The body of an answer that says what went wrong. */
export function errorJson(message: string): string {
  return `{\n    "error": ${JSON.stringify(message)}\n}`;
}
