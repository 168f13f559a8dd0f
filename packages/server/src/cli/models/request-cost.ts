/** What a request costs, part by part, as a table. */
import { numberColumns } from "./columns.js";

export interface Cost {
  readonly title: string;
  /** Who runs it: ONNX Runtime, our own code, or what is around both. */
  readonly kind: "onnx" | "host" | "port";
  readonly micros: number;
  /** What it is made of; they may not add up to it, the rest being its own. */
  readonly children: readonly Cost[];
}

/** Parts that take a smaller share of the whole are left out of the table, with a line that says so. */
const MIN_SHARE = 0.005;
const MAX_TITLE = 60;

export function totalOf(costs: readonly { readonly micros: number }[]): number {
  return costs.reduce((sum, { micros }) => sum + micros, 0);
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export function costTable(costs: readonly Cost[]): string[] {
  const total = totalOf(costs);
  const rows = costs.flatMap((cost) => rowsOf(cost, total, 0));
  return numberColumns([["", "µs", "share"], ...rows, ["together", microsText(total), "100 %"]]);
}

function rowsOf({ title, micros, children }: Cost, total: number, depth: number): string[][] {
  const indent = "  ".repeat(depth);
  const shown = children.filter((child) => child.micros >= MIN_SHARE * total);
  const hidden = children.length - shown.length;
  const rest = totalOf(children) - totalOf(shown);
  return [
    [`${indent}${shortened(title)}`, microsText(micros), shareText(micros, total)],
    ...shown.flatMap((child) => rowsOf(child, total, depth + 1)),
    ...(hidden === 0
      ? []
      : [[`${indent}  ${hidden} smaller steps`, microsText(rest), shareText(rest, total)]]),
  ];
}

/** An op, and the end of its node's name: the beginning is that of all its neighbours. */
function shortened(title: string): string {
  if (title.length <= MAX_TITLE) return title;
  const [op = ""] = title.split(" ", 1);
  return `${op} …${title.slice(op.length + 3 - MAX_TITLE)}`;
}

/** Three digits that say something. */
export function microsText(micros: number): string {
  if (micros >= 100) return Math.round(micros).toLocaleString("en");
  return micros.toFixed(micros >= 10 ? 1 : 2);
}

function shareText(micros: number, total: number): string {
  return `${((100 * micros) / total).toFixed(1)} %`;
}
