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
import { type AttrValue, AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import type { NodeDef } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import { VariableDefSchema } from "../protobuf/gen/tensorflow/core/framework/variable_pb.js";
import {
  type AssetFileDef,
  AssetFileDefSchema,
  type CollectionDef,
  CollectionDefSchema,
  type MetaGraphDef,
  MetaGraphDefSchema,
  type SignatureDef,
  type TensorInfo,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { invalidArgument } from "../status.js";
import { buildTensorInfo } from "./build-signature-def.js";
import type { MetaGraphParts } from "./builder.js";

/** Names of collections, as tf.compat.v1.GraphKeys and saved_model/constants.py have them. */
const VARIABLES = "variables";
const TRAINABLE_VARIABLES = "trainable_variables";
const TABLE_INITIALIZERS = "table_initializer";
const MAIN_OP = "saved_model_main_op";
const LEGACY_INIT_OP = "legacy_init_op";

/** INVALID_ARGUMENT, listing all, for signatures and init ops that name what is not in the graph. */
export function buildMetaGraphDef(tags: readonly string[], parts: MetaGraphParts): MetaGraphDef {
  const { graph, signatures = {}, stripDefaultAttrs = false } = parts;
  checkReferences(parts);
  const saver = addSaver(graph);
  const graphDef = graph.toGraphDef();
  if (stripDefaultAttrs) {
    for (const node of graphDef.node) stripDefaults(node);
    for (const def of graphDef.library?.function ?? []) for (const node of def.nodeDef) stripDefaults(node);
  }
  const metaGraph = create(MetaGraphDefSchema, {
    metaInfoDef: { tags: [...tags], strippedDefaultAttrs: stripDefaultAttrs },
    graphDef,
    collectionDef: collections(parts),
    signatureDef: { ...signatures },
    assetFileDef: graph.assets.map(assetFileDef),
  });
  if (saver !== undefined) metaGraph.saverDef = saver;
  return metaGraph;
}

function assetFileDef({ fileName, tensor }: Asset): AssetFileDef {
  return create(AssetFileDefSchema, { tensorInfo: buildTensorInfo(tensor), filename: fileName });
}

function checkReferences({ graph, signatures = {}, mainOp, legacyInitOp }: MetaGraphParts): void {
  const problems = Object.entries(signatures).flatMap(([name, signature]) =>
    missingTensors(graph, signature).map(
      (tensor) => `signature "${name}": the graph has no tensor "${tensor}"`,
    ),
  );
  for (const operation of [mainOp, legacyInitOp]) {
    if (operation !== undefined && graph.operation(operation.name) !== operation) {
      problems.push(`init op "${operation.name}" belongs to another graph`);
    }
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
export function collections({ graph, mainOp, legacyInitOp }: MetaGraphParts): Record<string, CollectionDef> {
  const all: [name: string, members: CollectionDef | undefined][] = [
    [VARIABLES, variableList(graph.variables)],
    [TRAINABLE_VARIABLES, variableList(graph.variables.filter(({ trainable }) => trainable))],
    [TABLE_INITIALIZERS, nodeList(graph.tableInitializers)],
    [MAIN_OP, nodeList(mainOp === undefined ? [] : [mainOp])],
    [LEGACY_INIT_OP, nodeList(legacyInitOp === undefined ? [] : [legacyInitOp])],
  ];
  return Object.fromEntries(all.filter((entry): entry is [string, CollectionDef] => entry[1] !== undefined));
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

function stripDefaults(node: NodeDef): void {
  const def = opDef(node.op);
  for (const [name, value] of Object.entries(node.attr)) {
    const fallback = def?.attrs.get(name)?.default;
    if (fallback !== undefined && sameValue(fallback, value)) delete node.attr[name];
  }
}

function sameValue(a: AttrValue, b: AttrValue): boolean {
  return a === b || Buffer.compare(toBinary(AttrValueSchema, a), toBinary(AttrValueSchema, b)) === 0;
}
