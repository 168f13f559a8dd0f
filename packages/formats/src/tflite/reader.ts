/** Finds and reads TensorFlow Lite models in files. */
import { readWholeFile } from "../checkpoint/random-access-file.js";
import { parseTfliteModel, type TfliteModel } from "./model.js";

/** The name under which TensorFlow Serving looks for a model in a version's folder. */
export const TFLITE_MODEL_FILE = "model.tflite";

/** Larger files do not fit into one buffer. */
const MAX_FILE_BYTES = 2 ** 32 - 1;

/**
 * NOT_FOUND for a missing file; else the errors of parseTfliteModel.
 *
 * @example
 * assert.throws(() => readTfliteModel("missing.tflite"), { codeName: "NOT_FOUND" });
 */
export function readTfliteModel(file: string): TfliteModel {
  return parseTfliteModel(readWholeFile(file, MAX_FILE_BYTES), file);
}
