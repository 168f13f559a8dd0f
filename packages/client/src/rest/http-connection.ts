/**
 * HTTP/1.1 exchanges with one server over kept-alive connections; every failure is a StatusError. node:http rather
 * than fetch, which takes neither certificates nor certificate authorities.
 */
import * as http from "node:http";
import * as https from "node:https";
import { Code, encodeText, invalidArgument, StatusError } from "@servable/formats";
import { type CallContext, throwIfOver, watchEnd } from "../call-context.js";
import type { TlsOptions } from "../tls-options.js";
import { codeOfHttpStatus } from "./http-status.js";

export interface ConnectionSettings {
  /** Such as http://localhost:8501, with a path when a proxy puts the API under one. */
  readonly url: string;
  readonly tls: TlsOptions | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** How much of an answer that is no JSON goes into an error message. */
const MAX_QUOTED_ANSWER = 200;

export class HttpConnection {
  /** Without a slash at its end. */
  readonly #base: string;
  readonly #agent: http.Agent;
  readonly #send: typeof http.request;

  constructor(private readonly settings: ConnectionSettings) {
    const url = baseUrl(settings);
    this.#base = `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
    const secure = url.protocol === "https:";
    this.#agent = secure
      ? new https.Agent({ keepAlive: true, ...agentTls(settings.tls) })
      : new http.Agent({ keepAlive: true });
    this.#send = secure ? https.request : http.request;
  }

  /** The body of a successful GET. */
  get(path: string, context: CallContext): Promise<Uint8Array> {
    return this.#exchange("GET", path, undefined, context);
  }

  /** The body of the answer to a POST of JSON. */
  post(path: string, json: string, context: CallContext): Promise<Uint8Array> {
    return this.#exchange("POST", path, encodeText(json), context);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #exchange(
    method: string,
    path: string,
    body: Uint8Array | undefined,
    context: CallContext,
  ): Promise<Uint8Array> {
    throwIfOver(context);
    const { status, bytes } = await this.#request(method, path, body, context);
    if (status === 200) return bytes;
    throw new StatusError(codeOfHttpStatus(status), errorMessage(status, bytes));
  }

  #request(method: string, path: string, body: Uint8Array | undefined, context: CallContext) {
    return new Promise<{ status: number; bytes: Uint8Array }>((resolve, reject) => {
      let over: StatusError | undefined;
      const fail = (reason: unknown) => {
        stop();
        // What goes wrong between here and the server is the connection's fault, whatever errno it has.
        reject(over ?? unreachable(this.#base, reason));
      };
      const request = this.#send(`${this.#base}${path}`, {
        method,
        agent: this.#agent,
        headers: { ...this.settings.headers, ...contentHeaders(body) },
      });
      const stop = watchEnd(context, (error) => {
        // Node reports a connection that is given up while the answer comes in as one that was reset.
        over = error;
        request.destroy(error);
      });
      request.on("error", fail);
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          stop();
          resolve({ status: response.statusCode ?? 0, bytes: Buffer.concat(chunks) });
        });
      });
      request.end(body);
    });
  }
}

/** INVALID_ARGUMENT unless the URL is http or https. */
function baseUrl({ url }: ConnectionSettings): URL {
  if (!URL.canParse(url))
    throw invalidArgument(`"${url}" is no URL; a REST server is named like http://host:8501`);
  const base = new URL(url);
  if (base.protocol !== "http:" && base.protocol !== "https:") {
    throw invalidArgument(`"${url}" is neither http nor https; a REST server is named like http://host:8501`);
  }
  return base;
}

function agentTls(tls: TlsOptions | undefined): https.AgentOptions {
  const { ca, cert, key, serverName, rejectUnauthorized } = tls ?? {};
  return {
    ...(ca === undefined ? {} : { ca: Buffer.from(ca as Uint8Array) }),
    ...(cert === undefined ? {} : { cert: Buffer.from(cert as Uint8Array) }),
    ...(key === undefined ? {} : { key: Buffer.from(key as Uint8Array) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}

function contentHeaders(body: Uint8Array | undefined): http.OutgoingHttpHeaders {
  return body === undefined ? {} : { "content-type": "application/json", "content-length": body.byteLength };
}

function unreachable(base: string, reason: unknown): StatusError {
  const { message } = reason as Error;
  return new StatusError(Code.UNAVAILABLE, `No answer from ${base}: ${message}`, { cause: reason });
}

/** The server's own sentence from {"error": "…"}; from anything else, its beginning. */
function errorMessage(status: number, body: Uint8Array): string {
  const text = Buffer.from(body).toString("utf8");
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === "string") return error;
  } catch {
    // Not from a model server: a proxy's page, perhaps.
  }
  return `HTTP status ${status}: ${text.slice(0, MAX_QUOTED_ANSWER).trim() || http.STATUS_CODES[status]}`;
}
