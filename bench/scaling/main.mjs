/**
 * `npm run bench:scaling`: throughput and the 99th percentile of latencies as one quantity grows. Prints a table for
 * each curve and writes all measurements and the plots to bench/out; with `--write`, tables and plots become those of
 * docs/performance.md.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildFloor } from "../floor.mjs";
import { chooseGenerator } from "../generator.mjs";
import { canPin, machineFacts, REPOSITORY } from "../machine.mjs";
import { header, saveResults } from "../report.mjs";
import { measureBatchSize } from "./batch-size.mjs";
import { measureCores } from "./cores.mjs";
import { measureInFlight } from "./in-flight.mjs";
import { measureModels } from "./models.mjs";
import { measurePayload } from "./payload.mjs";
import { plot } from "./plot.mjs";
import { curveTable, otherCores, section, withSection } from "./report.mjs";

/** @typedef {import("./curve.mjs").Curve} Curve */

/** @type {Readonly<Record<string, (plan: import("./curve.mjs").Plan) => Promise<Curve[]>>>} */
const measurements = {
  "in-flight": measureInFlight,
  "batch-size": measureBatchSize,
  payload: measurePayload,
  models: measureModels,
  cores: measureCores,
};

const DOCUMENT = join(REPOSITORY, "docs", "performance.md");

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    repeat: { type: "string", default: "3" },
    seconds: { type: "string", default: "0.5" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) {
  console.log(`npm run bench:scaling -- [--only=CURVE]… [--repeat=3] [--seconds=0.5] [--write]

CURVE is ${Object.keys(measurements).join(", ")}. With --write, tables and plots go into docs.`);
} else {
  await measureAll();
}

async function measureAll() {
  const unknown = flags.only.filter((key) => !(key in measurements));
  if (unknown.length > 0) throw new Error(`no curve is named ${unknown.join(", ")}`);
  const [repetitions, seconds] = [Number(flags.repeat), Number(flags.seconds)];
  const floor = await buildFloor();
  const generator = chooseGenerator(floor.loadgen);
  const facts = {
    ...machineFacts(),
    generator: generator.title,
    cores: canPin ? "pinned, as each curve says" : "not pinned",
    how: `medians of ${repetitions} × ${seconds} s`,
  };
  console.log(header(facts, floor.notes));
  const folder = mkdtempSync(join(tmpdir(), "servable-scaling-"));
  try {
    /** @type {Curve[]} */
    const curves = [];
    for (const [key, measure] of Object.entries(measurements)) {
      if (flags.only.length > 0 && !flags.only.includes(key)) continue;
      const measured = await measure({ folder, repetitions, seconds, generator, floor: floor.server });
      for (const curve of measured) report(curve, facts);
      curves.push(...measured);
    }
    saveResults({ facts, notes: floor.notes, curves });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * @param {Curve} curve
 * @param {Readonly<Record<string, string>>} facts
 */
function report(curve, facts) {
  const noise = otherCores(curve);
  const warning = noise > 0.1 ? `warning: other programs kept up to ${noise.toFixed(2)} cores busy\n` : "";
  console.log(`${curve.title}\n${curve.how}\n\n${curveTable(curve)}\n${warning}`);
  const plots = flags.write ? join(REPOSITORY, "docs", "plots") : join(REPOSITORY, "bench", "out", "plots");
  mkdirSync(plots, { recursive: true });
  writeFileSync(join(plots, `${curve.key}.svg`), plot(curve));
  if (!flags.write) return;
  writeFileSync(DOCUMENT, withSection(readFileSync(DOCUMENT, "utf8"), curve.key, section(curve, facts)));
}
