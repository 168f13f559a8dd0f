/** Header blocks of responses: those that are always the same, made once, and those that carry a failure. */
import { Code, type StatusError } from "@servable/formats";
import { encodeHeaders, type Header } from "./hpack.js";
import { encodings } from "./message.js";

/** A browser or proxy shows it; clients know the status by its code. Keeps a block within one frame. */
const MAX_MESSAGE_BYTES = 7000;

const start: readonly Header[] = [
  { name: ":status", value: "200" },
  { name: "content-type", value: "application/grpc" },
];

/** In front of the messages of a call. */
export const RESPONSE_HEADERS = encodeHeaders(start);
/** The same for messages that may be compressed, or with metadata of the method's own. */
export function responseHeaders(encoding: string | undefined, metadata: readonly Header[]): Buffer {
  const compression = encoding === undefined ? [] : [{ name: "grpc-encoding", value: encoding }];
  return encodeHeaders([...start, ...compression, ...metadata]);
}

/** Behind the messages of a call that went well. */
export const OK_TRAILERS = okTrailers([]);
/** The same with metadata of the method's own. */
export function okTrailers(metadata: readonly Header[]): Buffer {
  return encodeHeaders([{ name: "grpc-status", value: String(Code.OK) }, ...metadata]);
}

/** Behind the messages of a call that failed. */
export function failureTrailers(error: StatusError, metadata: readonly Header[] = []): Buffer {
  return encodeHeaders([...statusHeaders(error), ...metadata]);
}

/** All headers of a call that failed without a message. */
export function failureHeaders(error: StatusError, metadata: readonly Header[] = []): Buffer {
  const accepted: readonly Header[] =
    error.code === Code.UNIMPLEMENTED ? [{ name: "grpc-accept-encoding", value: encodings.join(",") }] : [];
  return encodeHeaders([...start, ...accepted, ...statusHeaders(error), ...metadata]);
}

/** The answer to what is no gRPC call. */
export function httpHeaders(status: number, more: readonly Header[]): Buffer {
  return encodeHeaders([
    { name: ":status", value: String(status) },
    ...more,
    { name: "content-type", value: "text/plain; charset=utf-8" },
  ]);
}

function statusHeaders({ code, message }: StatusError): readonly Header[] {
  return [
    { name: "grpc-status", value: String(code) },
    { name: "grpc-message", value: percentEncoded(message) },
  ];
}

/**
 * gRPC's encoding of messages: printable ASCII but "%" as it is, other bytes of the UTF-8 text as %XX. So are spaces
 * at either end, which HTTP forbids there: clients would drop the whole header.
 */
function percentEncoded(text: string): string {
  let encoded = "";
  const bytes = Buffer.from(text.slice(0, MAX_MESSAGE_BYTES));
  for (const [i, byte] of bytes.entries()) {
    const isAtEnd = i === 0 || i === bytes.length - 1 || encoded.length >= MAX_MESSAGE_BYTES;
    const isPlain = byte > 0x20 && byte <= 0x7e && byte !== 0x25;
    const isSpace = byte === 0x20 && !isAtEnd;
    encoded +=
      isPlain || isSpace ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    if (encoded.length > MAX_MESSAGE_BYTES) break;
  }
  return encoded;
}
