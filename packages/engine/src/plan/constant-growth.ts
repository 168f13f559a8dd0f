/**
 * ONNX Runtime computes what depends on constants alone when it loads a model, and keeps the results. A Tile or a
 * OneHot of a few constants can so take any amount of memory before anybody has asked for it. Nodes that would make
 * much more than they are given are kept from it: the host computes them when they are needed.
 */
import { dtypeInfo } from "@servable/formats";
import type { Graph, Known, Node } from "../graph/graph.js";
import { hostRows } from "../ops/host/index.js";
import { knownOf } from "../passes/analyze.js";
import { unique } from "../passes/rewrite.js";

/** Bytes that the results computed when a graph is loaded may have beyond their inputs', all together. */
const MAX_GROWTH = 2 ** 26;

/** Nodes that only read constants, and would make too much of them; why ONNX Runtime does not get them. */
export function overgrownConstants(
  graph: Graph,
  known: ReadonlyMap<Node, readonly Known[]>,
): Map<Node, { readonly refusal: string }> {
  const overgrown = new Map<Node, { readonly refusal: string }>();
  /** What is constant, and its bytes. */
  const sizes = new Map<Node, number>();
  let growth = 0;
  for (const node of graph.nodes) {
    if (node.constant !== undefined) {
      sizes.set(node, bytesOf(knownOf(known, { node, index: 0 })));
      continue;
    }
    // What is read twice is there once.
    const inputs = unique(node.inputs.map((edge) => edge.node)).map((input) => sizes.get(input));
    if (!isComputedAtLoad(node) || inputs.includes(undefined)) continue;
    const given = inputs.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    const made = node.outputTypes.reduce(
      (sum, _, index) => sum + bytesOf(knownOf(known, { node, index })),
      0,
    );
    growth += Math.max(0, made - given);
    if (growth <= MAX_GROWTH) {
      sizes.set(node, made);
    } else {
      overgrown.set(node, { refusal: `it would make ${made} bytes of constants when the model is loaded` });
      growth -= made - given;
    }
  }
  return overgrown;
}

function isComputedAtLoad(node: Node): boolean {
  return node.op !== "Feed" && node.bodies === undefined && hostRows[node.op]?.effect === undefined;
}

/** 0 where it is not known. */
function bytesOf({ type, shape }: Known): number {
  if (type === "resource" || type === "variant" || shape === null || shape.some((size) => size < 0)) return 0;
  return shape.reduce((product, size) => product * size, dtypeInfo(type).size);
}
