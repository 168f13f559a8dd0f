/**
 * One gRPC call on an HTTP/2 stream: headers to a method, body to a message, the handler's answer or failure to
 * messages and trailers (doc/PROTOCOL-HTTP2.md of gRPC). A call is refused when its request is complete, not before,
 * so that the client is never told while it still sends. A method that reads a stream of requests runs from the start.
 */
import { Code, internal, StatusError, unimplemented } from "@servable/formats";
import { wakefulLoop } from "../../wakeful-loop.js";
import type { BidiStreamHandler, Method, ServerStreamHandler, UnaryHandler } from "../transport.js";
import type { Connection } from "./connection.js";
import { LeanContext } from "./lean-context.js";
import { type Compression, decompress, encodings, framed, type Message } from "./message.js";
import { type RequestHeaders, timeoutMs } from "./request-headers.js";
import { OneRequest, RequestStream } from "./request-messages.js";
import {
  failureHeaders,
  failureTrailers,
  httpHeaders,
  okTrailers,
  RESPONSE_HEADERS,
  responseHeaders,
} from "./response-headers.js";
import type { Stream, StreamUser } from "./stream.js";

export interface CallLimits {
  /** Bytes of one request message. */
  readonly maxRequestBytes: number;
  /** Bytes that a compressed message may inflate to. */
  readonly maxInflatedBytes: number;
  /** Of messages to clients that accept it. */
  readonly compression?: Compression;
}

/** Smaller messages are not worth compressing. */
const MIN_COMPRESSED_BYTES = 1024;

/** A stream of messages pauses while this much of it waits for the client. */
const MAX_WAITING_BYTES = 65_536;
/** The body of a refused call is read to its end, unless it is longer than this. */
const MAX_REFUSED_BYTES = 1 << 20;
/** Timers take no longer delay. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Why a call is answered without its method: the header block to answer with, and a body for who can't read it. */
interface Refusal {
  readonly headers: () => Buffer;
  readonly body?: Uint8Array;
}

/** For browsers and curl, which show no headers. */
const WHAT_THIS_IS = Buffer.from(
  "This port speaks gRPC: send POST requests of content-type application/grpc. REST has a port of its own.\n",
);

export class GrpcCall implements StreamUser {
  readonly #request: OneRequest | RequestStream;
  readonly #context: LeanContext;
  readonly #target: Method | Refusal;
  /** Of the answer's messages. */
  readonly #compression: Compression | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onDrain = () => {};
  #isRunning = false;
  /** Answered, or given up by the client. */
  #isOver = false;

  constructor(
    methods: ReadonlyMap<string, Method>,
    private readonly headers: RequestHeaders,
    private readonly stream: Stream,
    private readonly connection: Connection,
    private readonly limits: CallLimits,
  ) {
    const target = targetOf(methods, headers);
    this.#target = target;
    this.#compression = acceptedCompression(limits.compression, headers);
    const timeout = headers.timeout === undefined ? undefined : timeoutMs(headers.timeout);
    this.#context = new LeanContext(timeout === undefined ? undefined : Date.now() + timeout, headers);
    if (timeout !== undefined) {
      this.#timer = setTimeout(() => this.#late(), Math.min(timeout, MAX_TIMER_MS));
    }
    if ("handler" in target && target.kind === "bidi-stream") {
      const requests = new RequestStream(limits.maxRequestBytes, () => connection.resume(stream));
      this.#request = requests;
      this.#bidiStream(target.handler, requests);
    } else {
      this.#request = new OneRequest(limits.maxRequestBytes);
    }
  }

  /** Between the messages of a stream a client may rest; within one, and before its only one, it may not. */
  get isOwedData(): boolean {
    return this.#request instanceof RequestStream ? this.#request.isWithinMessage : true;
  }

  data(bytes: Uint8Array, isLent: boolean): void {
    if (this.#isOver) return;
    if (!("handler" in this.#target)) {
      if (this.stream.receivedBytes > MAX_REFUSED_BYTES) this.#refuse(this.#target);
      return;
    }
    try {
      this.#request.add(bytes, isLent);
      if (this.#request instanceof RequestStream && this.#request.isFull) this.stream.isPaused = true;
    } catch (reason) {
      this.#fail(reason);
    }
  }

  end(): void {
    if (this.#isOver) return;
    const target = this.#target;
    if (!("handler" in target)) {
      this.#refuse(target);
      return;
    }
    try {
      if (this.#request instanceof RequestStream) this.#request.end();
      else this.#start(target, this.#request.finish());
    } catch (reason) {
      this.#fail(reason);
    }
  }

  aborted(): void {
    if (this.#isOver) return;
    this.#over();
    this.#abort(new StatusError(Code.CANCELLED, "The call was cancelled"));
  }

  #late(): void {
    const late = new StatusError(Code.DEADLINE_EXCEEDED, "Deadline exceeded");
    this.#fail(late);
    this.#abort(late);
  }

  #abort(reason: StatusError): void {
    this.#context.abort(reason);
    if (this.#request instanceof RequestStream) this.#request.fail(reason);
  }

  #start(method: Method, { message, isCompressed }: Message): void {
    if (isCompressed) void this.#inflateAndRun(method, message);
    else this.#run(method, message);
  }

  async #inflateAndRun(method: Method, compressed: Uint8Array): Promise<void> {
    try {
      this.#context.isRequestCompressed = true;
      const message = await this.#inflate(compressed);
      if (!this.#isOver) this.#run(method, message);
    } catch (reason) {
      this.#fail(reason);
    }
  }

  #inflate(compressed: Uint8Array): Promise<Uint8Array> {
    return decompress(compressed, this.headers.encoding, this.limits.maxInflatedBytes);
  }

  #run(method: Method, message: Uint8Array): void {
    if (method.kind === "unary") void this.#unary(method.handler, message);
    else if (method.kind === "server-stream") this.#serverStream(method.handler, message);
  }

  #serverStream(handler: ServerStreamHandler, message: Uint8Array): void {
    void this.#answer(handler(message, this.#context));
  }

  #bidiStream(handler: BidiStreamHandler, requests: RequestStream): void {
    const messages = requests.read(async ({ message, isCompressed }) => {
      this.#context.isRequestCompressed = isCompressed;
      return isCompressed ? this.#inflate(message) : message;
    });
    void this.#answer(handler(messages, this.#context));
  }

