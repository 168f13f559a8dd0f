/**
 * Control dependencies, reduced to those that can be observed. A pure node's result does not depend on when it is
 * computed, so what it waits for becomes an effect of the graph, and nodes that do observe order (they read or write
 * state, or check) inherit what their pure ancestors waited for. Without this an Assert in front of a network would
 * cut the network in two.
 */
import { type Edge, type Graph, makeGraph, type Node } from "../graph/graph.js";
import { hostRows } from "../ops/host/index.js";
import { unique } from "./rewrite.js";

/** Whether a node reads or writes state or may fail on purpose, itself or in a branch or body. */
export function hasEffect(node: Node): boolean {
  const effect = hostRows[node.op]?.effect;
  if (effect === "state" || effect === "check") return true;
  return node.bodies?.some((body) => body.nodes.some(hasEffect)) ?? false;
}

export function orderEffects(graph: Graph): Graph {
  const copies = new Map<Node, Node>();
  /** Effects that must have happened before a user of the node's value may observe anything. */
  const pending = new Map<Node, readonly Node[]>();
  const hoisted = new Set<Node>();
  const edgeOf = (edge: Edge): Edge => ({ node: copies.get(edge.node) as Node, index: edge.index });
  for (const node of graph.nodes) {
    const waits = unique([
      ...node.controls.flatMap((before) =>
        hasEffect(before) ? [copies.get(before) as Node] : (pending.get(before) ?? []),
      ),
      ...node.inputs.flatMap((edge) => pending.get(edge.node) ?? []),
    ]);
    const inputs = node.inputs.map(edgeOf);
    const effectful = hasEffect(node);
    const copy = { ...node, inputs, controls: effectful ? waits : [] };
    copies.set(node, copy);
    pending.set(node, effectful ? [] : waits);
    if (!effectful) for (const effect of waits) hoisted.add(effect);
  }
  const effects = graph.effects.flatMap((node) =>
    hasEffect(node) ? [copies.get(node) as Node] : (pending.get(node) ?? []),
  );
  const outputs = graph.outputs.map(edgeOf);
  const inputs = graph.inputs.map((node) => copies.get(node) as Node);
  return makeGraph(inputs, outputs, unique([...effects, ...hoisted]));
}
