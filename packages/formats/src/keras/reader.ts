/**
 * Keras files, told apart by what is in them: `.keras` archives (ZIP with config.json, metadata.json,
 * model.weights.h5 and assets), whole models in HDF5, and architectures in JSON or YAML with weights in another file.
 */
import { readWholeFile } from "../checkpoint/random-access-file.js";
import { Hdf5File, isHdf5 } from "../hdf5/hdf5-file.js";
import { dataLoss, invalidArgument, naming, unimplemented } from "../status.js";
import { decodeText } from "../tensor.js";
import { isTfjsJson, tfjsModelOf } from "../tfjs/reader.js";
import { isZip, readZip, type ZipEntry } from "../zip.js";
import type { LayerAssets } from "./build.js";
import { isJsonObject, type Json, type JsonObject, parseConfig } from "./config.js";
import { KerasModel } from "./model.js";
import { storedWeights, type WeightLoading } from "./stored-weights.js";
import { yaml } from "./yaml.js";

const MAX_FILE_BYTES = 2 ** 32 - 1;
/** Of an architecture. */
const MAX_TEXT_BYTES = 2 ** 27;
/** What an archive's files may have together, as a multiple of the archive and at least. */
const MAX_EXPANSION = 64;
const EXPANSION_FLOOR = 2 ** 28;

export const ARCHIVE_CONFIG = "config.json";
export const ARCHIVE_METADATA = "metadata.json";
export const ARCHIVE_WEIGHTS = "model.weights.h5";

export interface KerasReadOptions {
  /** File with the weights of an architecture in JSON or YAML. */
  readonly weights?: string;
}

/**
 * Reads a model from a `.keras` archive, an HDF5 file, an architecture in JSON or YAML, or a TensorFlow.js layers model
 * (model.json with its shards). An architecture alone has weights of zeros.
 *
 * @throws NOT_FOUND for a missing file; DATA_LOSS and INVALID_ARGUMENT, naming the file, for damaged ones;
 *   RESOURCE_EXHAUSTED for what unpacks to too much; UNIMPLEMENTED, naming the layer, for layers that can't be served
 *
 * @example
 * const file = "model.json";
 * fs.writeFileSync(file, JSON.stringify({
 *   class_name: "Sequential",
 *   config: {
 *     name: "twice",
 *     layers: [{ class_name: "Dense", config: { units: 2, batch_input_shape: [null, 3] } }],
 *   },
 * }));
 * assert.equal(readKerasModel(file).weightSpecs.length, 2);
 */
export function readKerasModel(file: string, options: KerasReadOptions = {}): KerasModel {
  const bytes = readWholeFile(file, MAX_FILE_BYTES);
  if (isZip(bytes)) return readArchive(bytes, file);
  if (isHdf5(bytes)) return readHdf5Model(bytes, file);
  return readText(bytes, file, options);
}

/**
 * Loads weights from a file into a model: from a weights-only HDF5 file of either layout, a whole model in HDF5, or an
 * archive.
 *
 * @throws as readKerasModel; INVALID_ARGUMENT, listing all, for weights that do not fit
 *
 * @example
 * const architecture = {
 *   class_name: "Sequential",
 *   config: { name: "m", layers: [{ class_name: "Dense", config: { units: 2, batch_input_shape: [null, 3] } }] },
 * };
 * const model = new KerasModel({ architecture, kerasMajor: 3, what: "m" });
 * writeKerasWeights(model, "m.weights.h5");
 * loadKerasWeights(model, "m.weights.h5");
 * assert.equal(model.weights.size, 2);
 */
export function loadKerasWeights(model: KerasModel, file: string, options: WeightLoading = {}): void {
  const bytes = readWholeFile(file, MAX_FILE_BYTES);
  const weights = isZip(bytes) ? archiveWeights(readZip(bytes, file), bytes.length, file) : bytes;
  setWeights(model, weights, file, options);
}

function setWeights(model: KerasModel, bytes: Uint8Array, what: string, options: WeightLoading = {}): void {
  const file = Hdf5File.open(bytes, what);
  try {
    model.setWeights(naming(what, () => storedWeights(file, model.layers, what, options)));
  } finally {
    file.close();
  }
}

// ---- archives ------------------------------------------------------------------------------------------------

function readArchive(bytes: Uint8Array, what: string): KerasModel {
  const files = readZip(bytes, what);
  const config = archiveText(files, ARCHIVE_CONFIG, what);
  const metadata = files.has(ARCHIVE_METADATA) ? archiveText(files, ARCHIVE_METADATA, what) : "{}";
  const architecture = parseConfig(config, `${what}, file "${ARCHIVE_CONFIG}"`);
  const facts = parseConfig(metadata, `${what}, file "${ARCHIVE_METADATA}"`);
  const model = modelOf(architecture, versionOf(facts), what, archiveAssets(files));
  if (model.weightSpecs.length > 0) {
    setWeights(model, archiveWeights(files, bytes.length, what), `${what}, file "${ARCHIVE_WEIGHTS}"`);
  }
  return model;
}

