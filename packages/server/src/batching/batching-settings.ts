/** How requests are joined: TensorFlow Serving's BatchingParameters (session_bundle_config.proto) as used here. */

export interface BatchingSettings {
  /**
   * Which signatures are batched: those for which it is proven that rows don't depend on each other, or all of them,
   * because the operator says so.
   */
  readonly signatures: "proven" | "all";
  /** Rows of one batch, at most. */
  readonly maxRows: number;
  /** Requests of signatures that are batched may have so many rows; larger ones are refused. */
  readonly maxRequestRows: number;
  /** Whether a request that does not fit into a batch is cut; otherwise, one with more than maxRows runs alone. */
  readonly splitsLarge: boolean;
  /** How long a batch that is not full waits for more requests while the model is idle. */
  readonly timeoutMs: number;
  /** Batches of one queue that may wait, at most; further requests are refused. */
  readonly maxWaitingBatches: number;
  /** Requests for one model that may wait, of whatever kind; without it any number. */
  readonly maxWaitingRequests?: number;
  /** Sizes that batches are filled up to, ascending; empty: any size. The last one is maxRows. */
  readonly allowedSizes: readonly number[];
  /** Whether requests whose rows differ in size are joined, the smaller ones padded with their own first value. */
  readonly padsRows: boolean;
  /** Batches of all models that run at the same time; without it, one for each model and one that is next. */
  readonly maxParallel?: number;
  /** For the labels of metrics. */
  readonly threadPoolName?: string;
}

/**
 * Without being asked: what arrives while the model runs is joined, nothing waits. The limit keeps the latency of the
 * requests of one batch near that of one request.
 */
export const automaticBatching: BatchingSettings = {
  signatures: "proven",
  maxRows: 128,
  maxRequestRows: Number.POSITIVE_INFINITY,
  splitsLarge: false,
  timeoutMs: 0,
  maxWaitingBatches: Number.POSITIVE_INFINITY,
  allowedSizes: [],
  padsRows: false,
};

/** The size that a batch of `rows` is filled up to. */
export function paddedSize({ allowedSizes }: BatchingSettings, rows: number): number {
  return allowedSizes.find((size) => size >= rows) ?? rows;
}
