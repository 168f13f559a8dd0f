/**
 * Requests per second and latencies of half_plus_two over gRPC, the server pinned to one core and the generator to
 * another. The servers take turns, so that a change in the machine's mood meets all of them.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { tensorFromProto } from "@servable/formats";
import { PredictResponseSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import { measureLoad } from "./generator.mjs";
import { EXPECTED_Y, halfPlusTwoProbe, halfPlusTwoRequest } from "./half-plus-two.mjs";
import { pinned } from "./machine.mjs";
import { freePort, ServerProcess } from "./server-process.mjs";
import { summarize } from "./statistics.mjs";

export const CONCURRENCIES = [1, 8, 64];

export const SERVER_CORE = 0;
const WARMUP_SECONDS = 0.5;
/** Before the first measurement, at the highest concurrency: enough for a just-in-time compiler to settle. */
const SETTLING_SECONDS = 2;

/**
 * @typedef {object} Throughput
 * @property {string} server its key
 * @property {number} concurrency requests in flight
 * @property {import("./statistics.mjs").Summary} rps
 * @property {import("./statistics.mjs").Summary} p50Ms
 * @property {import("./statistics.mjs").Summary} p99Ms
 * @property {import("./statistics.mjs").Summary} serverCpus
 * @property {import("./statistics.mjs").Summary} otherCpus
 */

/**
 * @typedef {object} ThroughputPlan
 * @property {readonly import("./servers.mjs").Server[]} servers
 * @property {import("./generator.mjs").Generator} generator
 * @property {import("./servers.mjs").Model} model
 * @property {string} folder for files of the run
 * @property {number} repetitions
 * @property {number} seconds of each measurement, after the warm-up
 */

/**
 * @param {ThroughputPlan} plan
 * @returns {Promise<Throughput[]>}
 */
export async function measureThroughput({ servers, generator, model, folder, repetitions, seconds }) {
  const requestFile = join(folder, "request.bin");
  writeFileSync(requestFile, halfPlusTwoRequest());
  const dumpFile = join(folder, "answer.bin");
  return await inTurns(servers, repetitions, CONCURRENCIES, async (server) => {
    const port = await freePort();
    const running = new ServerProcess(pinned(SERVER_CORE, server.command(model, port)), port);
    try {
      await running.firstAnswer(halfPlusTwoProbe);
      const load = { generator, server: running, requestFile, dumpFile, seconds };
      return await atEachConcurrency(load, CONCURRENCIES, (answer) => checkAnswer(answer, server));
    } finally {
      await running.stop();
    }
  });
}

/**
 * Measures each server so many times, in turns, and sums up.
 * @template {{ key: string }} S
 * @param {readonly S[]} servers
 * @param {number} repetitions
 * @param {readonly number[]} concurrencies numbers of requests in flight
 * @param {(server: S) => Promise<Map<number, import("./generator.mjs").LoadResult>>} measure results by concurrency
 * @returns {Promise<Throughput[]>}
 */
export async function inTurns(servers, repetitions, concurrencies, measure) {
  /** @type {Map<string, import("./generator.mjs").LoadResult[]>} */
  const results = new Map();
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const server of servers) {
      for (const [concurrency, result] of await measure(server)) {
        const key = keyOf(server.key, concurrency);
        results.set(key, [...(results.get(key) ?? []), result]);
      }
    }
  }
  return servers.flatMap((server) =>
    concurrencies.map((concurrency) => {
      const runs = results.get(keyOf(server.key, concurrency)) ?? [];
      return {
        server: server.key,
        concurrency,
        rps: summarize(runs.map((run) => run.rps)),
        p50Ms: summarize(runs.map((run) => run.p50Ms)),
        p99Ms: summarize(runs.map((run) => run.p99Ms)),
        serverCpus: summarize(runs.map((run) => run.serverCpus)),
        otherCpus: summarize(runs.map((run) => run.otherCpus)),
      };
    }),
  );
}

/** @param {string} server @param {number} concurrency */
const keyOf = (server, concurrency) => `${server} ${concurrency}`;

/**
 * Loads a server that answers already, after it has settled.
 * @param {Omit<import("./generator.mjs").Load, "concurrency" | "warmupSeconds">} load
 * @param {readonly number[]} concurrencies numbers of requests in flight
 * @param {(answer: Uint8Array) => void} check throws for an answer that is wrong: fast, it is worth nothing
 * @param {number} [settlingSeconds]
 */
export async function atEachConcurrency(load, concurrencies, check, settlingSeconds = SETTLING_SECONDS) {
  const warmupSeconds = WARMUP_SECONDS;
  const settling = { concurrency: Math.max(...concurrencies), seconds: settlingSeconds };
  await measureLoad({ ...load, ...settling, warmupSeconds });
  /** @type {Map<number, import("./generator.mjs").LoadResult>} */
  const results = new Map();
  for (const concurrency of concurrencies) {
    const { answer, ...result } = await measureLoad({ ...load, concurrency, warmupSeconds });
    check(answer);
    results.set(concurrency, result);
  }
  return results;
}

/**
 * @param {Uint8Array} answer
 * @param {{ title: string }} server
 */
export function checkAnswer(answer, server) {
  const y = fromBinary(PredictResponseSchema, answer).outputs.y;
  const value = y && tensorFromProto(y, 'output "y"').data[0];
  if (value !== EXPECTED_Y)
    throw new Error(`${server.title} answers ${value} under load, expected ${EXPECTED_Y}`);
}
