// Holds Servable against the models that record.py wrote: each file of each model is read, compiled and run.
//     node conformance/keras/compare.mjs FOLDER [name part ...]
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { compileKerasModel } from "../../packages/engine/dist/keras-model.js";
import { readKerasModel } from "../../packages/formats/dist/index.js";
import { compareTensor, decodeTensors } from "../../packages/formats/dist/testing/golden.js";

const [root, ...parts] = process.argv.slice(2);
let failures = 0;
let runs = 0;
for (const name of readdirSync(root).sort()) {
  if (parts.length > 0 && !parts.some((part) => name.includes(part))) continue;
  const folder = path.join(root, name);
  if (!existsSync(path.join(folder, "case.json"))) continue;
  const given = JSON.parse(readFileSync(path.join(folder, "case.json"), "utf8"));
  for (const file of given.files) {
    runs++;
    try {
      check(folder, file, given);
    } catch (error) {
      failures++;
      console.log(`${name}/${file}: ${String(error.message).slice(0, 300)}`);
      if (error.codeName === undefined || error.codeName === "INTERNAL")
        console.log(error.stack?.split("\n").slice(1, 5).join("\n"));
    }
  }
}
console.log(`${runs - failures} of ${runs} files agree`);
process.exitCode = failures === 0 ? 0 : 1;

function check(folder, file, given) {
  const isWeights = file === "model.weights.h5";
  const read = path.join(folder, isWeights ? "model.json" : file);
  const model = readKerasModel(read, isWeights ? { weights: path.join(folder, file) } : {});
  const compiled = compileKerasModel(model);
  try {
    for (const call of given.calls) {
      // Keras 3 calls the input of a Sequential model after its tensor: inputs correspond by their order.
      const values = [...decodeTensors(call.inputs).values()];
      const inputs = new Map(model.inputs.map(({ name }, i) => [name, values[i]]));
      const outputs = compiled.run("serving_default", inputs);
      const actual = given.isDict
        ? outputs
        : new Map([...outputs.values()].map((value, i) => [String(i), value]));
      for (const [name, expected] of decodeTensors(call.outputs))
        compareTensor(actual.get(name), expected, call, name);
    }
  } finally {
    compiled.close();
  }
}
