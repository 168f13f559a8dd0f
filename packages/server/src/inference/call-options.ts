/** The options of one call. */
import type { CallSignal } from "../call-abort.js";
import type { InferenceOptions, RunObserver } from "./inference-options.js";

/**
 * A class for the sake of speed, as everything with a getter that each request makes: a literal with one gets a hidden
 * class of its own each time, which keeps the request in memory until the next full garbage collection.
 */
export class CallOptions implements InferenceOptions {
  constructor(
    readonly checkMethodNames: boolean,
    readonly observer: RunObserver | undefined,
    private readonly caller: { readonly signal: CallSignal },
  ) {}

  get signal(): CallSignal {
    return this.caller.signal;
  }
}
