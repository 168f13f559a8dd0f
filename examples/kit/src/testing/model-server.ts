/** A model server as a process of its own, on free ports, as the examples' tests ask it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { connect } from "@servable/client";

const program = fileURLToPath(new URL("../../../../packages/server/dist/cli/main.js", import.meta.url));
const READY_LIMIT_MS = 60_000;
const POLL_MS = 50;

/** A port that nobody listens at just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export interface ModelServer {
  /** Of gRPC: host and port. */
  readonly address: string;
  /** Of REST. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts a server and waits until a version of each model is available.
 *
 * @param flags of `servable serve`, without the ports
 * @param models to wait for
 */
export async function startModelServer(
  flags: readonly string[],
  models: readonly string[],
): Promise<ModelServer> {
  const [port, restPort] = [await freePort(), await freePort()];
  const ports = [`--port=${port}`, `--rest_api_port=${restPort}`];
  const server = spawn(process.execPath, [program, "serve", ...ports, ...flags], { stdio: "ignore" });
  const address = `localhost:${port}`;
  for (const model of models) await untilAvailable(address, model);
  return { address, url: `http://localhost:${restPort}`, stop: () => stopProcess(server) };
}

/** Ends a process and waits for its end. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, "exit");
}

/** Waits until a version of the model answers: the one given, or any. */
export async function untilAvailable(address: string, model: string, version?: bigint): Promise<void> {
  const client = connect({ grpc: address });
  const limit = Date.now() + READY_LIMIT_MS;
  try {
    for (;;) {
      const versions = await client.getModelStatus({ model }).catch(() => []);
      const available = versions.filter(({ state }) => state === "AVAILABLE");
      if (available.some((status) => version === undefined || status.version === version)) return;
      assert.ok(Date.now() < limit, `model ${model} does not get available`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    client.close();
  }
}
