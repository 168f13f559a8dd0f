/** A loader that loads, fails and unloads when a test says so. */
import type { StatusError } from "@servable/formats";
import type { Loader } from "../loader.js";

export class FakeLoader implements Loader<string> {
  loads = 0;
  unloads = 0;
  isAborted = false;
  #resolve: ((servable: string) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #unloaded: (() => void) | undefined;

  constructor(readonly servable = "servable") {}

  load(signal: AbortSignal): Promise<string> {
    this.loads++;
    signal.addEventListener("abort", () => {
      this.isAborted = true;
    });
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  unload(): Promise<void> {
    this.unloads++;
    return new Promise((resolve) => {
      this.#unloaded = resolve;
    });
  }

  finishLoad(): void {
    this.#resolve?.(this.servable);
  }

  failLoad(error: StatusError): void {
    this.#reject?.(error);
  }

  finishUnload(): void {
    this.#unloaded?.();
  }
}
