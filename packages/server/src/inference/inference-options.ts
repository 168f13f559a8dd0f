/** What goes with every inference call. */
export interface InferenceOptions {
  /** Whether a signature's method name must be that of the call (flag enable_signature_method_name_check). */
  readonly checkMethodNames: boolean;
  /** Aborted with a StatusError when the caller gave up or its deadline passed. */
  readonly signal?: AbortSignal;
  readonly observer?: RunObserver | undefined;
}

/** Is told what a call does to its model. */
export interface RunObserver {
  /** The model ran, time to wait for it included. */
  ran(micros: number): void;
  /** The request had so many tf.Examples. */
  examples(count: number): void;
}
