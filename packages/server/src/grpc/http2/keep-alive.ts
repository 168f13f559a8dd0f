/**
 * Whether a client that says nothing is still there: pinged after a while of silence, given up when it does not answer
 * (grpc.keepalive_time_ms and grpc.keepalive_timeout_ms; doc/keepalive.md of gRPC).
 */

/** Told apart from the ping of a drain by what it carries. */
export const KEEP_ALIVE_PAYLOAD = Buffer.from("servable");

export interface KeepAliveTimes {
  /** Silence after which the client is pinged. */
  readonly timeMs: number;
  /** What it has to answer. */
  readonly timeoutMs: number;
}

export class KeepAlive {
  #seenFrames = 0;
  #heardMs: number;
  #pingedMs: number | undefined;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
  }

  /**
   * What to do now.
   *
   * @param frames received on the connection so far
   */
  next(frames: number, nowMs: number, { timeMs, timeoutMs }: KeepAliveTimes): "ping" | "give up" | undefined {
    if (frames !== this.#seenFrames) {
      this.#seenFrames = frames;
      this.#heardMs = nowMs;
      this.#pingedMs = undefined;
      return undefined;
    }
    if (this.#pingedMs !== undefined) return nowMs - this.#pingedMs >= timeoutMs ? "give up" : undefined;
    if (nowMs - this.#heardMs < timeMs) return undefined;
    this.#pingedMs = nowMs;
    return "ping";
  }
}
