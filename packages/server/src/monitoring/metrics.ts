/**
 * What is counted and timed, whoever reads it: the server calls these functions, prometheus.ts keeps the numbers.
 */
import type { CodeName } from "@servable/formats";

/** The kinds of inference, by the names of TensorFlow Serving's metrics. */
export type Api = "Predict" | "Classify" | "Regress" | "MultiInference" | "SessionRun";
export type Entrypoint = "GRPC" | "REST";

export interface Metrics {
  /** A request was answered. */
  request(call: MeasuredCall, code: CodeName, micros: number): void;
  /** A model ran for a request; `waitedMicros` of the time it waited for its turn. */
  run(call: MeasuredCall, micros: number, waitedMicros: number): void;
  /** A request had so many tf.Examples. */
  examples(model: string, count: number): void;
  /** A request waited so long for its turn; the pool is that of the operator's batching, where there is one. */
  queued(model: string, micros: number, rows: number, pool: string | undefined): void;
  /** A batch of so many rows, filled up to `paddedRows`, was run. */
  batch(model: string, rows: number, paddedRows: number, pool: string | undefined): void;
  /** A version was loaded, or could not be. */
  load(model: string, path: string, code: CodeName, micros: number): void;
  /** What the process grew by when a version was loaded; undefined when it is unloaded. */
  memory(model: string, version: bigint, bytes: number | undefined): void;
  /** A version was warmed up, or could not be. */
  warmUp(path: string, code: CodeName, micros: number): void;
}

export interface MeasuredCall {
  /** A configured model's name, or UNKNOWN_MODEL: names that clients make up must not fill the memory. */
  readonly model: string;
  readonly api: Api;
  readonly entrypoint: Entrypoint;
}

export const UNKNOWN_MODEL = "unknown";
