/**
 * A SavedModel made a frozen graph, which is one file and has no variables, and a SavedModel again:
 * `node dist/frozen_graph.js /tmp/tour`.
 */
import { loadFrozenGraph, loadModel, type Model } from "@servable/engine";
import {
  freezeMetaGraph,
  GraphBuilder,
  loadSavedModel,
  predictSignatureDef,
  readGraphDef,
  SavedModelBuilder,
  saveFrozenGraph,
  tensor,
  writeGraphDef,
} from "@servable/formats";
import { printTensor, runStop } from "./stop.js";

/** y = x / 2 + 2, with the numbers in variables. */
function saveHalfPlusTwo(versionDir: string): void {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1], { name: "x" });
  const a = graph.variable("float32", [], { name: "a" });
  const b = graph.variable("float32", [], { name: "b" });
  const y = graph.compute("AddV2", [graph.compute("Mul", [x, a.read()]), b.read()], {}, { name: "y" });
  const builder = new SavedModelBuilder(versionDir);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: { serving_default: predictSignatureDef({ x }, { y }) },
    variables: new Map([
      ["a", tensor("float32", [], Float32Array.of(0.5))],
      ["b", tensor("float32", [], Float32Array.of(2))],
    ]),
  });
  builder.save();
}

function ask(what: string, model: Model): void {
  const x = tensor("float32", [3], Float32Array.of(1, 2, 5));
  for (const [name, value] of model.run("serving_default", new Map([["x", x]]))) {
    printTensor(`${name}, from ${what}`, value);
  }
  model.close();
}

await runStop("frozen_graph", (folder) => {
  saveHalfPlusTwo(`${folder}/saved_model`);
  ask("the SavedModel", loadModel(`${folder}/saved_model`));

  const loaded = loadSavedModel(["serve"], `${folder}/saved_model`);
  writeGraphDef(`${folder}/frozen.pb`, freezeMetaGraph(loaded.metaGraph, loaded.variables));
  loaded.close();
  const operations = readGraphDef(`${folder}/frozen.pb`).node.map(({ name, op }) => `${name} (${op})`);
  console.log(`Frozen: ${operations.join(", ")}`);
  ask("the frozen graph", loadFrozenGraph(`${folder}/frozen.pb`));

  const named = { inputs: { x: "x:0" }, outputs: { y: "y:0" } };
  saveFrozenGraph(readGraphDef(`${folder}/frozen.pb`), named, `${folder}/saved_again`);
  ask("the SavedModel made of it", loadModel(`${folder}/saved_again`));
});