function archiveText(files: ReadonlyMap<string, ZipEntry>, name: string, what: string): string {
  const entry = files.get(name);
  if (entry === undefined) {
    throw dataLoss(`${what} is no Keras archive: it has no "${name}", but ${listOf([...files.keys()])}`);
  }
  return decodeText(entry.read(MAX_TEXT_BYTES));
}

function listOf(names: readonly string[]): string {
  if (names.length === 0) return "no files at all";
  return `${names.slice(0, 6).join(", ")}${names.length > 6 ? " …" : ""}`;
}

function archiveWeights(
  files: ReadonlyMap<string, ZipEntry>,
  archiveBytes: number,
  what: string,
): Uint8Array {
  const entry = files.get(ARCHIVE_WEIGHTS);
  if (entry !== undefined) return entry.read(Math.max(EXPANSION_FLOOR, MAX_EXPANSION * archiveBytes));
  const other = [...files.keys()].find((name) => name.startsWith("model.weights"));
  if (other !== undefined)
    throw unimplemented(`${what}: weights in "${other}" are not supported, only ${ARCHIVE_WEIGHTS}`);
  throw dataLoss(`${what} has no "${ARCHIVE_WEIGHTS}"`);
}

function archiveAssets(files: ReadonlyMap<string, ZipEntry>): LayerAssets {
  return (layerPath, fileName) => files.get(`assets/${layerPath}/${fileName}`)?.read(MAX_TEXT_BYTES);
}

// ---- HDF5 ----------------------------------------------------------------------------------------------------

function readHdf5Model(bytes: Uint8Array, what: string): KerasModel {
  const file = Hdf5File.open(bytes, what);
  try {
    const config = file.root.attributes.get("model_config");
    if (typeof config !== "string") {
      throw invalidArgument(
        `${what} has no model_config: it holds weights alone; give the architecture (JSON) and this file as its weights`,
      );
    }
    const version = file.root.attributes.get("keras_version");
    const architecture = parseConfig(config, `${what}, attribute "model_config"`);
    const model = modelOf(
      architecture,
      { keras_version: typeof version === "string" ? version : null },
      what,
    );
    model.setWeights(naming(what, () => storedWeights(file, model.layers, what)));
    return model;
  } finally {
    file.close();
  }
}

// ---- text ----------------------------------------------------------------------------------------------------

function readText(bytes: Uint8Array, what: string, { weights }: KerasReadOptions): KerasModel {
  if (bytes.length > MAX_TEXT_BYTES) {
    throw invalidArgument(`${what} is neither a Keras archive nor HDF5, and too large for an architecture`);
  }
  const value = parseArchitecture(decodeText(bytes), what);
  if (isTfjsJson(value)) {
    const found = tfjsModelOf(value, what);
    if (found.kind === "layers") return found.model;
    throw invalidArgument(`${what} is a TensorFlow.js graph model, which has no layers`);
  }
  const model = modelOf(value, versionOf(value), what);
  if (weights !== undefined) loadKerasWeights(model, weights);
  return model;
}

/** JSON, or else YAML. */
export function parseArchitecture(text: string, what: string): Json {
  if (/^\s*[{[]/.test(text)) return parseConfig(text, what);
  let value: unknown;
  try {
    value = yaml().parse(text, { maxAliasCount: 1000, logLevel: "silent" });
  } catch (reason) {
    throw invalidArgument(`${what} is no YAML: ${(reason as Error).message.split("\n")[0]}`, {
      cause: reason,
    });
  }
  if (typeof value !== "object" || value === null) {
    throw invalidArgument(`${what} is no Keras file: neither an archive (ZIP), HDF5, JSON nor YAML`);
  }
  return parseConfig(JSON.stringify(value), what);
}

// ---- all -----------------------------------------------------------------------------------------------------

function versionOf(facts: Json): { readonly keras_version: Json } {
  return { keras_version: isJsonObject(facts) ? (facts.keras_version ?? null) : null };
}

function modelOf(
  value: Json,
  facts: { readonly keras_version?: Json },
  what: string,
  assets?: LayerAssets,
): KerasModel {
  if (!isJsonObject(value)) throw invalidArgument(`${what}: the architecture is no object`);
  const major = Number.parseInt(String(facts.keras_version ?? ""), 10);
  const kerasMajor = Number.isNaN(major) ? guessedMajor(value) : major;
  return naming(
    what,
    () => new KerasModel({ architecture: value, kerasMajor, what, ...(assets && { assets }) }),
  );
}

/** Files of Keras 3 call the shape of an input batch_shape, those before batch_input_shape. */
function guessedMajor(architecture: JsonObject): number {
  return JSON.stringify(architecture).includes('"batch_shape"') ? 3 : 2;
}
