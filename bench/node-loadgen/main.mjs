/**
 * A closed-loop gRPC load generator: keeps `--concurrency` copies of one raw message in flight for `--duration` seconds
 * and prints a JSON line. Flags and output are those of the C++ generator, which is used where a compiler is at hand.
 * It does three things more: several `--request`s are sent by turns, `--latencies=FILE` takes pairs of float64, the
 * milliseconds since the epoch at which an answer came and those that it took, and `--any-answer` allows answers to
 * differ, as those of two versions or models do.
 * Whether the answers are right is for the caller to see (`--dump`).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { Generator } from "./generator.mjs";
import { Measurement } from "./measurement.mjs";
import { RequestTemplate } from "./request-template.mjs";

const { values: flags } = parseArgs({
  options: {
    target: { type: "string", default: "127.0.0.1:8500" },
    request: { type: "string", multiple: true, default: /** @type {string[]} */ ([]) },
    concurrency: { type: "string", default: "1" },
    duration: { type: "string", default: "5" },
    warmup: { type: "string", default: "1" },
    method: { type: "string", default: "/tensorflow.serving.PredictionService/Predict" },
    dump: { type: "string" },
    latencies: { type: "string" },
    "any-answer": { type: "boolean", default: false },
  },
});
if (flags.request.length === 0) {
  console.error("usage: node main.mjs --request=FILE [--target=HOST:PORT] [--concurrency=N] …");
  process.exit(2);
}

/**
 * @param {string} reason
 * @returns {never}
 */
function fail(reason) {
  console.error(reason);
  process.exit(1);
}

const [host, port] = flags.target.split(":");
const concurrency = Number(flags.concurrency);
const templates = flags.request.map(
  (file) => new RequestTemplate(readFileSync(file), flags.method, flags.target),
);
const socket = connect({ host: host ?? "127.0.0.1", port: Number(port), noDelay: true });
socket.once("connect", () => {
  const measurement = new Measurement(Number(flags.warmup), Number(flags.duration));
  const generator = new Generator(socket, templates, measurement, fail);
  generator.takesAnyAnswer = flags["any-answer"];
  generator.onIdle = () => {
    if (flags.dump !== undefined && generator.expected !== undefined) {
      writeFileSync(flags.dump, generator.expected.subarray(5));
    }
    if (flags.latencies !== undefined) writeFileSync(flags.latencies, measurement.timeline());
    console.log(JSON.stringify(measurement.report(concurrency)));
    if (measurement.errors > 0) console.error(`first error: ${measurement.firstError}`);
    process.exit(measurement.errors > 0 || measurement.latenciesMs.length === 0 ? 1 : 0);
  };
  generator.start(concurrency);
});
socket.once("error", (error) => fail(`cannot connect to ${flags.target}: ${error.message}`));
