/** Joins the fragments of a group of nodes into one ONNX graph: what comes in, what goes out, which weights it holds. */
import {
  type DType,
  fromFloat32,
  type PartialShape,
  type Tensor,
  tensor,
  toFloat32,
} from "@servable/formats";
import type { ConstantSource } from "../graph/constant.js";
import { type Edge, edgeName, edgeType, type Graph, type Known, type Node } from "../graph/graph.js";
import { carrierOf, type OnnxFragment } from "../onnx/emitter.js";
import type { OnnxGraph, OnnxPort } from "../onnx/onnx-graph.js";
import type { KnownValue } from "../onnx/optimize/graph-editor.js";
import { optimize } from "../onnx/optimize/optimize.js";
import { knownOf } from "../passes/analyze.js";

export interface OnnxGroup {
  readonly graph: OnnxGraph;
  /** The edges that the graph's inputs and outputs stand for, in order. */
  readonly inputs: readonly Edge[];
  readonly outputs: readonly Edge[];
}

/** `outputs` are the edges of the group's nodes that somebody outside needs. */
export function joinFragments(
  name: string,
  nodes: readonly Node[],
  outputs: readonly Edge[],
  fragments: ReadonlyMap<Node, OnnxFragment>,
  known: ReadonlyMap<Node, readonly Known[]>,
): OnnxGroup {
  const members = new Set(nodes);
  const inputs = new Map<string, Edge>();
  const initializers = new Map<string, ConstantSource>();
  const used = new Set(
    nodes.flatMap((node) => fragments.get(node)?.ops.flatMap((op) => usedNames(op)) ?? []),
  );
  for (const edge of nodes.flatMap((node) => node.inputs)) {
    const edgeId = edgeName(edge);
    if (members.has(edge.node) || !used.has(edgeId)) continue;
    if (edge.node.constant === undefined) inputs.set(edgeId, edge);
    else initializers.set(edgeId, carriedConstant(edge.node.constant));
  }
  const parts = nodes.map((node) => fragments.get(node) as OnnxFragment);
  for (const part of parts) for (const [id, value] of part.initializers) initializers.set(id, value);
  const port = (edge: Edge): OnnxPort => ({
    name: edgeName(edge),
    dtype: carrierOf(edgeType(edge) as DType) as DType,
    shape: portShape(knownOf(known, edge).shape),
  });
  const graph: OnnxGraph = {
    name,
    inputs: [...inputs.values()].map(port),
    outputs: outputs.map((edge) => ({ ...port(edge), shape: null })),
    ops: parts.flatMap((part) => part.ops),
    initializers,
  };
  return { graph: optimize(graph, knownValues(nodes, known)), inputs: [...inputs.values()], outputs };
}

/** What is known of the values that a group reads and makes, by their names in ONNX. */
function knownValues(
  nodes: readonly Node[],
  known: ReadonlyMap<Node, readonly Known[]>,
): Map<string, KnownValue> {
  const values = new Map<string, KnownValue>();
  for (const node of nodes) {
    const made = node.outputTypes.map((_, index) => ({ node, index }));
    for (const edge of [...node.inputs, ...made]) {
      const { type, shape } = knownOf(known, edge);
      const dtype = type === "resource" || type === "variant" ? undefined : carrierOf(type);
      if (dtype !== undefined) values.set(edgeName(edge), { dtype, shape });
    }
  }
  return values;
}

/** Edges of a group's nodes that another group, or the caller, reads. */
export function neededOutputs(graph: Graph, group: readonly Node[]): Edge[] {
  const members = new Set(group);
  const readers = graph.nodes.filter((node) => !members.has(node)).flatMap((node) => node.inputs);
  const needed = new Map<string, Edge>();
  for (const edge of [...readers, ...graph.outputs]) {
    if (members.has(edge.node)) needed.set(edgeName(edge), edge);
  }
  return [...needed.values()];
}

/** Values that an operator reads, also those that graphs in its attributes read from outside. */
export function usedNames(op: OnnxGraph["ops"][number]): string[] {
  const nested = Object.values(op.attrs).flatMap((attr) =>
    typeof attr === "object" && "graph" in attr ? attr.graph.ops.flatMap(usedNames) : [],
  );
  return [...op.inputs, ...nested];
}

/** ONNX Runtime refuses a tensor whose size differs from the declared one; a size of 0 it takes for unknown. */
export function portShape(shape: PartialShape): PartialShape {
  return shape?.map((size) => (size === 0 ? -1 : size)) ?? null;
}

/** A constant as its carrier holds it: half floats as float32. */
export function carriedConstant(constant: ConstantSource): ConstantSource {
  const dtype = carrierOf(constant.dtype) as DType;
  if (constant.dtype === dtype) return constant;
  return { dtype, shape: constant.shape, read: () => toCarrier(constant.read()) };
}

/** A tensor as its carrier holds it. */
export function toCarrier(value: Tensor): Tensor {
  if (value.dtype === "float16" || value.dtype === "bfloat16") {
    return tensor("float32", value.shape, toFloat32(value.dtype, value.data));
  }
  const carrier = carrierOf(value.dtype);
  return carrier === undefined || carrier === value.dtype ? value : ({ ...value, dtype: carrier } as Tensor);
}

/** The other way. */
export function fromCarrier(value: Tensor, dtype: DType): Tensor {
  if (value.dtype === dtype) return value;
  if ((dtype === "float16" || dtype === "bfloat16") && value.dtype === "float32") {
    return tensor(dtype, value.shape, fromFloat32(dtype, value.data));
  }
  return { ...value, dtype } as Tensor;
}
