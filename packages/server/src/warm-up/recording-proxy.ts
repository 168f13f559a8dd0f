/**
 * Stands between clients and a server of TensorFlow Serving's gRPC API, ours or the original, and lets a recorder see
 * the requests that the server could answer. Requests and answers pass as the bytes that they are.
 */
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type Code, StatusError } from "@servable/formats";
import { startLean } from "../grpc/http2/lean-transport.js";
import { MODEL_SERVICE, PREDICTION_SERVICE, SESSION_SERVICE } from "../grpc/services.js";
import type { CallContext, Method, RunningTransport } from "../grpc/transport.js";
import type { Api } from "../monitoring/metrics.js";

export interface ProxyOptions {
  /** "host:port" of the server. */
  readonly server: string;
  /** "host:port" to listen at. */
  readonly listen: string;
  readonly maxRequestBytes: number;
  /** Told of each request that the server answered. */
  readonly onAnswered: (api: Api, request: Uint8Array) => void;
}

export interface RunningProxy {
  readonly port: number;
  stop(): Promise<void>;
}

const recorded: readonly { readonly service: string; readonly api: Api }[] = [
  { service: PREDICTION_SERVICE, api: "Predict" },
  { service: PREDICTION_SERVICE, api: "Classify" },
  { service: PREDICTION_SERVICE, api: "Regress" },
  { service: PREDICTION_SERVICE, api: "MultiInference" },
  { service: SESSION_SERVICE, api: "SessionRun" },
];

/** Passed on and not recorded. */
const passed = [
  `${PREDICTION_SERVICE}/GetModelMetadata`,
  `${MODEL_SERVICE}/GetModelStatus`,
  `${MODEL_SERVICE}/HandleReloadConfigRequest`,
  "grpc.health.v1.Health/Check",
];

export async function startRecordingProxy(options: ProxyOptions): Promise<RunningProxy> {
  const client = new Client(options.server, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  const methods: Method[] = [
    ...passed.map((name) => methodOf(client, `/${name}`, () => {})),
    ...recorded.map(({ service, api }) =>
      methodOf(client, `/${service}/${api}`, (request) => options.onAnswered(api, request)),
    ),
  ];
  const transport: RunningTransport = await startLean(methods, {
    addresses: [options.listen],
    maxRequestBytes: options.maxRequestBytes,
    channelArguments: new Map(),
  });
  return {
    port: transport.ports[0] as number,
    stop: async () => {
      await transport.drain();
      client.close();
    },
  };
}

function methodOf(client: Client, path: string, onAnswered: (request: Uint8Array) => void): Method {
  return {
    kind: "unary",
    path,
    handler: async (request, context) => {
      const answer = await forward(client, path, request, context);
      onAnswered(request);
      return answer;
    },
  };
}

function forward(
  client: Client,
  path: string,
  request: Uint8Array,
  context: CallContext,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      (bytes: Uint8Array) => Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength),
      (bytes: Buffer) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      request,
      new Metadata(),
      context.deadline === undefined ? {} : { deadline: context.deadline },
      (error: ServiceError | null, answer?: Uint8Array) => {
        if (error === null) resolve(answer as Uint8Array);
        else reject(new StatusError(error.code as Code, error.details));
      },
    );
    context.signal.addEventListener("abort", () => call.cancel());
  });
}
