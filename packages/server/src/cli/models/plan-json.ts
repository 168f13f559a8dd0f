/** A compiled signature as data, for `plan.json`: every node, where it runs and why. */
import type { ExplainedGraph, ExplainedGroup, ExplainedNode } from "@servable/engine";
import { byFrequency } from "./tally.js";

/** @param files of the ONNX groups */
export function planJson(
  graph: ExplainedGraph,
  files: ReadonlyMap<ExplainedGroup, readonly string[]>,
): object {
  return {
    inputs: graph.inputs,
    outputs: graph.outputs,
    constants: graph.constants,
    steps: graph.groups.map((group) => stepJson(group, files)),
  };
}

function stepJson(group: ExplainedGroup, files: ReadonlyMap<ExplainedGroup, readonly string[]>): object {
  const { side, nodes, onnx } = group;
  return {
    side,
    ...(onnx !== undefined && {
      files: files.get(group) ?? [],
      inputs: onnx.inputs,
      outputs: onnx.outputs,
      operators: Object.fromEntries(byFrequency(onnx.operators)),
    }),
    nodes: nodes.map((node) => nodeJson(node, files)),
  };
}

function nodeJson(node: ExplainedNode, files: ReadonlyMap<ExplainedGroup, readonly string[]>): object {
  const { bodies, ...facts } = node;
  if (bodies.length === 0) return facts;
  return { ...facts, bodies: bodies.map(({ label, graph }) => ({ label, ...planJson(graph, files) })) };
}
