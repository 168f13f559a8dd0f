// Runs the cases that the scripts of this folder recorded through the engine: what differs from TensorFlow, whether each
// row alone gives what it gives in the batch, and how long a call takes beside TensorFlow.
//   node conformance/models/run.mjs OUT [part of a name ...] [--keep-going] [--quiet]
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { decodeTensors } from "@servable/formats/testing";
import { loadModel } from "../../packages/engine/dist/model-folder.js";
import { runCase } from "../../packages/engine/dist/testing/case-runner.js";

const [out, ...parts] = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
const quiet = process.argv.includes("--quiet");
const names = readdirSync(out).filter(
  (name) =>
    existsSync(path.join(out, name, "case.json")) &&
    (parts.length === 0 || parts.some((part) => name.includes(part))),
);

let failures = 0;
for (const name of names) {
  const dir = path.join(out, name);
  const recorded = { ...JSON.parse(readFileSync(path.join(dir, "case.json"), "utf8")), dir };
  const start = performance.now();
  const problems = recorded.refused === undefined ? runCase(recorded) : refusal(recorded);
  const took = performance.now() - start;
  if (problems.length > 0) failures++;
  const lines = quiet ? problems.slice(0, 3).map((problem) => problem.slice(0, 300)) : problems;
  const speed = recorded.refused === undefined && problems.length === 0 ? timings(recorded) : "";
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${name} ${(took / 1000).toFixed(1)}s ${speed}`);
  for (const line of lines) console.log(`     ${line.replaceAll("\n", "\n     ")}`);
}
console.log(`${names.length - failures} as TensorFlow, ${failures} not`);
process.exitCode = failures > 0 ? 1 : 0;

/** A model that must be refused: by UNIMPLEMENTED or NOT_FOUND that names the words. */
function refusal({ dir, path: file, tags, refused }) {
  try {
    loadModel(path.join(dir, file), { tags }).close();
    return [`loads, but should be refused for ${refused.join(", ")}`];
  } catch (error) {
    const missing = refused.filter((word) => !error.message.includes(word));
    return missing.length === 0 ? [] : [`the error does not name ${missing.join(", ")}: ${error.stack}`];
  }
}

/** "signature ours/TensorFlow's ms", for the calls that were timed. */
function timings({ dir, path: file, tags, calls, kind }) {
  if (kind === "frozen_graph") return "";
  const timed = calls.filter((call) => call.ms !== undefined);
  if (timed.length === 0) return "";
  const model = loadModel(path.join(dir, file), { tags });
  const texts = timed.map((call) => {
    const inputs = decodeTensors(call.inputs);
    const run = () => {
      const start = performance.now();
      model.run(call.signature, inputs);
      return performance.now() - start;
    };
    const first = Math.max(run(), run());
    const times = Array.from({ length: first < 200 ? 15 : 3 }, run).sort((a, b) => a - b);
    const median = times[times.length >> 1];
    const slow = median > 1.2 * call.ms && median > 0.3 ? " SLOW" : "";
    return `${call.signature} ${median.toFixed(2)}/${call.ms.toFixed(2)}${slow}${independent(model, call)}`;
  });
  model.close();
  return texts.join(", ");
}

function independent(model, { signature }) {
  const { independent, reason } = model.rowIndependence(signature);
  return independent ? "" : ` (${(reason ?? "dependent").slice(0, 90)})`;
}
