/**
 * TensorFlow.js graph models: a GraphDef in JSON whose constants lie in the weight shards, with a signature
 * (tfjs-converter/python/tensorflowjs/converters). Ops that the converter makes up are taken apart again.
 */
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { GRAPH_PRODUCER_VERSION } from "../graph-builder/graph-builder.js";
import { isJsonObject, type Json, type JsonObject } from "../keras/config.js";
import { AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { type GraphDef, GraphDefSchema } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { type NodeDef, NodeDefSchema } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import {
  type MetaGraphDef,
  MetaGraphDefSchema,
  type SignatureDef,
  SignatureDefSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { SERVING_TAG } from "../saved-model/meta-graph.js";
import { DEFAULT_SERVING_SIGNATURE, PREDICT_METHOD } from "../saved-model/signature.js";
import { dataLoss, invalidArgument, unimplemented } from "../status.js";
import { decodeText, type Tensor } from "../tensor.js";
import { tensorToProto } from "../tensor-proto.js";

/** The MetaGraph of a graph model; its constants hold the weights. */
export function tfjsMetaGraph(
  model: JsonObject,
  weights: ReadonlyMap<string, Tensor>,
  file: string,
): MetaGraphDef {
  if (isJsonObject(model.modelInitializer) && Object.keys(model.modelInitializer).length > 0) {
    throw unimplemented(`${file}: a model with an initializer graph (lookup tables) is not supported`);
  }
  const graphDef = graphOf(model.modelTopology ?? null, file);
  fillConstants(graphDef, weights, file);
  graphDef.node = graphDef.node.flatMap(takenApart);
  const userDefined = isJsonObject(model.userDefinedMetadata)
    ? model.userDefinedMetadata.signature
    : undefined;
  const signature = signatureOf(model.signature ?? userDefined, graphDef, file);
  return create(MetaGraphDefSchema, {
    metaInfoDef: { tags: [SERVING_TAG] },
    graphDef,
    signatureDef: { [DEFAULT_SERVING_SIGNATURE]: signature },
  });
}

function graphOf(topology: Json, file: string): GraphDef {
  try {
    const graph = fromJson(GraphDefSchema, topology as JsonValue, { ignoreUnknownFields: true });
    graph.versions ??= create(GraphDefSchema, { versions: { producer: GRAPH_PRODUCER_VERSION } })
      .versions as never;
    return graph;
  } catch (reason) {
    throw invalidArgument(`${file}: modelTopology is no GraphDef: ${(reason as Error).message}`, {
      cause: reason,
    });
  }
}

function fillConstants(graph: GraphDef, weights: ReadonlyMap<string, Tensor>, file: string): void {
  const nodes = [...graph.node, ...(graph.library?.function.flatMap(({ nodeDef }) => nodeDef) ?? [])];
  for (const node of nodes) {
    if (node.op !== "Const") continue;
    const weight = weights.get(node.name);
    const value = node.attr.value?.value;
    if (weight === undefined && value?.case === "tensor" && hasContent(value.value)) continue;
    if (weight === undefined)
      throw dataLoss(`${file}: the constant "${node.name}" has no weight of that name`);
    node.attr.value = create(AttrValueSchema, {
      value: { case: "tensor", value: tensorToProto(weight, { asContent: true }) },
    });
  }
}

function hasContent(tensor: ReturnType<typeof tensorToProto>): boolean {
  const { tensorContent, floatVal, intVal, int64Val, boolVal, stringVal, doubleVal } = tensor;
  const lists = [floatVal, intVal, int64Val, boolVal, stringVal, doubleVal];
  const isEmpty = tensor.tensorShape?.dim.some(({ size }) => size === 0n) ?? false;
  return isEmpty || tensorContent.length > 0 || lists.some((list) => list.length > 0);
}

// ---- signature -----------------------------------------------------------------------------------------------

function signatureOf(value: Json | undefined, graph: GraphDef, file: string): SignatureDef {
  if (!isJsonObject(value) || !isJsonObject(value.outputs)) return guessedSignature(graph, file);
  try {
    const signature = fromJson(SignatureDefSchema, value as JsonValue, { ignoreUnknownFields: true });
    signature.methodName ||= PREDICT_METHOD;
    // An input that is a resource is a variable of the converter's, not one that a request can give.
    for (const [name, info] of Object.entries(signature.inputs)) {
      if (info.encoding.case !== "name") delete signature.inputs[name];
    }
    return signature;
  } catch (reason) {
    throw invalidArgument(`${file}: the signature is none: ${(reason as Error).message}`, { cause: reason });
  }
}

/** Without a signature: all placeholders, and all nodes that no other uses. */
function guessedSignature(graph: GraphDef, file: string): SignatureDef {
  const used = new Set(
    graph.node.flatMap(({ input }) => input.map((name) => name.replace(/^\^|:\d+$/g, ""))),
  );
  const infos = (nodes: readonly NodeDef[]) =>
    Object.fromEntries(
      nodes.map((node) => {
        const dtype = node.attr.dtype?.value ?? node.attr.T?.value;
        const shape = node.attr.shape?.value;
        return [
          node.name,
          {
            encoding: { case: "name" as const, value: `${node.name}:0` },
            dtype: dtype?.case === "type" ? dtype.value : 1,
            tensorShape: shape?.case === "shape" ? shape.value : { unknownRank: true },
          },
        ];
      }),
    );
  const outputs = graph.node.filter(
    ({ name, op }) => !used.has(name) && op !== "Const" && op !== "Placeholder",
  );
  if (outputs.length === 0) throw invalidArgument(`${file}: the graph has no outputs`);
  return create(SignatureDefSchema, {
    inputs: infos(graph.node.filter(({ op }) => op === "Placeholder")),
    outputs: infos(outputs),
    methodName: PREDICT_METHOD,
  });
}

// ---- fused ops -----------------------------------------------------------------------------------------------

const fusedBases: Readonly<Record<string, string>> = {
  _FusedConv2D: "Conv2D",
  FusedDepthwiseConv2dNative: "DepthwiseConv2dNative",
  _FusedMatMul: "MatMul",
};

/** A fused op as the ops that it stands for; the last of them has its name. */
function takenApart(node: NodeDef): NodeDef[] {
  if (node.op === "Prelu") return preluNodes(node);
  const base = Object.hasOwn(fusedBases, node.op) ? fusedBases[node.op] : undefined;
  if (base === undefined) return [node];
  const list = node.attr.fused_ops?.value;
  const steps = list?.case === "list" ? list.value.s.map(decodeText) : [];
  const {
    fused_ops: _,
    num_args: __,
    epsilon: ___,
    leakyrelu_alpha: alpha,
    TArgs: ____,
    ...attr
  } = node.attr;
  const [x = "", weights = "", ...rest] = node.input.filter((input) => !input.startsWith("^"));
  const type = node.attr.T ?? create(AttrValueSchema, { value: { case: "type", value: 1 } });
  const nameOf = (i: number) => (i === steps.length ? node.name : `${node.name}/fused_${i}`);
  const nodes = [nodeOf(nameOf(0), base, [x, weights], attr)];
  steps.forEach((step, i) => {
    const before = nameOf(i);
    if (step === "Prelu") {
      nodes.push(...preluNodes(nodeOf(nameOf(i + 1), "Prelu", [before, rest.shift() ?? ""], { T: type })));
      return;
    }
    const own: NodeDef["attr"] = { T: type, ...(step === "LeakyRelu" && alpha !== undefined && { alpha }) };
    const inputs = step === "BiasAdd" ? [before, rest.shift() ?? ""] : [before];
    nodes.push(nodeOf(nameOf(i + 1), step, inputs, own));
  });
  return nodes;
}

/** max(x, 0) − alpha · max(−x, 0) */
function preluNodes(node: NodeDef): NodeDef[] {
  const [x = "", alpha = ""] = node.input;
  const T = node.attr.T ?? create(AttrValueSchema, { value: { case: "type", value: 1 } });
  const name = (part: string) => `${node.name}/prelu_${part}`;
  return [
    nodeOf(name("above"), "Relu", [x], { T }),
    nodeOf(name("negative"), "Neg", [x], { T }),
    nodeOf(name("below"), "Relu", [name("negative")], { T }),
    nodeOf(name("scaled"), "Mul", [alpha, name("below")], { T }),
    nodeOf(node.name, "Sub", [name("above"), name("scaled")], { T }),
  ];
}

function nodeOf(name: string, op: string, input: string[], attr: NodeDef["attr"]): NodeDef {
  return create(NodeDefSchema, { name, op, input, attr });
}
