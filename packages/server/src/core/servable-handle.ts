/**
 * A claim on a loaded version: as long as a handle is out, the version is not unloaded. Take it for one request, and
 * release it in a `finally`; a handle that is kept keeps an old version in memory.
 */
import type { ServableId } from "./servable.js";

export interface ServableHandle<T> {
  readonly id: ServableId;
  readonly servable: T;
  /** Gives the claim back. Further calls do nothing. */
  release(): void;
}

/** Counts the handles on one loaded version. */
export class HandleCount<T> {
  #held = 0;
  #onIdle: (() => void) | undefined;

  constructor(
    private readonly id: ServableId,
    private readonly servable: T,
  ) {}

  take(): ServableHandle<T> {
    this.#held++;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      this.#held--;
      if (this.#held === 0) this.#onIdle?.();
    };
    return { id: this.id, servable: this.servable, release };
  }

  /** Resolves when no handle is out. The caller sees to it that none is taken from now on. */
  idle(): Promise<void> {
    if (this.#held === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }
}
