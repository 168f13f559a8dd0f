/** What a version folder may hold besides a SavedModel, and which loader takes it. */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { isSavedModelFolder, isSessionBundleFolder, TFLITE_MODEL_FILE } from "@servable/formats";
import { loadFrozenGraph, openFrozenGraph } from "./frozen-graph.js";
import { loadKerasModel, loadModelJson, openKerasModel, openModelJson } from "./keras-model.js";
import { type LoadOptions, loadSavedModel, type Model, openSavedModel } from "./model.js";
import { loadOnnxModel } from "./onnx-model.js";
import type { OpenedModel } from "./program.js";
import { loadSessionBundle, openSessionBundle } from "./session-bundle.js";
import { loadTfliteModel, openTfliteModel } from "./tflite-model.js";

/** What a model may come as. */
export type ModelKind =
  | "SavedModel"
  | "SessionBundle"
  | "frozen graph"
  | "TensorFlow Lite"
  | "Keras"
  | "ONNX";

/** How a file that is the whole model is loaded, and how it is opened without the compiler. */
interface FileKind {
  readonly kind: ModelKind;
  readonly load: (file: string, options: LoadOptions) => Model;
  readonly open: (file: string, options: LoadOptions) => OpenedModel;
}

const tfliteKind: FileKind = { kind: "TensorFlow Lite", load: loadTfliteModel, open: openTfliteModel };
const jsonKind: FileKind = { kind: "Keras", load: loadModelJson, open: openModelJson };
const frozenKind: FileKind = { kind: "frozen graph", load: loadFrozenGraph, open: openFrozenGraph };

const kerasKind: FileKind = { kind: "Keras", load: loadKerasModel, open: openKerasModel };

/** By the ending of their names. */
const fileKinds: Readonly<Record<string, FileKind | "onnx">> = {
  ".h5": kerasKind,
  ".hdf5": kerasKind,
  ".keras": kerasKind,
  ".onnx": "onnx",
  ".pb": frozenKind,
  ".pbtxt": frozenKind,
  ".tflite": tfliteKind,
};

/** Ends of names of files that are a whole model. */
export const MODEL_FILE_ENDINGS: readonly string[] = Object.keys(fileKinds);

/**
 * Loads the model in a version folder: a SavedModel, a SessionBundle (`export.meta`), or a single `.onnx`, `.tflite`,
 * `.keras`, `.h5`, `.hdf5`, `.pb` or `.pbtxt` file (the last two are frozen graphs). Where there are several kinds, the first of these, unless
 * the options prefer `model.tflite`. Such a file may also be given itself.
 * NOT_FOUND for a folder without a model, tags or ops that don't exist; DATA_LOSS and INVALID_ARGUMENT for damaged
 * files; UNIMPLEMENTED when no signature can run (one that can't does not take the others down).
 */
export function loadModel(dir: string, options: LoadOptions = {}): Model {
  const found = findModel(dir, options);
  return "onnx" in found ? loadOnnxModel(found.onnx, options) : found.load();
}

/** A version folder's model: an ONNX file, or one that goes through the compiler. */
export type FoundModel = { readonly kind: ModelKind } & (
  | { readonly onnx: string }
  | { readonly load: () => Model; readonly open: () => OpenedModel }
);

/** Looks which kind of model a version folder has; a folder with none counts as a SavedModel without its file. */
export function findModel(dir: string, options: LoadOptions): FoundModel {
  if (isModelFile(dir)) return ofFile(dir, options);
  const tflite = path.join(dir, TFLITE_MODEL_FILE);
  if (options.preferTfliteModel && existsSync(tflite)) return ofKind(tfliteKind, tflite, options);
  if (!isSavedModelFolder(dir) && isSessionBundleFolder(dir)) {
    return {
      kind: "SessionBundle",
      load: () => loadSessionBundle(dir, options),
      open: () => openSessionBundle(dir),
    };
  }
  const json = path.join(dir, MODEL_JSON);
  if (!isSavedModelFolder(dir) && existsSync(json)) return ofKind(jsonKind, json, options);
  const file = isSavedModelFolder(dir) ? undefined : onlyModelFile(dir);
  if (file !== undefined) return ofFile(path.join(dir, file), options);
  return {
    kind: "SavedModel",
    load: () => loadSavedModel(dir, options),
    open: () => openSavedModel(dir, options),
  };
}

function isModelFile(file: string): boolean {
  return path.extname(file) in fileKinds && statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

function ofFile(file: string, options: LoadOptions): FoundModel {
  const kind = fileKinds[path.extname(file)] as FileKind | "onnx";
  return kind === "onnx" ? { kind: "ONNX", onnx: file } : ofKind(kind, file, options);
}

function ofKind({ kind, load, open }: FileKind, file: string, options: LoadOptions): FoundModel {
  return { kind, load: () => load(file, options), open: () => open(file, options) };
}

/** A model in JSON, whose weights lie in other files. */
const MODEL_JSON = "model.json";

/** The file that is the whole model; undefined when there is none or more than one. */
function onlyModelFile(dir: string): string | undefined {
  const files = namesIn(dir).filter((name) => path.extname(name) in fileKinds && name !== "fingerprint.pb");
  return files.length === 1 ? files[0] : undefined;
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
