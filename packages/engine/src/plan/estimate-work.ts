/**
 * What a group of nodes costs, roughly, known before it runs: whether threads are worth waking for it. Waking one and
 * waiting for it takes some ten microseconds, in which one thread alone does a hundred thousand multiplications.
 */
import { elementCount } from "@servable/formats";
import type { Known, Node } from "../graph/graph.js";
import { knownOf } from "../passes/analyze.js";

/** Multiplications a row; a batch of 32 such rows takes one thread a fraction of a millisecond. */
const SMALL_WORK = 1 << 18;

/** Whether a group is so small that one thread alone is best. */
export function isSmallWork(nodes: readonly Node[], known: ReadonlyMap<Node, readonly Known[]>): boolean {
  return rowWork(nodes, known) <= SMALL_WORK;
}

/** Multiplications and the like that a group takes for one row; infinite where sizes are open that are not of rows. */
export function rowWork(nodes: readonly Node[], known: ReadonlyMap<Node, readonly Known[]>): number {
  return nodes.reduce((sum, node) => sum + workOf(node, known), 0);
}

/** The same of one node: elements of the outputs, times how many products are summed for each. */
function workOf(node: Node, known: ReadonlyMap<Node, readonly Known[]>): number {
  if (node.bodies !== undefined) return Number.POSITIVE_INFINITY;
  const made = node.outputTypes.map((_, index) => elementsOfRow(knownOf(known, { node, index })));
  return made.reduce((sum, elements) => sum + elements, 0) * productsOf(node, known);
}

/** Infinite when more than the first size is open. */
function elementsOfRow({ shape }: Known): number {
  if (shape === null) return Number.POSITIVE_INFINITY;
  const [first = 1, ...rest] = shape;
  const row = first < 0 ? rest : shape;
  return row.some((size) => size < 0) ? Number.POSITIVE_INFINITY : elementCount(row);
}

/** How many products are summed for each element: of a matrix its rows, of a filter all but its last dimension. */
function productsOf(node: Node, known: ReadonlyMap<Node, readonly Known[]>): number {
  const weights = node.inputs[1];
  if (!isProduct(node) || weights === undefined) return 1;
  const facts = knownOf(known, weights);
  return elementsOfRow(facts) / Math.max(facts.shape?.at(-1) ?? 1, 1);
}

function isProduct({ op }: Node): boolean {
  return /MatMul|Conv|Einsum|LSTM|GRU|RNN|Attention/.test(op);
}
