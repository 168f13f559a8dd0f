/**
 * Variables that nothing assigns become constants. A variable counts as assigned when its handle reaches any op that
 * does more than read it; handles that enter a branch or a body as an argument are followed there.
 */
import { create } from "@bufbuild/protobuf";
import { invalidArgument, opDef, tensor } from "@servable/formats";
import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { Attrs } from "../graph/attrs.js";
import { type ConstantSource, constantOf } from "../graph/constant.js";
import { constantNode, type Edge, type Graph, isLoop, type Node } from "../graph/graph.js";
import { type Replacement, rewriteAll, type Visited } from "./rewrite.js";

/** Ops that read a variable through its handle and leave it as it was. */
const readers = new Set([
  "ReadVariableOp",
  "ResourceGather",
  "ResourceGatherNd",
  "VariableShape",
  "VarIsInitializedOp",
]);

/** The name under which a VarHandleOp keeps its variable. */
export function variableName(handle: Node): string {
  const shared = handle.attrs.has("shared_name") ? handle.attrs.string("shared_name") : "";
  return shared === "" ? handle.name : shared;
}

/** Names of the variables that running the graph may change. */
export function assignedVariables(graph: Graph): Set<string> {
  const assigned = new Set<string>();
  collect(graph, new Map(), assigned);
  return assigned;
}

/** `handles`: names that the graph's own arguments stand for. */
function collect(graph: Graph, handles: ReadonlyMap<Node, readonly string[]>, assigned: Set<string>): void {
  const namesOf = (edge: Edge): readonly string[] => {
    if (edge.node.op === "VarHandleOp") return [variableName(edge.node)];
    return handles.get(edge.node) ?? [];
  };
  for (const node of graph.nodes) {
    const names = node.inputs.map(namesOf);
    if (node.bodies !== undefined) {
      const args = isLoop(node) ? names : names.slice(1);
      for (const body of node.bodies) {
        collect(body, new Map(body.inputs.map((arg, i) => [arg, args[i] ?? []])), assigned);
      }
    } else if (!readers.has(node.op)) {
      for (const name of names.flat()) assigned.add(name);
    }
  }
}

/** `frozenValue` gives a variable's value, or undefined for one that must stay a variable. */
export function freezeVariables(
  graph: Graph,
  frozenValue: (name: string) => ConstantSource | undefined,
): Graph {
  return rewriteAll(graph, (visited) => freeze(visited, frozenValue));
}

function freeze(
  { node, inputs }: Visited,
  frozenValue: (name: string) => ConstantSource | undefined,
): Replacement | undefined {
  const handle = inputs[0]?.node;
  if (handle?.op !== "VarHandleOp" || !readers.has(node.op)) return undefined;
  const value = frozenValue(variableName(handle));
  if (value === undefined) return undefined;
  switch (node.op) {
    case "ReadVariableOp":
      checkType(node, value);
      return { outputs: [{ node: constantNode(node.name, value), index: 0 }], controls: [] };
    case "ResourceGather":
      return { outputs: [{ node: gatherNode(node, value, inputs), index: 0 }] };
    default:
      return undefined;
  }
}

function checkType(node: Node, value: ConstantSource): void {
  if (node.outputTypes[0] !== value.dtype) {
    throw invalidArgument(
      `${node.op} node "${node.name}" reads ${node.outputTypes[0]}, but the variable holds ${value.dtype}`,
    );
  }
}

function gatherNode(node: Node, value: ConstantSource, inputs: readonly Edge[]): Node {
  const batchDims = node.attrs.int("batch_dims");
  const axis = constantOf(tensor("int32", [], Int32Array.of(batchDims)));
  const attrs = new Attrs(
    `GatherV2 node "${node.name}"`,
    { batch_dims: create(AttrValueSchema, { value: { case: "i", value: BigInt(batchDims) } }) },
    opDef("GatherV2"),
  );
  return {
    name: node.name,
    op: "GatherV2",
    inputs: [
      { node: constantNode(`${node.name}/params`, value), index: 0 },
      inputs[1] as Edge,
      { node: constantNode(`${node.name}/axis`, axis), index: 0 },
    ],
    controls: [],
    attrs,
    outputTypes: node.outputTypes,
  };
}
