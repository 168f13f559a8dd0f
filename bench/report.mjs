/** The printed report: facts, then a table for each scenario, with ratios to the servers that are the yardsticks. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./machine.mjs";
import { numberText, summaryText, table } from "./table.mjs";

/** @typedef {{ model: string, server: string } & import("./cold-start.mjs").ColdStart} ColdStartRow */
/** @typedef {import("./servers.mjs").Server} Server */
/** @typedef {import("./throughput.mjs").Throughput} Throughput */

/** What the others are compared with: the original's threading model, the leanest one, and a plain Node server. */
const YARDSTICKS = [
  { key: "floor-sync", title: "× floor" },
  { key: "floor-lean", title: "× leanest" },
  { key: "plain-node", title: "× plain Node" },
  { key: "onnxruntime", title: "× onnxruntime" },
];

/**
 * @param {Readonly<Record<string, string>>} facts
 * @param {readonly string[]} notes
 */
export function header(facts, notes) {
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  return [
    "",
    ...Object.entries(facts).map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...notes.map((note) => `note: ${note}`),
    "",
  ].join("\n");
}

/**
 * @param {readonly { key: string, title: string }[]} servers
 * @param {string} key
 */
const titleOf = (servers, key) => servers.find((server) => server.key === key)?.title ?? key;

/**
 * How many times as much; "" where there is nothing to compare with.
 * @param {number} value
 * @param {number | undefined} yardstick
 */
const ratio = (value, yardstick) => (yardstick === undefined ? "" : `${numberText(value / yardstick)}×`);

/**
 * @param {readonly Server[]} servers
 * @param {readonly ColdStartRow[]} rows
 */
export function coldStartTable(servers, rows) {
  const head = [
    "cold start, unpinned",
    "model",
    "first answer ms",
    "× floor",
    "RSS MiB",
    "× floor",
    "peak MiB",
  ];
  const cells = rows.map((row) => {
    const floor = rows.find((other) => other.model === row.model && other.server === "floor-sync");
    return [
      titleOf(servers, row.server),
      row.model,
      summaryText(row.firstAnswerMs),
      ratio(row.firstAnswerMs.median, floor?.firstAnswerMs.median),
      summaryText(row.rssMiB),
      ratio(row.rssMiB?.median ?? Number.NaN, floor?.rssMiB?.median),
      summaryText(row.peakMiB),
    ];
  });
  return `${table(head, cells)}\n`;
}

/** Empty where nobody has measured it. @param {import("./statistics.mjs").Summary} cores */
const coresText = ({ median }) => (Number.isNaN(median) ? "" : median.toFixed(2));

/** Other programs on this many cores can't but change the numbers. */
const QUIET_CORES = 0.1;

/**
 * A warning when the machine was not left alone; empty otherwise.
 * @param {readonly Throughput[]} rows
 */
function noiseWarning(rows) {
  const most = Math.max(...rows.map((row) => row.otherCpus.median || 0));
  if (!(most > QUIET_CORES)) return "";
  return `warning: other programs kept up to ${most.toFixed(2)} cores busy; measure again on a quiet machine\n`;
}

/**
 * A yardstick's measurement with as many requests in flight, or its only one.
 * @param {readonly Throughput[]} rows
 * @param {string} key
 * @param {Throughput} row
 */
function yardstickOf(rows, key, row) {
  const own = rows.filter(({ server }) => server === key);
  return own.length === 1 ? own[0] : own.find(({ concurrency }) => concurrency === row.concurrency);
}

/**
 * @param {string} title
 * @param {readonly { key: string, title: string }[]} servers
 * @param {readonly Throughput[]} rows
 */
export function throughputTable(title, servers, rows) {
  const yardsticks = YARDSTICKS.filter(({ key }) => rows.some((row) => row.server === key));
  const head = [
    title,
    "in flight",
    "requests/s",
    ...yardsticks.map(({ title }) => title),
    "p50 ms",
    "p99 ms",
    "server cores",
    "other cores",
  ];
  const inOrder = [...rows].sort((a, b) => a.concurrency - b.concurrency);
  const cells = inOrder.map((row) => {
    return [
      titleOf(servers, row.server),
      String(row.concurrency),
      summaryText(row.rps),
      ...yardsticks.map(({ key }) => ratio(row.rps.median, yardstickOf(rows, key, row)?.rps.median)),
      summaryText(row.p50Ms),
      summaryText(row.p99Ms),
      coresText(row.serverCpus),
      coresText(row.otherCpus),
    ];
  });
  return `${table(head, cells)}\n${noiseWarning(rows)}`;
}

/**
 * Writes all measurements to bench/out, and says where.
 * @param {{ facts: { date: string } } & Record<string, unknown>} results
 */
export function saveResults(results) {
  const out = join(REPOSITORY, "bench", "out");
  mkdirSync(out, { recursive: true });
  const file = join(out, `${results.facts.date.replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`All measurements: ${file}`);
}
