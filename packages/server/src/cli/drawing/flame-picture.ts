/** A request's cost as a flame picture: each part as wide as the time that it takes, what it is made of below it. */
import { type Cost, microsText, totalOf } from "../models/request-cost.js";
import { element, escaped, picture, text, textWidth } from "./svg.js";

const WIDTH = 1200;
const MARGIN = 32;
const HEAD_HEIGHT = 92;
const ROW_HEIGHT = 26;
const FONT_SIZE = 12;
/** Narrower parts are not drawn. */
const MIN_WIDTH = 0.5;

const legend: readonly (readonly [kind: Cost["kind"], meaning: string])[] = [
  ["onnx", "ONNX Runtime"],
  ["host", "our own code"],
  ["port", "around it"],
];

export function drawFlames(costs: readonly Cost[], title: string): string {
  const total = totalOf(costs);
  const scale = (WIDTH - 2 * MARGIN) / total;
  const height = HEAD_HEIGHT + depthOf(costs) * ROW_HEIGHT + MARGIN;
  return picture(WIDTH, height, title, [
    text(MARGIN, 32, title, "title"),
    text(MARGIN, 52, `${microsText(total)} µs for one request`, "subtitle"),
    ...drawLegend(),
    ...drawRow(costs, MARGIN, HEAD_HEIGHT, scale),
  ]);
}

function drawLegend(): string[] {
  let x = MARGIN;
  return legend.map(([kind, meaning]) => {
    const key = element("rect", { x, y: 61, width: 14, height: 11, rx: 3, class: kind });
    const label = text(x + 20, 71, meaning, "body");
    x += 40 + textWidth(meaning, FONT_SIZE);
    return key + label;
  });
}

function depthOf(costs: readonly Cost[]): number {
  return costs.length === 0 ? 0 : 1 + Math.max(...costs.map(({ children }) => depthOf(children)));
}

function drawRow(costs: readonly Cost[], left: number, y: number, scale: number): string[] {
  let x = left;
  return costs.flatMap((cost) => {
    const width = cost.micros * scale;
    const start = x;
    x += width;
    if (width < MIN_WIDTH) return [];
    return [drawPart(cost, start, y, width), ...drawRow(cost.children, start, y + ROW_HEIGHT, scale)];
  });
}

function drawPart({ title, kind, micros }: Cost, x: number, y: number, width: number): string {
  const what = `${title}: ${microsText(micros)} µs`;
  const box = element("rect", {
    x,
    y,
    width: Math.max(width - 1, MIN_WIDTH),
    height: ROW_HEIGHT - 2,
    rx: 3,
    class: kind,
  });
  const label = fitted(what, width - 12);
  const caption = label === "" ? "" : text(x + 6, y + 16, label, "body");
  return element("g", {}, element("title", {}, escaped(what)) + box + caption);
}

/** As much of a text as fits; nothing when that is too little to be read. */
function fitted(label: string, width: number): string {
  if (textWidth(label, FONT_SIZE) <= width) return label;
  let length = Math.floor((label.length * width) / textWidth(label, FONT_SIZE)) - 1;
  while (length > 3 && textWidth(`${label.slice(0, length)}…`, FONT_SIZE) > width) length--;
  return length > 3 ? `${label.slice(0, length)}…` : "";
}
