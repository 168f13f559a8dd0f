/** The gRPC transport on @grpc/grpc-js. */
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { Code, StatusError, unavailable } from "@servable/formats";
import type { CallSignal } from "../call-abort.js";
import { type MetadataEntry, MethodContext } from "./method-context.js";
import type {
  BidiStreamHandler,
  CallContext,
  Method,
  RunningTransport,
  ServerStreamHandler,
  ServerTls,
  StartTransport,
  TransportOptions,
  UnaryHandler,
} from "./transport.js";

type UnaryCall = ServerUnaryCall<Uint8Array, Uint8Array>;
type StreamCall = ServerWritableStream<Uint8Array, Uint8Array>;
type BidiCall = ServerDuplexStream<Uint8Array, Uint8Array>;

export const startGrpcJs: StartTransport = async (methods, options) => {
  const server = new Server({
    "grpc.max_receive_message_length": options.maxRequestBytes,
    "grpc.max_send_message_length": -1,
    ...Object.fromEntries(options.channelArguments),
  });
  for (const method of methods) register(server, method);
  const ports: number[] = [];
  try {
    for (const address of options.addresses) ports.push(await bind(server, address, options));
  } catch (reason) {
    server.forceShutdown();
    throw reason;
  }
  return running(server, ports);
};

function running(server: Server, ports: readonly number[]): RunningTransport {
  return {
    ports,
    drain: () =>
      new Promise((resolve) => {
        server.tryShutdown(() => resolve());
      }),
    close: () => server.forceShutdown(),
  };
}

function bind(server: Server, address: string, { tls }: TransportOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials(tls), (error, port) => {
      if (error === null) resolve(address.startsWith("unix:") ? 0 : port);
      else reject(unavailable(`Cannot listen at ${address}: ${error.message}`, { cause: error }));
    });
  });
}

function credentials(tls: ServerTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { key, certificate, clientAuthority, requireClientCertificate } = tls;
  return ServerCredentials.createSsl(
    clientAuthority === undefined ? null : Buffer.from(clientAuthority),
    [{ private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) }],
    requireClientCertificate,
  );
}

/** As a plain Uint8Array: a Buffer would go on as one in all views on it. */
const fromBuffer = (bytes: Buffer): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);

function register(server: Server, method: Method): void {
  if (method.kind === "unary") {
    server.register(method.path, unary(method.handler), asBuffer, fromBuffer, "unary");
  } else if (method.kind === "server-stream") {
    server.register(method.path, serverStream(method.handler), asBuffer, fromBuffer, "serverStream");
  } else {
    server.register(method.path, bidiStream(method.handler), asBuffer, fromBuffer, "bidi");
  }
}

function unary(handler: UnaryHandler): handleUnaryCall<Uint8Array, Uint8Array> {
  return async (call: UnaryCall, respond: sendUnaryData<Uint8Array>): Promise<void> => {
    const context = new GrpcJsContext(call);
    try {
      const response = await handler(call.request, context);
      context.over();
      respond(null, response, metadataOf(context.trailingMetadata));
    } catch (reason) {
      context.over();
      respond(statusOf(reason, context));
    }
  };
}

function serverStream(handler: ServerStreamHandler): handleServerStreamingCall<Uint8Array, Uint8Array> {
  return (call: StreamCall) => answer(call, (context) => handler(call.request, context));
}

function bidiStream(handler: BidiStreamHandler): handleBidiStreamingCall<Uint8Array, Uint8Array> {
  // A call whose requests are all read still has answers to write.
  return (call: BidiCall) =>
    answer(call, (context) => handler(call.iterator({ destroyOnReturn: false }), context));
}

async function answer(
  call: StreamCall | BidiCall,
  respond: (context: CallContext) => AsyncIterable<Uint8Array>,
): Promise<void> {
  const context = new GrpcJsContext(call);
  try {
    for await (const message of respond(context)) {
      context.start();
      if (!call.write(message)) await drained(call, context.signal);
    }
    context.over();
    call.end(metadataOf(context.trailingMetadata));
  } catch (reason) {
    context.over();
    call.emit("error", statusOf(reason, context));
  }
}

function drained(call: StreamCall | BidiCall, signal: CallSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    call.once("drain", resolve);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

/** What all kinds of calls have. */
interface CallUnderWay {
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  sendMetadata(metadata: Metadata): void;
  on(event: "cancelled", listener: () => void): unknown;
}

class GrpcJsContext extends MethodContext implements CallContext {
  #isOver = false;

  constructor(private readonly call: CallUnderWay) {
    const deadline = Number(call.getDeadline());
    super(Number.isFinite(deadline) ? deadline : undefined);
    call.on("cancelled", () => this.#cancelled());
  }

  header(name: string): string | undefined {
    const value = this.call.metadata.get(name).at(-1);
    return Buffer.isBuffer(value) ? value.toString("base64") : value;
  }

  /** To be called before the first message. */
  start(): void {
    if (this.hasStarted) return;
    this.hasStarted = true;
    if (this.initialMetadata.length > 0) this.call.sendMetadata(metadataOf(this.initialMetadata));
  }

  /** To be called before the call's end: every call is "cancelled" then. */
  over(): void {
    this.#isOver = true;
    this.start();
  }

  #cancelled(): void {
    if (this.#isOver) return;
    const isLate = this.deadline !== undefined && Date.now() >= this.deadline;
    this.abort(
      isLate
        ? new StatusError(Code.DEADLINE_EXCEEDED, "Deadline exceeded")
        : new StatusError(Code.CANCELLED, "The call was cancelled"),
    );
  }
}

function metadataOf(entries: readonly MetadataEntry[]): Metadata {
  const metadata = new Metadata();
  for (const { name, value } of entries) {
    metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  }
  return metadata;
}

function statusOf(
  reason: unknown,
  { trailingMetadata }: GrpcJsContext,
): { code: number; details: string; metadata: Metadata } {
  const { code, message } = StatusError.from(reason);
  return { code, details: message, metadata: metadataOf(trailingMetadata) };
}
