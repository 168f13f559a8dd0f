/**
 * A model in a worker thread, as the main thread sees it. Should the thread end by itself (out of memory, a defect),
 * what runs and waits fails with UNAVAILABLE and the model is loaded into a new thread, after a pause that grows with
 * each failure; until it is back, requests are refused with UNAVAILABLE.
 */
import { type Signature, StatusError, type Tensor, unavailable } from "@servable/formats";
import type { BatchingSettings } from "../batching/batching-settings.js";
import type { RunSlots } from "../batching/run-slots.js";
import { type RunRequest, Scheduler, type SchedulerObserver } from "../batching/scheduler.js";
import type { Clock } from "../core/clock.js";
import type { RunTimes } from "./run-times.js";
import type { Caller, ServedModel, TensorRun } from "./served-model.js";
import type { LoadedModel, WorkerSeat } from "./worker-thread.js";

const FIRST_RESTART_DELAY_MS = 100;
const MAX_RESTART_DELAY_MS = 30_000;
/** A thread that lasted so long starts the delays over. */
const STABLE_AFTER_MS = 60_000;

export interface WorkerModelOptions {
  /** For messages: the model's name and version. */
  readonly title: string;
  /** Starts a new thread and loads the model into it. */
  readonly start: () => Promise<{ readonly seat: WorkerSeat; readonly loaded: LoadedModel }>;
  readonly batching: BatchingSettings;
  /** Told how long a run took, and how many requests were joined in its inputs. */
  readonly onRun: RunTimes["ran"];
  readonly slots: RunSlots | undefined;
  readonly observer: SchedulerObserver | undefined;
  readonly warn: (message: string) => void;
  readonly clock: Clock;
}

export class WorkerModel implements ServedModel {
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly signatureDefs: Uint8Array;
  readonly warmable: ReadonlySet<string>;
  readonly #scheduler: Scheduler;
  readonly #closing = new AbortController();
  #seat: WorkerSeat | undefined;
  #restarting: Promise<void> = Promise.resolve();

  constructor(
    seat: WorkerSeat,
    loaded: LoadedModel,
    private readonly options: WorkerModelOptions,
  ) {
    this.signatures = loaded.signatures;
    this.signatureDefs = loaded.signatureDefs;
    this.warmable = loaded.warmable;
    this.#scheduler = new Scheduler({
      run: (request, requests) => this.#run(request, requests),
      isProven: (signature) => loaded.rowIndependent.has(signature),
      isTraceless: (signature) => loaded.traceless.has(signature),
      batching: options.batching,
      slots: options.slots,
      observer: options.observer,
    });
    this.#watch(seat, FIRST_RESTART_DELAY_MS);
  }

  run(
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[],
    caller?: Caller,
  ): Promise<Map<string, Tensor>> {
    return this.#submit({ of: { signature }, inputs, outputs }, caller);
  }

  runTensors({ feeds, fetches, targets }: TensorRun, caller?: Caller): Promise<Map<string, Tensor>> {
    return this.#submit({ of: { targets }, inputs: feeds, outputs: fetches }, caller);
  }

  #submit(request: RunRequest, caller: Caller | undefined): Promise<Map<string, Tensor>> {
    if (this.#seat === undefined) return Promise.reject(this.#gone());
    return this.#scheduler.submit(request, caller?.signal, caller?.onTurn);
  }

  /** Frees the model, after what it was given. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#seat?.close();
    await this.#restarting;
  }

  async #run({ of, inputs, outputs }: RunRequest, requests: number): Promise<Map<string, Tensor>> {
    if (this.#seat === undefined) throw this.#gone();
    const result = await this.#seat.run(of, inputs, outputs);
    if ("signature" in of) this.options.onRun(of.signature, inputs, requests, result.micros);
    return result.outputs;
  }

  #gone(): StatusError {
    return unavailable(`${this.options.title} is being restarted: its worker thread ended. Try again later`);
  }

  #watch(seat: WorkerSeat, delayMs: number): void {
    this.#seat = seat;
    const { clock } = this.options;
    const since = clock.now();
    void seat.ended.then(() => {
      this.#seat = undefined;
      if (this.#closing.signal.aborted) return;
      this.#scheduler.clear(this.#gone());
      this.options.warn(`${this.options.title}: its worker thread ended unexpectedly. Restarting it`);
      const isStable = clock.now() - since >= STABLE_AFTER_MS;
      this.#restarting = this.#restart(isStable ? FIRST_RESTART_DELAY_MS : delayMs);
    });
  }

  async #restart(firstDelayMs: number): Promise<void> {
    const { clock, start, title, warn } = this.options;
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(2 * delayMs, MAX_RESTART_DELAY_MS)) {
      await clock.sleep(delayMs, this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      try {
        const { seat } = await start();
        this.#watch(seat, Math.min(2 * delayMs, MAX_RESTART_DELAY_MS));
        if (this.#closing.signal.aborted) await seat.close();
        return;
      } catch (reason) {
        warn(`${title}: could not be restarted: ${StatusError.from(reason).message}`);
      }
    }
  }
}
