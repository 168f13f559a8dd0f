/** One run of a load generator against a server: requests per second and latencies with so many requests in flight. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { machineCpuSeconds, pinned, REPOSITORY } from "./machine.mjs";

const run = promisify(execFile);

const GENERATOR_CORE = 1;

/**
 * @typedef {object} Generator
 * @property {string} title
 * @property {readonly string[]} command program and arguments that choose it
 */

/**
 * The C++ generator where it could be built, ours on Node otherwise.
 * @param {string | undefined} loadgen
 * @returns {Generator}
 */
export function chooseGenerator(loadgen) {
  return loadgen === undefined
    ? {
        title: "bench/node-loadgen (Node)",
        command: [process.execPath, join(REPOSITORY, "bench", "node-loadgen", "main.mjs")],
      }
    : { title: "floor/loadgen (C++, nghttp2)", command: [loadgen] };
}

/**
 * @typedef {object} LoadResult
 * @property {number} rps answers per second
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} serverCpus cores that the server kept busy
 * @property {number} otherCpus cores that anything but server and generator kept busy: noise
 */

/**
 * @typedef {object} Load
 * @property {Generator} generator
 * @property {import("./server-process.mjs").ServerProcess} server
 * @property {string} requestFile
 * @property {number} concurrency
 * @property {number} seconds
 * @property {number} warmupSeconds
 * @property {string} dumpFile takes the last answer
 * @property {boolean} [anyCore] whether the generator is left to run where it likes
 */

/**
 * Loads a server. Rejects when an answer is an error.
 * @param {Load} load
 * @returns {Promise<LoadResult & { answer: Uint8Array }>}
 */
export async function measureLoad({
  generator,
  server,
  requestFile,
  concurrency,
  seconds,
  warmupSeconds,
  dumpFile,
  anyCore = false,
}) {
  await waitForQuiet();
  const command = [
    ...generator.command,
    `--target=127.0.0.1:${server.port}`,
    `--request=${requestFile}`,
    `--concurrency=${concurrency}`,
    `--duration=${seconds}`,
    `--warmup=${warmupSeconds}`,
    `--dump=${dumpFile}`,
  ];
  const [program = "", ...args] = anyCore ? command : pinned(GENERATOR_CORE, command);
  const before = { time: performance.now(), server: server.cpuSeconds() ?? 0, machine: machineCpuSeconds() };
  const { stdout } = await run(program, args);
  const elapsed = (performance.now() - before.time) / 1_000;
  const serverCpu = (server.cpuSeconds() ?? 0) - before.server;
  const machineCpu = (machineCpuSeconds() ?? Number.NaN) - (before.machine ?? Number.NaN);
  /** @type {{rps: number, p50_ms: number, p99_ms: number, client_cpu: number}} */
  const result = JSON.parse(stdout);
  return {
    rps: result.rps,
    p50Ms: result.p50_ms,
    p99Ms: result.p99_ms,
    serverCpus: serverCpu / elapsed,
    otherCpus: Math.max(0, (machineCpu - serverCpu) / elapsed - result.client_cpu),
    answer: readFileSync(dumpFile),
  };
}

const QUIET_CPUS = 0.2;
const PATIENCE_MS = 5_000;
const LOOK_MS = 250;

/** Waits until other programs leave the machine alone, but not forever. */
async function waitForQuiet() {
  for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
    const before = machineCpuSeconds();
    if (before === undefined) return;
    await sleep(LOOK_MS);
    if (((machineCpuSeconds() ?? 0) - before) / (LOOK_MS / 1_000) < QUIET_CPUS) return;
  }
}
