/**
 * Keras files as models: built into a graph and compiled as a SavedModel is. Their weights are constants of the graph.
 */
import { readdirSync } from "node:fs";
import path from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  DEFAULT_SERVING_SIGNATURE,
  invalidArgument,
  type KerasGraph,
  type KerasModel,
  kerasSignature,
  readKerasModel,
  readTfjsModel,
} from "@servable/formats";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { type LoadOptions, type Model, modelOf } from "./model.js";
import { type OpenedModel, Program } from "./program.js";

/**
 * Loads a `.keras` archive or a whole model in HDF5, with one signature, "serving_default".
 * NOT_FOUND for a missing file; DATA_LOSS, INVALID_ARGUMENT and RESOURCE_EXHAUSTED for damaged and hostile ones;
 * UNIMPLEMENTED, naming the layer, for what can't be served.
 */
export function loadKerasModel(file: string, options: LoadOptions = {}): Model {
  return modelOf(openKerasModel(file), options);
}

/** loadKerasModel without the compiler. */
export function openKerasModel(file: string): OpenedModel {
  return openKerasGraph(readKerasModel(file).toGraph());
}

/**
 * Loads `model.json`: a TensorFlow.js model of either kind with the shards beside it, or a Keras architecture with its
 * weights in the one HDF5 file beside it. Errors as loadKerasModel's.
 */
export function loadModelJson(file: string, options: LoadOptions = {}): Model {
  return modelOf(openModelJson(file), options);
}

/** loadModelJson without the compiler. */
export function openModelJson(file: string): OpenedModel {
  const weights = weightsBeside(file);
  if (weights !== undefined) return openKerasGraph(readKerasModel(file, { weights }).toGraph());
  const found = readTfjsModel(file);
  if (found.kind === "layers") return openKerasGraph(found.model.toGraph());
  return { program: new Program(found.metaGraph), metaGraph: found.metaGraph };
}

function weightsBeside(file: string): string | undefined {
  const folder = path.dirname(file);
  const found = readdirSync(folder).filter((name) => /\.(h5|hdf5)$/.test(name));
  if (found.length > 1)
    throw invalidArgument(`${folder} has several files with weights: ${found.join(", ")}`);
  return found[0] === undefined ? undefined : path.join(folder, found[0]);
}

/** A model that was read or made, in the compiler's hands. */
export function compileKerasModel(model: KerasModel, options: LoadOptions = {}): Model {
  return modelOf(openKerasGraph(model.toGraph()), options);
}

function openKerasGraph(built: KerasGraph): OpenedModel {
  const metaGraph = create(MetaGraphDefSchema, {
    graphDef: built.graph.toGraphDef(),
    signatureDef: { [DEFAULT_SERVING_SIGNATURE]: kerasSignature(built) },
  });
  const program = new Program(metaGraph);
  if (built.initializer !== undefined) program.runOnce([], built.initializer.name);
  return { program, metaGraph };
}
