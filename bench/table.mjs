/** Tables for the terminal that are Markdown as well. */

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @returns {string}
 */
export function table(head, rows) {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${widths.map((width, column) => pad(cells[column] ?? "", width, column)).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** Names to the left, numbers to the right. @param {string} text @param {number} width @param {number} column */
const pad = (text, width, column) => (column === 0 ? text.padEnd(width) : text.padStart(width));

/** Three significant digits, thousands in full: 17,345 · 312 · 4.38 · 0.151. @param {number} value */
export function numberText(value) {
  if (!Number.isFinite(value)) return "n/a";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}

/** The median, and the range if there is one: 312 (298–340). @param {import("./statistics.mjs").Summary | undefined} summary */
export function summaryText(summary) {
  if (summary === undefined) return "n/a";
  const { median, min, max } = summary;
  return min === max ? numberText(median) : `${numberText(median)} (${numberText(min)}–${numberText(max)})`;
}
