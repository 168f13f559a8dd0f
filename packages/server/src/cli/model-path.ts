/** From what a user points at to one version of one model. */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { MODEL_FILE_ENDINGS } from "@servable/engine";
import {
  invalidArgument,
  isSavedModelFolder,
  isSessionBundleFolder,
  notFound,
  readSavedModel,
  SERVING_TAG,
  tagsOf,
} from "@servable/formats";
import { optionOf, type ParsedArguments, UsageError } from "./arguments.js";
import { nearestName } from "./nearest-name.js";

/** ".onnx, .pb or .tflite" */
const ENDINGS = MODEL_FILE_ENDINGS.join(", ").replace(/, ([^,]*)$/, " or $1");
/** Files that make their folder a model. */
const FOLDER_FILES = /^(saved_model\.(pb|pbtxt|cpb)|export\.meta|model\.json)$/;

/** Options of all commands that take a model. */
export const modelOptions = {
  tag_set: {
    value: "TAGS",
    help: "Which MetaGraph of a SavedModel: its tags, separated by commas. By default that for serving, or the only one.",
  },
  signature_def: { value: "NAME", help: "Only this signature." },
  dir: { value: "MODEL", help: "The model, as saved_model_cli has it.", hidden: true },
} as const;

export const MODEL_HELP = `A version's folder, a model's base path (its highest version is taken), or a file: ${ENDINGS}.`;

/** The path of the model that a command is called with. UsageError when there is none. */
export function modelPathOf(parsed: ParsedArguments): string {
  const given = parsed.operand ?? optionOf(parsed, "dir");
  if (given === undefined) throw new UsageError("which model? Give its folder or file");
  return resolveModel(given);
}

/**
 * The version's folder, or the file, that a path stands for: itself, the folder of the saved_model.pb that was given, or
 * the highest version below a model's base path. NOT_FOUND, saying what there is, when it is none of these.
 */
export function resolveModel(given: string): string {
  if (!existsSync(given)) throw notFound(`${given} does not exist${siblingText(given)}`);
  if (!statSync(given).isDirectory()) return modelOfFile(given);
  if (hasModel(given)) return given;
  const highest = versionsIn(given).at(-1);
  if (highest !== undefined) return path.join(given, highest);
  throw notFound(
    `${given} has no model: there is neither a saved_model.pb, saved_model.pbtxt, export.meta, model.json or a single ${ENDINGS} ` +
      `file in it, nor a folder for a version such as ${path.join(given, "1")}${modelsBelow(given)}`,
  );
}

function modelOfFile(file: string): string {
  const name = path.basename(file);
  if (FOLDER_FILES.test(name)) return path.dirname(file);
  if (isModelFile(name)) return file;
  throw invalidArgument(`${file} is no model: expected a folder, or a file whose name ends in ${ENDINGS}`);
}

/** A name beside it that may have been meant. */
function siblingText(given: string): string {
  const folder = path.dirname(given);
  const names = existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder) : [];
  const nearest = nearestName(path.basename(given), names);
  return nearest === undefined ? "" : `. Did you mean ${path.join(folder, nearest)}?`;
}

/** Folders that are models, when the folder above them was given. */
function modelsBelow(given: string): string {
  const found = readdirSync(given, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => path.join(given, name))
    .filter((folder) => hasModel(folder) || versionsIn(folder).length > 0);
  if (found.length === 0) return "";
  const shown = found.slice(0, 5).join(", ");
  return `. Models in it: ${shown}${found.length > 5 ? ` and ${found.length - 5} more` : ""}`;
}

function hasModel(dir: string): boolean {
  if (isSavedModelFolder(dir) || isSessionBundleFolder(dir)) return true;
  return readdirSync(dir).some((name) => FOLDER_FILES.test(name) || isModelFile(name));
}

function isModelFile(name: string): boolean {
  return MODEL_FILE_ENDINGS.includes(path.extname(name));
}

/** Names that are version numbers, in the order of the versions. */
function versionsIn(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => /^\d+$/.test(entry.name) && statSync(path.join(dir, entry.name)).isDirectory())
    .map(({ name }) => name)
    .sort((a, b) => Number(BigInt(a) - BigInt(b)));
}

/** The tag sets of a SavedModel; none of other kinds of models. */
export function tagSetsOf(model: string): readonly (readonly string[])[] {
  if (!statSync(model).isDirectory() || !isSavedModelFolder(model)) return [];
  return readSavedModel(model).savedModel.metaGraphs.map(tagsOf);
}

/**
 * The tags of the MetaGraph that a command works on; undefined for models without tags. That for serving unless others
 * are asked for, or the only one there is.
 */
export function chosenTags(
  parsed: ParsedArguments,
  tagSets: readonly (readonly string[])[],
): readonly string[] | undefined {
  const asked = optionOf(parsed, "tag_set");
  if (asked !== undefined) return asked.split(",").filter((tag) => tag !== "");
  if (tagSets.length === 0) return undefined;
  return tagSets.length === 1 ? tagSets[0] : [SERVING_TAG];
}
