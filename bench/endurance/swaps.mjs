/** Versions come and go under load: no request may be lost. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HALF_PLUS_TWO, halfPlusTwoRequest, writeHalfPlusTwo } from "../half-plus-two.mjs";
import { Load } from "./load.mjs";
import { Served } from "./served.mjs";

const SWAPS = 20;
const CONCURRENCY = 64;
const SECONDS = 90;

/**
 * @param {string} folder
 * @returns {Promise<import("./scenario.mjs").Finding[]>}
 */
export async function measureSwaps(folder) {
  const versions = join(folder, HALF_PLUS_TWO);
  const requestFile = join(folder, "request.bin");
  writeFileSync(requestFile, halfPlusTwoRequest());
  writeHalfPlusTwo(versions);
  const served = await Served.start([
    `--model_name=${HALF_PLUS_TWO}`,
    `--model_base_path=${versions}`,
    "--file_system_poll_wait_seconds=1",
  ]);
  try {
    await served.until(HALF_PLUS_TWO, 1, "AVAILABLE");
    const latencyFile = join(folder, "latencies.bin");
    const load = new Load({
      port: served.server.port,
      requestFile,
      latencyFile,
      seconds: SECONDS,
      concurrency: CONCURRENCY,
    });
    const startedAt = performance.now();
    for (let version = 2; version <= SWAPS + 1; version++) {
      const made = join(folder, `made-${version}`);
      writeHalfPlusTwo(made);
      renameSync(join(made, "1"), join(versions, String(version)));
      await served.until(HALF_PLUS_TWO, version, "AVAILABLE");
      rmSync(join(versions, String(version - 1)), { recursive: true });
    }
    const swapSeconds = (performance.now() - startedAt) / 1_000;
    const { requests, errors } = await load.ended;
    if (swapSeconds > SECONDS) throw new Error(`the swaps took ${swapSeconds} s, longer than the load`);
    return [
      {
        what: `${SWAPS} version swaps at ${CONCURRENCY} in flight`,
        value: `${requests} requests`,
        bound: "",
      },
      { what: "requests lost", value: `${errors}`, bound: "0", isMet: errors === 0 },
    ];
  } finally {
    await served.stop();
  }
}
