/** Saves all variables of a graph and restores them: `node dist/save_all.js /tmp/tour`. */
import { GraphBuilder, openCheckpoint, Saver, type Tensor, tensor } from "@servable/formats";
import { printFiles, printTensor, runStop } from "./stop.js";

await runStop("save_all", (folder) => {
  // Two variables, and what they have become in training.
  const graph = new GraphBuilder();
  graph.variable("float32", [3], { name: "v1" });
  graph.variable("float32", [5], { name: "v2" });
  const values = new Map<string, Tensor>([
    ["v1", tensor("float32", [3], Float32Array.of(1, 1, 1))],
    ["v2", tensor("float32", [5], Float32Array.of(-1, -1, -1, -1, -1))],
  ]);

  const saver = new Saver(graph, values, { writeVersion: "V2" });
  const prefix = saver.save(`${folder}/model.ckpt`, { globalStep: 100 });
  console.log(`Saved ${prefix}`);
  printFiles(folder);

  const restored = saver.restore(prefix);
  for (const [name, value] of restored) printTensor(name, value);

  // What a checkpoint holds can be read without the graph.
  const reader = openCheckpoint(prefix);
  for (const name of reader.names()) {
    const { dtype, shape } = reader.info(name);
    console.log(`${name}: ${dtype} [${shape}]`);
  }
  reader.close();
});
