/**
 * Starts worker threads, one of them ahead of need: importing the engine takes a tenth of a second, which the first
 * model then doesn't wait for. A model has a thread of its own, but for small ones when there are many: they share
 * threads, for a thread with its engine takes more memory and time than they do.
 */
import { availableParallelism } from "node:os";
import type { Engine } from "./engine-contract.js";
import { importEngine } from "./import-engine.js";
import { type WorkerSeat, WorkerThread } from "./worker-thread.js";

/** So many threads of small models are started before they are shared: no more can run at a time anyway. */
const SHARED_THREADS = Math.max(4, availableParallelism());

export class WorkerSupply {
  readonly #shared = new Set<WorkerThread>();
  #spare: WorkerThread | undefined;

  /** @param engine module specifier of another engine than ours, for tests */
  constructor(
    private readonly engine?: string,
    private readonly sharedThreads = SHARED_THREADS,
  ) {}

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

  /** A place for a model, beside others only if it is small. */
  take(isSmall: boolean): WorkerSeat {
    return (isSmall ? this.#sharedThread() : this.#thread()).seat();
  }

  #thread(): WorkerThread {
    const spare = this.#spare;
    if (spare === undefined) return new WorkerThread(this.engine);
    this.#spare = undefined;
    spare.setRef(true);
    return spare;
  }

  /** The one with the fewest models, or a new one. */
  #sharedThread(): WorkerThread {
    const threads = [...this.#shared].filter(({ isEnding }) => !isEnding);
    if (threads.length >= this.sharedThreads) {
      return threads.reduce((best, thread) => (thread.models < best.models ? thread : best));
    }
    const thread = this.#thread();
    this.#shared.add(thread);
    void thread.ended.then(() => this.#shared.delete(thread));
    return thread;
  }

  /** Ends a thread that nobody took. */
  async close(): Promise<void> {
    await this.#spare?.terminate();
    this.#spare = undefined;
  }
}
