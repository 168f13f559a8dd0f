/**
 * Frozen graphs as models. A GraphDef has no signatures, so the caller names inputs and outputs, or they are found:
 * what must be fed, and what nothing else uses.
 */
import { create } from "@bufbuild/protobuf";
import {
  buildSignatureDef,
  DEFAULT_SERVING_SIGNATURE,
  dtypeNumber,
  invalidArgument,
  type PartialShape,
  PREDICT_METHOD,
  readGraphDef,
} from "@servable/formats";
import type { GraphDef } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import type { NodeDef } from "@servable/formats/protobuf/tensorflow/core/framework/node_def_pb";
import {
  type MetaGraphDef,
  MetaGraphDefSchema,
  type TensorInfo,
  TensorInfoSchema,
} from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { partialShape } from "./graph/attrs.js";
import { type LoadOptions, type Model, modelOf } from "./model.js";
import { type OpenedModel, Program } from "./program.js";

export interface FrozenGraphOptions extends LoadOptions {
  /** Signature input → tensor name. By default every placeholder, under its node's name. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Signature output → tensor name. By default the first output of every node that no other uses. */
  readonly outputs?: Readonly<Record<string, string>>;
}

/**
 * Loads a frozen graph (`.pb` or `.pbtxt`) with one signature, "serving_default".
 * NOT_FOUND for a missing file or tensor, DATA_LOSS and INVALID_ARGUMENT for a damaged one, UNIMPLEMENTED for ops that
 * can't run.
 */
export function loadFrozenGraph(file: string, options: FrozenGraphOptions = {}): Model {
  return modelOf(openFrozenGraph(file, options), options);
}

/** loadFrozenGraph without the compiler: all errors but UNIMPLEMENTED. */
export function openFrozenGraph(file: string, options: FrozenGraphOptions = {}): OpenedModel {
  const graphDef = readGraphDef(file);
  const metaGraph = create(MetaGraphDefSchema, { graphDef });
  const program = new Program(metaGraph);
  metaGraph.signatureDef[DEFAULT_SERVING_SIGNATURE] = signatureDef(graphDef, program, options, file);
  return { program, metaGraph };
}

function signatureDef(
  graph: GraphDef,
  program: Program,
  options: FrozenGraphOptions,
  file: string,
): MetaGraphDef["signatureDef"][string] {
  const inputs = options.inputs ?? named(graph.node.filter(isPlaceholder));
  const outputs = options.outputs ?? named(unusedNodes(graph, program));
  if (Object.keys(outputs).length === 0)
    throw invalidArgument(`${file}: the graph has no node that yields a result`);
  const shapes = new Map(graph.node.map((node) => [node.name, declaredShape(node)]));
  const infos = (names: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(names).map(([key, name]) => [key, tensorInfo(name, program, shapes)]));
  return buildSignatureDef({ inputs: infos(inputs), outputs: infos(outputs), methodName: PREDICT_METHOD });
}

function isPlaceholder(node: NodeDef): boolean {
  return node.op === "Placeholder" || node.op === "PlaceholderV2";
}

function named(nodes: readonly NodeDef[]): Record<string, string> {
  return Object.fromEntries(nodes.map((node) => [node.name, `${node.name}:0`]));
}

function unusedNodes(graph: GraphDef, program: Program): NodeDef[] {
  const used = new Set(
    graph.node.flatMap((node) => node.input.map((input) => input.replace(/^\^|:\d+$/g, ""))),
  );
  return graph.node.filter(
    (node) =>
      !used.has(node.name) && !isPlaceholder(node) && node.op !== "Const" && program.hasOutput(node.name),
  );
}

function declaredShape(node: NodeDef): PartialShape {
  const shape = node.attr.shape?.value;
  return isPlaceholder(node) && shape?.case === "shape" ? partialShape(shape.value) : null;
}

function tensorInfo(name: string, program: Program, shapes: ReadonlyMap<string, PartialShape>): TensorInfo {
  const type = program.typeOf(name);
  if (type === "resource" || type === "variant") {
    throw invalidArgument(`tensor "${name}" is a ${type}, which a request can't carry`);
  }
  const shape = shapes.get(name.replace(/:\d+$/, "")) ?? null;
  return create(TensorInfoSchema, {
    encoding: { case: "name", value: name.includes(":") ? name : `${name}:0` },
    dtype: dtypeNumber(type),
    tensorShape:
      shape === null ? { unknownRank: true } : { dim: shape.map((size) => ({ size: BigInt(size) })) },
  });
}
