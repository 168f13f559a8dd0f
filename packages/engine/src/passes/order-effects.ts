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
  /** The same for who waits for a node without reading its value: effects that its value is made from count too. */
  const past = memoized((node: Node) => [
    ...effectsBehind(node).map((effect) => copies.get(effect) as Node),
    ...(pending.get(node) ?? []),
  ]);
  const hoisted = new Set<Node>();
  const edgeOf = (edge: Edge): Edge => ({ node: copies.get(edge.node) as Node, index: edge.index });
  for (const node of graph.nodes) {
    const waits = unique([
      ...node.controls.flatMap(past),
      ...node.inputs.flatMap((edge) => pending.get(edge.node) ?? []),
    ]);
    const inputs = node.inputs.map(edgeOf);
    const effectful = hasEffect(node);
    const copy: Node = {
      ...node,
      inputs,
      controls: effectful ? waits : [],
      ...(node.bodies === undefined ? {} : { bodies: node.bodies.map(orderEffects) }),
    };
    copies.set(node, copy);
    pending.set(node, effectful ? [] : waits);
    if (!effectful) for (const effect of waits) hoisted.add(effect);
  }
  const effects = graph.effects.flatMap(past);
  const outputs = graph.outputs.map(edgeOf);
  const inputs = graph.inputs.map((node) => copies.get(node) as Node);
  return makeGraph(inputs, outputs, unique([...effects, ...hoisted]));
}

function memoized<T>(compute: (node: Node) => T): (node: Node) => T {
  const known = new Map<Node, T>();
  return (node) => {
    const result = known.get(node) ?? compute(node);
    known.set(node, result);
    return result;
  };
}

/** The effects that a value is made from, or the node itself when it has one; not those that came before them. */
function effectsBehind(node: Node): Node[] {
  const found: Node[] = [];
  const seen = new Set([node]);
  for (const each of seen) {
    if (hasEffect(each)) found.push(each);
    else for (const edge of each.inputs) seen.add(edge.node);
  }
  return found;
}
