/** Lines whose parts stand in columns. */

/** Each row's cells padded to the widest of their column. */
export function columns(rows: readonly (readonly string[])[], gap = "  "): string[] {
  return aligned(rows, gap, (cell, width) => cell.padEnd(width));
}

/** The same with all but the first column to the right, for numbers. */
export function numberColumns(rows: readonly (readonly string[])[], gap = "  "): string[] {
  return aligned(rows, gap, (cell, width, i) => (i === 0 ? cell.padEnd(width) : cell.padStart(width)));
}

function aligned(
  rows: readonly (readonly string[])[],
  gap: string,
  pad: (cell: string, width: number, column: number) => string,
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => pad(cell, widths[i] as number, i))
      .join(gap)
      .trimEnd(),
  );
}

/** Facts under each other: a name each, the first line beside it, further lines under the first. */
export function facts(
  rows: readonly (readonly [name: string, lines: readonly string[]])[],
  indent = "",
): string[] {
  const shown = rows.filter(([, lines]) => lines.length > 0);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.flatMap(([name, lines]) =>
    lines.map((line, i) => `${indent}${(i === 0 ? name : "").padEnd(width)}  ${line}`.trimEnd()),
  );
}
