/** What the numbers were measured on and with: goes into the report's header and the result file. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import { fileURLToPath } from "node:url";

export const REPOSITORY = fileURLToPath(new URL("..", import.meta.url));

const require = createRequire(import.meta.url);

/**
 * The trimmed output of a command, or undefined when it can't be run.
 * @param {string} command
 * @param {readonly string[]} args
 */
export function outputOf(command, args) {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

/** @param {string} file */
const versionIn = (file) => String(JSON.parse(readFileSync(file, "utf8")).version);

/** @param {string} name */
function packageVersion(name) {
  for (const folder of require.resolve.paths(name) ?? []) {
    const file = `${folder}/${name}/package.json`;
    if (existsSync(file)) return versionIn(file);
  }
  return "none";
}

/** The commit that is measured, with a plus sign when the working tree differs from it. */
function commit() {
  const hash = outputOf("git", ["-C", REPOSITORY, "rev-parse", "--short", "HEAD"]);
  if (hash === undefined) return "unknown";
  return outputOf("git", ["-C", REPOSITORY, "status", "--porcelain", "-uno"]) ? `${hash}+` : hash;
}

/** Hardware, system and versions, by the name under which they are printed. */
export function machineFacts() {
  const [cpu] = os.cpus();
  return {
    date: new Date().toISOString(),
    servable: `${versionIn(`${REPOSITORY}package.json`)} (${commit()})`,
    cpu: `${cpu?.model.trim() ?? "unknown"}, ${os.cpus().length} cores`,
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    "onnxruntime-node": packageVersion("onnxruntime-node"),
    "@grpc/grpc-js": packageVersion("@grpc/grpc-js"),
    load: os.loadavg()[0]?.toFixed(2) ?? "",
  };
}

/** Whether server and generator can each have a core of their own. */
export const canPin = outputOf("taskset", ["--version"]) !== undefined && os.cpus().length >= 2;

/**
 * A command pinned to a core, or to several ("0,1"), where that is possible.
 * @param {number | string} core
 * @param {readonly string[]} command
 * @returns {string[]}
 */
export function pinned(core, command) {
  return canPin ? ["taskset", "-c", String(core), ...command] : [...command];
}

/** CPU seconds that the whole machine has spent working; undefined where /proc has no account of it. */
export function machineCpuSeconds() {
  if (!existsSync("/proc/stat")) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.split(/\s+/).slice(1).map(Number) ?? [];
  return (user + nice + system + irq + softirq) / CLOCK_TICKS_PER_SECOND;
}

/** USER_HZ, which Linux has fixed at 100 for what it tells programs. */
export const CLOCK_TICKS_PER_SECOND = 100;
