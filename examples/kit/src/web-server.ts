/**
 * The small web server behind the examples' pages: a table of routes over node:http, answers with a strict content
 * security policy, bodies up to a limit, and errors as the routes' own error page. It knows no model and no page.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, httpStatusOf, notFound, StatusError } from "@servable/formats";

export interface WebRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  /** Aborted when the browser goes away. */
  readonly signal: AbortSignal;
  /**
   * The request's body, read once.
   *
   * @throws RESOURCE_EXHAUSTED when it is larger than `limit` bytes
   */
  body(limit: number): Promise<Buffer>;
}

export interface WebAnswer {
  /** 200 by default. */
  readonly status?: number;
  /** The media type of the body. */
  readonly type: string;
  readonly body: string | Uint8Array;
}

export type Route = (request: WebRequest) => WebAnswer | Promise<WebAnswer>;

export interface WebServerOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** The address to listen at; this machine alone by default. */
  readonly host?: string;
  /** By method and path, as in "GET /". */
  readonly routes: Readonly<Record<string, Route>>;
  /** The answer to a request that failed; text by default. */
  readonly onError?: (error: StatusError, request: WebRequest) => WebAnswer;
}

export interface WebServer {
  readonly url: string;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Pages take scripts, styles and images from here alone; pictures also from what a visitor chose (blob:). */
const SECURITY_HEADERS = {
  "Content-Security-Policy":
    "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
} as const;

/** Listens, and answers until it is closed. UNAVAILABLE when the port can't be had. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const server = createServer((request, response) => void answer(options, request, response));
  const { port, host = "localhost" } = options;
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (reason) {
    throw new StatusError(Code.UNAVAILABLE, `Port ${port} can't be used: ${(reason as Error).message}`);
  }
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, close: () => close(server) };
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, "close");
}

async function answer(
  { routes, onError = textError }: WebServerOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const request = webRequest(incoming, response);
  let result: WebAnswer;
  try {
    const method = request.method === "HEAD" ? "GET" : request.method;
    const route = routes[`${method} ${request.url.pathname}`];
    if (route === undefined) throw notFound(`There is no page ${request.url.pathname}`);
    result = await route(request);
  } catch (reason) {
    result = onError(StatusError.from(reason), request);
  }
  await discard(incoming);
  if (!incoming.complete) response.setHeader("Connection", "close");
  response.writeHead(result.status ?? 200, { ...SECURITY_HEADERS, "Content-Type": result.type });
  response.end(request.method === "HEAD" ? undefined : result.body);
}

function webRequest(incoming: IncomingMessage, response: ServerResponse): WebRequest {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  return {
    method: incoming.method ?? "GET",
    url: requestUrl(incoming.url),
    headers: incoming.headers,
    signal: gone.signal,
    body: (limit) => readBody(incoming, limit),
  };
}

/** Requests may name anything; what is no path of ours leads to none of the routes. */
function requestUrl(target = "/"): URL {
  return URL.canParse(target, "http://localhost")
    ? new URL(target, "http://localhost")
    : new URL("http://localhost/unknown");
}

/** Browsers hear an answer only when they have sent all: what remains of a body that was too large is read, up to this. */
const MAX_DISCARDED_BYTES = 256 * 2 ** 20;

async function discard(incoming: IncomingMessage): Promise<void> {
  if (incoming.complete || incoming.destroyed) return;
  let size = 0;
  try {
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > MAX_DISCARDED_BYTES) return;
    }
  } catch {
    // The browser has gone: there is nobody to answer.
  }
}

async function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer> {
  const tooLarge = () =>
    new StatusError(
      Code.RESOURCE_EXHAUSTED,
      `The request is larger than ${(limit / 2 ** 20).toFixed(0)} MiB`,
    );
  if (Number(incoming.headers["content-length"] ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > limit) throw tooLarge();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** What an error is called in HTTP: as the model server says it, but that a resource exhausted is a body too large. */
export function httpStatus({ code }: StatusError): number {
  return code === Code.RESOURCE_EXHAUSTED ? 413 : httpStatusOf(code);
}

function textError(error: StatusError): WebAnswer {
  return { status: httpStatus(error), type: "text/plain; charset=utf-8", body: `${error.message}\n` };
}

/** An answer in JSON. */
export function json(value: unknown, status = 200): WebAnswer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

/** An error in JSON: {"error": message, "code": "UNAVAILABLE"}. */
export function jsonError(error: StatusError): WebAnswer {
  return json({ error: error.message, code: error.codeName }, httpStatus(error));
}
