/**
 * The server, wired together in the order of dependency: workers, core, gRPC, REST. It listens before the models are
 * loaded, so that their states can be asked for, and says that it runs when the first load of each is over.
 */
import { type StatusError, unavailable } from "@servable/formats";
import type { ModelConfig } from "./config/model-config.js";
import { pollModelConfig } from "./config/model-config-polling.js";
import type { GrpcTransport, ServerSettings } from "./config/server-settings.js";
import { idText, type ServableId } from "./core/servable.js";
import type { ServableState } from "./core/servable-state.js";
import { healthMethods } from "./grpc/health.js";
import { reflectionMethods } from "./grpc/reflection.js";
import { MODEL_SERVICE, PREDICTION_SERVICE, SESSION_SERVICE, servingMethods } from "./grpc/services.js";
import type { RunningTransport, StartTransport } from "./grpc/transport.js";
import { removeStaleSocket } from "./grpc/unix-socket.js";
import type { Log } from "./log.js";
import type { Measuring } from "./monitoring/measure.js";
import type { PrometheusMetrics } from "./monitoring/prometheus.js";
import { RequestLog, type RequestLoggings } from "./monitoring/request-log.js";
import type { Tracing } from "./monitoring/tracing.js";
import { OPEN_INFERENCE_SERVICE, openInferenceMethods } from "./open-inference/grpc-methods.js";
import type { OpenInference } from "./open-inference/infer.js";
import type { HttpRoute, RunningHttpServer } from "./rest/http-server.js";
import { savedModelLoaders } from "./saved-model-loading.js";
import type { WorkerSupply } from "./servables/worker-supply.js";
import { ServerCore } from "./server-core.js";

export interface RunningServer {
  /** Ports in the order of the settings' gRPC addresses. */
  readonly grpcPorts: readonly number[];
  readonly restPort: number | undefined;
  /** Resolves when the first load of each model is over, well or not. */
  readonly settled: Promise<void>;
  /** Finishes what was accepted, then ends. False when the time was up before. */
  stop(): Promise<boolean>;
}

/** gRPC messages and HTTP bodies hold at most this much; TensorFlow Serving's limit for gRPC. */
const MAX_REQUEST_BYTES = 2 ** 31 - 1;
/** What a small compressed body may inflate to. */
const MAX_INFLATED_BYTES = 2 ** 29;

/** What the parts of the server are made from. */
interface Parts {
  readonly settings: ServerSettings;
  readonly core: ServerCore;
  readonly metrics: PrometheusMetrics | undefined;
  readonly measuring: Measuring;
  readonly requestLog: RequestLog;
  readonly stopping: AbortSignal;
}

export async function startServer(
  settings: ServerSettings,
  workers: WorkerSupply,
  log: Log,
): Promise<RunningServer> {
  const metrics = await createMetrics(settings);
  const tracing = await createTracing(settings);
  const loaderOf = savedModelLoaders(settings, workers, { metrics, tracing, log });
  const requestLog = new RequestLog(settings.load.tags ?? [], log, settings.requestLogRotation);
  const onConfig = (configs: readonly ModelConfig[]) => requestLog.configure(loggingsOf(configs));
  const core = new ServerCore({ ...settings.lifeCycle, loaderOf, onConfig, log });
  core.monitor.listen((id, state) => logState(log, id, state));
  const isKnownModel = (name: string) => core.modelNames.includes(name);
  const stopping = new AbortController();
  const parts: Parts = {
    settings,
    core,
    metrics,
    measuring: { metrics, tracing, log, logsRequests: settings.logsRequests, isKnownModel },
    requestLog,
    stopping: stopping.signal,
  };

  const grpc = await startGrpc(parts);
  const rest = await startRest(parts).catch((reason) => {
    grpc?.close();
    throw reason;
  });
  await core.start(settings.models).catch((reason) => {
    grpc?.close();
    rest?.close();
    throw reason;
  });
  const polling = startPolling(parts, log);
  return {
    grpcPorts: grpc?.ports ?? [],
    restPort: rest?.port,
    settled: announce(parts, grpc, rest, log),
    stop: async () => {
      stopping.abort(unavailable("The server is shutting down"));
      return await inTime(settings.drainMs, async (overdue) => {
        overdue.addEventListener("abort", () => {
          log.warn(`Requests are still under way after ${settings.drainMs} ms: they are dropped`);
          grpc?.close();
          rest?.close();
        });
        await Promise.all([grpc?.drain(), rest?.drain()]);
        await polling;
        await requestLog.close();
        await core.close();
        await workers.close();
        await tracing?.close();
      });
    },
  };
}

function loggingsOf(configs: readonly ModelConfig[]): RequestLoggings {
  return new Map(configs.flatMap(({ name, logging }) => (logging === undefined ? [] : [[name, logging]])));
}

async function createMetrics({ prometheus }: ServerSettings): Promise<PrometheusMetrics | undefined> {
  if (prometheus === undefined) return undefined;
  const { createPrometheusMetrics } = await import("./monitoring/prometheus.js");
  return createPrometheusMetrics();
}

/** Imports OpenTelemetry only where someone wants traces. */
async function createTracing({ tracing }: ServerSettings): Promise<Tracing | undefined> {
  if (tracing === undefined) return undefined;
  const openTelemetry = await import("./monitoring/open-telemetry.js");
  return await openTelemetry.createTracing(tracing.endpoint);
}

