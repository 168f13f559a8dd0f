// What an exported model says about pictures, as JSON on standard output:
//
//   node examples/inception/conformance/run-model.mjs <version folder> <picture> ...
import { readFileSync } from "node:fs";
import { loadModel } from "@servable/engine";
import { stringTensor } from "@servable/formats";

const [folder, ...pictures] = process.argv.slice(2);
const files = stringTensor(
  [pictures.length],
  pictures.map((picture) => readFileSync(picture)),
);
const model = loadModel(folder);
const [signature] = [...model.signatures].find(
  ([, { inputs, outputs }]) => inputs.has("images") && outputs.has("classes"),
);
const outputs = model.run(signature, new Map([["images", files]]));
const { shape, data: classes } = outputs.get("classes");
const scores = outputs.get("scores").data;
const rows = pictures.map((_, i) => {
  const range = [i * shape[1], (i + 1) * shape[1]];
  return {
    classes: classes.slice(...range).map((name) => Buffer.from(name).toString()),
    scores: [...scores.slice(...range)],
  };
});
model.close();
console.log(JSON.stringify(rows));
