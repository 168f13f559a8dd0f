/**
 * The headers of a request: what HTTP/2 demands of them (RFC 9113, section 8.2 and 8.3), and what gRPC reads from
 * them (doc/PROTOCOL-HTTP2.md of gRPC).
 */
import { ErrorCode, StreamError } from "./frames.js";
import type { Header } from "./hpack.js";

export interface RequestHeaders {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  /** As it was sent; undefined without a deadline. */
  readonly timeout: string | undefined;
  /** The compression of messages that are marked as compressed. */
  readonly encoding: string;
  readonly contentLength: number | undefined;
  /** All that are no pseudo-headers; the last value of each. */
  readonly fields: ReadonlyMap<string, string>;
}

const pseudoHeaders = new Set([":method", ":scheme", ":authority", ":path"]);
/** Headers of HTTP/1.1 connections, which HTTP/2 has no place for. */
const connectionHeaders = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Results by the list they were made from: the decoder gives the same list again for a block that comes again. */
const known = new WeakMap<readonly Header[], RequestHeaders>();

/** PROTOCOL_ERROR for headers that are no request's. */
export function requestHeaders(streamId: number, headers: readonly Header[]): RequestHeaders {
  const before = known.get(headers);
  if (before !== undefined) return before;
  const pseudo = new Map<string, string>();
  const regular = new Map<string, string>();
  for (const { name, value } of headers) {
    checkField(streamId, name, value);
    if (!name.startsWith(":")) {
      regular.set(name, value);
      continue;
    }
    if (!pseudoHeaders.has(name)) throw malformed(streamId, `unknown pseudo-header ${name}`);
    if (regular.size > 0) throw malformed(streamId, `${name} behind other headers`);
    if (pseudo.has(name)) throw malformed(streamId, `${name} comes twice`);
    pseudo.set(name, value);
  }
  for (const name of [":method", ":scheme", ":path"]) {
    if (!pseudo.get(name)) throw malformed(streamId, `${name} is missing`);
  }
  const result: RequestHeaders = {
    method: pseudo.get(":method") ?? "",
    path: pseudo.get(":path") ?? "",
    contentType: regular.get("content-type") ?? "",
    timeout: regular.get("grpc-timeout"),
    encoding: regular.get("grpc-encoding") ?? "identity",
    contentLength: contentLengthOf(streamId, regular.get("content-length")),
    fields: regular,
  };
  known.set(headers, result);
  return result;
}

/** PROTOCOL_ERROR for headers that can't come behind a body. */
export function checkTrailers(streamId: number, headers: readonly Header[]): void {
  for (const { name, value } of headers) {
    checkField(streamId, name, value);
    if (name.startsWith(":")) throw malformed(streamId, `${name} behind the body`);
  }
}

function checkField(streamId: number, name: string, value: string): void {
  if (name === "" || /[^!-9;-@[-~]/.test(name.replace(/^:/, ""))) {
    throw malformed(streamId, "a header's name has characters that none can have");
  }
  if (/[\0\r\n]/.test(value)) throw malformed(streamId, `the value of ${name} has line breaks`);
  if (connectionHeaders.has(name)) throw malformed(streamId, `${name} is of HTTP/1.1`);
  if (name === "te" && value !== "trailers") throw malformed(streamId, `te is "${value}"`);
}

function contentLengthOf(streamId: number, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value)) throw malformed(streamId, "content-length is no number");
  return Number(value);
}

function malformed(streamId: number, message: string): StreamError {
  return new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, message);
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** A grpc-timeout in milliseconds; undefined for one that is none. */
export function timeoutMs(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (unitMs[unit] as number);
}
