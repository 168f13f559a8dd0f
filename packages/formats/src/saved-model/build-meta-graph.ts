/**
 * MetaGraphDef (tensorflow/core/protobuf/meta_graph.proto) of a graph that was built: the graph itself, and what
 * loaders look up beside it: tags, saver, signatures, collections, asset files.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Asset } from "../graph-builder/asset.js";
import type { GraphBuilder } from "../graph-builder/graph-builder.js";
import type { Operation } from "../graph-builder/operation.js";
import { addSaver } from "../graph-builder/saver.js";
import type { Variable } from "../graph-builder/variable.js";
import { opDef } from "../op-defs/op-def.js";
import { strippedOpList } from "../op-defs/op-list.js";
import { decodeMessage } from "../protobuf/binary.js";
import { type AttrValue, AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import type { GraphDef } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import type { NodeDef } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import { VariableDefSchema } from "../protobuf/gen/tensorflow/core/framework/variable_pb.js";
import {
  type AssetFileDef,
  AssetFileDefSchema,
  type CollectionDef,
  CollectionDefSchema,
  type MetaGraphDef,
  type MetaGraphDef_MetaInfoDef,
  MetaGraphDef_MetaInfoDefSchema,
  MetaGraphDefSchema,
  type SignatureDef,
  type TensorInfo,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { invalidArgument } from "../status.js";
import { buildTensorInfo, opSignatureDef } from "./build-signature-def.js";
import type { MetaGraphParts } from "./builder.js";
import {
  ASSETS_COLLECTION,
  assetsOfCollection,
  INIT_OP_SIGNATURE,
  TRAIN_OP_SIGNATURE,
} from "./meta-graph.js";

/** Names of collections, as tf.compat.v1.GraphKeys and saved_model/constants.py have them. */
const VARIABLES = "variables";
const TRAINABLE_VARIABLES = "trainable_variables";
const TABLE_INITIALIZERS = "table_initializer";
const MAIN_OP = "saved_model_main_op";
const LEGACY_INIT_OP = "legacy_init_op";

/** The release of TensorFlow whose op definitions these graphs are written by. */
const TENSORFLOW_VERSION = "2.21.0";

/** INVALID_ARGUMENT, listing all, for signatures and init ops that name what is not in the graph. */
export function buildMetaGraphDef(tags: readonly string[], parts: MetaGraphParts): MetaGraphDef {
  const { graph, signatures = {} } = parts;
  checkReferences(parts);
  const saver = parts.saver ?? addSaver(graph);
  const graphDef = writtenGraph(parts);
  const metaGraph = create(MetaGraphDefSchema, {
    metaInfoDef: metaInfoOf(tags, parts, graphDef),
    graphDef,
    collectionDef: mergedCollections(parts.collections ?? {}, collections(parts)),
    signatureDef: { ...signatures, ...opSignatures(parts) },
    assetFileDef: assetFileDefs(parts),
  });
  if (saver !== undefined) metaGraph.saverDef = saver;
  if (parts.objectGraph !== undefined) metaGraph.objectGraphDef = parts.objectGraph;
  return metaGraph;
}

function metaInfoOf(
  tags: readonly string[],
  { stripDefaultAttrs = false, metaInfo }: MetaGraphParts,
  graphDef: GraphDef,
): MetaGraphDef_MetaInfoDef {
  const known = create(MetaGraphDef_MetaInfoDefSchema, { tensorflowVersion: TENSORFLOW_VERSION });
  return {
    ...known,
    strippedOpList: strippedOpList(graphDef),
    ...metaInfo,
    tags: [...tags],
    strippedDefaultAttrs: stripDefaultAttrs || (metaInfo?.strippedDefaultAttrs ?? false),
  };
}

/** The graph without devices and defaults, where that is asked for. */
function writtenGraph({ graph, stripDefaultAttrs = false, clearDevices = false }: MetaGraphParts): GraphDef {
  const graphDef = graph.toGraphDef();
  const written = (node: NodeDef): NodeDef => ({
    ...node,
    ...(clearDevices && { device: "" }),
    ...(stripDefaultAttrs && { attr: withoutDefaults(node) }),
  });
  if (!stripDefaultAttrs && !clearDevices) return graphDef;
  const node = graphDef.node.map(written);
  const { library } = graphDef;
  if (library === undefined) return { ...graphDef, node };
  const functions = library.function.map((def) => ({ ...def, nodeDef: def.nodeDef.map(written) }));
  return { ...graphDef, node, library: { ...library, function: functions } };
}

function withoutDefaults(node: NodeDef): NodeDef["attr"] {
  const def = opDef(node.op);
  const isDefault = ([name, value]: [string, AttrValue]) => {
    const fallback = def?.attrs.get(name)?.default;
    return fallback !== undefined && sameValue(fallback, value);
  };
  return Object.fromEntries(Object.entries(node.attr).filter((entry) => !isDefault(entry)));
}

/** Signatures that name an operation, as TensorFlow 2 does for its init and train ops. */
function opSignatures({ initOp, trainOp }: MetaGraphParts): Record<string, SignatureDef> {
  return {
    ...(initOp !== undefined && { [INIT_OP_SIGNATURE]: opSignatureDef(initOp, INIT_OP_SIGNATURE) }),
    ...(trainOp !== undefined && { [TRAIN_OP_SIGNATURE]: opSignatureDef(trainOp, TRAIN_OP_SIGNATURE) }),
  };
}

/** Those that are asked for; else all but those that a given collection lists, as TensorFlow 1 did. */
function assetFileDefs({ graph, assetsCollection, collections = {} }: MetaGraphParts): AssetFileDef[] {
  if (assetsCollection !== undefined) return assetsCollection.map(assetFileDef);
  const listed = assetsOfCollection(collections[ASSETS_COLLECTION]).map(({ filename }) => filename);
  return graph.assets.filter(({ fileName }) => !listed.includes(fileName)).map(assetFileDef);
}

