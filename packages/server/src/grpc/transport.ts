/**
 * What the server needs of a gRPC transport, and nothing of any library: methods by path, request bytes in, response
 * bytes out. The transport owns sockets, HTTP/2, framing, compression, deadlines and status trailers.
 */
import type { CallSignal } from "../call-abort.js";

export interface CallContext {
  /**
   * Aborted when the caller cancelled, its deadline passed, or the connection was lost. The reason is a StatusError
   * (CANCELLED or DEADLINE_EXCEEDED).
   */
  readonly signal: CallSignal;
  /** Milliseconds since the epoch, when the caller set a deadline. */
  readonly deadline?: number;
  /** The value of a header that the caller sent, by its name in lower case; base64 where that ends in "-bin". */
  header(name: string): string | undefined;
  /**
   * Adds metadata of the method's own to what goes in front of its messages. The name is in lower case; where it ends
   * in "-bin" the value is base64, else ASCII. INTERNAL for others, for more than 8 KiB, and behind the first message.
   */
  addInitialMetadata(name: string, value: string): void;
  /** The same for what goes behind the messages, with the status. */
  addTrailingMetadata(name: string, value: string): void;
}

/** One serialized request message to one serialized response message. Throws StatusError. */
export type UnaryHandler = (request: Uint8Array, context: CallContext) => Promise<Uint8Array>;

/** One serialized request message to a stream of serialized response messages. Throws StatusError. */
export type ServerStreamHandler = (request: Uint8Array, context: CallContext) => AsyncIterable<Uint8Array>;

/** A stream of serialized request messages to one of serialized response messages. Throws StatusError. */
export type BidiStreamHandler = (
  requests: AsyncIterable<Uint8Array>,
  context: CallContext,
) => AsyncIterable<Uint8Array>;

export type Method =
  | { readonly kind: "unary"; readonly path: string; readonly handler: UnaryHandler }
  | { readonly kind: "server-stream"; readonly path: string; readonly handler: ServerStreamHandler }
  | { readonly kind: "bidi-stream"; readonly path: string; readonly handler: BidiStreamHandler };

/** PEM texts. */
export interface ServerTls {
  readonly key: string;
  readonly certificate: string;
  /** Certificates that clients' certificates are checked against. */
  readonly clientAuthority?: string;
  readonly requireClientCertificate: boolean;
}

export interface TransportOptions {
  /** "host:port" with port 0 for any free one, or "unix:path". */
  readonly addresses: readonly string[];
  readonly tls?: ServerTls;
  /** Bytes of one request message; 2^31 - 1 in TensorFlow Serving. */
  readonly maxRequestBytes: number;
  /** Further arguments by gRPC's names, such as "grpc.max_connection_age_ms". */
  readonly channelArguments: ReadonlyMap<string, string | number>;
}

export interface RunningTransport {
  /** The ports that were bound, in the order of the addresses; 0 for a unix socket. */
  readonly ports: readonly number[];
  /** Takes no new calls and resolves when those under way are done. */
  drain(): Promise<void>;
  /** Ends everything at once. */
  close(): void;
}

export type StartTransport = (
  methods: readonly Method[],
  options: TransportOptions,
) => Promise<RunningTransport>;
