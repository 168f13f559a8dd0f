/**
 * Runs an ONNX model in a loop with ONNX Runtime and nothing around it, one image at a time, and prints a JSON line as
 * the load generators do:
 *
 *     node bench/images/bare-onnxruntime.mjs --model=FILE --side=224 --duration=3 --warmup=1
 */
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { percentile } from "../statistics.mjs";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "" },
    side: { type: "string", default: "224" },
    duration: { type: "string", default: "3" },
    warmup: { type: "string", default: "1" },
  },
});
const side = Number(values.side);

const session = await InferenceSession.create(values.model);
const [name = ""] = session.inputNames;
const image = new Tensor("float32", pixels(side * side * 3), [1, side, side, 3]);

await runFor(Number(values.warmup));
const start = performance.now();
const times = await runFor(Number(values.duration));
const seconds = (performance.now() - start) / 1_000;
console.log(
  JSON.stringify({
    rps: times.length / seconds,
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
  }),
);

/**
 * Milliseconds of each run.
 * @param {number} seconds
 */
async function runFor(seconds) {
  const end = performance.now() + seconds * 1_000;
  const times = [];
  while (performance.now() < end) {
    const start = performance.now();
    await session.run({ [name]: image });
    times.push(performance.now() - start);
  }
  return times;
}

/**
 * Values between -1 and 1 that are not all alike.
 * @param {number} count
 */
function pixels(count) {
  return Float32Array.from({ length: count }, (_, i) => ((i * 7_919) % 255) / 127.5 - 1);
}
