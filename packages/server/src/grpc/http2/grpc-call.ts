/**
 * One gRPC call on an HTTP/2 stream: headers to a method, body to a message, the handler's answer or failure to
 * messages and trailers (doc/PROTOCOL-HTTP2.md of gRPC). A call is refused when its request is complete, not before,
 * so that the client is never told while it still sends.
 */
import { Code, internal, StatusError, unimplemented } from "@servable/formats";
import type { Method, ServerStreamHandler, UnaryHandler } from "../transport.js";
import { AbortableContext } from "./call-context.js";
import type { Connection } from "./connection.js";
import { decompress, encodings, framed, MessageReader } from "./message.js";
import { type RequestHeaders, timeoutMs } from "./request-headers.js";
import { failureHeaders, failureTrailers, httpHeaders, RESPONSE_HEADERS } from "./response-headers.js";
import type { Stream, StreamUser } from "./stream.js";

export interface CallLimits {
  /** Bytes of one request message. */
  readonly maxRequestBytes: number;
  /** Bytes that a compressed message may inflate to. */
  readonly maxInflatedBytes: number;
}

/** A stream of messages pauses while this much of it waits for the client. */
const MAX_WAITING_BYTES = 65_536;
/** The body of a refused call is read to its end, unless it is longer than this. */
const MAX_REFUSED_BYTES = 1 << 20;
/** Timers take no longer delay. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Why a call is answered without its method: the header block to answer with. */
interface Refusal {
  readonly headers: () => Buffer;
}

export class GrpcCall implements StreamUser {
  readonly #reader: MessageReader;
  readonly #context: AbortableContext;
  readonly #target: Method | Refusal;
  #timer: NodeJS.Timeout | undefined;
  #onDrain = () => {};
  #isRunning = false;
  #hasStarted = false;
  /** Answered, or given up by the client. */
  #isOver = false;

  constructor(
    methods: ReadonlyMap<string, Method>,
    private readonly headers: RequestHeaders,
    private readonly stream: Stream,
    private readonly connection: Connection,
    private readonly limits: CallLimits,
  ) {
    this.#reader = new MessageReader(limits.maxRequestBytes);
    this.#target = targetOf(methods, headers);
    const timeout = headers.timeout === undefined ? undefined : timeoutMs(headers.timeout);
    this.#context = new AbortableContext(timeout === undefined ? undefined : Date.now() + timeout);
    if (timeout !== undefined) {
      this.#timer = setTimeout(() => this.#late(), Math.min(timeout, MAX_TIMER_MS));
    }
  }

  data(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (!("handler" in this.#target)) {
      if (this.stream.receivedBytes > MAX_REFUSED_BYTES) this.#refuse(this.#target);
      return;
    }
    try {
      this.#reader.add(bytes);
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
      const { message, isCompressed } = this.#reader.finish();
      if (isCompressed) void this.#inflateAndRun(target, message);
      else this.#run(target, message);
    } catch (reason) {
      this.#fail(reason);
    }
  }

  aborted(): void {
    if (this.#isOver) return;
    this.#over();
    this.#context.abort(new StatusError(Code.CANCELLED, "The call was cancelled"));
  }

  #late(): void {
    const late = new StatusError(Code.DEADLINE_EXCEEDED, "Deadline exceeded");
    this.#fail(late);
    this.#context.abort(late);
  }

  async #inflateAndRun(method: Method, compressed: Uint8Array): Promise<void> {
    try {
      const message = await decompress(compressed, this.headers.encoding, this.limits.maxInflatedBytes);
      if (!this.#isOver) this.#run(method, message);
    } catch (reason) {
      this.#fail(reason);
    }
  }

  #run(method: Method, message: Uint8Array): void {
    this.#isRunning = true;
    if (method.kind === "unary") void this.#unary(method.handler, message);
    else void this.#serverStream(method.handler, message);
  }

  async #unary(handler: UnaryHandler, message: Uint8Array): Promise<void> {
    try {
      const response = await handler(message, this.#context);
      this.#settled();
      if (this.#isOver) return;
      this.#over();
      this.connection.respond(this.stream, response);
    } catch (reason) {
      this.#settled();
      this.#fail(reason);
    }
  }

  async #serverStream(handler: ServerStreamHandler, message: Uint8Array): Promise<void> {
    try {
      for await (const response of handler(message, this.#context)) {
        if (this.#isOver) break;
        this.#start();
        this.connection.send(this.stream, framed(response));
        if (this.stream.pendingBytes > MAX_WAITING_BYTES) await this.#drained();
      }
      this.#settled();
      if (this.#isOver) return;
      this.#start();
      this.#fail(new StatusError(Code.OK, ""));
    } catch (reason) {
      this.#settled();
      this.#fail(reason);
    }
  }

  #start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.connection.sendHeaders(this.stream, RESPONSE_HEADERS);
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
    if (this.#hasStarted) this.connection.sendTrailers(this.stream, failureTrailers(error));
    else this.connection.sendOnlyHeaders(this.stream, failureHeaders(error));
  }

  #refuse({ headers }: Refusal): void {
    this.#over();
    this.connection.sendOnlyHeaders(this.stream, headers());
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

function targetOf(methods: ReadonlyMap<string, Method>, headers: RequestHeaders): Method | Refusal {
  const { method, path, contentType, timeout, encoding } = headers;
  if (method !== "POST") return { headers: () => httpHeaders(405) };
  if (!/^application\/grpc(?:[+;]|$)/.test(contentType)) return { headers: () => httpHeaders(415) };
  const refused = (error: StatusError): Refusal => ({ headers: () => failureHeaders(error) });
  if (timeout !== undefined && timeoutMs(timeout) === undefined) {
    return refused(internal(`The value "${timeout}" of grpc-timeout is no timeout`));
  }
  if (!encodings.includes(encoding)) {
    return refused(unimplemented(`Messages compressed by "${encoding}" can't be read`));
  }
  return methods.get(path) ?? refused(unimplemented(`The server does not implement the method ${path}`));
}
