/**
 * `npm run bench:images`: images a second of well-known networks, one image to a request, with 1, 4 and 16 requests in
 * flight; Servable next to the C++ floor and to ONNX Runtime with no server around it. Everything may use all cores.
 *
 * The networks are expected as NETWORK/1/saved_model.pb in a folder, with another converter's NETWORK/model.onnx where
 * there is one; conformance/engine_speed.py makes both with TensorFlow, Keras and tf2onnx.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { buildFloor } from "../floor.mjs";
import { chooseGenerator } from "../generator.mjs";
import { machineFacts, REPOSITORY } from "../machine.mjs";
import { header, saveResults, throughputTable } from "../report.mjs";
import { availableServers, servableProgram } from "../servers.mjs";
import { summarize } from "../statistics.mjs";
import { inTurns } from "../throughput.mjs";
import { measureImages } from "./image-load.mjs";

const run = promisify(execFile);

/** Input sizes are those that the networks were made for. */
const NETWORKS = [
  { name: "MobileNetV2", side: 224 },
  { name: "ResNet50", side: 224 },
  { name: "InceptionV3", side: 299 },
];
const IN_FLIGHT = [1, 4, 16];
const BARE = { key: "onnxruntime", title: "onnxruntime alone" };

const { values: flags } = parseArgs({
  options: {
    models: { type: "string", default: join(tmpdir(), "servable-engine-speed") },
    repeat: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    only: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) {
  console.log(`npm run bench:images -- [--models=FOLDER] [--repeat=3] [--seconds=4] [--only=NETWORK]…

FOLDER has a folder for each NETWORK: ${NETWORKS.map(({ name }) => name).join(", ")}.`);
} else {
  await bench();
}

async function bench() {
  const [repetitions, seconds] = [Number(flags.repeat), Number(flags.seconds)];
  const floor = await buildFloor();
  const { servers, notes } = availableServers(floor.server);
  const compared = servers.filter(({ key }) => key === "servable" || key === "floor-sync");
  const generator = chooseGenerator(floor.loadgen);
  const wanted = NETWORKS.filter(({ name }) => flags.only.length === 0 || flags.only.includes(name));
  const networks = wanted
    .map((network) => ({ ...network, folder: join(flags.models, network.name) }))
    .filter(({ folder }) => existsSync(join(folder, "1", "saved_model.pb")));
  const missing = wanted.filter(({ name }) => !networks.some((network) => network.name === name));
  const facts = {
    ...machineFacts(),
    generator: generator.title,
    repetitions: `${repetitions}, medians (range); ${seconds} s each`,
  };
  const allNotes = [
    ...notes,
    ...floor.notes,
    ...missing.map(({ name }) => `${name}: no model at ${join(flags.models, name)}`),
  ];
  console.log(header(facts, allNotes));

  const folder = mkdtempSync(join(tmpdir(), "servable-bench-"));
  try {
    const results = [];
    for (const network of networks) {
      const load = { network, generator, folder, seconds };
      const served = await inTurns(compared, repetitions, IN_FLIGHT, (server) =>
        measureImages({ ...load, inFlight: IN_FLIGHT, server }),
      );
      const rows = [...served, ...(await measureBare(network, folder, repetitions, seconds))];
      console.log(throughputTable(`${network.name}, images`, [...compared, BARE], rows));
      results.push({ network: network.name, rows });
    }
    saveResults({ facts, notes: allNotes, images: results });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * ONNX Runtime's own loop on the better of two conversions: another converter's, and what our compiler writes.
 * @param {import("./image-load.mjs").Network} network
 * @param {string} folder
 * @param {number} repetitions
 * @param {number} seconds
 * @returns {Promise<import("../throughput.mjs").Throughput[]>}
 */
async function measureBare({ name, side, folder: source }, folder, repetitions, seconds) {
  const dump = join(folder, name);
  const [program = "", ...args] = servableProgram;
  await run(program, [
    ...args,
    "compile",
    join(source, "1"),
    `--dump=${dump}`,
    "--signature_def=serving_default",
  ]);
  const files = [join(source, "model.onnx"), join(dump, "serving_default", "0.onnx")].filter(existsSync);
  /** @type {BareResult[]} */
  const rounds = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const results = [];
    for (const file of files) results.push(await loop(file, side, seconds));
    results.sort((a, b) => b.rps - a.rps);
    rounds.push(/** @type {BareResult} */ (results[0]));
  }
  const of = (/** @type {keyof BareResult} */ figure) => summarize(rounds.map((round) => round[figure]));
  const none = summarize([Number.NaN]);
  return [
    {
      server: BARE.key,
      concurrency: 1,
      rps: of("rps"),
      p50Ms: of("p50_ms"),
      p99Ms: of("p99_ms"),
      serverCpus: none,
      otherCpus: none,
    },
  ];
}

/** @typedef {{ rps: number, p50_ms: number, p99_ms: number }} BareResult */

/**
 * @param {string} file
 * @param {number} side
 * @param {number} seconds
 * @returns {Promise<BareResult>}
 */
async function loop(file, side, seconds) {
  const program = join(REPOSITORY, "bench", "images", "bare-onnxruntime.mjs");
  const { stdout } = await run(process.execPath, [
    program,
    `--model=${file}`,
    `--side=${side}`,
    `--duration=${seconds}`,
  ]);
  return JSON.parse(stdout);
}
