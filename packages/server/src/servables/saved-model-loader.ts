/** Loads a SavedModel's folder into a worker thread of its own, and warms it up before anyone can ask for it. */
import { Code, type CodeName, StatusError } from "@servable/formats";
import type { BatchingSettings } from "../batching/batching-settings.js";
import { type Clock, systemClock } from "../core/clock.js";
import type { Loader } from "../core/loader.js";
import { idText, type ServableId } from "../core/servable.js";
import { timed } from "../monitoring/measure.js";
import type { LoadOptions } from "./engine-contract.js";
import type { ServedModel } from "./served-model.js";
import { WorkerModel } from "./worker-model.js";
import type { WorkerSupply } from "./worker-supply.js";
import type { LoadedModel, WorkerThread } from "./worker-thread.js";

export interface SavedModelLoaderOptions {
  readonly load: LoadOptions;
  /** How the model's requests are batched. */
  readonly batching: () => Promise<BatchingSettings>;
  /** Runs the model's warm-up requests, if it has any. A failure fails the load. */
  readonly warmUp: (model: ServedModel, signal: AbortSignal) => Promise<void>;
  readonly warn: (message: string) => void;
  /** Told how an attempt to load ended and how long it took. */
  readonly onLoad: (code: CodeName, micros: number) => void;
  /** Told of requests that were joined into a batch of so many rows. */
  readonly onBatch: (rows: number) => void;
  readonly clock?: Clock;
}

export class SavedModelLoader implements Loader<ServedModel> {
  #model: WorkerModel | undefined;

  /** @param path the version's folder */
  constructor(
    private readonly id: ServableId,
    private readonly path: string,
    private readonly workers: WorkerSupply,
    private readonly options: SavedModelLoaderOptions,
  ) {}

  async load(signal: AbortSignal): Promise<ServedModel> {
    const batching = await this.options.batching();
    const { thread, loaded } = await timed(() => this.#start(signal), this.options.onLoad);
    const { warn, clock = systemClock } = this.options;
    const model = new WorkerModel(thread, loaded, {
      title: `Model ${idText(this.id)}`,
      start: () => this.#start(new AbortController().signal),
      batching,
      onBatch: this.options.onBatch,
      warn,
      clock,
    });
    try {
      await this.options.warmUp(model, signal);
    } catch (reason) {
      await model.close();
      throw reason;
    }
    this.#model = model;
    return model;
  }

  async unload(): Promise<void> {
    await this.#model?.close();
    this.#model = undefined;
  }

  async #start(signal: AbortSignal): Promise<{ thread: WorkerThread; loaded: LoadedModel }> {
    if (signal.aborted) throw givenUp();
    const thread = this.workers.take();
    const abort = () => void thread.terminate();
    signal.addEventListener("abort", abort);
    try {
      return { thread, loaded: await thread.load(this.path, this.options.load) };
    } catch (reason) {
      await thread.terminate();
      throw signal.aborted ? givenUp() : reason;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

function givenUp(): StatusError {
  return new StatusError(Code.CANCELLED, "The version is no longer aspired to");
}
