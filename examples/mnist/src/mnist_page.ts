/**
 * Serves the page that draws digits.
 *
 *     node dist/mnist_page.js --port=8080                            with a model server of its own
 *     node dist/mnist_page.js --port=8080 --server=localhost:8500    asks one that runs already
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "@servable/client";
import { portNumber, readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import type { RunningServer } from "@servable/server";
import { startDigitPage } from "./digit-page.js";

const USAGE = `Usage: mnist_page [flags]

Serves a page that draws digits and shows the model's scores.

  --port=8080              of the page
  --host=localhost         0.0.0.0 for other machines to see it, too
  --server=host:port       gRPC address of the model server; by default one is started, too
  --model_base_path=dir    what that one serves; by default the model of this example`;

const ownModel = fileURLToPath(new URL("../model-mlp", import.meta.url));
const defaults = { port: "8080", host: "localhost", server: "", model_base_path: ownModel } as const;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  if (positionals.length > 0) throw invalidArgument(USAGE);
  const port = portNumber("port", flags.port);
  const models = flags.server === "" ? await startModels(flags.model_base_path) : undefined;
  const client = connect({ grpc: models?.address ?? flags.server });
  const page = await startDigitPage(client, { port, host: flags.host }).catch(async (reason: unknown) => {
    await models?.server.stop();
    throw reason;
  });
  console.log(`Draw at ${page.url}`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await page.close();
  client.close();
  await models?.server.stop();
}

/** A model server inside this program; it is reached by a socket of the file system, so that it takes no port. */
async function startModels(modelBasePath: string): Promise<{ server: RunningServer; address: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), "mnist-page-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const socket = path.join(folder, "grpc.sock");
  // Imported here alone: who asks a server elsewhere needs no engine.
  const { serve } = await import("@servable/server");
  const server = await serve({
    port: 0,
    grpc_socket_path: socket,
    model_name: "mnist",
    model_base_path: modelBasePath,
  });
  await server.settled;
  return { server, address: `unix:${socket}` };
}

await runProgram(main);
