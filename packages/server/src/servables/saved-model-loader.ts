/** Loads a SavedModel's folder into a worker thread, and warms it up before anyone can ask for it. */
import { Code, type CodeName, StatusError } from "@servable/formats";
import type { BatchingSettings } from "../batching/batching-settings.js";
import type { RunSlots } from "../batching/run-slots.js";
import type { SchedulerObserver } from "../batching/scheduler.js";
import { type Clock, systemClock } from "../core/clock.js";
import type { Loader } from "../core/loader.js";
import { idText, type ServableId } from "../core/servable.js";
import { timed } from "../monitoring/measure.js";
import type { LoadOptions, LoadProgress, Model } from "./engine-contract.js";
import { type ClosableModel, InlineModel } from "./inline-model.js";
import { type ModelFiles, modelFiles } from "./model-files.js";
import { RunTimes } from "./run-times.js";
import type { ServedModel } from "./served-model.js";
import { WorkerModel } from "./worker-model.js";
import type { WorkerSupply } from "./worker-supply.js";
import type { LoadedModel, WorkerSeat } from "./worker-thread.js";

/** A version with larger files is not held a second time, and has a thread of its own. */
const MAX_SMALL_BYTES = 4 * 2 ** 20;

export interface SavedModelLoaderOptions {
  readonly load: LoadOptions;
  /** How the model's requests are batched. */
  readonly batching: () => Promise<BatchingSettings>;
  /** Runs the model's warm-up requests, if it has any. A failure fails the load. */
  readonly warmUp: (model: ServedModel, signal: AbortSignal) => Promise<void>;
  readonly warn: (message: string) => void;
  /** Told now and then how far the load of a large version is. */
  readonly onProgress: (progress: LoadProgress) => void;
  /** Told how an attempt to load ended and how long it took. */
  readonly onLoad: (code: CodeName, micros: number) => void;
  /** Shared by the models whose batches are counted together. */
  readonly slots: RunSlots | undefined;
  readonly observer: SchedulerObserver | undefined;
  readonly clock?: Clock;
}

export class SavedModelLoader implements Loader<ServedModel> {
  #model: ClosableModel | undefined;

  /** @param path the version's folder */
  constructor(
    private readonly id: ServableId,
    private readonly path: string,
    private readonly workers: WorkerSupply,
    private readonly options: SavedModelLoaderOptions,
  ) {}

  async load(signal: AbortSignal): Promise<ServedModel> {
    const batching = await this.options.batching();
    const files = await modelFiles(this.path);
    const { seat, loaded } = await timed(() => this.#start(files, signal), this.options.onLoad);
    const times = new RunTimes(loaded.boundedWork);
    const { warn, clock = systemClock } = this.options;
    const model = new WorkerModel(seat, loaded, {
      title: `Model ${idText(this.id)}`,
      start: () => this.#start(files, new AbortController().signal),
      batching,
      onRun: (...run) => times.ran(...run),
      slots: this.options.slots,
      observer: this.options.observer,
      warn,
      clock,
    });
    try {
      await this.options.warmUp(model, signal);
    } catch (reason) {
      await model.close();
      throw reason;
    }
    this.#model = isAutomatic(batching)
      ? new InlineModel(model, {
          rowIndependent: loaded.rowIndependent,
          times,
          load: () => this.#loadHere(files),
          warn,
        })
      : model;
    return this.#model;
  }

  async unload(): Promise<void> {
    await this.#model?.close();
    this.#model = undefined;
  }

  /**
   * The model on this thread, unless it is large or its files are no longer those that the worker loaded.
   *
   * @param loaded the files before the worker loaded them
   */
  async #loadHere(loaded: ModelFiles | undefined): Promise<Model | undefined> {
    if (loaded === undefined || !isSmall(loaded)) return undefined;
    const engine = await this.workers.importEngine();
    // One thread: several would wait for each other longer than such a run takes.
    const model = engine.loadModel(this.path, { ...this.options.load, intraOpThreads: 1 });
    const now = await modelFiles(this.path);
    if (now?.bytes === loaded.bytes && now.changedMs === loaded.changedMs) return model;
    model.close();
    return undefined;
  }

  async #start(
    files: ModelFiles | undefined,
    signal: AbortSignal,
  ): Promise<{ seat: WorkerSeat; loaded: LoadedModel }> {
    if (signal.aborted) throw givenUp();
    const seat = this.workers.take(files !== undefined && isSmall(files));
    const abort = () => void seat.terminate();
    signal.addEventListener("abort", abort);
    try {
      const options = { ...this.options.load, lazySessions: true };
      return { seat, loaded: await seat.load(this.path, options, this.options.onProgress) };
    } catch (reason) {
      await seat.terminate();
      throw signal.aborted ? givenUp() : reason;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

function isSmall({ bytes }: ModelFiles): boolean {
  return bytes <= MAX_SMALL_BYTES;
}

/** An operator who asks for batches gets them. */
function isAutomatic({ signatures, timeoutMs }: BatchingSettings): boolean {
  return signatures === "proven" && timeoutMs === 0;
}

function givenUp(): StatusError {
  return new StatusError(Code.CANCELLED, "The version is no longer aspired to");
}
