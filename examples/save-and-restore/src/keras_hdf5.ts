/** Saves a Keras model as one HDF5 file and loads it: `node dist/keras_hdf5.js /tmp/tour`. */
import { readKerasModel, writeKerasHdf5 } from "@servable/formats";
import { diabetesNetwork, predict } from "./diabetes-network.js";
import { printFiles, runStop, shortNumber } from "./stop.js";

await runStop("keras_hdf5", (folder) => {
  const network = diabetesNetwork();
  console.log(`Risk before: ${shortNumber(predict(network))}`);

  writeKerasHdf5(network, `${folder}/model.h5`);
  printFiles(folder);

  const loaded = readKerasModel(`${folder}/model.h5`);
  for (const { key, dtype, shape } of loaded.weightSpecs) console.log(`${key}: ${dtype} [${shape}]`);
  console.log(`Risk after: ${shortNumber(predict(loaded))}`);
});
