/** A bucket of so many tokens that fills up again with time: bursts are fine, a flood is not. */
export class RateLimit {
  #tokens: number;
  #since: number;

  /** @param now milliseconds */
  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    now: number = performance.now(),
  ) {
    this.#tokens = burst;
    this.#since = now;
  }

  /** Takes a token. False when there is none. */
  take(now?: number): boolean {
    if (this.#tokens < 1) this.#refill(now ?? performance.now());
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #refill(now: number): void {
    this.#tokens = Math.min(this.burst, this.#tokens + ((now - this.#since) / 1000) * this.perSecond);
    this.#since = now;
  }
}