  async #unary(handler: UnaryHandler, message: Uint8Array): Promise<void> {
    this.#isRunning = true;
    wakefulLoop.requestBegan();
    try {
      const response = await handler(message, this.#context);
      // What failed may still be read by a run that nobody waits for.
      if (response.buffer !== message.buffer) this.#releaseRequest();
      const isPlain = this.#compression === undefined && !this.#context.hasMetadata;
      const framed = isPlain ? undefined : await this.#framed(response);
      this.#settled();
      if (this.#isOver) return;
      this.#over();
      if (framed === undefined) this.connection.respond(this.stream, response);
      else this.#respondFramed(framed);
    } catch (reason) {
      this.#settled();
      this.#fail(reason);
    } finally {
      wakefulLoop.requestEnded();
    }
  }

  #releaseRequest(): void {
    if (this.#request instanceof OneRequest) this.#request.release();
  }

  async #answer(responses: AsyncIterable<Uint8Array>): Promise<void> {
    this.#isRunning = true;
    try {
      for await (const response of responses) {
        if (this.#isOver) break;
        const message = await this.#framed(response);
        this.#sendStart();
        this.connection.send(this.stream, message);
        if (this.stream.pendingBytes > MAX_WAITING_BYTES) await this.#drained();
      }
      this.#settled();
      if (this.#isOver) return;
      this.#sendStart();
      this.#fail(new StatusError(Code.OK, ""));
    } catch (reason) {
      this.#settled();
      this.#fail(reason);
    }
  }

  #sendStart(): void {
    const { hasStarted, hasMetadata, initialMetadata } = this.#context;
    if (hasStarted) return;
    this.#context.hasStarted = true;
    const encoding = this.#compression?.name;
    const isPlain = encoding === undefined && !hasMetadata;
    this.connection.sendHeaders(
      this.stream,
      isPlain ? RESPONSE_HEADERS : responseHeaders(encoding, initialMetadata),
    );
  }

  #respondFramed(message: Uint8Array): void {
    this.#sendStart();
    this.connection.send(this.stream, message);
    this.connection.sendTrailers(this.stream, okTrailers(this.#context.trailingMetadata));
  }

  /** A message with its prefix, compressed if that was agreed on. */
  async #framed(message: Uint8Array): Promise<Uint8Array> {
    const compression = this.#context.compressesAnswers ? this.#compression : undefined;
    if (compression === undefined || message.length < MIN_COMPRESSED_BYTES) return framed(message);
    return framed(await compression.compress(message), true);
  }

  /** Resolves when the client has taken what waits, or the call is over. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrain = resolve;
      this.stream.onDrain = resolve;
    });
  }

  #fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#over();
    const error = StatusError.from(reason);
    if (this.#request instanceof RequestStream) this.#request.fail(error);
    const { initialMetadata, trailingMetadata } = this.#context;
    if (initialMetadata.length > 0) this.#sendStart();
    if (this.#context.hasStarted) {
      this.connection.sendTrailers(this.stream, failureTrailers(error, trailingMetadata));
    } else {
      this.connection.sendOnlyHeaders(this.stream, failureHeaders(error, trailingMetadata));
    }
  }

  #refuse({ headers, body }: Refusal): void {
    this.#over();
    if (body === undefined) {
      this.connection.sendOnlyHeaders(this.stream, headers());
      return;
    }
    this.connection.sendHeaders(this.stream, headers());
    this.connection.sendLast(this.stream, body);
  }

  #settled(): void {
    this.#isRunning = false;
    if (this.#isOver) this.connection.abandonedIsOver();
  }

  #over(): void {
    this.#isOver = true;
    this.#onDrain();
    clearTimeout(this.#timer);
    if (this.#isRunning) this.connection.abandon();
  }
}

function acceptedCompression(
  compression: Compression | undefined,
  { fields }: RequestHeaders,
): Compression | undefined {
  if (compression === undefined) return undefined;
  const accepted = fields.get("grpc-accept-encoding")?.split(",") ?? [];
  return accepted.some((name) => name.trim() === compression.name) ? compression : undefined;
}

function targetOf(methods: ReadonlyMap<string, Method>, headers: RequestHeaders): Method | Refusal {
  const { method, path, contentType, timeout, encoding } = headers;
  if (method !== "POST") {
    return { headers: () => httpHeaders(405, [{ name: "allow", value: "POST" }]), body: WHAT_THIS_IS };
  }
  if (!/^application\/grpc(?:[+;]|$)/.test(contentType)) {
    return { headers: () => httpHeaders(415, []), body: WHAT_THIS_IS };
  }
  const refused = (error: StatusError): Refusal => ({ headers: () => failureHeaders(error) });
  if (timeout !== undefined && timeoutMs(timeout) === undefined) {
    return refused(internal(`The value "${timeout}" of grpc-timeout is no timeout`));
  }
  if (!encodings.includes(encoding)) {
    return refused(unimplemented(`Messages compressed by "${encoding}" can't be read`));
  }
  return methods.get(path) ?? refused(unimplemented(`The server does not implement the method ${path}`));
}
