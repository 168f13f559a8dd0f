/** How long runs took, as a table. */
import { numberColumns } from "./columns.js";
import { millisecondsText } from "./quantity.js";

export interface Timing {
  /** Reading, initialising and compiling, in milliseconds. */
  readonly loadMs: number;
  readonly runs: number;
  /** The first run allocates what later ones reuse; it is not among the others. */
  readonly firstMs: number;
  readonly meanMs?: number;
  readonly medianMs?: number;
  readonly p90Ms?: number;
  readonly p99Ms?: number;
  readonly longestMs?: number;
}

/** @param runs milliseconds of each run, the first one first */
export function timingOf(loadMs: number, runs: readonly number[]): Timing {
  const [firstMs = 0, ...others] = runs;
  const common = { loadMs, runs: runs.length, firstMs };
  if (others.length === 0) return common;
  const sorted = [...others].sort((a, b) => a - b);
  const percentile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] as number;
  return {
    ...common,
    meanMs: others.reduce((a, b) => a + b, 0) / others.length,
    medianMs: percentile(0.5),
    p90Ms: percentile(0.9),
    p99Ms: percentile(0.99),
    longestMs: sorted.at(-1) as number,
  };
}

export function timingText(timing: Timing): string {
  const { runs, meanMs } = timing;
  const rows: (readonly [string, number | undefined])[] = [
    ["load", timing.loadMs],
    ["first run", timing.firstMs],
    ["mean of the others", meanMs],
    ["median", timing.medianMs],
    ["90 %", timing.p90Ms],
    ["99 %", timing.p99Ms],
    ["longest", timing.longestMs],
  ];
  const lines = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, millisecondsText(value)]],
  );
  const rate = meanMs === undefined ? [] : [["runs per second", String(Math.round(1000 / meanMs))]];
  return numberColumns([["runs", String(runs)], ...lines, ...rate]).join("\n");
}
