/** The picture of a partition: which part of a signature is an ONNX Runtime session, and what the host runs between. */
import type { ExplainedGraph, ExplainedNode } from "@servable/engine";
import { bytesText, countText } from "../models/quantity.js";
import { type StepSummary, summarizeStep } from "../models/summary.js";
import { byFrequency, tally } from "../models/tally.js";
import { type Drawn, drawPlan, portBox, tensorLabel } from "./frame.js";
import type { Point } from "./layered-layout.js";
import { type PlanUnit, planGraph } from "./plan-graph.js";
import { element, shortName, text, textWidth } from "./svg.js";

export interface PictureNames {
  readonly title: string;
  readonly subtitle: string;
  /** The signature's names, in the order of the graph's tensors. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Host ops are drawn one by one as long as there are not more of them. */
const MAX_HOST_BOXES = 40;
/** Kinds of operators that a box shows. */
const MAX_BARS = 7;
const WIDTH = 290;

/** @param weights bytes of each constant of the graph, by its node */
export function partitionPicture(
  graph: ExplainedGraph,
  weights: ReadonlyMap<string, number>,
  names: PictureNames,
): string {
  const hostNodes = graph.groups.filter(({ side }) => side === "host").flatMap(({ nodes }) => nodes);
  const splitsHost = hostNodes.length <= MAX_HOST_BOXES;
  const plan = planGraph(graph, (group) => splitsHost && graph.groups[group]?.side === "host");
  const steps = graph.groups.map((group) => summarizeStep(group, weights));
  let inputs = 0;
  let outputs = 0;
  const boxes = plan.units.map((unit): Drawn => {
    if (unit.kind === "input") return portBox(names.inputs[inputs++] ?? "", labelOf(unit), false);
    if (unit.kind === "output") return portBox(names.outputs[outputs++] ?? "", labelOf(unit), true);
    if (unit.kind === "node") return hostBox(unit.nodes[0] as ExplainedNode);
    const group = unit.group as number;
    return groupBox(steps[group] as StepSummary, group + 1);
  });
  return drawPlan(plan, boxes, {
    title: names.title,
    subtitle: names.subtitle,
    legend: [
      ["onnx", "one ONNX Runtime session"],
      ["host", splitsHost ? "an op that the host runs" : "ops that the host runs"],
      ["port", "inputs and outputs"],
    ],
    gaps: { x: 30, y: 58 },
    labelledLines: 60,
  });
}

function labelOf({ port }: PlanUnit): string {
  return port === undefined ? "" : tensorLabel(port);
}

/** A group with its size and a bar for each frequent kind of operator. */
function groupBox(step: StepSummary, number: number): Drawn {
  const isOnnx = step.side === "onnx";
  const counts = byFrequency(new Map(Object.entries(step.operators ?? step.ops)));
  const bars = counts.slice(0, MAX_BARS);
  const rest = counts.slice(MAX_BARS).reduce((sum, [, count]) => sum + count, 0);
  const operators = counts.reduce((sum, [, count]) => sum + count, 0);
  const facts = [
    isOnnx
      ? `${countText(step.nodes, "node")} → ${countText(operators, "operator")}`
      : countText(step.nodes, "node"),
    ...(step.weightBytes > 0 ? [`${bytesText(step.weightBytes)} of weights`] : []),
  ];
  const height = 58 + 19 * bars.length + (rest > 0 ? 19 : 0) + 6;
  const most = bars[0]?.[1] ?? 1;
  return {
    width: WIDTH,
    height,
    draw: ({ x, y }) =>
      [
        card(x, y, WIDTH, height, isOnnx ? "onnx" : "host"),
        text(x + 18, y + 24, isOnnx ? `${number} · ONNX Runtime` : `${number} · host`, "head"),
        text(x + 18, y + 42, facts.join(", "), "small"),
        ...bars.map(([name, count], i) => bar({ x: x + 18, y: y + 54 + 19 * i }, name, count, count / most)),
        rest > 0
          ? text(
              x + 18,
              y + 67 + 19 * bars.length,
              `and ${rest} more of ${countText(counts.length - bars.length, "kind")}`,
              "small",
            )
          : "",
      ].join(""),
  };
}

function bar({ x, y }: Point, name: string, count: number, share: number): string {
  const room = WIDTH - 36 - 150;
  return [
    text(x, y + 13, shortName(name, 22), "body"),
    element("rect", {
      x: x + 150,
      y: y + 3,
      width: Math.max(2, (room - 30) * share),
      height: 12,
      rx: 2.5,
      class: "onnx-bar",
    }),
    text(x + 150 + room, y + 13, String(count), "small", "end"),
  ].join("");
}

/** A box with a band at its left. */
function card(x: number, y: number, width: number, height: number, kind: "onnx" | "host"): string {
  return [
    element("rect", { x, y, width, height, rx: 9, class: kind }),
    element("path", {
      d: `M${x + 9} ${y} h-2 a7 7 0 0 0 -7 9 v${height - 18} a9 9 0 0 0 7 9 h2 z`,
      class: `${kind}-band`,
      opacity: 0.9,
    }),
  ].join("");
}

function hostBox(node: ExplainedNode): Drawn {
  const lines = [shortName(node.name, 34), ...bodyLines(node)];
  const width = Math.max(textWidth(node.op, 13, true), ...lines.map((line) => textWidth(line, 11))) + 36;
  const height = 30 + 15 * lines.length;
  return {
    width,
    height,
    draw: ({ x, y }) =>
      [
        card(x, y, width, height, "host"),
        text(x + 18, y + 20, node.op, "head"),
        ...lines.map((line, i) => text(x + 18, y + 36 + 15 * i, line, "small")),
      ].join(""),
  };
}

/** What a branch or a loop has inside. */
function bodyLines({ bodies }: ExplainedNode): string[] {
  return bodies.map(({ label, graph }) => {
    const sides = tally(graph.groups.map(({ side }) => side));
    const host = graph.groups.reduce((sum, { side, nodes }) => sum + (side === "host" ? nodes.length : 0), 0);
    return `${label}: ${countText(sides.get("onnx") ?? 0, "session")}, ${countText(host, "host op")}`;
  });
}
