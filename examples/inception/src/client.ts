/**
 * Serves the web client.
 *
 *     node dist/client.js localhost:9000
 */
import { once } from "node:events";
import { portNumber, readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { ClassificationClient } from "./classification-service.js";
import { startWebClient } from "./web-client.js";

const USAGE = `Usage: client [flags] <host:port>

Serves a page that classifies pictures, for the classification server at that address.

  --port=8080        of the page
  --host=localhost   0.0.0.0 for other machines to see it, too`;

const defaults = { port: "8080", host: "localhost" } as const;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  const [address] = positionals;
  if (address === undefined || positionals.length > 1) throw invalidArgument(USAGE);
  const client = new ClassificationClient(address);
  const web = await startWebClient({ port: portNumber("port", flags.port), host: flags.host, client });
  console.log(`Classify pictures at ${web.url}`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await web.close();
  client.close();
}

await runProgram(main);
