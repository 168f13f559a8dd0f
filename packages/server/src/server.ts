/**
 * The server, wired together in the order of dependency: workers, core, gRPC, REST. It listens before the models are
 * loaded, so that their states can be asked for, and says that it runs when the first load of each is over.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { StatusError } from "@servable/formats";
import type { BatchingSettings } from "./batching/batching-settings.js";
import { readBatchingSettings } from "./config/batching-parameters.js";
import { readModelConfigs, type ServerSettings } from "./config/server-settings.js";
import { idText, type ServableId } from "./core/servable.js";
import type { ServableState } from "./core/servable-state.js";
import { healthMethods } from "./grpc/health.js";
import { MODEL_SERVICE, PREDICTION_SERVICE, servingMethods } from "./grpc/services.js";
import type { RunningTransport } from "./grpc/transport.js";
import type { Log } from "./log.js";
import type { RunningHttpServer } from "./rest/http-server.js";
import { SavedModelLoader } from "./servables/saved-model-loader.js";
import type { ServedModel } from "./servables/served-model.js";
import type { WorkerSupply } from "./servables/worker-supply.js";
import { ServerCore } from "./server-core.js";

export interface RunningServer {
  /** Ports in the order of the settings' gRPC addresses. */
  readonly grpcPorts: readonly number[];
  readonly restPort: number | undefined;
  /** Resolves when the first load of each model is over, well or not. */
  readonly settled: Promise<void>;
  /** Finishes what was accepted, then ends. */
  stop(): Promise<void>;
}

/** gRPC messages and HTTP bodies hold at most this much; TensorFlow Serving's limit for gRPC. */
const MAX_REQUEST_BYTES = 2 ** 31 - 1;
/** What a small compressed body may inflate to. */
const MAX_INFLATED_BYTES = 2 ** 29;
/** Requests that are still under way this long after the server was told to stop are dropped. */
const MAX_DRAIN_MS = 30_000;

export async function startServer(
  settings: ServerSettings,
  workers: WorkerSupply,
  log: Log,
): Promise<RunningServer> {
  const core = createCore(settings, workers, log);
  const stopping = new AbortController();
  const grpc = await startGrpc(settings, core, stopping.signal);
  const rest = await startRest(settings, core);
  await core.start(settings.models);
  const settled = announce(core, settings, grpc, rest, log);
  const polling = pollModelConfig(settings, core, stopping.signal, log);
  return {
    grpcPorts: grpc?.ports ?? [],
    restPort: rest?.port,
    settled,
    stop: async () => {
      stopping.abort();
      await drain(grpc, rest);
      await polling;
      await core.close();
      await workers.close();
    },
  };
}

function createCore(settings: ServerSettings, workers: WorkerSupply, log: Log): ServerCore {
  const { lifeCycle } = settings;
  const core = new ServerCore({
    ...lifeCycle,
    loaderOf: (id, path) =>
      new SavedModelLoader(id, path, workers, {
        load: settings.load,
        batchingOf: (folder) => batchingOf(settings, folder),
        warmUp: (model, folder, signal) => warmUp(settings, model, folder, signal),
        warn: (message) => log.warn(message),
      }),
    log,
  });
  core.monitor.listen((id, state) => logState(log, id, state));
  return core;
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

async function startGrpc(
  settings: ServerSettings,
  core: ServerCore,
  stopping: AbortSignal,
): Promise<RunningTransport | undefined> {
  const { addresses, tls, channelArguments, hasHealthService } = settings.grpc;
  if (addresses.length === 0) return undefined;
  const { startGrpcJs } = await import("./grpc/grpc-js-transport.js");
  const health = healthMethods({
    services: [PREDICTION_SERVICE, MODEL_SERVICE],
    isServing: () => !stopping.aborted && core.modelNames.every((name) => core.isAvailable(name)),
    listen: (listener) => core.monitor.listen(listener),
    stopping,
  });
  return await startGrpcJs([...servingMethods(core, settings), ...(hasHealthService ? health : [])], {
    addresses,
    ...(tls === undefined ? {} : { tls }),
    channelArguments,
    maxRequestBytes: MAX_REQUEST_BYTES,
  });
}

async function startRest(settings: ServerSettings, core: ServerCore): Promise<RunningHttpServer | undefined> {
  if (settings.rest === undefined) return undefined;
  const [{ startHttpServer }, { restApi }] = await Promise.all([
    import("./rest/http-server.js"),
    import("./rest/rest-api.js"),
  ]);
  const api = restApi(core);
  const { checkMethodNames } = settings;
  return await startHttpServer(
    [
      {
        prefix: "/v1/",
        handler: async ({ verb, path, body, signal }) => ({
          contentType: "application/json",
          body: await api({ verb, path, body, options: { checkMethodNames, signal } }),
        }),
      },
    ],
    { ...settings.rest, maxBodyBytes: MAX_REQUEST_BYTES, maxInflatedBytes: MAX_INFLATED_BYTES },
  );
}

/** Scripts wait for these lines, which TensorFlow Serving writes when its models are loaded. */
async function announce(
  core: ServerCore,
  settings: ServerSettings,
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

/** Reads the model config file again and again, and serves what it says. */
async function pollModelConfig(
  { modelConfigFile, modelConfigPollMs }: ServerSettings,
  core: ServerCore,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  if (modelConfigFile === undefined || modelConfigPollMs <= 0) return;
  const { systemClock } = await import("./core/clock.js");
  while (!signal.aborted) {
    await systemClock.sleep(modelConfigPollMs, signal);
    if (signal.aborted) return;
    try {
      await core.reload(await readModelConfigs(modelConfigFile), signal);
    } catch (reason) {
      if (!signal.aborted) log.error(`ReloadConfig failed: ${errorText(StatusError.from(reason))}`);
    }
  }
}

async function drain(grpc: RunningTransport | undefined, rest: RunningHttpServer | undefined): Promise<void> {
  const overdue = setTimeout(() => {
    grpc?.close();
    rest?.close();
  }, MAX_DRAIN_MS);
  await Promise.all([grpc?.drain(), rest?.drain()]);
  clearTimeout(overdue);
}

const MODEL_BATCHING_FILE = "batching_params.pbtxt";

async function batchingOf(
  { batching, hasBatchingPerModel }: ServerSettings,
  folder: string,
): Promise<BatchingSettings> {
  const path = join(folder, MODEL_BATCHING_FILE);
  return hasBatchingPerModel && existsSync(path) ? await readBatchingSettings(path) : batching;
}

async function warmUp(
  { warmUp: { isEnabled, iterations }, checkMethodNames }: ServerSettings,
  model: ServedModel,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  if (!isEnabled) return;
  const { runWarmUp } = await import("./warm-up.js");
  await runWarmUp(model, folder, iterations, { checkMethodNames, signal });
}
