/** Completions and latencies within the measured time, and the line that sums them up. */

/** What was measured: from one completion to another, so that a slow model's rate is not rounded to whole requests. */
export class Measurement {
  /**
   * @param {number} warmupS
   * @param {number} durationS
   */
  constructor(warmupS, durationS) {
    this.from = performance.now() + 1_000 * warmupS;
    this.to = this.from + 1_000 * durationS;
    this.first = 0;
    this.last = 0;
    /** @type {number[]} */
    this.latenciesMs = [];
    /** When each of them ended. @type {number[]} */
    this.endsMs = [];
    this.errors = 0;
    this.firstError = "";
    this.cpuAtFirst = process.cpuUsage();
  }

  /**
   * @param {number} startedAt
   * @param {number} now
   */
  completed(startedAt, now) {
    if (now < this.from || now >= this.to) return;
    this.last = now;
    if (this.first > 0) {
      this.latenciesMs.push(now - startedAt);
      this.endsMs.push(now);
    } else {
      this.first = now;
      this.cpuAtFirst = process.cpuUsage();
    }
  }

  /** Pairs of float64: milliseconds since the epoch of an answer, milliseconds that it took. */
  timeline() {
    const pairs = this.latenciesMs.flatMap((latency, i) => [
      performance.timeOrigin + Number(this.endsMs[i]),
      latency,
    ]);
    return Float64Array.from(pairs);
  }

  /** @param {string} reason */
  failed(reason) {
    this.errors++;
    this.firstError ||= reason;
  }

  /** @param {number} concurrency */
  report(concurrency) {
    const sorted = Float64Array.from(this.latenciesMs).sort();
    const percentile = (/** @type {number} */ p) =>
      Number((sorted[Math.max(1, Math.ceil((p / 100) * sorted.length)) - 1] ?? 0).toFixed(4));
    const seconds = (this.last - this.first) / 1_000;
    const cpu = process.cpuUsage(this.cpuAtFirst);
    return {
      concurrency,
      connections: 1,
      seconds: Number(seconds.toFixed(3)),
      requests: sorted.length,
      errors: this.errors,
      rps: seconds > 0 ? Number((sorted.length / seconds).toFixed(2)) : 0,
      p50_ms: percentile(50),
      p90_ms: percentile(90),
      p99_ms: percentile(99),
      max_ms: percentile(100),
      client_cpu: seconds > 0 ? Number(((cpu.user + cpu.system) / 1e6 / seconds).toFixed(2)) : 0,
    };
  }
}
