/**
 * `npm run bench:endurance`: what a server meets in months of service, in minutes. Versions swapped under load, large
 * models loaded beside small ones, memory given back, a thousand connections, hundreds of models, kills at any moment.
 * Prints a table; the exit status is 1 when a bound is not kept.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machineFacts } from "../machine.mjs";
import { header } from "../report.mjs";
import { table } from "../table.mjs";
import { measureConnections } from "./connections.mjs";
import { measureCrashes } from "./crashes.mjs";
import { measureLoadUnload } from "./load-unload.mjs";
import { measureLoading } from "./loading.mjs";
import { measureManyModels } from "./many-models.mjs";
import { measureSwaps } from "./swaps.mjs";

/** @type {Readonly<Record<string, (folder: string) => Promise<import("./scenario.mjs").Finding[]>>>} */
const scenarios = {
  swaps: measureSwaps,
  loading: measureLoading,
  "load-unload": measureLoadUnload,
  connections: measureConnections,
  "many-models": measureManyModels,
  crashes: measureCrashes,
};

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) {
  console.log(`npm run bench:endurance -- [--only=SCENARIO]…

SCENARIO is ${Object.keys(scenarios).join(", ")}.`);
} else {
  await measureAll();
}

async function measureAll() {
  console.log(header(machineFacts(), []));
  for (const [name, measure] of Object.entries(scenarios)) {
    if (flags.only.length > 0 && !flags.only.includes(name)) continue;
    const folder = mkdtempSync(join(tmpdir(), "servable-endurance-"));
    try {
      const findings = await measure(folder);
      const rows = findings.map(({ what, value, bound, isMet }) => [
        what,
        value,
        bound,
        isMet === undefined ? "" : isMet ? "kept" : "NOT KEPT",
      ]);
      console.log(`${table([name, "measured", "bound", ""], rows)}\n`);
      if (findings.some(({ isMet }) => isMet === false)) process.exitCode = 1;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}
