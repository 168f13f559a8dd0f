/** A call's context. Its AbortSignal is made when it is first asked for: most calls end without. */
import type { StatusError } from "@servable/formats";
import type { CallContext } from "../transport.js";

export class AbortableContext implements CallContext {
  #controller: AbortController | undefined;
  #reason: StatusError | undefined;
  readonly deadline?: number;

  constructor(deadline: number | undefined) {
    if (deadline !== undefined) this.deadline = deadline;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: StatusError): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
