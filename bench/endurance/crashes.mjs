/** The process is killed at any moment of a start, a swap or a log's growth, and started again. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readTfRecords, tensor } from "@servable/formats";
import { EXPECTED_Y, HALF_PLUS_TWO, writeHalfPlusTwo } from "../half-plus-two.mjs";
import { numberText } from "../table.mjs";
import { writeDense } from "./models.mjs";
import { Served } from "./served.mjs";

const ROUNDS = 20;
/** Kills fall anywhere within the start, the load of a version and the requests that are logged. */
const LONGEST_LIFE_MS = 6_000;
/** A TFRecord is its length, that length's checksum, the data and their checksum. */
const [HEAD_BYTES, TAIL_BYTES] = [12, 4];

const request = {
  model: HALF_PLUS_TWO,
  inputs: { x: tensor("float32", [1, 1], new Float32Array([1])) },
};

/**
 * @param {string} folder
 * @returns {Promise<import("./scenario.mjs").Finding[]>}
 */
export async function measureCrashes(folder) {
  const logs = join(folder, "logs");
  mkdirSync(logs);
  writeHalfPlusTwo(join(folder, HALF_PLUS_TWO));
  mkdirSync(join(folder, "large"));
  const flags = [`--model_config_file=${modelConfig(folder, logs)}`, "--file_system_poll_wait_seconds=1"];
  for (let round = 0; round < ROUNDS; round++) {
    const served = await Served.start(flags);
    // Spread evenly, so that a run always covers the whole of a life.
    await Promise.race([keepBusy(served, folder, round), sleep((LONGEST_LIFE_MS * round) / ROUNDS)]);
    served.server.process.kill("SIGKILL");
    await served.server.ended;
    served.client.close();
  }
  const last = await Served.start(flags);
  try {
    await last.until(HALF_PLUS_TWO, 1, "AVAILABLE");
    const { outputs } = await last.client.predict(request);
    const isRight = outputs.get("y")?.data[0] === EXPECTED_Y;
    const { records, corrupt } = checkLogs(logs);
    return [
      { what: `serving after ${ROUNDS} kills`, value: isRight ? "yes" : "no", bound: "yes", isMet: isRight },
      { what: "records in the logs", value: numberText(records), bound: "" },
      { what: "corrupt ones before a log's last", value: `${corrupt}`, bound: "0", isMet: corrupt === 0 },
    ];
  } finally {
    await last.stop();
  }
}

/** @param {string} folder @param {string} logs */
function modelConfig(folder, logs) {
  const file = join(folder, "models.config");
  const logging = `logging_config { log_collector_config { type: "tfrecord" filename_prefix: "${logs}/requests" }
    sampling_config { sampling_rate: 1 } }`;
  writeFileSync(
    file,
    `model_config_list {
  config { name: "${HALF_PLUS_TWO}" base_path: "${join(folder, HALF_PLUS_TWO)}" model_platform: "tensorflow" ${logging} }
  config { name: "large" base_path: "${join(folder, "large")}" model_platform: "tensorflow" }
}
`,
  );
  return file;
}

/**
 * Requests without end, and a version that comes while they run; ends with the server.
 * @param {Served} served
 * @param {string} folder
 * @param {number} round
 */
async function keepBusy(served, folder, round) {
  try {
    await served.until(HALF_PLUS_TWO, 1, "AVAILABLE");
    swapLarge(folder, round + 1);
    for (;;) await Promise.all(Array.from({ length: 16 }, () => served.client.predict(request)));
  } catch {
    // The server was killed, as is the point.
  }
}

/** @param {string} folder @param {number} version */
function swapLarge(folder, version) {
  const staged = join(folder, "staged");
  mkdirSync(staged, { recursive: true });
  writeDense(staged, version, { megabytes: 20, width: 512 });
  for (const old of readdirSync(join(folder, "large")))
    rmSync(join(folder, "large", old), { recursive: true });
  renameSync(join(staged, String(version)), join(folder, "large", String(version)));
}

/** Records of all logs, and those damaged though more follow. @param {string} folder */
function checkLogs(folder) {
  let [records, corrupt] = [0, 0];
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
      const end = at + HEAD_BYTES + Number(bytes.readBigUInt64LE(at)) + TAIL_BYTES;
      if (end > bytes.length) break;
      records++;
      if (!isIntact(bytes.subarray(at, end))) corrupt++;
      at = end;
    }
  }
  return { records, corrupt };
}

/** @param {Uint8Array} record */
function isIntact(record) {
  try {
    return [...readTfRecords(record)].length === 1;
  } catch {
    return false;
  }
}
