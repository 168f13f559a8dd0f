/**
 * The C++ stand-in for the original server (TensorFlow's C API behind gRPC C++) and the C++ load generator: sources in
 * ../shared/floor beside the repository, built into a temporary folder where a compiler is at hand.
 *
 * SERVABLE_BENCH_FLOOR   the folder of the sources, if they are elsewhere
 * SERVABLE_BENCH_PYTHON  a Python that has tensorflow and tensorflow-serving-api; without it only the generator is built
 */
import { execFile } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { outputOf, REPOSITORY } from "./machine.mjs";

const run = promisify(execFile);

const sources = process.env.SERVABLE_BENCH_FLOOR ?? join(REPOSITORY, "..", "shared", "floor");
const python = process.env.SERVABLE_BENCH_PYTHON;

/**
 * @typedef {object} Floor
 * @property {string | undefined} server path of the server's program
 * @property {string | undefined} loadgen path of the generator's program
 * @property {string} tensorflow version of TensorFlow that the server runs
 * @property {readonly string[]} notes why something is missing
 */

/**
 * Builds what can be built; what has been built before is used again.
 * @returns {Promise<Floor>}
 */
export async function buildFloor() {
  const none = { server: undefined, loadgen: undefined, tensorflow: "" };
  if (!existsSync(sources)) return { ...none, notes: [`C++ floor: no sources at ${sources}`] };
  const folder = join(tmpdir(), "servable-bench-floor");
  // Times are kept, so that make builds again what has changed and nothing else.
  cpSync(sources, folder, { recursive: true, preserveTimestamps: true, mode: 0 });
  const loadgen = await make(folder, "loadgen", "loadgen", "C++ load generator");
  if (python === undefined) {
    const note = "C++ floor server: SERVABLE_BENCH_PYTHON names no Python with tensorflow";
    return { ...none, loadgen: loadgen.program, notes: [...loadgen.notes, note] };
  }
  const server = await make(folder, "all", "floor_server", "C++ floor server");
  const version = outputOf(python, ["-c", "import importlib.metadata as m; print(m.version('tensorflow'))"]);
  return {
    server: server.program,
    loadgen: loadgen.program,
    tensorflow: version ?? "unknown",
    notes: [...loadgen.notes, ...server.notes],
  };
}

/**
 * @param {string} folder
 * @param {string} target
 * @param {string} program
 * @param {string} what
 */
async function make(folder, target, program, what) {
  try {
    const variables = python === undefined ? [] : [`PYTHON=${python}`];
    await run("make", ["-C", folder, ...variables, target], { maxBuffer: 2 ** 26 });
    return { program: join(folder, "build", program), notes: [] };
  } catch (reason) {
    const [line = ""] = String(/** @type {{stderr?: string}} */ (reason).stderr || reason).split("\n");
    return { program: undefined, notes: [`${what}: can't be built: ${line}`] };
  }
}
