/**
 * The requests that wait for a model. A model's thread runs one at a time; one more is handed over beforehand, so
 * that the thread never waits for the main thread. The rest stays here, where a request can still be given up.
 */
import type { Tensor } from "@servable/formats";

/** Runs in the worker at the same time: one that runs, one that is next. */
const MAX_HANDED_OVER = 2;

export interface RunRequest {
  readonly signature: string;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: readonly string[];
}

type RunResult = Map<string, Tensor>;

interface Waiting {
  readonly request: RunRequest;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (reason: unknown) => void;
}

export class RunQueue {
  readonly #waiting = new Set<Waiting>();
  #handedOver = 0;

  constructor(private readonly run: (request: RunRequest) => Promise<RunResult>) {}

  /** How many wait for their turn. */
  get length(): number {
    return this.#waiting.size;
  }

  /**
   * Runs a request when its turn comes. Rejects with the signal's reason as soon as that is aborted; a request that
   * runs already goes on, for nobody.
   */
  submit(request: RunRequest, signal?: AbortSignal): Promise<RunResult> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { request, resolve, reject };
      if (signal !== undefined) this.#giveUpOn(signal, waiting);
      this.#waiting.add(waiting);
      this.#next();
    });
  }

  /** Rejects everything that waits. */
  clear(reason: unknown): void {
    for (const { reject } of this.#waiting) reject(reason);
    this.#waiting.clear();
  }

  #giveUpOn(signal: AbortSignal, waiting: Waiting): void {
    signal.addEventListener(
      "abort",
      () => {
        this.#waiting.delete(waiting);
        waiting.reject(signal.reason);
      },
      { once: true },
    );
  }

  #next(): void {
    for (const waiting of this.#waiting) {
      if (this.#handedOver >= MAX_HANDED_OVER) return;
      this.#waiting.delete(waiting);
      this.#handedOver++;
      const done = () => {
        this.#handedOver--;
        this.#next();
      };
      this.run(waiting.request).then(waiting.resolve, waiting.reject).finally(done);
    }
  }
}
