/** The same as throughput.mjs over REST: JSON, one row, a connection for each request in flight. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { measureLoad } from "./generator.mjs";
import { EXPECTED_Y, HALF_PLUS_TWO } from "./half-plus-two.mjs";
import { pinned, REPOSITORY } from "./machine.mjs";
import { freePort, ServerProcess } from "./server-process.mjs";
import { servableProgram } from "./servers.mjs";
import { summarize } from "./statistics.mjs";
import { CONCURRENCIES } from "./throughput.mjs";

const SERVER_CORE = 0;
const WARMUP_SECONDS = 0.5;
const SETTLING_SECONDS = 2;
const PATH = `/v1/models/${HALF_PLUS_TWO}:predict`;
const BODY = JSON.stringify({ instances: [[1]] });

/** @typedef {{ key: string, title: string, command: (folder: string, port: number) => Promise<string[]> }} RestServer */

/** @type {readonly RestServer[]} */
export const REST_SERVERS = [
  {
    key: "servable",
    title: "Servable",
    command: async (folder, port) => [
      ...servableProgram,
      "serve",
      `--port=${await freePort()}`,
      `--rest_api_port=${port}`,
      `--model_name=${HALF_PLUS_TWO}`,
      `--model_base_path=${folder}`,
    ],
  },
  {
    key: "plain-node",
    title: "plain node:http server",
    command: async (_, port) => [
      process.execPath,
      join(REPOSITORY, "bench", "baselines", "plain-http-server.mjs"),
      `--port=${port}`,
    ],
  },
];

/**
 * @param {Omit<import("./throughput.mjs").ThroughputPlan, "servers" | "generator">} plan
 * @returns {Promise<import("./throughput.mjs").Throughput[]>}
 */
export async function measureRestThroughput(plan) {
  /** @type {Map<string, import("./generator.mjs").LoadResult[]>} */
  const results = new Map();
  for (let repetition = 0; repetition < plan.repetitions; repetition++) {
    for (const server of REST_SERVERS) {
      for (const [concurrency, result] of await measureServer(server, plan)) {
        const key = `${server.key} ${concurrency}`;
        results.set(key, [...(results.get(key) ?? []), result]);
      }
    }
  }
  return REST_SERVERS.flatMap(({ key }) =>
    CONCURRENCIES.map((concurrency) => {
      const runs = results.get(`${key} ${concurrency}`) ?? [];
      return {
        server: key,
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

/**
 * @param {RestServer} server
 * @param {{ model: import("./servers.mjs").Model, folder: string, seconds: number }} plan
 */
async function measureServer(server, { model, folder, seconds }) {
  const requestFile = join(folder, "request.json");
  writeFileSync(requestFile, BODY);
  const dumpFile = join(folder, "answer.json");
  const port = await freePort();
  const command = await server.command(model.folder, port);
  const running = new ServerProcess(pinned(SERVER_CORE, command), port);
  const generator = {
    title: "bench/rest-loadgen",
    command: [process.execPath, join(REPOSITORY, "bench", "rest-loadgen", "main.mjs"), `--path=${PATH}`],
  };
  /** @type {Map<number, import("./generator.mjs").LoadResult>} */
  const results = new Map();
  try {
    await running.until(() => answers(port));
    const load = { generator, server: running, requestFile, dumpFile, warmupSeconds: WARMUP_SECONDS };
    await measureLoad({ ...load, concurrency: Math.max(...CONCURRENCIES), seconds: SETTLING_SECONDS });
    for (const concurrency of CONCURRENCIES) {
      const { answer, ...result } = await measureLoad({ ...load, concurrency, seconds });
      checkAnswer(answer, server);
      results.set(concurrency, result);
    }
  } finally {
    await running.stop();
  }
  return results;
}

/** @param {number} port */
async function answers(port) {
  const response = await fetch(`http://127.0.0.1:${port}${PATH}`, { method: "POST", body: BODY }).catch(
    () => undefined,
  );
  if (response?.ok) return true;
  await sleep(50);
  return false;
}

/** @param {Uint8Array} answer @param {RestServer} server */
function checkAnswer(answer, { title }) {
  /** @type {{ predictions: number[][] }} */
  const { predictions } = JSON.parse(Buffer.from(answer).toString());
  const value = predictions[0]?.[0];
  if (value !== EXPECTED_Y) throw new Error(`${title} answers ${value} under load, expected ${EXPECTED_Y}`);
}
