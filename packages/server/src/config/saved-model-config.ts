/**
 * assets.extra/saved_model_config.pb: what a model wishes of TensorFlow's runtime (SavedModelConfig of
 * servables/tensorflow/saved_model_config.proto). None of it has a counterpart here: it is read to say so.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Code, invalidArgument, StatusError } from "@servable/formats";
import { forEachField } from "../apis/wire-fields.js";

const FILE = join("assets.extra", "saved_model_config.pb");

const fields = new Map([
  [1, "session_overrides"],
  [2, "tfrt_runtime_config"],
]);

/**
 * Names of what the model in a folder wishes; none for a model that has no such file. INVALID_ARGUMENT when the file is
 * no SavedModelConfig.
 */
export async function wishesOfModel(folder: string): Promise<string[]> {
  const path = join(folder, FILE);
  const bytes = await readFile(path).catch((reason) => {
    const { code, message } = StatusError.from(reason);
    if (code === Code.NOT_FOUND) return undefined;
    throw new StatusError(code, `Cannot read ${path}: ${message}`, { cause: reason });
  });
  if (bytes === undefined) return [];
  const wishes: string[] = [];
  try {
    forEachField(bytes, "SavedModelConfig", (field) => {
      const name = fields.get(field);
      if (name !== undefined) wishes.push(name);
    });
  } catch (reason) {
    throw invalidArgument(`${path}: ${StatusError.from(reason).message}`, { cause: reason });
  }
  return wishes;
}
