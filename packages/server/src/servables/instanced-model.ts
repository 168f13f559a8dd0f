/**
 * A model that gets two more instances while requests come faster than it answers them, each with half of the threads.
 *
 * The threads of one run wait for each other at every operator; whatever else the machine does in between, such as
 * receiving the next request, holds all of them up. Two runs side by side wait for nobody. A request that comes alone
 * is answered sooner by all threads together, so the first instance stays. The others take the model's memory twice
 * again, and time that requests would have had to load: they come when requests have crowded for long, and go when they
 * have not been needed for a while.
 *
 * Only for models that no run changes (their instances would come to differ), and whose runs take neither no time nor long.
 */
import { type Signature, StatusError, type Tensor } from "@servable/formats";
import type { ClosableModel } from "./inline-model.js";
import type { Caller, TensorRun } from "./served-model.js";

/**
 * A shorter run costs less than what two threads have to tell each other. Of a longer one, what comes between runs is a
 * small part, and a model that takes so long also takes seconds to load, for which requests wait.
 */
const MIN_RUN_MICROS = 500;
const MAX_RUN_MICROS = 15_000;
const IDLE_MS = 60_000;

export interface InstancedModelOptions {
  /** Loads the further instances, one after the other; none where there is no room for them. */
  readonly start: () => AsyncGenerator<ClosableModel, void>;
  readonly warn: (message: string) => void;
  /** For how long, in all, several requests must have been under way before further instances are worth loading. */
  readonly worthAfterMs: number;
  /** How long the further instances stay without being needed; for tests. */
  readonly idleMs?: number;
}

interface Instance {
  readonly model: ClosableModel;
  underWay: number;
}

export class InstancedModel implements ClosableModel {
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly signatureDefs: Uint8Array;
  readonly warmable: ReadonlySet<string>;
  readonly #first: Instance;
  #further: readonly Instance[] = [];
  #starting: Promise<void> | undefined;
  /** There will be no further instances any more. */
  #isOver = false;
  #underWay = 0;
  /** Time in which several requests were under way, and since when they are. */
  #crowdedMs = 0;
  #crowdedSince = 0;
  /** A running mean. */
  #runMicros = 0;
  #isNeeded = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(
    first: ClosableModel,
    private readonly options: InstancedModelOptions,
  ) {
    this.signatures = first.signatures;
    this.signatureDefs = first.signatureDefs;
    this.warmable = first.warmable;
    this.#first = { model: first, underWay: 0 };
  }

  /** Notes how long a run of the first instance took, in which so many requests were joined. */
  ran(requests: number, micros: number): void {
    this.#runMicros += (micros / requests - this.#runMicros) / 32;
  }

  async run(
    signature: string,
    inputs: ReadonlyMap<string, Tensor>,
    outputs: readonly string[],
    caller?: Caller,
  ): Promise<Map<string, Tensor>> {
    const instance = this.#choose();
    instance.underWay++;
    if (++this.#underWay === 2) this.#crowdedSince = performance.now();
    try {
      return await instance.model.run(signature, inputs, outputs, caller);
    } finally {
      instance.underWay--;
      if (--this.#underWay === 1) this.#crowdedMs += performance.now() - this.#crowdedSince;
    }
  }

  /** Only in the first. It may assign what the others take for a constant, so there are none from now on. */
  async runTensors(run: TensorRun, caller?: Caller): Promise<Map<string, Tensor>> {
    this.#isOver = true;
    void this.#dropFurther();
    return await this.#first.model.runTensors(run, caller);
  }

  /** Ends all instances, after what they were given. */
  async close(): Promise<void> {
    this.#isOver = true;
    await Promise.all([this.#dropFurther(), this.#first.model.close()]);
    await this.#starting;
  }

  #choose(): Instance {
    if (this.#underWay === 0) return this.#first;
    this.#isNeeded = true;
    if (this.#starting === undefined && this.#isWorthMore()) this.#starting = this.#start();
    return this.#further.reduce(
      (best, each) => (best === this.#first || each.underWay < best.underWay ? each : best),
      this.#first,
    );
  }

  #isWorthMore(): boolean {
    const current = this.#underWay > 1 ? performance.now() - this.#crowdedSince : 0;
    const isLong = this.#crowdedMs + current >= this.options.worthAfterMs;
    const isFitting = this.#runMicros >= MIN_RUN_MICROS && this.#runMicros <= MAX_RUN_MICROS;
    return isLong && isFitting && !this.#isOver;
  }

  async #start(): Promise<void> {
    try {
      // The first of them has a core to itself, and leaves the others to what loads the second.
      for await (const model of this.options.start()) {
        this.#further = [...this.#further, { model, underWay: 0 }];
        if (this.#isOver) break;
      }
      if (this.#isOver) await this.#dropFurther();
      else this.#awaitIdle();
    } catch (reason) {
      await this.#dropFurther();
      const { message } = StatusError.from(reason);
      this.options.warn(`One instance of the model has to do for all requests: ${message}`);
    }
  }

  #awaitIdle(): void {
    this.#isNeeded = false;
    this.#idle = setTimeout(() => {
      if (this.#isNeeded) {
        this.#awaitIdle();
        return;
      }
      this.#crowdedMs = 0;
      this.#starting = undefined;
      void this.#dropFurther();
    }, this.options.idleMs ?? IDLE_MS).unref();
  }

  async #dropFurther(): Promise<void> {
    clearTimeout(this.#idle);
    const dropped = this.#further;
    this.#further = [];
    await Promise.all(dropped.map(({ model }) => model.close()));
  }
}
