/**
 * Writes Keras files: `.keras` archives, whole models and weights in HDF5, architectures in JSON and YAML. The layouts
 * are those of reader.ts and stored-weights.ts.
 *
 * A file appears under its name when it is complete.
 */
import { NewFile } from "../checkpoint/new-file.js";
import { writeHdf5 } from "../hdf5/hdf5-file.js";
import type { Hdf5Value, NewHdf5Dataset, NewHdf5Group } from "../hdf5/hdf5-tasks.js";
import { unimplemented } from "../status.js";
import { encodeText, type Tensor } from "../tensor.js";
import { writeZip } from "../zip.js";
import { asKeras3 } from "./keras3-config.js";
import type { KerasModel } from "./model.js";
import { ARCHIVE_CONFIG, ARCHIVE_METADATA, ARCHIVE_WEIGHTS } from "./reader.js";
import { ownWeights, type WeightedLayer, type WeightSpec, weightsInFileOrder } from "./weight.js";
import { yaml } from "./yaml.js";

/** What the files say they were written by: the versions whose layouts these are. */
const KERAS_3 = "3.15.1";
const KERAS_2 = "2.21.0";
/** Strings in one attribute: an object's header has no place for more than 64 KiB. */
const MAX_STRINGS = 2000;

/** Layouts of weights in HDF5: that of `.weights.h5` and archives, or that of whole models and Keras 2. */
export type WeightLayout = "keras3" | "legacy";

/**
 * Writes a model as a `.keras` archive of Keras 3.
 *
 * @throws the codes of the file system's errors; UNIMPLEMENTED for weights of dtypes that HDF5 lacks
 *
 * @example
 * const architecture = {
 *   class_name: "Sequential",
 *   config: { name: "m", layers: [{ class_name: "Dense", config: { units: 2, batch_input_shape: [null, 3] } }] },
 * };
 * const file = "m.keras";
 * writeKerasArchive(new KerasModel({ architecture, kerasMajor: 2, what: "m" }), file);
 * assert.equal(readKerasModel(file).weightSpecs.length, 2);
 */
export function writeKerasArchive(model: KerasModel, file: string): void {
  const metadata = { keras_version: KERAS_3, date_saved: dateText(new Date()) };
  const weights = writeHdf5(nestedGroup(model, model.layers, ""));
  const files = new Map([
    [ARCHIVE_METADATA, encodeText(JSON.stringify(metadata))],
    [ARCHIVE_CONFIG, encodeText(JSON.stringify(asKeras3(model.parts.architecture, model.parts.what)))],
    [ARCHIVE_WEIGHTS, weights],
    ...assetsOf(model),
  ]);
  writeWhole(file, writeZip(files));
}

function dateText(date: Date): string {
  return date.toISOString().slice(0, 19).replace("T", "@");
}

/** Vocabularies that the model's own file had. */
function assetsOf(model: KerasModel): [string, Uint8Array][] {
  const name = "vocabulary.txt";
  const places = (layer: WeightedLayer, at: string): string[] => [
    at,
    ...layer.parts.flatMap((part) => places(part.layer, at === "" ? part.place : `${at}/${part.place}`)),
  ];
  return places(model.layers, "").flatMap((place): [string, Uint8Array][] => {
    const content = model.parts.assets?.(place, name);
    return content === undefined ? [] : [[`assets/${place}/${name}`, content]];
  });
}

/**
 * Writes a whole model as HDF5: architecture in the attribute model_config, weights by layer.
 *
 * @throws as writeKerasArchive
 *
 * @example
 * const architecture = {
 *   class_name: "Sequential",
 *   config: { name: "m", layers: [{ class_name: "Dense", config: { units: 2, batch_input_shape: [null, 3] } }] },
 * };
 * const file = "m.h5";
 * writeKerasHdf5(new KerasModel({ architecture, kerasMajor: 2, what: "m" }), file);
 * assert.equal(readKerasModel(file).weightSpecs.length, 2);
 */
export function writeKerasHdf5(model: KerasModel, file: string): void {
  const attributes = new Map([
    ["keras_version", versionOf(model)],
    ["backend", "tensorflow"],
    ["model_config", JSON.stringify(model.parts.architecture)],
  ]);
  const groups = [{ ...legacyGroup(model), name: "model_weights" }];
  writeWhole(file, writeHdf5({ name: "", attributes, groups, datasets: [] }));
}

