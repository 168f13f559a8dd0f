/** The picture of a compiled graph node by node, each in the colour of who runs it. */
import type { ExplainedGraph, ExplainedNode } from "@servable/engine";
import { bytesText } from "../models/quantity.js";
import { type Drawn, drawPlan, portBox, tensorLabel } from "./frame.js";
import type { PictureNames } from "./partition-picture.js";
import { type PlanUnit, planGraph } from "./plan-graph.js";
import { element, escaped, text, textWidth } from "./svg.js";

/** @param weights bytes of each constant of the graph, by its node */
export function nodePicture(
  graph: ExplainedGraph,
  weights: ReadonlyMap<string, number>,
  names: PictureNames,
): string {
  const plan = planGraph(graph, () => true);
  let inputs = 0;
  let outputs = 0;
  const boxes = plan.units.map((unit): Drawn => {
    const label = unit.port === undefined ? "" : tensorLabel(unit.port);
    if (unit.kind === "input") return portBox(names.inputs[inputs++] ?? "", label, false);
    if (unit.kind === "output") return portBox(names.outputs[outputs++] ?? "", label, true);
    return nodeBox(unit, graph, weights);
  });
  const sessions = graph.groups.filter(({ side }) => side === "onnx").length;
  return drawPlan(plan, boxes, {
    title: names.title,
    subtitle: names.subtitle,
    legend: [
      ["onnx", sessions > 1 ? "ONNX Runtime, with the number of the step" : "ONNX Runtime"],
      ["host", "host"],
      ["port", "inputs and outputs"],
    ],
    gaps: { x: 22, y: 38 },
    labelledLines: 0,
  });
}

function nodeBox(
  { nodes, group = 0 }: PlanUnit,
  graph: ExplainedGraph,
  weights: ReadonlyMap<string, number>,
): Drawn {
  const node = nodes[0] as ExplainedNode;
  const kind = graph.groups[group]?.side ?? "host";
  const bytes = node.inputs.reduce((sum, name) => sum + (weights.get(name) ?? 0), 0);
  const [output] = node.outputs;
  const title = graph.groups.length > 1 ? `${group + 1} · ${node.op}` : node.op;
  const lines = [
    ...(output === undefined ? [] : [tensorLabel(output)]),
    ...(bytes >= 1000 ? [`${bytesText(bytes)} of weights`] : []),
  ];
  const width = Math.max(textWidth(title, 13, true), ...lines.map((line) => textWidth(line, 11)), 60) + 22;
  const height = 27 + 14 * lines.length;
  return {
    width,
    height,
    draw: ({ x, y }) =>
      element(
        "g",
        {},
        [
          element(
            "title",
            {},
            escaped([node.name, ...(node.reason === undefined ? [] : [node.reason])].join(": ")),
          ),
          element("rect", { x, y, width, height, rx: 6, class: kind }),
          text(x + width / 2, y + 18, title, "head", "middle"),
          ...lines.map((line, i) => text(x + width / 2, y + 33 + 14 * i, line, "small", "middle")),
        ].join(""),
      ),
  };
}
