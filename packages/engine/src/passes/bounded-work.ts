/**
 * Whether the sizes of a graph's inputs bound what running it costs, in time and in memory. Such a graph may run where
 * nothing else may wait for long; any other can be made to take a second or a gigabyte by the values in a small
 * request: a loop's count, a size to fill.
 */

import type { Node } from "../graph/graph.js";
import { hostRows } from "../ops/host/index.js";
import { isElementwise } from "../ops/rows/index.js";
import type { Analyzed } from "./analyze.js";
import { knownOf } from "./analyze.js";
import { proveRowIndependence } from "./row-independence.js";

/**
 * True when rows are independent (no value decides how many there are), every other dimension is known or follows from
 * those of the inputs, and nothing branches, loops, keeps state, draws random numbers or handles strings.
 */
export function hasBoundedWork(analyzed: Analyzed): boolean {
  return (
    proveRowIndependence(analyzed).independent &&
    analyzed.graph.nodes.every((node) => isBounded(node, analyzed))
  );
}

function isBounded(node: Node, { known }: Analyzed): boolean {
  if (node.bodies !== undefined || hostRows[node.op]?.effect !== undefined) return false;
  return node.outputTypes.every((type, index) => {
    if (type === "string" || type === "resource" || type === "variant") return false;
    const { shape } = knownOf(known, { node, index });
    return shape !== null && (shape.filter((size) => size < 0).length <= 1 || isSizedByShapes(node));
  });
}

/** Whether an op's outputs have sizes that its inputs' shapes decide, or no more elements than these. */
function isSizedByShapes({ op }: Node): boolean {
  return isElementwise(op) || sizedByShapes.has(op);
}

const sizedByShapes: ReadonlySet<string> = new Set(
  `Feed Reshape Squeeze ExpandDims Transpose ConcatV2 Pack GatherV2 MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 BiasAdd
   Softmax LogSoftmax Sum Mean Prod Max Min All Any ArgMax ArgMin Conv2D DepthwiseConv2dNative MaxPool AvgPool
   FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3`.split(/\s+/),
);
