/** Loads a SavedModel's folder into a worker thread, and warms it up before anyone can ask for it. */
import { availableParallelism } from "node:os";
import { Code, type CodeName, StatusError, unavailable } from "@servable/formats";
import type { BatchingSettings } from "../batching/batching-settings.js";
import type { RunSlots } from "../batching/run-slots.js";
import type { SchedulerObserver } from "../batching/scheduler.js";
import { type Clock, systemClock } from "../core/clock.js";
import type { Loader } from "../core/loader.js";
import { idText, type ServableId } from "../core/servable.js";
import { timed } from "../monitoring/measure.js";
import type { LoadOptions, LoadProgress, Model } from "./engine-contract.js";
import { type ClosableModel, InlineModel } from "./inline-model.js";
import { InstancedModel, type InstancedModelOptions } from "./instanced-model.js";
import { type ModelFiles, modelFiles } from "./model-files.js";
import { RunTimes } from "./run-times.js";
import type { ServedModel } from "./served-model.js";
import { WorkerModel } from "./worker-model.js";
import type { WorkerSupply } from "./worker-supply.js";
import type { LoadedModel, WorkerSeat } from "./worker-thread.js";

/** A version with larger files is not held a second time, and has a thread of its own. */
const MAX_SMALL_BYTES = 4 * 2 ** 20;
const FURTHER_INSTANCES = 2;
/** What further instances win is as much as it costs to load them after some ten times as long, at the best. */
const WORTH_LOADS = 10;
/** Of loads that nobody gives up. */
const NEVER = new AbortController().signal;

interface StartOptions extends LoadOptions {
  /** Whether it is an instance besides the first: requests wait for it, and it has a thread of its own. */
  readonly isFurther?: boolean;
}

interface StartedModel {
  readonly seat: WorkerSeat;
  readonly loaded: LoadedModel;
}

export interface SavedModelLoaderOptions {
  readonly load: LoadOptions;
  /** How the model's requests are batched. */
  readonly batching: () => Promise<BatchingSettings>;
  /** Runs the model's warm-up requests, if it has any. A failure fails the load. */
  readonly warmUp: (model: ServedModel, signal: AbortSignal) => Promise<void>;
  readonly warn: (message: string) => void;
  /** Told now and then how far the load of a large version is. */
  readonly onProgress: (progress: LoadProgress) => void;
  /** Whether there is memory for instances of the model besides the first, whose files have so many bytes. */
  readonly hasRoom: (bytes: number) => boolean;
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
    const since = performance.now();
    const { seat, loaded } = await timed(() => this.#start(files, signal), this.options.onLoad);
    const worthAfterMs = WORTH_LOADS * (performance.now() - since);
    const times = new RunTimes(loaded.boundedWork);
    const { warn } = this.options;
    let instanced: InstancedModel | undefined;
    const onRun: RunTimes["ran"] = (signature, inputs, requests, micros) => {
      times.ran(signature, inputs, requests, micros);
      instanced?.ran(requests, micros);
    };
    const model = await this.#warm(seat, loaded, batching, onRun, () => this.#start(files, NEVER), signal);
    if (!isAutomatic(batching)) {
      this.#model = model;
      return model;
    }
    const further = this.#furtherInstances(files, loaded, batching);
    if (further !== undefined) instanced = new InstancedModel(model, { start: further, worthAfterMs, warn });
    this.#model = new InlineModel(instanced ?? model, {
      rowIndependent: loaded.rowIndependent,
      times,
      load: () => this.#loadHere(files),
      warn,
    });
    return this.#model;
  }

  /** The model in a worker thread, warmed up. */
  async #warm(
    seat: WorkerSeat,
    loaded: LoadedModel,
    batching: BatchingSettings,
    onRun: RunTimes["ran"],
    start: () => Promise<StartedModel>,
    signal: AbortSignal,
  ): Promise<WorkerModel> {
    const { slots, observer, warn, clock = systemClock } = this.options;
    const title = `Model ${idText(this.id)}`;
    const model = new WorkerModel(seat, loaded, {
      title,
      start,
      batching,
      onRun,
      slots,
      observer,
      warn,
      clock,
    });
    try {
      await this.options.warmUp(model, signal);
    } catch (reason) {
      await model.close();
      throw reason;
    }
    return model;
  }

  /**
   * Loads two more instances, each with half of the threads; undefined for a model that runs change, or that has one
   * thread only.
   */
  #furtherInstances(
    files: ModelFiles | undefined,
    loaded: LoadedModel,
    batching: BatchingSettings,
  ): InstancedModelOptions["start"] | undefined {
    const { load, hasRoom, slots } = this.options;
    const intraOpThreads = Math.floor((load.intraOpThreads ?? availableParallelism()) / FURTHER_INSTANCES);
    const isConstant = [...loaded.signatures.keys()].every((name) => loaded.traceless.has(name));
    if (files === undefined || intraOpThreads === 0 || !isConstant || slots !== undefined) return undefined;
    const start = async () => {
      const started = await this.#start(files, NEVER, { intraOpThreads, isFurther: true });
      if (isSame(files, await modelFiles(this.path))) return started;
      await started.seat.terminate();
      throw unavailable("the model's files are no longer those that were loaded");
    };
    const make = async () => {
      const { seat, loaded: own } = await start();
      return await this.#warm(seat, own, batching, () => {}, start, NEVER);
    };
    return async function* () {
      // All or none: one alone has half of the threads.
      if (!hasRoom(FURTHER_INSTANCES * files.bytes)) return;
      for (let i = 0; i < FURTHER_INSTANCES; i++) yield await make();
    };
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
    if (isSame(loaded, await modelFiles(this.path))) return model;
    model.close();
    return undefined;
  }

  async #start(
    files: ModelFiles | undefined,
    signal: AbortSignal,
    { isFurther = false, ...others }: StartOptions = { lazySessions: true },
  ): Promise<StartedModel> {
    if (signal.aborted) throw givenUp();
    const seat = this.workers.take(files !== undefined && isSmall(files) && !isFurther);
    const abort = () => void seat.terminate();
    signal.addEventListener("abort", abort);
    try {
      const options = { ...this.options.load, ...others };
      const { onProgress } = this.options;
      return { seat, loaded: await seat.load(this.path, options, onProgress, isFurther) };
    } catch (reason) {
      await seat.terminate();
      throw signal.aborted ? givenUp() : reason;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

function isSame(before: ModelFiles, now: ModelFiles | undefined): boolean {
  return now?.bytes === before.bytes && now.changedMs === before.changedMs;
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
