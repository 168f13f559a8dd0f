/** A model server as a process of its own, for tests that drive it over its sockets. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { freePort } from "../free-port.js";
import { GrpcTestClient } from "../testing/grpc-test-client.js";

const program = fileURLToPath(new URL("../cli/tensorflow-model-server.js", import.meta.url));
const START_LIMIT_MS = 60_000;

export class ModelServerProcess {
  readonly #child: ChildProcess;
  readonly #clients: GrpcTestClient[] = [];
  /** What it has written to standard error. */
  log = "";
  /** Resolves with the exit code, or null after a signal. */
  readonly exited: Promise<number | null>;

  private constructor(
    readonly port: number,
    readonly restPort: number,
    flags: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    const args = [program, `--port=${port}`, `--rest_api_port=${restPort}`, ...flags];
    this.#child = spawn(process.execPath, args, { env: { ...process.env, ...environment } });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.log += chunk;
    });
    this.exited = new Promise((resolve) => this.#child.on("close", resolve));
  }

  /** Starts a server on free ports. Does not wait for it. */
  static async start(
    flags: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ModelServerProcess> {
    return new ModelServerProcess(await freePort(), await freePort(), flags, environment);
  }

  /** Starts a server and waits until it runs, its models loaded or refused. */
  static async running(
    flags: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ModelServerProcess> {
    const server = await ModelServerProcess.start(flags, environment);
    await server.untilLogged(/Running gRPC ModelServer at/);
    return server;
  }

  async untilLogged(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + START_LIMIT_MS;
    while (!pattern.test(this.log)) {
      if (this.#child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${pattern} was not logged: ${this.log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** @param address of the TCP port by default */
  grpc(address = `127.0.0.1:${this.port}`): GrpcTestClient {
    const client = new GrpcTestClient(address);
    this.#clients.push(client);
    return client;
  }

  /** A GET without a body, a POST with one. Gives the JSON of the answer, or its text when it is none. */
  async rest(path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.restPort}${path}`, {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return answer.headers.get("content-type")?.includes("json") === true ? JSON.parse(text) : text;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it, by force if it doesn't end by itself. */
  async stop(): Promise<number | null> {
    for (const client of this.#clients) client.close();
    this.signal("SIGTERM");
    const overdue = setTimeout(() => this.signal("SIGKILL"), 20_000);
    const code = await this.exited;
    clearTimeout(overdue);
    return code;
  }
}
