/**
 * Seeded sequences of frames against our HTTP/2 server: no exception, no unbounded output, no stream left behind.
 *
 *     npm run build
 *     node conformance/fuzz-http2.mjs [--count=1000000] [--seed=1]
 */
import { parseArgs } from "node:util";
import { runSequence } from "../packages/server/dist/grpc/http2/testing/fuzz-frames.js";

const { values } = parseArgs({
  options: { count: { type: "string", default: "1000000" }, seed: { type: "string", default: "1" } },
});
const [count, first] = [Number(values.count), Number(values.seed)];
const REPORT_EVERY = 50_000;
/** A sequence that takes longer, on whatever machine, does something that it should not. */
const MAX_MS = 5_000;

let peak = 0;
let slowest = 0;
let seed = first;
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (reason) => {
    console.error(`sequence ${seed}:`, reason);
    process.exit(1);
  });
}
for (; seed < first + count; seed++) {
  const start = performance.now();
  await runSequence(seed);
  slowest = Math.max(slowest, performance.now() - start);
  if (slowest > MAX_MS) throw new Error(`sequence ${seed} took ${slowest} ms`);
  if ((seed - first + 1) % REPORT_EVERY === 0) {
    peak = Math.max(peak, process.memoryUsage().rss / 2 ** 20);
    console.log(
      `${seed - first + 1} sequences, resident ${Math.round(peak)} MiB, slowest ${slowest.toFixed(0)} ms`,
    );
  }
}
console.log(`${count} sequences: no exception, nothing left behind`);
