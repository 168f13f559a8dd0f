/** A constant load beside whatever else happens to a server, and the latencies of any stretch of it. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../machine.mjs";
import { percentile } from "../statistics.mjs";

const MAIN = join(REPOSITORY, "bench", "node-loadgen", "main.mjs");

export class Load {
  /**
   * Starts to load a server. `ended` rejects when one answer is an error.
   * @param {{ port: number, requestFile: string, latencyFile: string, seconds: number, concurrency: number }} load
   */
  constructor({ port, requestFile, latencyFile, seconds, concurrency }) {
    this.latencyFile = latencyFile;
    const generator = spawn(process.execPath, [
      MAIN,
      `--target=127.0.0.1:${port}`,
      `--request=${requestFile}`,
      `--latencies=${latencyFile}`,
      `--concurrency=${concurrency}`,
      `--duration=${seconds}`,
      "--warmup=0",
      "--any-answer",
    ]);
    let [stdout, stderr] = ["", ""];
    generator.stdout.on("data", (text) => {
      stdout += text;
    });
    generator.stderr.on("data", (text) => {
      stderr += text;
    });
    /** @type {Promise<{ requests: number, errors: number }>} */
    this.ended = new Promise((resolve, reject) => {
      generator.on("error", reject);
      generator.on("close", () => {
        if (stdout === "") reject(new Error(`the load generator failed: ${stderr}`));
        else resolve(JSON.parse(stdout));
      });
    });
    // Who waits for something else first must not be ended by it.
    this.ended.catch(() => {});
  }

  /**
   * Once ended: the 99th percentile of the latencies between two times of `Date.now()`, in milliseconds.
   * @param {number} from
   * @param {number} to
   */
  p99Ms(from, to) {
    const bytes = readFileSync(this.latencyFile);
    const pairs = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
    const latencies = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const [end, latency] = [Number(pairs[i]), Number(pairs[i + 1])];
      if (end >= from && end < to) latencies.push(latency);
    }
    return latencies.length === 0 ? Number.NaN : percentile(latencies, 0.99);
  }
}
