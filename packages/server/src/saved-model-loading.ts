/** How the server loads the versions that it finds: SavedModels, each in a worker thread, batched and warmed up. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CodeName, StatusError } from "@servable/formats";
import { automaticBatching, type BatchingSettings } from "./batching/batching-settings.js";
import { RunSlots } from "./batching/run-slots.js";
import { readBatchingSettings } from "./config/batching-parameters.js";
import { wishesOfModel } from "./config/saved-model-config.js";
import type { ServerSettings } from "./config/server-settings.js";
import type { Loader } from "./core/loader.js";
import { idText, type ServableId } from "./core/servable.js";
import type { Log } from "./log.js";
import { timed } from "./monitoring/measure.js";
import type { Metrics } from "./monitoring/metrics.js";
import type { Tracing } from "./monitoring/tracing.js";
import type { LoadProgress } from "./servables/engine-contract.js";
import { MemoryWatch } from "./servables/memory-watch.js";
import { SavedModelLoader } from "./servables/saved-model-loader.js";
import type { ServedModel } from "./servables/served-model.js";
import type { WorkerSupply } from "./servables/worker-supply.js";

const MODEL_BATCHING_FILE = "batching_params.pbtxt";

/** Who is told of loads. */
export interface LoadObservers {
  readonly metrics: Metrics | undefined;
  readonly tracing: Tracing | undefined;
  readonly log: Log;
}

/** A span that ends now. */
function traceDone(
  tracing: Tracing | undefined,
  name: string,
  path: string,
  code: CodeName,
  micros: number,
): void {
  const now = performance.now();
  tracing?.done(name, path, code, now - micros / 1000, now);
}

/** Makes the loader of a version's folder. */
export function savedModelLoaders(
  settings: ServerSettings,
  workers: WorkerSupply,
  { metrics, tracing, log }: LoadObservers,
): (id: ServableId, path: string) => Loader<ServedModel> {
  const { maxParallel, threadPoolName } = settings.batching;
  const slots = maxParallel === undefined ? undefined : new RunSlots(maxParallel);
  const memory = new MemoryWatch({
    limitBytes: settings.memoryLimitBytes,
    onMemory: (id, bytes) => metrics?.memory(id.name, id.version, bytes),
  });
  const loaderOf = (id: ServableId, path: string) =>
    new SavedModelLoader(id, path, workers, {
      load: settings.load,
      batching: () => batchingOf(settings, path),
      warmUp: (model, signal) =>
        timed(
          () => warmUp(settings, model, path, signal, log),
          (code, micros) => {
            metrics?.warmUp(path, code, micros);
            traceDone(tracing, "warm-up", path, code, micros);
          },
        ),
      warn: (message) => log.warn(message),
      onProgress: (progress) => log.info(`Loading servable version ${idText(id)}: ${progressText(progress)}`),
      hasRoom: (bytes) => settings.runsFurtherInstances && memory.hasRoom(bytes),
      onLoad: (code, micros) => {
        metrics?.load(id.name, path, code, micros);
        traceDone(tracing, "load", path, code, micros);
      },
      slots,
      observer: metrics && {
        waited: (micros, rows) => metrics.queued(id.name, micros, rows, threadPoolName),
        batch: (rows, paddedRows) => metrics.batch(id.name, rows, paddedRows, threadPoolName),
      },
    });
  return (id, path) => {
    const { load, unload } = memory.watch(id, path, loaderOf(id, path));
    return {
      load: async (signal) => {
        await tellWishes(path, settings.requiresModelConfig, log);
        return await load(signal);
      },
      unload,
    };
  };
}

/** Says that what a model wishes of TensorFlow's runtime has no effect. */
async function tellWishes(folder: string, isRequired: boolean, log: Log): Promise<void> {
  try {
    for (const wish of await wishesOfModel(folder)) {
      log.info(
        `${folder}: ${wish} of saved_model_config.pb has no effect: there is no TensorFlow runtime here`,
      );
    }
  } catch (reason) {
    if (isRequired) throw reason;
    log.warn(StatusError.from(reason).message);
  }
}

function progressText(progress: LoadProgress): string {
  if (progress.stage === "weights") return `${Math.round(progress.bytes / 1e6)} MB of weights verified`;
  return `${progress.compiled} of ${progress.total} signatures compiled`;
}

/**
 * How the requests of a version are batched. A model with parameters of its own has those, but for the threads, which
 * all models share; a model without any is not the operator's to batch, when models were to have their own
 * (servables/tensorflow/bundle_factory_util.cc).
 */
async function batchingOf(
  { batching, hasBatchingPerModel }: ServerSettings,
  folder: string,
): Promise<BatchingSettings> {
  if (!hasBatchingPerModel) return batching;
  const path = join(folder, MODEL_BATCHING_FILE);
  const { maxParallel, maxWaitingRequests, threadPoolName } = batching;
  const ofAll = maxWaitingRequests === undefined ? {} : { maxWaitingRequests };
  if (!existsSync(path)) return { ...automaticBatching, ...ofAll };
  const { maxParallel: _, ...own } = await readBatchingSettings(path);
  return {
    ...own,
    ...ofAll,
    ...(maxParallel === undefined ? {} : { maxParallel }),
    ...(threadPoolName === undefined ? {} : { threadPoolName }),
  };
}

/** By the requests that the model brings along, or by made-up ones. */
async function warmUp(
  { warmUp: { isEnabled, iterations, isSynthetic }, checkMethodNames }: ServerSettings,
  model: ServedModel,
  folder: string,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  if (!isEnabled) return;
  const options = { checkMethodNames, signal };
  const { hasWarmUp, replayWarmUp } = await import("./warm-up/replay.js");
  if (hasWarmUp(folder)) {
    await replayWarmUp(model, folder, iterations, options);
  } else if (isSynthetic) {
    const { warmUpWithZeros } = await import("./warm-up/synthetic.js");
    const { failures } = await warmUpWithZeros(model, iterations, options);
    for (const failure of failures) log.info(`${folder}: warm-up by zeros was not taken: ${failure}`);
  }
}
