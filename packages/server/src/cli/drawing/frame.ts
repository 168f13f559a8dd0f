/** What both pictures have around and between their boxes: title, legend, lines with their tensors. */
import type { ExplainedTensor } from "@servable/engine";
import { shapeText } from "@servable/formats";
import { type Layout, type LayoutBox, layOut, type Point } from "./layered-layout.js";
import type { PlanGraph } from "./plan-graph.js";
import { curve, element, picture, shortName, text, textWidth } from "./svg.js";

/** A box's size, and how it is drawn with its upper left corner at a point. */
export interface Drawn extends LayoutBox {
  readonly draw: (at: Point) => string;
}

export interface Frame {
  readonly title: string;
  readonly subtitle: string;
  /** Class and meaning of each kind of box. */
  readonly legend: readonly (readonly [kind: string, meaning: string])[];
  readonly gaps: { readonly x: number; readonly y: number };
  /** More lines than this carry no text. */
  readonly labelledLines: number;
}

const MARGIN = 32;
const HEAD_HEIGHT = 92;

export function drawPlan(plan: PlanGraph, boxes: readonly Drawn[], frame: Frame): string {
  const layout = layOut(
    boxes,
    plan.lines.map(({ ends }) => ends),
    frame.gaps,
  );
  const width = Math.max(layout.width, headWidth(frame)) + 2 * MARGIN;
  const shift = { x: (width - layout.width) / 2, y: HEAD_HEIGHT };
  const placed = layout.boxes.map(({ x, y }) => ({ x: x + shift.x, y: y + shift.y }));
  return picture(width, HEAD_HEIGHT + layout.height + MARGIN, frame.title, [
    head(frame),
    ...lines(plan, layout, shift),
    ...boxes.map((box, i) => box.draw(placed[i] as Point)),
    ...(plan.lines.length <= frame.labelledLines ? labels(plan, layout, shift) : []),
  ]);
}

function headWidth({ title, subtitle, legend }: Frame): number {
  const keys = legend.reduce((sum, [, meaning]) => sum + 34 + textWidth(meaning, 12), 0);
  return Math.max(textWidth(title, 19, true), textWidth(subtitle, 13), keys);
}

function head({ title, subtitle, legend }: Frame): string {
  let x = MARGIN;
  const keys = legend.map(([kind, meaning]) => {
    const key =
      element("rect", { x, y: 61, width: 14, height: 11, rx: 3, class: kind }) +
      text(x + 20, 71, meaning, "body");
    x += 40 + textWidth(meaning, 12);
    return key;
  });
  return [text(MARGIN, 32, title, "title"), text(MARGIN, 52, subtitle, "subtitle"), ...keys].join("\n");
}

function lines({ lines: planLines }: PlanGraph, layout: Layout, shift: Point): string[] {
  return planLines.map(({ isControl }, i) =>
    element("path", {
      d: curve(shifted(layout.lines[i] as readonly Point[], shift)),
      class: isControl ? "line control" : "line",
      "marker-end": "url(#tip)",
    }),
  );
}

/** In the middle of each line's last part, what it carries. */
function labels({ lines: planLines }: PlanGraph, layout: Layout, shift: Point): string[] {
  return planLines.flatMap(({ tensor }, i) => {
    if (tensor === undefined || tensor.type === "resource") return [];
    const points = shifted(layout.lines[i] as readonly Point[], shift);
    const [before, end] = lastTurn(points);
    const at = { x: (end.x + before.x) / 2, y: (end.y + before.y) / 2 };
    return [text(at.x, at.y + 4, tensorLabel(tensor), "small halo", "middle")];
  });
}

/** The last part of a line that goes aside, or the longest upright one. */
function lastTurn(points: readonly Point[]): readonly [Point, Point] {
  const parts = points.slice(1).map((end, i) => [points[i] as Point, end] as const);
  const turns = parts.filter(([start, end]) => Math.abs(start.x - end.x) > 1);
  const longest = [...parts].sort((a, b) => b[1].y - b[0].y - (a[1].y - a[0].y));
  return turns.at(-1) ?? longest[0] ?? [points[0] as Point, points[0] as Point];
}

function shifted(points: readonly Point[], shift: Point): Point[] {
  return points.map(({ x, y }) => ({ x: x + shift.x, y: y + shift.y }));
}

/** "float32 [?,784]" */
export function tensorLabel({ type, shape }: ExplainedTensor): string {
  return shape?.length === 0 ? `${type} scalar` : `${type} ${shapeText(shape)}`;
}

/** The rounded box of an input or output, with its name in it. */
export function portBox(name: string, label: string, isLast: boolean): Drawn {
  const shown = shortName(name, 40);
  const width = Math.max(textWidth(shown, 13, true), textWidth(label, 11)) + 36;
  const height = 42;
  return {
    width,
    height,
    isLast,
    draw: ({ x, y }) =>
      [
        element("rect", { x, y, width, height, rx: 21, class: "port" }),
        text(x + width / 2, y + 18, shown, "head", "middle"),
        text(x + width / 2, y + 33, label, "small", "middle"),
      ].join(""),
  };
}
