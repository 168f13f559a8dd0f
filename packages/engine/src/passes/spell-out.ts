/**
 * Ops that TensorFlow's graph optimizers put in place of several → those several: a convolution or product with what is
 * done to its result ("fused_ops"), a normalization with its activation, a convolution with the padding before it. Everything
 * behind then knows them already. What the fused forms mean: tensorflow/core/kernels/fused_eigen_output_kernels.h,
 * conv_ops_fused_image_transform.cc.
 */
import { create } from "@bufbuild/protobuf";
import { opDef, unimplemented } from "@servable/formats";
import {
  type AttrValue,
  AttrValueSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { Attrs } from "../graph/attrs.js";
import { type Edge, edgeType, type Graph, type Node } from "../graph/graph.js";
import { type Replacement, rewriteAll, type Visited } from "./rewrite.js";

/** The ops without what is fused to them. */
const plain: Readonly<Record<string, string>> = {
  _FusedConv2D: "Conv2D",
  _FusedDepthwiseConv2dNative: "DepthwiseConv2dNative",
  _FusedMatMul: "MatMul",
};

const activations = new Set(["Relu", "Relu6", "Elu", "LeakyRelu", "Tanh", "Sigmoid"]);

/** Ops that this pass replaces. */
export const spelledOutOps: readonly string[] = [
  ...Object.keys(plain),
  "_FusedBatchNormEx",
  "FusedPadConv2D",
  "FusedResizeAndPadConv2D",
];

/** UNIMPLEMENTED, naming the node, for a fusion that is not known. */
export function spellOut(graph: Graph): Graph {
  if (!hasFusion(graph)) return graph;
  return rewriteAll(graph, (visited) => {
    const { op } = visited.node;
    if (op in plain) return fusedResult(visited);
    if (op === "_FusedBatchNormEx") return normalization(visited);
    if (op === "FusedPadConv2D" || op === "FusedResizeAndPadConv2D") return paddedConvolution(visited);
    return undefined;
  });
}

function hasFusion({ nodes }: Graph): boolean {
  return nodes.some(({ op, bodies }) => spelledOutOps.includes(op) || bodies?.some(hasFusion));
}

/** Makes the nodes that stand for one, each under its name and a number. */
class Speller {
  private count = 0;

  constructor(private readonly visited: Visited) {}

  /** A node of one output, or of those of `like`; attributes are taken over from the fused node by their names. */
  node(op: string, inputs: readonly Edge[], attrs: Readonly<Record<string, AttrValue>> = {}): Edge {
    const { node, controls } = this.visited;
    const definition = opDef(op);
    const own = [...(definition?.attrs.keys() ?? [])].flatMap((name) => {
      const value = attrs[name] ?? node.attrs.raw(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const type = edgeType(inputs[0] as Edge);
    const outputs = op.startsWith("FusedBatchNorm") ? normalizedTypes(type) : [type];
    const name = `${node.name}/${op}_${this.count++}`;
    const made: Node = {
      name,
      op,
      inputs,
      controls,
      attrs: new Attrs(`${op} node "${name}"`, Object.fromEntries(own), definition),
      outputTypes: outputs,
    };
    return { node: made, index: 0 };
  }
}

function normalizedTypes(type: Node["outputTypes"][number]): Node["outputTypes"] {
  return [type, "float32", "float32", "float32", "float32", "float32"];
}

const bool = (b: boolean): AttrValue => create(AttrValueSchema, { value: { case: "b", value: b } });
const float = (f: number): AttrValue => create(AttrValueSchema, { value: { case: "f", value: f } });

/** The plain op, and then each of the fused ones with its further inputs. */
function fusedResult(visited: Visited): Replacement {
  const { node, inputs } = visited;
  const speller = new Speller(visited);
  const [a, b, ...args] = inputs as [Edge, Edge, ...Edge[]];
  let result = speller.node(plain[node.op] as string, [a, b]);
  for (const fused of node.attrs.strings("fused_ops")) {
    const next = (count: number) => args.splice(0, count);
    if (fused === "BiasAdd") result = speller.node("BiasAdd", [result, ...next(1)]);
    else if (fused === "Add") result = speller.node("AddV2", [result, ...next(1)]);
    else if (fused === "FusedBatchNorm")
      result = speller.node("FusedBatchNormV3", [result, ...next(4)], { is_training: bool(false) });
    else if (activations.has(fused)) {
      const alpha = fused === "LeakyRelu" ? { alpha: float(node.attrs.float("leakyrelu_alpha")) } : {};
      result = speller.node(fused, [result], alpha);
    } else throw unimplemented(`${node.op} node "${node.name}": "${fused}" fused to it`);
  }
  return { outputs: [result] };
}

/** A normalization, the sum with a further input where there is one, and the activation. */
function normalization(visited: Visited): Replacement {
  const { node, inputs } = visited;
  const speller = new Speller(visited);
  const normalized = speller.node("FusedBatchNormV3", inputs.slice(0, 5));
  const [side] = inputs.slice(5);
  const sum = side === undefined ? normalized : speller.node("AddV2", [normalized, side]);
  const mode = node.attrs.string("activation_mode");
  if (mode !== "Identity" && !activations.has(mode))
    throw unimplemented(`${node.op} node "${node.name}": activation "${mode}"`);
  const result = mode === "Identity" ? sum : speller.node(mode, [sum]);
  const statistics = [1, 2, 3, 4, 5].map((index) => ({ node: normalized.node, index }));
  return { outputs: [result, ...statistics] };
}

/** A mirror padding, after a resize where there is a size, before the convolution. */
function paddedConvolution(visited: Visited): Replacement {
  const { node, inputs } = visited;
  const speller = new Speller(visited);
  const [x, ...rest] = inputs as [Edge, ...Edge[]];
  const isResized = node.op === "FusedResizeAndPadConv2D";
  const resized = isResized ? resizedTo(speller, visited, x, rest.shift() as Edge) : x;
  const [paddings, filter] = rest as [Edge, Edge];
  const padded = speller.node("MirrorPad", [resized, paddings]);
  return { outputs: [speller.node("Conv2D", [padded, filter])] };
}

function resizedTo(speller: Speller, { node }: Visited, x: Edge, size: Edge): Edge {
  return speller.node("ResizeBilinear", [x, size], {
    align_corners: bool(node.attrs.bool("resize_align_corners")),
  });
}
