/** A large version loads while a small model is under load: how much the small one's latency feels of it. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HALF_PLUS_TWO, halfPlusTwoRequest, writeHalfPlusTwo } from "../half-plus-two.mjs";
import { median } from "../statistics.mjs";
import { numberText } from "../table.mjs";
import { Load } from "./load.mjs";
import { writeDense } from "./models.mjs";
import { Served } from "./served.mjs";

const LARGE = { megabytes: 200, width: 1024 };
const CONCURRENCY = 64;
const ROUNDS = 5;
const QUIET_MS = 3_000;
const BOUND = 1.5;

/**
 * @param {string} folder
 * @returns {Promise<import("./scenario.mjs").Finding[]>}
 */
export async function measureLoading(folder) {
  const requestFile = join(folder, "request.bin");
  writeFileSync(requestFile, halfPlusTwoRequest());
  writeHalfPlusTwo(join(folder, HALF_PLUS_TWO));
  mkdirSync(join(folder, "large"));
  const served = await Served.start([
    `--model_config_file=${modelConfig(folder)}`,
    "--file_system_poll_wait_seconds=1",
  ]);
  try {
    await served.until(HALF_PLUS_TWO, 1, "AVAILABLE");
    /** @type {{ quiet: number, loading: number }[]} */
    const rounds = [];
    for (let round = 1; round <= ROUNDS; round++) rounds.push(await measureRound(served, folder, round));
    const ratios = rounds.map(({ quiet, loading }) => loading / quiet);
    const values = (/** @type {"quiet" | "loading"} */ key) => rounds.map((round) => round[key]);
    return [
      { what: "p99 when quiet, ms", value: numberText(median(values("quiet"))), bound: "" },
      {
        what: `p99 while ${LARGE.megabytes} MB load, ms`,
        value: numberText(median(values("loading"))),
        bound: "",
      },
      {
        what: `ratio, median of ${ROUNDS}`,
        value: numberText(median(ratios)),
        bound: `≤ ${BOUND}`,
        isMet: median(ratios) <= BOUND,
      },
    ];
  } finally {
    await served.stop();
  }
}

/** @param {string} folder */
function modelConfig(folder) {
  const file = join(folder, "models.config");
  const config = (/** @type {string} */ name) =>
    `config { name: "${name}" base_path: "${join(folder, name)}" model_platform: "tensorflow" }`;
  writeFileSync(file, `model_config_list { ${config(HALF_PLUS_TWO)} ${config("large")} }\n`);
  return file;
}

/**
 * @param {Served} served
 * @param {string} folder
 * @param {number} round
 */
async function measureRound(served, folder, round) {
  const [requestFile, latencyFile] = [join(folder, "request.bin"), join(folder, `latencies-${round}.bin`)];
  // Written before the load, which it would disturb; what follows is the server's work alone.
  const staged = join(folder, `round-${round}`, "large");
  mkdirSync(staged, { recursive: true });
  writeDense(staged, round, LARGE);
  const seconds = 12;
  const { port } = served.server;
  const load = new Load({ port, requestFile, latencyFile, seconds, concurrency: CONCURRENCY });
  await sleep(1_000);
  const quietFrom = Date.now();
  await sleep(QUIET_MS);
  const loadingFrom = Date.now();
  renameSync(join(staged, String(round)), join(folder, "large", String(round)));
  await served.until("large", round, "AVAILABLE");
  const loadingTo = Date.now();
  const { errors } = await load.ended;
  if (errors > 0) throw new Error(`${errors} requests failed while a version loaded`);
  return { quiet: load.p99Ms(quietFrom, loadingFrom), loading: load.p99Ms(loadingFrom, loadingTo) };
}
