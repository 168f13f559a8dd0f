/** How requests are joined: TensorFlow Serving's BatchingParameters (session_bundle_config.proto) as used here. */

export interface BatchingSettings {
  /**
   * Which signatures are batched: those for which it is proven that rows don't depend on each other, or all of them,
   * because the operator says so.
   */
  readonly signatures: "proven" | "all";
  /** Rows of one batch, at most. A request with more runs alone. */
  readonly maxRows: number;
  /** How long a batch that is not full waits for more requests while the model is idle. */
  readonly timeoutMs: number;
  /** Rows that may wait, at most; further requests are refused. */
  readonly maxWaitingRows: number;
  /** Sizes that batches are filled up to, ascending; empty: any size. The last one is maxRows. */
  readonly allowedSizes: readonly number[];
}

/**
 * Without being asked: what arrives while the model runs is joined, nothing waits. The limit keeps the latency of the
 * requests of one batch near that of one request.
 */
export const automaticBatching: BatchingSettings = {
  signatures: "proven",
  maxRows: 128,
  timeoutMs: 0,
  maxWaitingRows: Number.POSITIVE_INFINITY,
  allowedSizes: [],
};

/** The size that a batch of `rows` is filled up to. */
export function paddedSize({ allowedSizes }: BatchingSettings, rows: number): number {
  return allowedSizes.find((size) => size >= rows) ?? rows;
}
