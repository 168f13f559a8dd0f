/** Why a call under way should stop. Its AbortSignal is made when it is first asked for: most calls end without. */
import type { StatusError } from "@servable/formats";

export class CallAbort {
  #controller: AbortController | undefined;
  #reason: StatusError | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: StatusError): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
  }
}
