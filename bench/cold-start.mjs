/** Process start to first right prediction, and the memory that the server holds then. Not pinned to a core. */
import { freePort, ServerProcess } from "./server-process.mjs";
import { summarize } from "./statistics.mjs";

/**
 * @typedef {object} ColdStart
 * @property {import("./statistics.mjs").Summary} firstAnswerMs
 * @property {import("./statistics.mjs").Summary | undefined} rssMiB
 * @property {import("./statistics.mjs").Summary | undefined} peakMiB highest resident memory so far
 */

/**
 * @param {import("./servers.mjs").Server} server
 * @param {import("./servers.mjs").Model} model
 * @param {import("./server-process.mjs").Probe} probe
 * @param {number} repetitions
 * @returns {Promise<ColdStart>}
 */
export async function measureColdStart(server, model, probe, repetitions) {
  const runs = [];
  for (let i = 0; i < repetitions; i++) {
    const port = await freePort();
    const running = new ServerProcess(server.command(model, port), port);
    try {
      const firstAnswerMs = await running.firstAnswer(probe);
      runs.push({ firstAnswerMs, memory: running.memory() });
    } finally {
      await running.stop();
    }
  }
  const memory = runs.flatMap((run) => run.memory ?? []);
  return {
    firstAnswerMs: summarize(runs.map((run) => run.firstAnswerMs)),
    rssMiB: memory.length === 0 ? undefined : summarize(memory.map((one) => one.rssMiB)),
    peakMiB: memory.length === 0 ? undefined : summarize(memory.map((one) => one.peakMiB)),
  };
}
