// Reads the models that record.py wrote and writes them anew, for load.py to load into Keras.
//     node conformance/keras/write.mjs FROM TO [name part ...]
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  kerasToJson,
  readKerasModel,
  writeKerasArchive,
  writeKerasHdf5,
  writeKerasSavedModel,
  writeKerasWeights,
} from "../../packages/formats/dist/index.js";

const [from, to, ...parts] = process.argv.slice(2);
for (const name of readdirSync(from).sort()) {
  if (parts.length > 0 && !parts.some((part) => name.includes(part))) continue;
  const source = path.join(from, name, "model.keras");
  if (!existsSync(source)) continue;
  const folder = path.join(to, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const model = readKerasModel(source);
    writeKerasArchive(model, path.join(folder, "model.keras"));
    writeKerasHdf5(model, path.join(folder, "model.h5"));
    writeKerasWeights(model, path.join(folder, "model.weights.h5"));
    writeKerasWeights(model, path.join(folder, "legacy.h5"), "legacy");
    writeFileSync(path.join(folder, "model.json"), kerasToJson(model));
    writeKerasSavedModel(model, path.join(folder, "saved_model"));
  } catch (error) {
    console.log(`${name}: ${error.message}`);
  }
  copyFileSync(path.join(from, name, "case.json"), path.join(folder, "case.json"));
}
