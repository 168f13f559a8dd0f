/**
 * `npm run bench`: Servable next to what it must not be slower than. Prints a report and writes all measurements to
 * bench/out. See README.md here for what is measured how, and what has to be there for the comparison with C++.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureColdStart } from "./cold-start.mjs";
import { buildFloor } from "./floor.mjs";
import { chooseGenerator } from "./generator.mjs";
import { HALF_PLUS_TWO, halfPlusTwoProbe, writeHalfPlusTwo } from "./half-plus-two.mjs";
import { canPin, machineFacts } from "./machine.mjs";
import { hasMnist, MNIST, mnistProbe } from "./mnist.mjs";
import { coldStartTable, header, saveResults, throughputTable } from "./report.mjs";
import { measureRestThroughput, REST_SERVERS } from "./rest-throughput.mjs";
import { availableServers } from "./servers.mjs";
import { measureThroughput } from "./throughput.mjs";

const { values: flags } = parseArgs({
  options: {
    repeat: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    only: { type: "string", multiple: true, default: [] },
    skip: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) {
  console.log(`npm run bench -- [--repeat=3] [--seconds=2] [--only=SERVER]… [--skip=cold-start|throughput|rest]…

SERVER is servable, plain-node, floor-sync, floor-callback or floor-lean.`);
} else {
  await bench();
}

async function bench() {
  const [repetitions, seconds] = [Number(flags.repeat), Number(flags.seconds)];
  const floor = await buildFloor();
  const { servers, notes } = availableServers(floor.server);
  const wanted = servers.filter(({ key }) => flags.only.length === 0 || flags.only.includes(key));
  const generator = chooseGenerator(floor.loadgen);
  const facts = {
    ...machineFacts(),
    ...(floor.server === undefined ? {} : { tensorflow: floor.tensorflow }),
    generator: generator.title,
    cores: canPin ? "throughput: server on core 0, generator on core 1" : "not pinned",
    repetitions: `${repetitions}, medians (range); ${seconds} s each`,
  };
  const allNotes = [...notes, ...floor.notes, ...(hasMnist ? [] : [`MNIST: no model at ${MNIST.folder}`])];
  console.log(header(facts, allNotes));

  const folder = mkdtempSync(join(tmpdir(), "servable-bench-"));
  try {
    const halfPlusTwo = { name: HALF_PLUS_TWO, folder: join(folder, HALF_PLUS_TWO) };
    writeHalfPlusTwo(halfPlusTwo.folder);
    const coldStarts = flags.skip.includes("cold-start")
      ? []
      : await allColdStarts(wanted, halfPlusTwo, repetitions);
    if (coldStarts.length > 0) console.log(coldStartTable(wanted, coldStarts));
    const plan = { servers: wanted, generator, model: halfPlusTwo, folder, repetitions, seconds };
    const throughput = flags.skip.includes("throughput") ? [] : await measureThroughput(plan);
    if (throughput.length > 0) console.log(throughputTable("half_plus_two over gRPC", wanted, throughput));
    const restThroughput = flags.skip.includes("rest") ? [] : await measureRestThroughput(plan);
    if (restThroughput.length > 0) {
      console.log(throughputTable("half_plus_two over REST", REST_SERVERS, restThroughput));
    }
    saveResults({ facts, notes: allNotes, coldStarts, throughput, restThroughput });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Every server with every model that it can serve.
 * @param {readonly import("./servers.mjs").Server[]} servers
 * @param {import("./servers.mjs").Model} halfPlusTwo
 * @param {number} repetitions
 * @returns {Promise<import("./report.mjs").ColdStartRow[]>}
 */
async function allColdStarts(servers, halfPlusTwo, repetitions) {
  const cases = [
    ...(hasMnist ? [{ model: MNIST, probe: mnistProbe }] : []),
    { model: halfPlusTwo, probe: halfPlusTwoProbe },
  ];
  const rows = [];
  for (const { model, probe } of cases) {
    for (const server of servers.filter((one) => one.serves(model))) {
      const result = await measureColdStart(server, model, probe, repetitions);
      rows.push({ model: model.name, server: server.key, ...result });
    }
  }
  return rows;
}
