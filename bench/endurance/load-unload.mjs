/** A large model is loaded and unloaded again and again: its memory must come back. */
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { numberText } from "../table.mjs";
import { writeDense } from "./models.mjs";
import { Served } from "./served.mjs";

const LARGE = { megabytes: 200, width: 1024 };
const ROUNDS = 22;
const BOUND = 1.15;
/** What a freed model has to give its memory back. */
const SETTLE_MS = 1_000;

/**
 * @param {string} folder
 * @returns {Promise<import("./scenario.mjs").Finding[]>}
 */
export async function measureLoadUnload(folder) {
  const versions = join(folder, "large");
  const away = join(folder, "away");
  mkdirSync(versions);
  writeDense(versions, 1, LARGE);
  const served = await Served.start([
    "--model_name=large",
    `--model_base_path=${versions}`,
    "--file_system_poll_wait_seconds=1",
  ]);
  try {
    /** @type {number[]} */
    const unloaded = [];
    /** @type {number[]} */
    const loaded = [];
    for (let round = 0; round < ROUNDS; round++) {
      await served.until("large", 1, "AVAILABLE");
      loaded.push(served.rssMiB);
      renameSync(join(versions, "1"), away);
      await served.until("large", 1, "END");
      await sleep(SETTLE_MS);
      unloaded.push(served.rssMiB);
      renameSync(away, join(versions, "1"));
    }
    const [first, last] = [Number(unloaded[0]), Number(unloaded.at(-1))];
    return [
      { what: `loaded, MiB (first, last)`, value: ends(loaded), bound: "" },
      { what: `unloaded, MiB (after round 1 and ${ROUNDS})`, value: ends(unloaded), bound: "" },
      {
        what: "ratio of the unloaded",
        value: numberText(last / first),
        bound: `≤ ${BOUND}`,
        isMet: last <= BOUND * first,
      },
    ];
  } finally {
    await served.stop();
  }
}

/** @param {readonly number[]} values */
const ends = (values) => `${numberText(Number(values[0]))}, ${numberText(Number(values.at(-1)))}`;
