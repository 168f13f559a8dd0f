/** The servers that are compared, as data: how each is started for a model. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { HALF_PLUS_TWO } from "./half-plus-two.mjs";
import { REPOSITORY } from "./machine.mjs";

/** @typedef {{ name: string, folder: string }} Model the folder is that of the version folders */

/**
 * @typedef {object} Server
 * @property {string} key names it in results
 * @property {string} title names it in tables
 * @property {(model: Model) => boolean} serves whether it can serve a model
 * @property {(model: Model, port: number) => string[]} command that serves the model by gRPC at the port
 */

const serverPackage = join(REPOSITORY, "packages", "server");
/** What the installed command `servable` runs. */
export const servableMain = join(
  serverPackage,
  JSON.parse(readFileSync(join(serverPackage, "package.json"), "utf8")).bin.servable,
);

const servableBundle = join(serverPackage, "dist", "bundle", "servable.js");

/** As it is installed: by its first line, where the system heeds that. */
export const servableProgram =
  process.platform === "win32" ? [process.execPath, servableMain] : [servableMain];

/** @type {Server} */
const servable = {
  key: "servable",
  title: "Servable",
  serves: () => true,
  command: ({ name, folder }, port) => [
    ...servableProgram,
    "serve",
    `--port=${port}`,
    `--model_name=${name}`,
    `--model_base_path=${folder}`,
  ],
};

/** @type {Server} */
const plainNode = {
  key: "plain-node",
  title: "plain Node server",
  serves: ({ name }) => name === HALF_PLUS_TWO,
  command: (_, port) => [
    process.execPath,
    join(REPOSITORY, "bench", "baselines", "plain-node-server.mjs"),
    `--port=${port}`,
  ],
};

/**
 * The floor with one of gRPC C++'s threading models: "sync" is what TensorFlow Serving uses, "callback" the newer one.
 * @param {string} program
 * @param {"sync" | "callback"} api
 * @param {boolean} callerRuns whether a graph runs on the thread that asks for it: the leanest there is
 * @returns {Server}
 */
const floor = (program, api, callerRuns = false) => ({
  key: callerRuns ? "floor-lean" : `floor-${api}`,
  title: callerRuns ? "C++ floor, leanest" : `C++ floor, ${api} API`,
  serves: () => true,
  command: ({ name, folder }, port) => [
    program,
    `--model_base_path=${folder}`,
    `--model_name=${name}`,
    `--port=${port}`,
    `--api=${api}`,
    ...(callerRuns ? ["--caller_runs=true"] : []),
  ],
});

/**
 * The servers that can be measured here, and notes on those that can't.
 * @param {string | undefined} floorProgram
 */
export function availableServers(floorProgram) {
  const hasServable = existsSync(servableBundle);
  const floors =
    floorProgram === undefined
      ? []
      : [floor(floorProgram, "sync"), floor(floorProgram, "callback"), floor(floorProgram, "callback", true)];
  return {
    servers: [...(hasServable ? [servable] : []), plainNode, ...floors],
    notes: hasServable ? [] : [`Servable: ${servableBundle} is missing; npm run build makes it`],
  };
}
