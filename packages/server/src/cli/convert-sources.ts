/** What `servable convert` can read, told apart by what it holds. */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import {
  type CheckpointReader,
  checkpointExists,
  isHdf5,
  isSavedModelFolder,
  isSessionBundleFolder,
  isZip,
  type KerasModel,
  type LoadedMetaGraph,
  loader,
  notFound,
  openCheckpoint,
  readGraphDef,
  readKerasModel,
  readSavedModel,
  readSessionBundle,
  readTfjsModel,
  readWholeFile,
  SERVING_TAG,
  type SessionBundle,
  tagsOf,
  unimplemented,
} from "@servable/formats";
import type { GraphDef } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import type { MetaGraphDef } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";

/** Something that was read, in the form that it has. */
export type Source = {
  /** Its path. */
  readonly path: string;
  /** What to call it. */
  readonly about: string;
  readonly close: () => void;
} & (
  | { readonly kind: "keras"; readonly model: KerasModel }
  | { readonly kind: "saved model"; readonly loaded: LoadedMetaGraph }
  | { readonly kind: "session bundle"; readonly bundle: SessionBundle }
  /** A graph whose constants are its weights, with or without signatures. */
  | { readonly kind: "graph"; readonly graphDef: GraphDef; readonly metaGraph?: MetaGraphDef }
  | { readonly kind: "checkpoint"; readonly reader: CheckpointReader }
);

export interface SourceOptions {
  readonly weights?: string;
}

const nothing = (): void => {};

/**
 * Reads what is at a path. NOT_FOUND when there is nothing, UNIMPLEMENTED for formats that can only be served; else the
 * errors of the readers.
 */
export function openSource(from: string, options: SourceOptions): Source {
  if (!existsSync(from)) {
    if (checkpointExists(from)) return checkpointSource(from);
    throw notFound(`${from} does not exist, neither as a file or folder nor as a checkpoint's prefix`);
  }
  return statSync(from).isDirectory() ? openFolder(from, options) : openFile(from, options);
}

function checkpointSource(from: string): Source {
  const reader = openCheckpoint(from);
  const about = `a checkpoint of ${reader.names().length} tensors`;
  return { kind: "checkpoint", path: from, about, reader, close: () => reader.close() };
}

function openFolder(from: string, options: SourceOptions): Source {
  if (isSavedModelFolder(from)) return savedModelSource(from);
  if (isSessionBundleFolder(from)) {
    const bundle = readSessionBundle(from);
    return { kind: "session bundle", path: from, about: "a SessionBundle", bundle, close: nothing };
  }
  const json = path.join(from, "model.json");
  if (existsSync(json)) return openFile(json, withWeightsIn(from, options));
  const files = readdirSync(from).filter((name) => /\.(keras|h5|hdf5)$/.test(name));
  if (files.length === 1) return openFile(path.join(from, files[0] as string), options);
  throw notFound(`${from} has no saved_model.pb, export.meta, model.json or Keras file`);
}

function withWeightsIn(folder: string, options: SourceOptions): SourceOptions {
  const files = readdirSync(folder).filter((name) => /\.(h5|hdf5)$/.test(name));
  if (options.weights !== undefined || files.length !== 1) return options;
  return { weights: path.join(folder, files[0] as string) };
}

function savedModelSource(from: string): Source {
  const { savedModel } = readSavedModel(from);
  const sets = savedModel.metaGraphs.map(tagsOf);
  const tags = sets.find((set) => set.length === 1 && set[0] === SERVING_TAG) ?? sets[0] ?? [SERVING_TAG];
  const loaded = loader.load(tags, from);
  const about = `a SavedModel, MetaGraph "${tags.join(",")}" with ${Object.keys(loaded.signatures).length} signatures`;
  return { kind: "saved model", path: from, about, loaded, close: () => loaded.close() };
}

const HEAD_BYTES = 2 ** 32 - 1;

function openFile(from: string, options: SourceOptions): Source {
  const name = path.basename(from);
  if (/^saved_model\.(pb|pbtxt)$/.test(name)) return savedModelSource(path.dirname(from));
  if (name.endsWith(".index") && checkpointExists(from.slice(0, -".index".length))) {
    return checkpointSource(from.slice(0, -".index".length));
  }
  if (/\.(onnx|tflite)$/.test(name)) {
    throw unimplemented(`${from}: ${path.extname(name)} models can be served as they are, but not converted`);
  }
  if (/\.(pb|pbtxt)$/.test(name)) return graphSource(from);
  const bytes = readWholeFile(from, HEAD_BYTES);
  if (isZip(bytes)) return kerasSource(from, "a Keras archive", options);
  if (isHdf5(bytes)) return kerasSource(from, "a Keras model in HDF5", options);
  if (/\.json$/.test(name)) return jsonSource(from, options);
  if (/\.ya?ml$/.test(name)) return kerasSource(from, "a Keras architecture", options);
  // Any file may be a checkpoint of the first format: what is none says so.
  return checkpointSource(from);
}

function graphSource(from: string): Source {
  const graphDef = readGraphDef(from);
  return {
    kind: "graph",
    path: from,
    about: `a graph of ${graphDef.node.length} nodes`,
    graphDef,
    close: nothing,
  };
}

function kerasSource(from: string, what: string, { weights }: SourceOptions): Source {
  const model = readKerasModel(from, weights === undefined ? {} : { weights });
  return { kind: "keras", path: from, about: kerasAbout(what, model), model, close: nothing };
}

function kerasAbout(what: string, model: KerasModel): string {
  const elements = model.weightSpecs.reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const values = model.weights.size === 0 && elements > 0 ? " (without values: zeros)" : "";
  return `${what}, "${model.name}" with ${elements} weights${values}`;
}

/** TensorFlow.js has its topology in model.json beside the weights, Keras the architecture alone. */
function jsonSource(from: string, options: SourceOptions): Source {
  const text = Buffer.from(readWholeFile(from, 2 ** 28)).toString("utf8");
  if (!/"modelTopology"\s*:/.test(text)) return kerasSource(from, "a Keras architecture", options);
  const found = readTfjsModel(from);
  if (found.kind === "layers") {
    const about = kerasAbout("a TensorFlow.js layers model", found.model);
    return { kind: "keras", path: from, about, model: found.model, close: nothing };
  }
  const { metaGraph } = found;
  const graphDef = metaGraph.graphDef as GraphDef;
  const about = `a TensorFlow.js graph model of ${graphDef.node.length} nodes`;
  return { kind: "graph", path: from, about, graphDef, metaGraph, close: nothing };
}
