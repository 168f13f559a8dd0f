/** Saves a Keras model as YAML and weights, and loads it: `node dist/keras_yaml.js /tmp/tour`. */
import { readFileSync, writeFileSync } from "node:fs";
import { kerasToYaml, readKerasModel, writeKerasWeights } from "@servable/formats";
import { diabetesNetwork, predict } from "./diabetes-network.js";
import { printFiles, runStop, shortNumber } from "./stop.js";

await runStop("keras_yaml", (folder) => {
  const network = diabetesNetwork();
  console.log(`Risk before: ${shortNumber(predict(network))}`);

  writeFileSync(`${folder}/model.yaml`, kerasToYaml(network));
  writeKerasWeights(network, `${folder}/model.weights.h5`);
  printFiles(folder);
  console.log(readFileSync(`${folder}/model.yaml`, "utf8").split("\n").slice(0, 3).join("\n"));

  const loaded = readKerasModel(`${folder}/model.yaml`, { weights: `${folder}/model.weights.h5` });
  console.log(`Risk after: ${shortNumber(predict(loaded))}`);
});
