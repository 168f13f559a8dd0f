/** What a version folder may hold besides a SavedModel, and which loader takes it. */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { isSavedModelFolder, isSessionBundleFolder, TFLITE_MODEL_FILE } from "@servable/formats";
import { loadFrozenGraph } from "./frozen-graph.js";
import { type LoadOptions, loadSavedModel, type Model } from "./model.js";
import { loadOnnxModel } from "./onnx-model.js";
import { loadSessionBundle } from "./session-bundle.js";
import { loadTfliteModel } from "./tflite-model.js";

/** Loaders by the ending of the only file they need. */
const singleFileLoaders: Readonly<Record<string, (file: string, options: LoadOptions) => Model>> = {
  ".onnx": loadOnnxModel,
  ".pb": loadFrozenGraph,
  ".pbtxt": loadFrozenGraph,
  ".tflite": loadTfliteModel,
};

/**
 * Loads the model in a version folder: a SavedModel, a SessionBundle (`export.meta`), or a single `.onnx`, `.tflite`,
 * `.pb` or `.pbtxt` file (the last two are frozen graphs). Where there are several kinds, the first of these, unless
 * the options prefer `model.tflite`.
 * NOT_FOUND for a folder without a model, tags or ops that don't exist; DATA_LOSS and INVALID_ARGUMENT for damaged
 * files; UNIMPLEMENTED when no signature can run (one that can't does not take the others down).
 */
export function loadModel(dir: string, options: LoadOptions = {}): Model {
  const tflite = path.join(dir, TFLITE_MODEL_FILE);
  if (options.preferTfliteModel && existsSync(tflite)) return loadTfliteModel(tflite, options);
  if (isSavedModelFolder(dir)) return loadSavedModel(dir, options);
  if (isSessionBundleFolder(dir)) return loadSessionBundle(dir, options);
  const file = onlyModelFile(dir);
  if (file === undefined) return loadSavedModel(dir, options);
  const load = singleFileLoaders[path.extname(file)] as (file: string, options: LoadOptions) => Model;
  return load(path.join(dir, file), options);
}

/** The file that is the whole model; undefined when there is none or more than one. */
function onlyModelFile(dir: string): string | undefined {
  const files = namesIn(dir).filter(
    (name) => path.extname(name) in singleFileLoaders && name !== "fingerprint.pb",
  );
  return files.length === 1 ? files[0] : undefined;
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
