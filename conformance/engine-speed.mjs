// Times one model in the engine, for engine_speed.py, which says when: node engine-speed.mjs <folder> <threads>
// One JSON line when the model is ready, then one for each line read: "<batch> <runs>" → {"ms": [...], "cpuMs", "difference"}.
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { loadModel } from "@servable/engine";
import { stringTensor, tensor } from "@servable/formats";

const [folder = "", threads = "2"] = process.argv.slice(2);

function floats(name) {
  const bytes = readFileSync(path.join(folder, name));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function input(batch) {
  const { shape, strings } = JSON.parse(readFileSync(path.join(folder, `input-${batch}.json`), "utf8"));
  return strings === undefined
    ? tensor("float32", shape, floats(`input-${batch}.bin`))
    : stringTensor([strings.length], strings);
}

function difference(output, batch) {
  const expected = floats(`expected-${batch}.bin`);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - output.data[i])), 0);
}

function peakResidentMiB() {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

const baseMiB = peakResidentMiB();
const start = performance.now();
const model = loadModel(path.join(folder, "1"), { intraOpThreads: Number(threads) });
const loadMs = performance.now() - start;
const [key] = model.signatures.get("serving_default").inputs.keys();
console.log(JSON.stringify({ loadMs, baseMiB, peakMiB: peakResidentMiB() }));

for await (const line of createInterface({ input: process.stdin })) {
  const [batch, runs] = line.split(" ").map(Number);
  const feeds = new Map([[key, input(batch)]]);
  const [output] = model.run("serving_default", feeds).values();
  const before = process.cpuUsage();
  const ms = Array.from({ length: runs }, () => {
    const start = performance.now();
    model.run("serving_default", feeds);
    return performance.now() - start;
  });
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000 / runs;
  console.log(JSON.stringify({ ms, cpuMs, difference: difference(output, batch) }));
}
