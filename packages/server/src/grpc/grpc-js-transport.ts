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
    const { context, done } = contextOf(call);
    try {
      const response = await handler(call.request, context);
      done();
      respond(null, response);
    } catch (reason) {
      done();
      respond(statusOf(reason));
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
  const { context, done } = contextOf(call);
  try {
    for await (const message of respond(context)) {
      if (!call.write(message)) await drained(call, context.signal);
    }
    done();
    call.end();
  } catch (reason) {
    done();
    call.emit("error", statusOf(reason));
  }
}

function drained(call: StreamCall | BidiCall, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    call.once("drain", resolve);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** What all kinds of calls have. */
interface CallUnderWay {
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  on(event: "cancelled", listener: () => void): unknown;
}

/** The call's context, and what to call before it is answered: every call is "cancelled" in the end. */
function contextOf(call: CallUnderWay): { context: CallContext; done: () => void } {
  const abort = new AbortController();
  const deadline = Number(call.getDeadline());
  let isDone = false;
  call.on("cancelled", () => {
    if (isDone) return;
    const isLate = Date.now() >= deadline;
    abort.abort(
      isLate
        ? new StatusError(Code.DEADLINE_EXCEEDED, "Deadline exceeded")
        : new StatusError(Code.CANCELLED, "The call was cancelled"),
    );
  });
  const done = () => {
    isDone = true;
  };
  const { signal } = abort;
  const header = (name: string) => call.metadata.get(name)[0]?.toString();
  return { context: { signal, header, ...(Number.isFinite(deadline) ? { deadline } : {}) }, done };
}

function statusOf(reason: unknown): { code: number; details: string; metadata: Metadata } {
  const { code, message } = StatusError.from(reason);
  return { code, details: message, metadata: new Metadata() };
}