function assetFileDef({ fileName, tensor }: Asset): AssetFileDef {
  return create(AssetFileDefSchema, { tensorInfo: buildTensorInfo(tensor), filename: fileName });
}

function checkReferences({ graph, signatures = {}, ...parts }: MetaGraphParts): void {
  const { mainOp, legacyInitOp, initOp, trainOp, assetsCollection = [] } = parts;
  const problems = Object.entries(signatures).flatMap(([name, signature]) =>
    missingTensors(graph, signature).map(
      (tensor) => `signature "${name}": the graph has no tensor "${tensor}"`,
    ),
  );
  for (const operation of [mainOp, legacyInitOp, initOp, trainOp]) {
    if (operation !== undefined && graph.operation(operation.name) !== operation) {
      const what = operation === trainOp ? "train op" : "init op";
      problems.push(`${what} "${operation.name}" belongs to another graph`);
    }
  }
  for (const { fileName, tensor } of assetsCollection) {
    if (graph.tensor(tensor.name) !== tensor) problems.push(`asset "${fileName}" belongs to another graph`);
  }
  if (mainOp !== undefined && legacyInitOp !== undefined) {
    problems.push("a main op and a legacy init op exclude each other");
  }
  if (problems.length > 0) throw invalidArgument(`MetaGraph: ${problems.join("; ")}`);
}

function missingTensors(graph: GraphBuilder, { inputs, outputs }: SignatureDef): string[] {
  const names = [...Object.values(inputs), ...Object.values(outputs)].flatMap(tensorNames);
  return names.filter((name) => !isInGraph(graph, name));
}

/** The graph tensors of an input or output. */
function tensorNames({ encoding }: TensorInfo): string[] {
  switch (encoding.case) {
    case "name":
      return [encoding.value];
    case "cooSparse": {
      const { indicesTensorName, valuesTensorName, denseShapeTensorName } = encoding.value;
      return [indicesTensorName, valuesTensorName, denseShapeTensorName];
    }
    case "compositeTensor":
      return encoding.value.components.flatMap(tensorNames);
    default:
      return [];
  }
}

/** "node:1" must be an output of the node; a name without a colon is that of an operation, as init ops have. */
function isInGraph(graph: GraphBuilder, tensorName: string): boolean {
  const [, node = tensorName, index] = /^(.*):(\d+)$/.exec(tensorName) ?? [];
  const operation = graph.operation(node);
  return operation !== undefined && (index === undefined || Number(index) < operation.outputs.length);
}

/** What importers look up in the graph besides signatures, by the names of TensorFlow's collections. */
export function collections({
  graph,
  mainOp,
  legacyInitOp,
}: Pick<MetaGraphParts, "graph" | "mainOp" | "legacyInitOp">): Record<string, CollectionDef> {
  const all: [name: string, members: CollectionDef | undefined][] = [
    [VARIABLES, variableList(graph.variables)],
    [TRAINABLE_VARIABLES, variableList(graph.variables.filter(({ trainable }) => trainable))],
    [TABLE_INITIALIZERS, nodeList(graph.tableInitializers)],
    [MAIN_OP, nodeList(mainOp === undefined ? [] : [mainOp])],
    [LEGACY_INIT_OP, nodeList(legacyInitOp === undefined ? [] : [legacyInitOp])],
  ];
  return Object.fromEntries(all.filter((entry): entry is [string, CollectionDef] => entry[1] !== undefined));
}

/** The given collections, with what the graph has beyond them. */
function mergedCollections(
  given: Readonly<Record<string, CollectionDef>>,
  derived: Readonly<Record<string, CollectionDef>>,
): Record<string, CollectionDef> {
  const merged = { ...given };
  for (const [name, collection] of Object.entries(derived)) {
    const known = given[name];
    merged[name] = known === undefined ? collection : withMissing(known, collection);
  }
  return merged;
}

function withMissing(known: CollectionDef, derived: CollectionDef): CollectionDef {
  if (known.kind.case === "nodeList" && derived.kind.case === "nodeList") {
    const value = [...new Set([...known.kind.value.value, ...derived.kind.value.value])];
    return create(CollectionDefSchema, { kind: { case: "nodeList", value: { value } } });
  }
  if (known.kind.case !== "bytesList" || derived.kind.case !== "bytesList") return known;
  const names = new Set(known.kind.value.value.map(variableName));
  const added = derived.kind.value.value.filter((bytes) => !names.has(variableName(bytes)));
  const value = [...known.kind.value.value, ...added];
  return create(CollectionDefSchema, { kind: { case: "bytesList", value: { value } } });
}

function variableName(bytes: Uint8Array): string {
  return decodeMessage(VariableDefSchema, bytes, "collection of variables").variableName;
}

function variableList(variables: readonly Variable[]): CollectionDef | undefined {
  if (variables.length === 0) return undefined;
  const value = variables.map((variable) => toBinary(VariableDefSchema, variable.toProto()));
  return create(CollectionDefSchema, { kind: { case: "bytesList", value: { value } } });
}

function nodeList(operations: readonly Operation[]): CollectionDef | undefined {
  if (operations.length === 0) return undefined;
  const value = operations.map(({ name }) => name);
  return create(CollectionDefSchema, { kind: { case: "nodeList", value: { value } } });
}

function sameValue(a: AttrValue, b: AttrValue): boolean {
  return a === b || Buffer.compare(toBinary(AttrValueSchema, a), toBinary(AttrValueSchema, b)) === 0;
}
