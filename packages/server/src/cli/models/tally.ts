/** How many there are of each name. */

export type Tally = ReadonlyMap<string, number>;

export function tally(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Names by frequency, then by alphabet. */
export function byFrequency(counts: Tally): [name: string, count: number][] {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** "MatMul 2, Add 1"; of more than `limit` names the most frequent. */
export function tallyText(counts: Tally, limit = Number.POSITIVE_INFINITY): string {
  const sorted = byFrequency(counts);
  const shown = sorted.slice(0, limit).map(([name, count]) => `${name} ${count}`);
  const more = sorted.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more kinds`] : [])].join(", ");
}

/** The same in lines of about `width` characters. */
export function tallyLines(counts: Tally, width = 90): string[] {
  const lines: string[] = [];
  for (const [name, count] of byFrequency(counts)) {
    const part = `${name} ${count}`;
    const line = lines.at(-1);
    if (line === undefined || line.length + part.length > width) lines.push(part);
    else lines[lines.length - 1] = `${line}, ${part}`;
  }
  return lines;
}
