/** What goes with every inference call. */
import type { CallSignal } from "../call-abort.js";

export interface InferenceOptions {
  /** Whether a signature's method name must be that of the call (flag enable_signature_method_name_check). */
  readonly checkMethodNames: boolean;
  /** Aborted with a StatusError when the caller gave up or its deadline passed. */
  readonly signal?: CallSignal | undefined;
  readonly observer?: RunObserver | undefined;
}

/** Is told what a call does to its model. */
export interface RunObserver {
  /**
   * The model ran. Moments as performance.now() has them, in milliseconds: when the call came to the model, when its
   * turn came, when it was done.
   */
  ran(startMs: number, turnMs: number, endMs: number): void;
  /** The request had so many tf.Examples. */
  examples(count: number): void;
}
