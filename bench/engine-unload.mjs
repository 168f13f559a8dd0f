// Whether a model's memory comes back: node bench/engine-unload.mjs [rounds] [MiB]
//
// Writes a SavedModel of dense layers with weights of that size, then loads, runs and drops it in a worker thread, as
// the server does, round after round, and prints the resident memory of the process after each. Linux.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { loadModel } from "@servable/engine";
import { GraphBuilder, predictSignatureDef, SavedModelBuilder, tensor } from "@servable/formats";

/** Layers of 1024 by 1024 floats: 4 MiB each. */
const SIZE = 1024;

/** @type {(folder: string, mebibytes: number) => void} */
function writeModel(folder, mebibytes) {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1, SIZE], { name: "x" });
  const values = new Map();
  let y = x;
  for (let layer = 0; layer < mebibytes / 4; layer++) {
    const weights = Float32Array.from({ length: SIZE * SIZE }, (_, i) => Math.sin(i + layer) / SIZE);
    const name = `layer_${layer}/weights`;
    values.set(name, tensor("float32", [SIZE, SIZE], weights));
    const variable = graph.variable("float32", [SIZE, SIZE], { name });
    y = graph.compute("Relu", [graph.compute("MatMul", [y, variable.read()])]);
  }
  const signatures = { serving_default: predictSignatureDef({ x }, { y }) };
  const builder = new SavedModelBuilder(folder);
  builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables: values });
  builder.save();
}

/** @type {(folder: string) => void} */
function loadAndRun(folder) {
  const model = loadModel(folder);
  const x = tensor("float32", [4, SIZE], new Float32Array(4 * SIZE).fill(0.5));
  model.run("serving_default", new Map([["x", x]]));
  model.close();
}

/** @type {(job: { folder: string, mebibytes?: number }) => Promise<unknown>} */
function inWorker(job) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => worker.on("exit", resolve).on("error", reject));
}

/** @type {(what: string) => number} */
function memory(what) {
  const found = new RegExp(`${what}:\\s*(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"));
  return Math.round(Number(found?.[1]) / 1024);
}

/** @type {(args: string[]) => Promise<void>} */
async function main([rounds = "22", mebibytes = "200"]) {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), "engine-unload-")), "model");
  try {
    await inWorker({ folder, mebibytes: Number(mebibytes) });
    console.log(`before: ${memory("VmRSS")} MiB`);
    for (let round = 1; round <= Number(rounds); round++) {
      await inWorker({ folder });
      console.log(
        `round ${round}: ${memory("VmRSS")} MiB, peak ${memory("VmHWM")} MiB, anon ${memory("RssAnon")} file ${memory("RssFile")}`,
      );
    }
  } finally {
    rmSync(path.dirname(folder), { recursive: true });
  }
}

if (isMainThread) await main(process.argv.slice(2));
else if (workerData.mebibytes === undefined) loadAndRun(workerData.folder);
else writeModel(workerData.folder, workerData.mebibytes);
