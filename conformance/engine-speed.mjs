// Times one model in the engine, for engine_speed.py: node engine-speed.mjs <folder> <repeat> <threads>
import { readFileSync } from "node:fs";
import path from "node:path";
import { loadModel } from "@servable/engine";
import { stringTensor, tensor } from "@servable/formats";

const [folder = "", repeat = "15", threads = "2"] = process.argv.slice(2);

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

function medianMs(run) {
  for (let i = 0; i < 3; i++) run();
  const times = Array.from({ length: Number(repeat) }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[times.length >> 1];
}

const model = loadModel(path.join(folder, "1"), { intraOpThreads: Number(threads) });
const [key] = model.signatures.get("serving_default").inputs.keys();
const ms = {};
let difference = 0;
for (const batch of [1, 8]) {
  const feeds = new Map([[key, input(batch)]]);
  const [output] = model.run("serving_default", feeds).values();
  const expected = floats(`expected-${batch}.bin`);
  expected.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - output.data[i]));
  });
  ms[batch] = medianMs(() => model.run("serving_default", feeds));
}
console.log(JSON.stringify({ ms, difference }));
