/**
 * TensorFlow.js models: model.json with its weight shards (tfjs-core/src/io/types.ts). A layers model is a Keras model
 * of version 2 with another way of storing weights; a graph model is a MetaGraph.
 */
import { readWholeFile } from "../checkpoint/random-access-file.js";
import { isJsonObject, type Json, type JsonObject, parseConfig } from "../keras/config.js";
import { KerasModel } from "../keras/model.js";
import { type WeightedLayer, type WeightSpec, weightsInFileOrder } from "../keras/weight.js";
import type { MetaGraphDef } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import { decodeText, type Tensor } from "../tensor.js";
import { tfjsMetaGraph } from "./graph-model.js";
import { readTfjsWeights } from "./weights.js";

const MAX_JSON_BYTES = 2 ** 28;

/** A TensorFlow.js model of either kind. */
export type TfjsModel =
  | { readonly kind: "layers"; readonly model: KerasModel }
  | { readonly kind: "graph"; readonly metaGraph: MetaGraphDef };

/** Whether a JSON document is a TensorFlow.js model. */
export function isTfjsJson(value: Json): value is JsonObject {
  return isJsonObject(value) && "modelTopology" in value;
}

/**
 * Reads model.json and the shards beside it.
 *
 * @throws NOT_FOUND for missing files; DATA_LOSS and INVALID_ARGUMENT for damaged ones; UNIMPLEMENTED for layers that
 *   can't be served, naming them
 *
 * @example
 * fs.writeFileSync("weights.bin", new Uint8Array(new Float32Array([2]).buffer));
 * fs.writeFileSync("model.json", JSON.stringify({
 *   format: "layers-model",
 *   modelTopology: {
 *     class_name: "Sequential",
 *     config: {
 *       name: "double",
 *       layers: [
 *         { class_name: "Dense", config: { name: "y", units: 1, use_bias: false, batch_input_shape: [null, 1] } },
 *       ],
 *     },
 *   },
 *   weightsManifest: [
 *     { paths: ["weights.bin"], weights: [{ name: "y/kernel", shape: [1, 1], dtype: "float32" }] },
 *   ],
 * }));
 * assert.equal(readTfjsModel("model.json").kind, "layers");
 */
export function readTfjsModel(file: string): TfjsModel {
  const value = parseConfig(decodeText(readWholeFile(file, MAX_JSON_BYTES)), file);
  if (!isTfjsJson(value)) throw invalidArgument(`${file} is no TensorFlow.js model: it has no modelTopology`);
  return tfjsModelOf(value, file);
}

/** The model of a document that is parsed already. */
export function tfjsModelOf(value: JsonObject, file: string): TfjsModel {
  const weights = readTfjsWeights(value.weightsManifest ?? [], file);
  const topology = value.modelTopology ?? null;
  if (isJsonObject(topology) && "node" in topology) {
    return { kind: "graph", metaGraph: tfjsMetaGraph(value, weights, file) };
  }
  return { kind: "layers", model: layersModel(topology, weights, file) };
}

function layersModel(topology: Json, weights: ReadonlyMap<string, Tensor>, file: string): KerasModel {
  const inner =
    isJsonObject(topology) && isJsonObject(topology.model_config) ? topology.model_config : topology;
  if (!isJsonObject(inner))
    throw invalidArgument(`${file}: modelTopology is neither a Keras model nor a graph`);
  const major = isJsonObject(topology) ? Number.parseInt(String(topology.keras_version ?? "2"), 10) : 2;
  const model = new KerasModel({
    architecture: inner,
    kerasMajor: major >= 3 ? 3 : 2,
    what: file,
  });
  model.setWeights(matched(model.layers, weights, file));
  return model;
}

/**
 * Weights are named after the layer that has them, which may be inside another. Within a layer they come in the order
 * of Keras. Where the names do not tell, all of them correspond by their order.
 */
function matched(
  model: WeightedLayer,
  weights: ReadonlyMap<string, Tensor>,
  file: string,
): Map<string, Tensor> {
  const groups = new Map<string, Tensor[]>();
  for (const [name, value] of weights) {
    const layer = name.split("/")[0] as string;
    groups.set(layer, [...(groups.get(layer) ?? []), value]);
  }
  const found = new Map<string, Tensor>();
  takeByName(model, groups, found);
  const specs = weightsInFileOrder(model);
  if (specs.every(({ key }) => found.has(key))) return found;
  return matchedByOrder(specs, [...weights], file);
}

function takeByName(
  layer: WeightedLayer,
  groups: ReadonlyMap<string, Tensor[]>,
  found: Map<string, Tensor>,
): void {
  for (const part of layer.parts) {
    const specs = weightsInFileOrder(part.layer);
    const group = groups.get(part.layer.name);
    if (group?.length === specs.length && specs.every((spec, i) => fits(spec, group[i] as Tensor))) {
      specs.forEach((spec, i) => {
        found.set(spec.key, group[i] as Tensor);
      });
    } else {
      takeByName(part.layer, groups, found);
    }
  }
}

function fits(spec: WeightSpec, value: Tensor): boolean {
  return sameShape(spec.shape, value.shape);
}

function matchedByOrder(
  specs: readonly WeightSpec[],
  weights: readonly (readonly [name: string, value: Tensor])[],
  file: string,
): Map<string, Tensor> {
  const problems =
    specs.length === weights.length
      ? specs.flatMap((spec, i) => {
          const [name, value] = weights[i] as readonly [string, Tensor];
          if (fits(spec, value)) return [];
          return [
            `"${spec.key}" has the shape ${shapeText(spec.shape)}, "${name}" ${shapeText(value.shape)}`,
          ];
        })
      : [`the model has ${specs.length} weights, the file ${weights.length}`];
  if (problems.length > 0) {
    throw invalidArgument(`${file}: the weights do not fit the model: ${problems.slice(0, 12).join("; ")}`);
  }
  return new Map(specs.map((spec, i) => [spec.key, (weights[i] as readonly [string, Tensor])[1]]));
}
