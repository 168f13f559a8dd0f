/** From what a user points at to the folder of one version. */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { isSavedModelFolder, isSessionBundleFolder, notFound } from "@servable/formats";

/** Endings of files that are a whole model. */
const MODEL_FILES = /\.(onnx|pb|pbtxt|tflite)$/;

/**
 * The folder of a version: the one given, or the highest version below a model's base path.
 * NOT_FOUND, saying what there is, when it is neither.
 */
export function versionFolder(given: string): string {
  if (!existsSync(given)) throw notFound(`${given} does not exist`);
  if (!statSync(given).isDirectory()) {
    throw notFound(
      `${given} is a file; give the folder that it is in (a version's folder, or the base path above)`,
    );
  }
  if (hasModel(given)) return given;
  const highest = versionsIn(given).at(-1);
  if (highest !== undefined) return path.join(given, highest);
  throw notFound(
    `${given} has no model: there is neither a saved_model.pb, saved_model.pbtxt, export.meta or a single .onnx, ` +
      `.tflite, .pb or .pbtxt file in it, nor a folder for a version such as ${path.join(given, "1")}`,
  );
}

function hasModel(dir: string): boolean {
  if (isSavedModelFolder(dir) || isSessionBundleFolder(dir)) return true;
  return readdirSync(dir).some((name) => MODEL_FILES.test(name));
}

/** Names that are version numbers, in the order of the versions. */
function versionsIn(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => /^\d+$/.test(entry.name) && statSync(path.join(dir, entry.name)).isDirectory())
    .map(({ name }) => name)
    .sort((a, b) => Number(BigInt(a) - BigInt(b)));
}
