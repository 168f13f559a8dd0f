/** A server under measurement: started, waited for until its first right answer, looked at, stopped. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { connect as connectSocket, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@servable/client";
import { CLOCK_TICKS_PER_SECOND } from "./machine.mjs";

/** How long a server may take to its first answer, and to end. */
const START_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 10_000;
/** Between two looks whether the server answers yet: the resolution of the cold start. */
const POLL_MS = 2;

/**
 * A prediction whose answer is known.
 * @typedef {object} Probe
 * @property {string} model
 * @property {string} [signature]
 * @property {import("@servable/client").Inputs} inputs
 * @property {(outputs: ReadonlyMap<string, import("@servable/client").Tensor>) => boolean} isRight
 */

/** A TCP port that nobody listens at. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

export class ServerProcess {
  /**
   * Starts a server; the clock of the cold start runs from here.
   * @param {readonly string[]} command program and arguments
   * @param {number} port that it will serve gRPC at
   */
  constructor(command, port) {
    const [program = "", ...args] = command;
    this.port = port;
    this.startedAt = performance.now();
    this.process = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    /** The end of what it has written to stderr, for the error when it dies. */
    this.stderr = "";
    this.process.stderr.on("data", (/** @type {Buffer} */ chunk) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-2_000);
    });
    /** @type {Promise<void>} */
    this.ended = new Promise((resolve) => {
      this.process.once("exit", () => resolve());
      this.process.once("error", (error) => {
        this.stderr += error.message;
        resolve();
      });
    });
  }

  get hasEnded() {
    return (
      this.process.pid === undefined || this.process.exitCode !== null || this.process.signalCode !== null
    );
  }

  /**
   * Milliseconds from the start of the process to the first right answer.
   * @param {Probe} probe
   */
  async firstAnswer(probe) {
    await this.untilItListens();
    const client = connect({ grpc: `127.0.0.1:${this.port}` });
    try {
      await this.until(async () => {
        // Until the model is loaded the call fails, as NOT_FOUND or UNAVAILABLE.
        const result = await client.predict({ ...probe, deadlineMs: START_LIMIT_MS }).catch(() => undefined);
        if (result === undefined) return false;
        if (probe.isRight(result.outputs)) return true;
        throw new Error(`the server's answer for model ${probe.model} is wrong`);
      });
      return performance.now() - this.startedAt;
    } finally {
      client.close();
    }
  }

  async untilItListens() {
    await this.until(() => accepts(this.port));
  }

  /** @param {() => Promise<boolean>} condition */
  async until(condition) {
    while (!(await condition())) {
      if (this.hasEnded) throw new Error(`the server has ended: ${this.stderr.trim()}`);
      if (performance.now() - this.startedAt > START_LIMIT_MS) throw new Error("the server does not answer");
      await sleep(POLL_MS);
    }
  }

  /** Resident memory now and at its highest, in MiB; undefined where there is no /proc. */
  memory() {
    const file = `/proc/${this.process.pid}/status`;
    if (!existsSync(file)) return undefined;
    const text = readFileSync(file, "utf8");
    const mebibytes = (/** @type {string} */ field) =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) / 1024;
    return { rssMiB: mebibytes("VmRSS"), peakMiB: mebibytes("VmHWM") };
  }

  /** CPU seconds that it has spent; undefined where there is no /proc. */
  cpuSeconds() {
    return cpuSecondsIn(`/proc/${this.process.pid}/stat`);
  }

  /** CPU seconds of its main thread; undefined where there is no /proc. */
  mainThreadCpuSeconds() {
    return cpuSecondsIn(`/proc/${this.process.pid}/task/${this.process.pid}/stat`);
  }

  async stop() {
    if (this.hasEnded) return;
    this.process.kill("SIGTERM");
    const timer = setTimeout(() => this.process.kill("SIGKILL"), STOP_LIMIT_MS);
    await this.ended;
    clearTimeout(timer);
  }
}

/**
 * Whether something listens at a port.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connectSocket({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** @param {string} file a stat file of proc(5) */
function cpuSecondsIn(file) {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th field after it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}
