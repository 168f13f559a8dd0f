/** What can be said of how a loop counts: variables that grow by a constant, and how many steps the condition allows. */
import { type Edge, type Graph, isInvariant, type Node } from "../graph/graph.js";

/** A loop variable that each step changes by the same amount. */
export interface Counter {
  readonly index: number;
  readonly step: number;
}

/** The counter that an edge of the body is, at the start of a step; undefined when it is none. */
export function variableOf(body: Graph, edge: Edge): Counter | undefined {
  const index = body.inputs.indexOf(edge.node);
  if (index < 0) return undefined;
  const next = body.outputs[index] as Edge;
  if (next.node.op !== "AddV2" && next.node.op !== "Add") return undefined;
  const [a, b] = next.node.inputs as [Edge, Edge];
  const step = a.node === edge.node ? scalarOf(b) : b.node === edge.node ? scalarOf(a) : undefined;
  return step === undefined ? undefined : { index, step };
}

export interface TripCount {
  /** The number of steps, when it is known. */
  readonly count: number | undefined;
  /** Edges outside of the loop: the loop ends when it has made as many steps as any of these scalars says. */
  readonly limits: readonly Edge[];
}

/**
 * How often a loop runs whose condition is "counter < limit", or several of these at once, for counters that start at
 * known numbers and grow by 1. Undefined for any other condition.
 */
export function tripCount(loop: Node): TripCount | undefined {
  const [cond, body] = loop.bodies as [Graph, Graph];
  const [condition] = cond.outputs;
  const terms = condition === undefined ? undefined : conjunction(condition);
  if (terms === undefined) return undefined;
  const limits: Edge[] = [];
  const counts: (number | undefined)[] = [];
  for (const term of terms) {
    if (term.op !== "Less") return undefined;
    const [left, right] = term.inputs as [Edge, Edge];
    const index = cond.inputs.indexOf(left.node);
    const counter = index < 0 ? undefined : variableOf(body, { node: body.inputs[index] as Node, index: 0 });
    const start = counter?.step === 1 ? scalarOf(loop.inputs[index]) : undefined;
    const limit = limitOf(loop, cond, body, right);
    if (start === undefined || limit === undefined) return undefined;
    const known = scalarOf(limit);
    counts.push(known === undefined ? undefined : Math.max(0, known - start));
    if (start !== 0 && known === undefined) return undefined;
    limits.push(limit);
  }
  const count = counts.some((each) => each === undefined) ? undefined : Math.min(...(counts as number[]));
  return { count, limits };
}

/** The comparisons that must all hold. */
function conjunction(edge: Edge): Node[] | undefined {
  const terms: Node[] = [];
  const pending = [edge.node];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.op === "LogicalAnd") pending.push(...node.inputs.map((input) => input.node));
    else terms.push(node);
    if (terms.length > 8) return undefined;
  }
  return terms;
}

/** What a limit is outside of the loop: a constant, or what an argument that never changes is given. */
function limitOf(loop: Node, cond: Graph, body: Graph, edge: Edge): Edge | undefined {
  if (edge.node.constant !== undefined) return edge;
  const index = cond.inputs.indexOf(edge.node);
  return index >= 0 && isInvariant(body, index) ? loop.inputs[index] : undefined;
}

/** The value of a constant integer scalar. */
export function scalarOf(edge: Edge | undefined): number | undefined {
  const source = edge?.node.constant;
  if ((source?.dtype !== "int32" && source?.dtype !== "int64") || source.shape.length > 0) return undefined;
  return Number(source.read().data[0]);
}
