/**
 * The service that gRPC's interoperability tests call, as methods of our gRPC transport (transport.ts): all features of
 * a server in doc/interop-test-descriptions.md of gRPC but those for caches and authentication.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import protobuf from "protobufjs";
import { invalidArgument, StatusError } from "../../packages/formats/dist/index.js";

/**
 * In cancel_after_begin grpc-go's client cancels and half-closes at once, and takes an answer to the half-close that is
 * there before it looks for the cancellation. An answer to no request waits so long.
 */
const CANCELLATION_MS = 100;

const protos = new protobuf.Root().loadSync(join(import.meta.dirname, "test.proto"), { keepCase: true });
const messageType = (name) => protos.lookupType(`grpc.testing.${name}`);
/** Messages that are absent are null, fields that are absent their defaults. */
const decode = (name, bytes) =>
  messageType(name).toObject(messageType(name).decode(bytes), { defaults: true });
const encode = (name, value) => messageType(name).encode(value).finish();
const payloadOf = (size) => ({ payload: { body: Buffer.alloc(size) } });

/** Sends back what the caller sent to be sent back. */
function echoMetadata(context) {
  const [initial, trailing] = ["x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"];
  const [initialValue, trailingValue] = [context.header(initial), context.header(trailing)];
  if (initialValue !== undefined) context.addInitialMetadata(initial, initialValue);
  if (trailingValue !== undefined) context.addTrailingMetadata(trailing, trailingValue);
}

/** Fails as the caller wishes. */
function checkStatus({ response_status: status }) {
  if (status?.code) throw new StatusError(status.code, status.message);
}

/** INVALID_ARGUMENT for a request that came otherwise than it says. */
function checkCompression({ expect_compressed: expected }, { isRequestCompressed }) {
  if (expected === null || expected.value === isRequestCompressed) return;
  throw invalidArgument(`The request is ${isRequestCompressed ? "" : "not "}compressed`);
}

async function* outputs(request, context) {
  checkStatus(request);
  for (const { size, interval_us: pause, compressed } of request.response_parameters) {
    if (pause > 0) await sleep(pause / 1000);
    context.compressesAnswers = compressed?.value === true;
    yield encode("StreamingOutputCallResponse", payloadOf(size));
  }
}

export const testService = [
  { kind: "unary", name: "EmptyCall", handler: async () => new Uint8Array(0) },
  {
    kind: "unary",
    name: "UnaryCall",
    async handler(bytes, context) {
      const request = decode("SimpleRequest", bytes);
      echoMetadata(context);
      checkStatus(request);
      checkCompression(request, context);
      context.compressesAnswers = request.response_compressed?.value === true;
      return encode("SimpleResponse", payloadOf(request.response_size));
    },
  },
  {
    kind: "server-stream",
    name: "StreamingOutputCall",
    async *handler(bytes, context) {
      echoMetadata(context);
      yield* outputs(decode("StreamingOutputCallRequest", bytes), context);
    },
  },
  {
    kind: "bidi-stream",
    name: "StreamingInputCall",
    async *handler(requests, context) {
      echoMetadata(context);
      let size = 0;
      for await (const bytes of requests) {
        const request = decode("StreamingInputCallRequest", bytes);
        checkCompression(request, context);
        size += request.payload?.body.length ?? 0;
      }
      if (size === 0) await sleep(CANCELLATION_MS, undefined, { signal: context.signal });
      yield encode("StreamingInputCallResponse", { aggregated_payload_size: size });
    },
  },
  {
    kind: "bidi-stream",
    name: "FullDuplexCall",
    async *handler(requests, context) {
      echoMetadata(context);
      for await (const bytes of requests) {
        yield* outputs(decode("StreamingOutputCallRequest", bytes), context);
      }
    },
  },
].map(({ name, ...method }) => ({ ...method, path: `/grpc.testing.TestService/${name}` }));
