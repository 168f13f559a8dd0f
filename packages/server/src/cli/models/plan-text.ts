/** A compiled signature as text, for `plan.txt`: its steps in the order in which they run. */
import type { ExplainedGraph, ExplainedGroup, ExplainedNode, ExplainedTensor } from "@servable/engine";
import { shapeText } from "@servable/formats";
import { columns } from "./columns.js";
import { countText } from "./quantity.js";
import { tallyText } from "./tally.js";

export function planText(
  graph: ExplainedGraph,
  files: ReadonlyMap<ExplainedGroup, readonly string[]>,
): string[] {
  return [
    ...portLines("in", graph.inputs),
    ...portLines("out", graph.outputs),
    ...graph.groups.flatMap((group, i) => ["", ...stepLines(group, i + 1, files)]),
  ];
}

function portLines(name: string, tensors: readonly ExplainedTensor[]): string[] {
  const cells = tensors.map((tensor) => [tensor.name, tensorCell(tensor)]);
  return columns(cells).map((line, i) => `${(i === 0 ? name : "").padEnd(5)}${line}`);
}

function tensorCell({ type, shape }: ExplainedTensor): string {
  return `${type} ${shapeText(shape)}`;
}

function stepLines(
  group: ExplainedGroup,
  number: number,
  files: ReadonlyMap<ExplainedGroup, readonly string[]>,
): string[] {
  const { onnx, nodes } = group;
  if (onnx === undefined)
    return [
      `${number}. host: ${countText(nodes.length, "node")}`,
      ...nodeLines(nodes),
      ...bodyLines(nodes, files),
    ];
  const operators = [...onnx.operators.values()].reduce((sum, count) => sum + count, 0);
  const written = files.get(group) ?? [];
  return [
    `${number}. ONNX Runtime: ${countText(nodes.length, "node")} → ${countText(operators, "operator")}` +
      `${written.length === 0 ? "" : ` (${written.join(", ")})`}`,
    `   ${tallyText(onnx.operators)}`,
    ...portLines("   in   ", onnx.inputs),
    ...portLines("   out  ", onnx.outputs),
    ...nodeLines(nodes),
  ];
}

/** A line for each node; on the host with the reason. */
function nodeLines(nodes: readonly ExplainedNode[]): string[] {
  const cells = nodes.map(({ op, name, outputs, reason }) => [
    op,
    name,
    outputs.map(tensorCell).join(", "),
    ...(reason === undefined ? [] : [reason]),
  ]);
  return columns(cells).map((line) => `   ${line}`);
}

function bodyLines(
  nodes: readonly ExplainedNode[],
  files: ReadonlyMap<ExplainedGroup, readonly string[]>,
): string[] {
  return nodes.flatMap(({ name, bodies }) =>
    bodies.flatMap(({ label, graph }) => [
      "",
      `   ${label} of ${name}:`,
      ...planText(graph, files).map((line) => (line === "" ? "" : `     ${line}`)),
    ]),
  );
}
