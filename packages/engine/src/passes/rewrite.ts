/**
 * The one way in which passes change graphs: visit nodes in order, say what replaces each, get a new graph.
 */
import { type Edge, type Graph, makeGraph, type Node } from "../graph/graph.js";

/** What a visitor sees of a node: its inputs and controls are already those of the new graph. */
export interface Visited {
  readonly node: Node;
  readonly inputs: readonly Edge[];
  readonly controls: readonly Node[];
}

export interface Replacement {
  /** One edge per output of the node that is replaced. */
  readonly outputs: readonly Edge[];
  /** What a control dependency on the node now waits for; the nodes of `outputs` by default. */
  readonly controls?: readonly Node[];
}

/** Returns what replaces a node; undefined keeps it (with its new inputs). */
export type Visitor = (visited: Visited) => Replacement | undefined;

/** The graph after a visit of every node. Nodes that nobody needs any more are gone. */
export function rewrite(graph: Graph, visit: Visitor): Graph {
  const done = new Map<Node, Required<Replacement>>();
  const edge = ({ node, index }: Edge): Edge => done.get(node)?.outputs[index] as Edge;
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(edge);
    const controls = unique(node.controls.flatMap((before) => done.get(before)?.controls ?? []));
    const replaced = visit({ node, inputs, controls });
    done.set(node, replaced === undefined ? keep(node, inputs, controls) : complete(replaced));
  }
  const inputs = graph.inputs.map((node) => edge({ node, index: 0 }).node);
  const effects = unique(graph.effects.flatMap((node) => done.get(node)?.controls ?? []));
  return makeGraph(inputs, graph.outputs.map(edge), effects);
}

/** Like rewrite, also inside branches and bodies, innermost first. */
export function rewriteAll(graph: Graph, visit: Visitor): Graph {
  return rewrite(graph, (visited) => {
    const { node } = visited;
    if (node.bodies === undefined) return visit(visited);
    const bodies = node.bodies.map((body) => rewriteAll(body, visit));
    const inside = { ...node, inputs: visited.inputs, controls: visited.controls, bodies };
    return visit({ ...visited, node: inside }) ?? wholeNode(inside);
  });
}

function keep(node: Node, inputs: readonly Edge[], controls: readonly Node[]): Required<Replacement> {
  const same =
    inputs.every((edge, i) => edge.node === node.inputs[i]?.node && edge.index === node.inputs[i]?.index) &&
    controls.length === node.controls.length &&
    controls.every((before, i) => before === node.controls[i]);
  return complete(wholeNode(same ? node : { ...node, inputs, controls }));
}

function complete(replacement: Replacement): Required<Replacement> {
  const controls = replacement.controls ?? unique(replacement.outputs.map((edge) => edge.node));
  return { outputs: replacement.outputs, controls };
}

/** A replacement by one node, output for output. */
export function wholeNode(node: Node): Replacement {
  return { outputs: node.outputTypes.map((_, index) => ({ node, index })), controls: [node] };
}

export function unique<T>(values: readonly T[]): T[] {
  return values.length < 2 ? [...values] : [...new Set(values)];
}
