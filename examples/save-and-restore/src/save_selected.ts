/** Saves one variable of two, and restores it under another name: `node dist/save_selected.js /tmp/tour`. */
import { CheckpointSaver, openCheckpoint, type Tensor, tensor } from "@servable/formats";
import { printTensor, runStop } from "./stop.js";

await runStop("save_selected", (folder) => {
  const values = new Map<string, Tensor>([
    ["v1", tensor("float32", [3], new Float32Array(3))],
    ["v2", tensor("float32", [5], Float32Array.of(-1, -1, -1, -1, -1))],
  ]);

  const prefix = new CheckpointSaver({ variables: ["v2"] }).save(values, `${folder}/model.ckpt`);
  const reader = openCheckpoint(prefix);
  console.log(`Saved ${reader.names().join(", ")}`);
  reader.close();

  // v1 keeps what it has; v2 is restored, into a variable that is called otherwise here.
  const restored = new CheckpointSaver({ variables: { v2: "layer/bias" } }).restore(prefix);
  printTensor("v1", values.get("v1") as Tensor);
  for (const [name, value] of restored) printTensor(name, value);

  // The format of 2016 has the same content in one file.
  const old = new CheckpointSaver({ writeVersion: "V1" }).save(values, `${folder}/old.ckpt`);
  for (const [name, value] of new CheckpointSaver().restore(old)) printTensor(`${name}, from V1`, value);
});
