/** The same as throughput.mjs over REST: JSON, one row, a connection for each request in flight. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EXPECTED_Y, HALF_PLUS_TWO } from "./half-plus-two.mjs";
import { pinned, REPOSITORY } from "./machine.mjs";
import { freePort, ServerProcess } from "./server-process.mjs";
import { servableProgram } from "./servers.mjs";
import { atEachConcurrency, CONCURRENCIES, inTurns, SERVER_CORE } from "./throughput.mjs";

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

export const restGenerator = {
  title: "bench/rest-loadgen",
  command: [process.execPath, join(REPOSITORY, "bench", "rest-loadgen", "main.mjs"), `--path=${PATH}`],
};

/**
 * @param {Omit<import("./throughput.mjs").ThroughputPlan, "servers" | "generator">} plan
 * @returns {Promise<import("./throughput.mjs").Throughput[]>}
 */
export async function measureRestThroughput({ model, folder, repetitions, seconds }) {
  const requestFile = writeRestRequest(folder);
  const dumpFile = join(folder, "answer.json");
  return await inTurns(REST_SERVERS, repetitions, CONCURRENCIES, async (server) => {
    const port = await freePort();
    const running = new ServerProcess(pinned(SERVER_CORE, await server.command(model.folder, port)), port);
    try {
      await restIsReady(running);
      const load = { generator: restGenerator, server: running, requestFile, dumpFile, seconds };
      return await atEachConcurrency(load, CONCURRENCIES, (answer) => checkRestAnswer(answer, server));
    } finally {
      await running.stop();
    }
  });
}

/** A file with the request's body. @param {string} folder */
export function writeRestRequest(folder) {
  const file = join(folder, "request.json");
  writeFileSync(file, BODY);
  return file;
}

/** @param {ServerProcess} server whose REST port is its port */
export async function restIsReady(server) {
  await server.until(() => answers(server.port));
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

/** @param {Uint8Array} answer @param {{ title: string }} server */
export function checkRestAnswer(answer, { title }) {
  /** @type {{ predictions: number[][] }} */
  const { predictions } = JSON.parse(Buffer.from(answer).toString());
  const value = predictions[0]?.[0];
  if (value !== EXPECTED_Y) throw new Error(`${title} answers ${value} under load, expected ${EXPECTED_Y}`);
}
