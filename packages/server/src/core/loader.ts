/**
 * A loader knows how to bring one version of a servable into memory and out again. It belongs to one version; the
 * manager calls `load` until it succeeds or the manager gives up, and `unload` once after a success.
 */
export interface Loader<T> {
  /**
   * Loads the version. May be called again after it failed.
   *
   * @param signal aborted when nobody wants the version any more; the loader should then reject soon
   */
  load(signal: AbortSignal): Promise<T>;
  /** Frees what `load` took. No handle on the servable is out when this is called. */
  unload(): Promise<void>;
}
