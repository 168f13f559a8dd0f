/** Saves a Keras model as JSON and weights, and loads it: `node dist/keras_json.js /tmp/tour`. */
import { writeFileSync } from "node:fs";
import { kerasToJson, loadKerasWeights, readKerasModel, writeKerasWeights } from "@servable/formats";
import { diabetesNetwork, predict } from "./diabetes-network.js";
import { printFiles, runStop, shortNumber } from "./stop.js";

await runStop("keras_json", (folder) => {
  const network = diabetesNetwork();
  console.log(`Risk before: ${shortNumber(predict(network))}`);

  writeFileSync(`${folder}/model.json`, kerasToJson(network));
  writeKerasWeights(network, `${folder}/model.weights.h5`);
  printFiles(folder);

  // The architecture alone has weights of zeros.
  const loaded = readKerasModel(`${folder}/model.json`);
  console.log(`Risk without weights: ${shortNumber(predict(loaded))}`);
  loadKerasWeights(loaded, `${folder}/model.weights.h5`);
  console.log(`Risk after: ${shortNumber(predict(loaded))}`);
});
