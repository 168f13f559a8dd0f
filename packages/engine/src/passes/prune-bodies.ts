/**
 * Drops what loops and branches carry for nothing: arguments that nobody inside reads, results that nobody outside
 * reads, and with them whatever was computed for them. A result that is an argument unchanged is read from where the
 * argument came from.
 */
import {
  type Edge,
  edgeName,
  type Graph,
  isInvariant,
  isLoop,
  makeGraph,
  type Node,
} from "../graph/graph.js";
import { type Replacement, rewrite, type Visited } from "./rewrite.js";

export function pruneBodies(graph: Graph): Graph {
  if (!graph.nodes.some((node) => node.bodies !== undefined)) return graph;
  const used = new Set([...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs].map(edgeName));
  return rewrite(graph, (visited) => {
    const { node } = visited;
    if (node.bodies === undefined) return undefined;
    const isUsed = (index: number) => used.has(edgeName({ node, index }));
    return isLoop(node) ? pruneLoop(visited, isUsed) : pruneBranches(visited, isUsed);
  });
}

function pruneLoop({ node, inputs, controls }: Visited, isUsed: (index: number) => boolean): Replacement {
  const [cond, body] = node.bodies as readonly [Graph, Graph];
  const results = inputs.flatMap((_, i) => (isUsed(i) && !isInvariant(body, i) ? [i] : []));
  const stacked = body.outputs.flatMap((_, i) => (i >= inputs.length && isUsed(i) ? [i] : []));
  const kept = neededVariables(cond, body, results, stacked);
  const yielded = [...kept, ...stacked];
  const pruned: Node = {
    ...node,
    inputs: kept.map((i) => inputs[i] as Edge),
    controls,
    outputTypes: yielded.map((i) => node.outputTypes[i] as Node["outputTypes"][number]),
    bodies: [
      pruneBodies(selected(cond, kept, cond.outputs)),
      pruneBodies(
        selected(
          body,
          kept,
          yielded.map((i) => body.outputs[i] as Edge),
        ),
      ),
    ],
  };
  const outputs = body.outputs.map((_, i) => {
    const index = yielded.indexOf(i);
    const isWhatCame = i < inputs.length && (isInvariant(body, i) || index < 0);
    return isWhatCame ? (inputs[i] as Edge) : { node: pruned, index: Math.max(0, index) };
  });
  return { outputs, controls: [pruned] };
}

/** Loop variables that the condition, an effect, a result or another needed variable is made from. */
function neededVariables(
  cond: Graph,
  body: Graph,
  results: readonly number[],
  stacked: readonly number[],
): number[] {
  const inCondition = argumentsBehind(cond, [...cond.outputs.map((edge) => edge.node), ...cond.effects]);
  const seeds = [...results, ...stacked, ...inCondition].map((i) => (body.outputs[i] as Edge).node);
  const needed = new Set<number>([...results, ...inCondition]);
  const index = new Map(body.inputs.map((node, i) => [node, i]));
  const seen = new Set([...seeds, ...body.effects]);
  // A Set's iterator goes on to what is added meanwhile.
  for (const node of seen) {
    for (const edge of node.inputs) seen.add(edge.node);
    for (const before of node.controls) seen.add(before);
    const variable = index.get(node);
    if (variable === undefined) continue;
    needed.add(variable);
    seen.add((body.outputs[variable] as Edge).node);
  }
  return [...needed].sort((a, b) => a - b);
}

function pruneBranches({ node, inputs, controls }: Visited, isUsed: (index: number) => boolean): Replacement {
  const bodies = node.bodies ?? [];
  const results = node.outputTypes.flatMap((_, i) => (isUsed(i) ? [i] : []));
  const behind = bodies.flatMap((body) =>
    argumentsBehind(body, [...results.map((i) => (body.outputs[i] as Edge).node), ...body.effects]),
  );
  const kept = [...new Set(behind)].sort((a, b) => a - b);
  const pruned: Node = {
    ...node,
    inputs: [inputs[0] as Edge, ...kept.map((i) => inputs[i + 1] as Edge)],
    controls,
    outputTypes: results.map((i) => node.outputTypes[i] as Node["outputTypes"][number]),
    bodies: bodies.map((body) => {
      const outputs = results.map((i) => body.outputs[i] as Edge);
      return pruneBodies(selected(body, kept, outputs));
    }),
  };
  const outputs = node.outputTypes.map((_, i) => ({ node: pruned, index: Math.max(0, results.indexOf(i)) }));
  return { outputs, controls: [pruned] };
}

/** The graph with some of its inputs, and these outputs. */
function selected(graph: Graph, kept: readonly number[], outputs: readonly Edge[]): Graph {
  const inputs = kept.map((i) => graph.inputs[i] as Node);
  return makeGraph(inputs, outputs, graph.effects);
}

/** Indices of the graph's inputs that nodes are made from. */
function argumentsBehind(graph: Graph, nodes: readonly Node[]): number[] {
  const seen = new Set(nodes);
  for (const node of seen) {
    for (const edge of node.inputs) seen.add(edge.node);
    for (const before of node.controls) seen.add(before);
  }
  return graph.inputs.flatMap((node, i) => (seen.has(node) ? [i] : []));
}
