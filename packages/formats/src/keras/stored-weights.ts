/**
 * Weights as files lay them out.
 *
 * Keras 3 (keras/src/saving/saving_lib.py): groups nested as the layers are, in each a group "vars" with the layer's
 * own variables by number. Before (keras/src/legacy/saving/legacy_h5_format.py): a group for each layer of the model,
 * with all weights in it and below it in one list, "weight_names".
 */
import { datasetAt, groupAt, type Hdf5File, type Hdf5Group } from "../hdf5/hdf5-file.js";
import { sameShape, shapeText } from "../shape.js";
import { dataLoss, invalidArgument } from "../status.js";
import type { Tensor } from "../tensor.js";
import { ownWeights, type WeightedLayer, type WeightSpec, weightsInFileOrder } from "./weight.js";

export interface WeightLoading {
  /** Layers of the older layout are matched by name; those that the file lacks keep their weights. */
  readonly byName?: boolean;
  /** Weights that the file lacks, or has in another shape, keep their values. */
  readonly skipMismatch?: boolean;
}

/** Values by key, of all weights of the model that the file has. INVALID_ARGUMENT, listing all that do not fit. */
export function storedWeights(
  file: Hdf5File,
  model: WeightedLayer,
  what: string,
  options: WeightLoading = {},
): Map<string, Tensor> {
  const legacy = legacyGroup(file.root);
  const loader = new WeightLoader(file, options);
  if (legacy === undefined) loader.loadNested(file.root, model, "");
  else if (options.byName === true) loader.loadByName(legacy, model);
  else loader.loadInOrder(legacy, model);
  if (loader.problems.length > 0 && options.skipMismatch !== true) {
    const shown = loader.problems.slice(0, 12).join("; ");
    const more = loader.problems.length > 12 ? `; and ${loader.problems.length - 12} more` : "";
    throw invalidArgument(`${what}: the weights do not fit the model: ${shown}${more}`);
  }
  return loader.values;
}

/** The group that has "layer_names", undefined for files of Keras 3. */
function legacyGroup(root: Hdf5Group): Hdf5Group | undefined {
  const candidates = [root, root.groups.get("model_weights")];
  return candidates.find((group) => group !== undefined && stringList(group, "layer_names") !== undefined);
}

/** A list of strings, which may be spread over several attributes: name0, name1 … */
function stringList(group: Hdf5Group, name: string): string[] | undefined {
  const whole = group.attributes.get(name);
  if (whole !== undefined) return Array.isArray(whole) ? whole.map(String) : [String(whole)];
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    const part = group.attributes.get(`${name}${i}`);
    if (part === undefined) return i === 0 ? undefined : parts;
    if (Array.isArray(part)) for (const text of part) parts.push(String(text));
    else parts.push(String(part));
  }
}

class WeightLoader {
  readonly values = new Map<string, Tensor>();
  readonly problems: string[] = [];

  constructor(
    private readonly file: Hdf5File,
    private readonly options: WeightLoading,
  ) {}

  // ---- Keras 3 -------------------------------------------------------------------------------------------------

  loadNested(group: Hdf5Group, layer: WeightedLayer, path: string): void {
    const variables = ownWeights(layer);
    const stored = group.groups.get("vars");
    variables.forEach((spec, i) => {
      if (spec.sameAs !== undefined) return;
      const dataset = stored?.datasets.get(String(i)) ?? stored?.datasets.get(spec.name);
      if (dataset === undefined) this.problems.push(`"${path}/vars/${i}" (${spec.key}) is missing`);
      else this.take(spec, dataset.path);
    });
    for (const part of layer.parts) {
      const inner = placeOf(group, part.place);
      const needed = weightsInFileOrder(part.layer).length;
      if (inner !== undefined) this.loadNested(inner, part.layer, `${path}/${part.place}`);
      else if (needed > 0)
        this.problems.push(`group "${path}/${part.place}" with ${needed} weights is missing`);
    }
  }

  // ---- Keras 2 -------------------------------------------------------------------------------------------------

  /** Layers with weights correspond by their order, whatever their names. */
  loadInOrder(group: Hdf5Group, model: WeightedLayer): void {
    const layers = model.parts
      .map(({ layer }) => layer)
      .filter((layer) => weightsInFileOrder(layer).length > 0);
    const names = (stringList(group, "layer_names") ?? []).filter(
      (name) => this.weightPaths(group, name).length > 0,
    );
    if (names.length !== layers.length) {
      this.problems.push(`the model has ${layers.length} layers with weights, the file ${names.length}`);
      if (this.options.skipMismatch !== true) return;
    }
    layers.forEach((layer, i) => {
      const name = names[i];
      if (name !== undefined) this.loadLayer(group, name, layer, model.isTrainable);
    });
    this.loadLayer(group, "top_level_model_weights", { ...model, parts: [] }, true);
  }

  loadByName(group: Hdf5Group, model: WeightedLayer): void {
    const names = new Set(stringList(group, "layer_names") ?? []);
    for (const { layer } of model.parts) {
      if (names.has(layer.name)) this.loadLayer(group, layer.name, layer, model.isTrainable);
    }
  }

  private loadLayer(group: Hdf5Group, name: string, layer: WeightedLayer, mayTrain: boolean): void {
    const specs = weightsInFileOrder(mayTrain ? layer : { ...layer, isTrainable: false });
    const paths = this.weightPaths(group, name);
    if (specs.length === 0 && paths.length === 0) return;
    if (paths.length !== specs.length) {
      this.problems.push(
        `layer "${layer.name}" has ${specs.length} weights, the file's "${name}" ${paths.length}`,
      );
      return;
    }
    specs.forEach((spec, i) => {
      this.take(spec, paths[i] as string);
    });
  }

  /** Where the weights of a layer lie, in their order. */
  private weightPaths(group: Hdf5Group, name: string): string[] {
    const layer = groupAt(group, name);
    if (layer === undefined) return [];
    return (stringList(layer, "weight_names") ?? []).map((weight) =>
      layer.path === "" ? weight : `${layer.path}/${weight}`,
    );
  }

  private take(spec: WeightSpec, path: string): void {
    const dataset = datasetAt(this.file.root, path);
    if (dataset === undefined) {
      throw dataLoss(`the file lists the weight "${path}" but has no such dataset`);
    }
    if (!sameShape(dataset.shape, spec.shape)) {
      this.problems.push(
        `"${spec.key}" has the shape ${shapeText(spec.shape)}, the file's "${path}" ${shapeText(dataset.shape)}`,
      );
      return;
    }
    this.values.set(spec.key, this.read(path, dataset.attributes.get("dtype")));
  }

  /** bfloat16 is stored as 16 bits that the file's types have no name for, and marked. */
  private read(path: string, marked: unknown): Tensor {
    const value = this.file.read(path);
    if (marked !== "bfloat16" || value.dtype !== "uint16") return value;
    return { dtype: "bfloat16", shape: value.shape, data: value.data };
  }
}

/** Where a part may lie: versions of Keras differ in what they call the attributes of a layer. */
function placeOf(group: Hdf5Group, place: string): Hdf5Group | undefined {
  const names = [
    place,
    place.startsWith("_") ? place.slice(1) : `_${place}`,
    place.replace(/^layers\//, "_layer_checkpoint_dependencies/"),
  ];
  for (const name of names) {
    const found = groupAt(group, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
