/**
 * Starts worker threads, one of them ahead of need: importing the engine takes a tenth of a second, which the first
 * model then doesn't wait for.
 */
import type { Engine } from "./engine-contract.js";
import { importEngine } from "./import-engine.js";
import { WorkerThread } from "./worker-thread.js";

export class WorkerSupply {
  #spare: WorkerThread | undefined;

  /** @param engine module specifier of another engine than ours, for tests */
  constructor(private readonly engine?: string) {}

  /** Starts a thread for the next `take`. */
  prepare(): void {
    if (this.#spare !== undefined) return;
    this.#spare = new WorkerThread(this.engine);
    // The process must be able to end without ever having used it.
    this.#spare.setRef(false);
  }

  /** The engine that the threads run, for this thread. */
  importEngine(): Promise<Engine> {
    return importEngine(this.engine);
  }

  take(): WorkerThread {
    const spare = this.#spare;
    if (spare === undefined) return new WorkerThread(this.engine);
    this.#spare = undefined;
    spare.setRef(true);
    return spare;
  }

  /** Ends a thread that nobody took. */
  async close(): Promise<void> {
    await this.#spare?.terminate();
    this.#spare = undefined;
  }
}
