/**
 * Remembers the latest state of every servable version, for GetModelStatus and for those who wait. A version that
 * ended stays on record, so that its error can be read; of old ended versions only the newest are kept.
 */
import type { CallSignal } from "../call-abort.js";
import type { ServableId } from "./servable.js";
import type { ServableState } from "./servable-state.js";

/** Ended versions kept per servable. */
const MAX_ENDED = 100;

export interface VersionState {
  readonly version: bigint;
  readonly state: ServableState;
}

export type StateListener = (id: ServableId, state: ServableState) => void;

export class StateMonitor {
  readonly #states = new Map<string, Map<bigint, ServableState>>();
  readonly #listeners = new Set<StateListener>();

  /** Records a state and tells the listeners. */
  publish(id: ServableId, state: ServableState): void {
    let versions = this.#states.get(id.name);
    if (versions === undefined) {
      versions = new Map();
      this.#states.set(id.name, versions);
    }
    // The map's order is then the order of the last change, oldest first.
    versions.delete(id.version);
    versions.set(id.version, state);
    if (state.kind === "end") forgetOldest(versions);
    for (const listener of [...this.#listeners]) listener(id, state);
  }

  /** The state of one version, undefined when it was never heard of. */
  state(id: ServableId): ServableState | undefined {
    return this.#states.get(id.name)?.get(id.version);
  }

  /** All known versions of a servable, newest first. */
  versions(name: string): VersionState[] {
    return [...(this.#states.get(name) ?? [])]
      .map(([version, state]) => ({ version, state }))
      .sort((a, b) => (a.version < b.version ? 1 : -1));
  }

  names(): string[] {
    return [...this.#states.keys()];
  }

  /** Calls `listener` on every change from now on, until the returned function is called. */
  listen(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once `isReached` holds, which is asked now and after every change; rejects when the signal is aborted. */
  waitUntil(isReached: () => boolean, signal?: CallSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (isReached()) {
        resolve();
        return;
      }
      const stop = this.listen(() => {
        if (isReached()) {
          finish();
          resolve();
        }
      });
      const abort = () => {
        finish();
        reject(signal?.reason);
      };
      const finish = () => {
        stop();
        signal?.removeEventListener("abort", abort);
      };
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort);
    });
  }
}

function forgetOldest(versions: Map<bigint, ServableState>): void {
  const ended = [...versions].filter(([, state]) => state.kind === "end");
  for (const [version] of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) versions.delete(version);
}