function versionOf({ parts }: KerasModel): string {
  return parts.kerasMajor >= 3 ? KERAS_3 : KERAS_2;
}

/**
 * Writes the weights alone as HDF5: in the layout of `.weights.h5`, or in that of Keras 2.
 *
 * @throws as writeKerasArchive
 *
 * @example
 * const architecture = {
 *   class_name: "Sequential",
 *   config: { name: "m", layers: [{ class_name: "Dense", config: { units: 2, batch_input_shape: [null, 3] } }] },
 * };
 * const file = "weights.h5";
 * writeKerasWeights(new KerasModel({ architecture, kerasMajor: 2, what: "m" }), file, "legacy");
 * assert.ok(isHdf5(fs.readFileSync(file)));
 */
export function writeKerasWeights(model: KerasModel, file: string, layout: WeightLayout = "keras3"): void {
  writeWhole(file, weightsFile(model, layout));
}

function weightsFile(model: KerasModel, layout: WeightLayout): Uint8Array {
  if (layout === "legacy") return writeHdf5(legacyGroup(model));
  return writeHdf5(nestedGroup(model, asNamedByVersion(model.layers, model.parts.kerasMajor), ""));
}

/**
 * The architecture as JSON, as Keras's `to_json` gives it.
 *
 * @example
 * const architecture = {
 *   class_name: "Sequential",
 *   config: { name: "m", layers: [{ class_name: "Dense", config: { units: 2, batch_input_shape: [null, 3] } }] },
 * };
 * const model = new KerasModel({ architecture, kerasMajor: 2, what: "m" });
 * assert.equal(JSON.parse(kerasToJson(model)).class_name, "Sequential");
 */
export function kerasToJson(model: KerasModel): string {
  return JSON.stringify({
    ...model.parts.architecture,
    keras_version: versionOf(model),
    backend: "tensorflow",
  });
}

/**
 * The architecture as YAML, as Keras's `to_yaml` gave it.
 *
 * @example
 * const architecture = {
 *   class_name: "Sequential",
 *   config: { name: "m", layers: [{ class_name: "Dense", config: { units: 2, batch_input_shape: [null, 3] } }] },
 * };
 * const model = new KerasModel({ architecture, kerasMajor: 2, what: "m" });
 * assert.match(kerasToYaml(model), /^class_name: Sequential$/m);
 */
export function kerasToYaml(model: KerasModel): string {
  return yaml().stringify({
    ...model.parts.architecture,
    keras_version: versionOf(model),
    backend: "tensorflow",
  });
}

// ---- layouts -------------------------------------------------------------------------------------------------

/** Groups as the layers are nested; the variables of each by number. */
function nestedGroup(model: KerasModel, layer: WeightedLayer, name: string): NewHdf5Group {
  const variables = ownWeights(layer).map((spec, i) => datasetOf(model, spec, variableName(spec, i)));
  const vars: NewHdf5Group = {
    name: "vars",
    attributes: new Map([["name", layer.name]]),
    groups: [],
    datasets: variables,
  };
  const parts = layer.parts.map((part) => ({
    path: part.place.split("/"),
    group: (last: string) => nestedGroup(model, part.layer, last),
  }));
  return { name, attributes: new Map(), groups: [vars, ...placed(parts)], datasets: [] };
}

/** Keras 2 calls the attributes of attention layers by names that begin with an underscore. */
function asNamedByVersion(layer: WeightedLayer, kerasMajor: number): WeightedLayer {
  if (kerasMajor >= 3) return layer;
  const parts = layer.parts.map((part) => ({
    place: /^(query|key|value|output)_dense$/.test(part.place) ? `_${part.place}` : part.place,
    layer: asNamedByVersion(part.layer, kerasMajor),
  }));
  return {
    name: layer.name,
    storeName: layer.storeName,
    isTrainable: layer.isTrainable,
    weights: layer.weights,
    parts,
  };
}

/** Lookup layers call the one that they have by its name. */
function variableName(spec: WeightSpec, i: number): string {
  return spec.name === "idf_weights" ? spec.name : String(i);
}