function logState(log: Log, id: ServableId, state: ServableState): void {
  switch (state.kind) {
    case "loading":
      if (state.lastError === undefined) log.info(`Loading servable version ${idText(id)}`);
      else log.warn(`Loading servable: ${idText(id)} failed, will be retried: ${errorText(state.lastError)}`);
      break;
    case "available":
      log.info(`Successfully loaded servable version ${idText(id)}`);
      break;
    case "end":
      if (state.error === undefined) log.info(`Unloaded servable version ${idText(id)}`);
      else log.error(`Loading servable: ${idText(id)} failed: ${errorText(state.error)}`);
      break;
  }
}

function errorText(error: StatusError): string {
  return `${error.codeName}: ${error.message}`;
}

async function startGrpc(parts: Parts): Promise<RunningTransport | undefined> {
  const { settings, core, measuring, requestLog, stopping } = parts;
  const { addresses, tls, transport, channelArguments, hasHealthService } = settings.grpc;
  if (addresses.length === 0) return undefined;
  for (const address of addresses) await removeStaleSocket(address);
  const start = await startOf(transport);
  const { checkMethodNames, answerAsTensorContent } = settings;
  const methods = servingMethods(core, {
    checkMethodNames,
    answerAsTensorContent,
    measuring,
    requestLog,
  });
  const health = healthMethods({
    services: [PREDICTION_SERVICE, MODEL_SERVICE, SESSION_SERVICE, OPEN_INFERENCE_SERVICE],
    isServing: () => isServing(parts),
    listen: (listener) => core.monitor.listen(listener),
    stopping,
  });
  const openInference = openInferenceMethods(openInferenceOf(parts));
  const offered = [...methods, ...openInference, ...(hasHealthService ? health : [])];
  return await start([...offered, ...reflectionMethods(offered)], {
    addresses,
    ...(tls === undefined ? {} : { tls }),
    channelArguments,
    maxRequestBytes: MAX_REQUEST_BYTES,
  });
}

/** Whether every configured model answers requests. */
function isServing({ core, stopping }: Parts): boolean {
  return !stopping.aborted && core.modelNames.every((name) => core.isAvailable(name));
}

function openInferenceOf(parts: Parts): OpenInference {
  const { core, measuring, requestLog, settings } = parts;
  const { checkMethodNames } = settings;
  return { core, checkMethodNames, measuring, requestLog, isReady: () => isServing(parts) };
}

/** Imports one transport alone: the other's modules cost memory and start-up time. */
async function startOf(transport: GrpcTransport = "lean"): Promise<StartTransport> {
  if (transport === "lean") return (await import("./grpc/http2/lean-transport.js")).startLean;
  return (await import("./grpc/grpc-js-transport.js")).startGrpcJs;
}

async function startRest(parts: Parts): Promise<RunningHttpServer | undefined> {
  const { rest } = parts.settings;
  if (rest === undefined) return undefined;
  const [{ startHttpServer }, { restApi }, { OPEN_INFERENCE_PREFIX, openInferenceRest }] = await Promise.all([
    import("./rest/http-server.js"),
    import("./rest/rest-api.js"),
    import("./open-inference/rest-routes.js"),
  ]);
  const { core, measuring, requestLog, settings } = parts;
  const { checkMethodNames } = settings;
  const api = restApi(core, { checkMethodNames, measuring, requestLog });
  const serving: HttpRoute = {
    prefix: "/v1/",
    handler: api,
  };
  const openInference: HttpRoute = {
    prefix: OPEN_INFERENCE_PREFIX,
    handler: openInferenceRest(openInferenceOf(parts)),
  };
  return await startHttpServer([...metricsRoutes(parts), serving, openInference], {
    ...rest,
    maxBodyBytes: MAX_REQUEST_BYTES,
    maxInflatedBytes: MAX_INFLATED_BYTES,
  });
}

function metricsRoutes({ settings: { prometheus }, metrics }: Parts): HttpRoute[] {
  if (prometheus === undefined || metrics === undefined) return [];
  const { contentType } = metrics;
  return [{ prefix: prometheus.path, handler: async () => ({ contentType, body: await metrics.page() }) }];
}

async function startPolling({ settings, core, stopping }: Parts, log: Log): Promise<void> {
  const { modelConfigFile, modelConfigPollMs } = settings;
  if (modelConfigFile === undefined || modelConfigPollMs <= 0) return;
  const reload: ServerCore["reload"] = (configs, signal) => core.reload(configs, signal);
  await pollModelConfig(modelConfigFile, modelConfigPollMs, reload, log, stopping);
}

/** Scripts wait for these lines, which TensorFlow Serving writes when its models are loaded. */
async function announce(
  { settings, core }: Parts,
  grpc: RunningTransport | undefined,
  rest: RunningHttpServer | undefined,
  log: Log,
): Promise<void> {
  await core.settled();
  for (const [i, address] of settings.grpc.addresses.entries()) {
    const port = grpc?.ports[i] ?? 0;
    log.info(`Running gRPC ModelServer at ${address.replace(/:\d+$/, `:${port}`)} ...`);
  }
  if (rest !== undefined) log.info(`Exporting HTTP/REST API at:localhost:${rest.port} ...`);
}

/** How long after the time is up a task may still take to clean up. */
const OVERDUE_MS = 1000;

/** Runs a task, whose signal is aborted when the time is up. False when even then it does not come to an end. */
async function inTime(limitMs: number, task: (overdue: AbortSignal) => Promise<void>): Promise<boolean> {
  const overdue = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => {
      overdue.abort();
      timer = setTimeout(() => resolve(false), OVERDUE_MS);
    }, limitMs);
  });
  const done = task(overdue.signal).then(() => true);
  return await Promise.race([done, tooLate]).finally(() => clearTimeout(timer));
}
