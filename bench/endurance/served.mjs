/** A Servable process under test, with the few questions that all scenarios ask it. */
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@servable/client";
import { freePort, ServerProcess } from "../server-process.mjs";
import { servableProgram } from "../servers.mjs";

const LIMIT_MS = 180_000;
const LOOK_MS = 20;

export class Served {
  /** @param {ServerProcess} server */
  constructor(server) {
    this.server = server;
    this.client = connect({ grpc: `127.0.0.1:${server.port}` });
  }

  /**
   * @param {readonly string[]} flags of `servable serve`, but for the port
   * @param {number} [port]
   */
  static async start(flags, port) {
    const at = port ?? (await freePort());
    return new Served(new ServerProcess([...servableProgram, "serve", `--port=${at}`, ...flags], at));
  }

  /**
   * Waits until a version of a model is in a state; a model that the server doesn't know has ended.
   * @param {string} model
   * @param {number} version
   * @param {"AVAILABLE" | "END"} state
   */
  async until(model, version, state) {
    const giveUpAt = performance.now() + LIMIT_MS;
    for (;;) {
      if (this.server.hasEnded) throw new Error(`the server has ended: ${this.server.stderr}`);
      const versions = await this.client.getModelStatus({ model }).catch(() => undefined);
      const found = versions?.find((one) => Number(one.version) === version);
      if (found?.state === state || (state === "END" && versions !== undefined && found === undefined))
        return;
      if (performance.now() > giveUpAt)
        throw new Error(`${model} version ${version} is not ${state} in time`);
      await sleep(LOOK_MS);
    }
  }

  /** Resident memory, in MiB. */
  get rssMiB() {
    return this.server.memory()?.rssMiB ?? Number.NaN;
  }

  async stop() {
    this.client.close();
    await this.server.stop();
  }
}