interface PlacedGroup {
  readonly path: readonly string[];
  readonly group: (name: string) => NewHdf5Group;
}

/** Groups at paths of one or several names. */
function placed(parts: readonly PlacedGroup[]): NewHdf5Group[] {
  const names = [...new Set(parts.map((part) => part.path[0] as string))];
  return names.map((name) => {
    const own = parts.filter(({ path: [first] }) => first === name);
    const here = own.find((part) => part.path.length === 1)?.group(name);
    const below = own.filter((part) => part.path.length > 1);
    const inner = placed(below.map(({ path: [, ...rest], group }) => ({ path: rest, group })));
    const empty = { name, attributes: new Map(), groups: [], datasets: [] };
    return { ...(here ?? empty), groups: [...(here?.groups ?? []), ...inner] };
  });
}

/** A group for each layer of the model, with all weights in and below it. */
function legacyGroup(model: KerasModel): NewHdf5Group {
  const layers = model.layers.parts.filter(({ place }) => !place.startsWith("operations/"));
  const mayTrain = model.layers.isTrainable;
  return {
    name: "",
    attributes: new Map<string, Hdf5Value>([
      ...stringAttributes(
        "layer_names",
        layers.map(({ layer }) => layer.name),
      ),
      ["backend", "tensorflow"],
      ["keras_version", versionOf(model)],
    ]),
    groups: [
      ...layers.map(({ layer, place }) => legacyLayer(model, layer, place, mayTrain)),
      {
        name: "top_level_model_weights",
        attributes: new Map([["weight_names", []]]),
        groups: [],
        datasets: [],
      },
    ],
    datasets: [],
  };
}

function legacyLayer(
  model: KerasModel,
  layer: WeightedLayer,
  place: string,
  mayTrain: boolean,
): NewHdf5Group {
  const specs = weightsInFileOrder(mayTrain ? layer : { ...layer, isTrainable: false });
  const names = specs.map(({ key }) => `${layer.name}/${key.slice(place.length + 1)}`);
  const datasets = specs.map((spec, i) => {
    const parts = (names[i] as string).split("/");
    return { path: parts, dataset: datasetOf(model, spec, parts.at(-1) as string) };
  });
  return {
    name: layer.name,
    attributes: new Map(stringAttributes("weight_names", names)),
    groups: datasetGroups(datasets),
    datasets: [],
  };
}

interface PlacedDataset {
  readonly path: readonly string[];
  readonly dataset: NewHdf5Dataset;
}

function datasetGroups(datasets: readonly PlacedDataset[]): NewHdf5Group[] {
  const names = [
    ...new Set(datasets.filter(({ path }) => path.length > 1).map(({ path: [first] }) => first as string)),
  ];
  return names.map((name) => {
    const own = datasets
      .filter(({ path: [first] }) => first === name)
      .map(({ path: [, ...rest], dataset }) => ({ path: rest, dataset }));
    return {
      name,
      attributes: new Map(),
      groups: datasetGroups(own),
      datasets: own.filter((each) => each.path.length === 1).map(({ dataset }) => dataset),
    };
  });
}

/** A list of strings, in several attributes when it is long. */
function stringAttributes(name: string, strings: readonly string[]): [string, readonly string[]][] {
  if (strings.length <= MAX_STRINGS) return [[name, strings]];
  const parts: [string, readonly string[]][] = [];
  for (let from = 0; from < strings.length; from += MAX_STRINGS) {
    parts.push([`${name}${parts.length}`, strings.slice(from, from + MAX_STRINGS)]);
  }
  return parts;
}

function datasetOf(model: KerasModel, spec: WeightSpec, name: string): NewHdf5Dataset {
  const value: Tensor =
    spec.given ?? model.value(spec.sameAs === undefined ? spec : { ...spec, key: spec.sameAs });
  if (value.dtype === "string")
    throw unimplemented(`weight "${spec.key}" holds strings, which HDF5 files of Keras do not`);
  return { name, dtype: value.dtype, shape: value.shape, data: value.data };
}

// ---- files ---------------------------------------------------------------------------------------------------

function writeWhole(file: string, bytes: Uint8Array): void {
  const target = NewFile.create(file);
  try {
    target.append(bytes);
    target.close();
    target.publish();
  } catch (reason) {
    target.discard();
    throw reason;
  }
}
