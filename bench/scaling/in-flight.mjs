/** half_plus_two, one row, by how many requests are in flight: over gRPC on one connection, over REST on one each. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { HALF_PLUS_TWO, halfPlusTwoProbe, halfPlusTwoRequest, writeHalfPlusTwo } from "../half-plus-two.mjs";
import { pinned } from "../machine.mjs";
import {
  checkRestAnswer,
  REST_SERVERS,
  restGenerator,
  restIsReady,
  writeRestRequest,
} from "../rest-throughput.mjs";
import { availableServers } from "../servers.mjs";
import { checkAnswer, SERVER_CORE } from "../throughput.mjs";
import { measureLines } from "./curve.mjs";

const IN_FLIGHT = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/** Of the C++ floor's variants, the original's threading and the leanest. */
const OMITTED = "floor-callback";

/** @typedef {import("./curve.mjs").Plan} Plan */
/** @typedef {import("./curve.mjs").Curve} Curve */

const shape = {
  xTitle: "requests in flight",
  xText: String,
  yTitle: "requests/s",
  yOf: (/** @type {import("./curve.mjs").Point} */ { rps }) => rps.median,
  isLogarithmic: false,
  yardsticks: ["plain-node", "floor-sync", "floor-lean"],
};

/** @param {Plan} plan @returns {Promise<Curve[]>} */
export async function measureInFlight(plan) {
  const model = { name: HALF_PLUS_TWO, folder: join(plan.folder, HALF_PLUS_TWO) };
  writeHalfPlusTwo(model.folder);
  return [await overGrpc(plan, model), await overRest(plan, model.folder)];
}

/**
 * @param {Plan} plan
 * @param {import("../servers.mjs").Model} model
 * @returns {Promise<Curve>}
 */
async function overGrpc(plan, model) {
  const requestFile = join(plan.folder, "in-flight.bin");
  writeFileSync(requestFile, halfPlusTwoRequest());
  const servers = availableServers(plan.floor).servers.filter(({ key }) => key !== OMITTED);
  const lines = await measureLines(
    plan,
    servers.map(({ key, title, command }) => ({
      key,
      title,
      command: (port) => pinned(SERVER_CORE, command(model, port)),
      ready: (server) => server.firstAnswer(halfPlusTwoProbe),
      generator: plan.generator,
      steps: stepsOf(requestFile, (answer) => checkAnswer(answer, { title })),
    })),
  );
  return {
    ...shape,
    key: "in-flight",
    title: "half_plus_two over gRPC, by requests in flight",
    lines,
    how: "One row in a request, one connection; the server has one core, the generator the other.",
  };
}

/** @param {Plan} plan @param {string} folder of the version folders @returns {Promise<Curve>} */
async function overRest(plan, folder) {
  const requestFile = writeRestRequest(plan.folder);
  const lines = await measureLines(
    plan,
    REST_SERVERS.map(({ key, title, command }) => ({
      key,
      title,
      command: async (port) => pinned(SERVER_CORE, await command(folder, port)),
      ready: restIsReady,
      generator: restGenerator,
      steps: stepsOf(requestFile, (answer) => checkRestAnswer(answer, { title })),
    })),
  );
  return {
    ...shape,
    key: "in-flight-rest",
    title: "half_plus_two over REST, by requests in flight",
    lines,
    how: "The same as JSON, with a connection for each request in flight.",
  };
}

/**
 * @param {string} requestFile
 * @param {(answer: Uint8Array) => void} check
 * @returns {import("./curve.mjs").Step[]}
 */
const stepsOf = (requestFile, check) => IN_FLIGHT.map((x) => ({ x, concurrency: x, requestFile, check }));
