/**
 * The classification server: serves a model by a gRPC service of its own.
 *
 *     node dist/server.js 9000 /tmp/inception_output
 */
import { once } from "node:events";
import { portNumber, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { startClassificationService } from "./classification-service.js";
import { Classifier } from "./classifier.js";

const USAGE = `Usage: server <port> <path to export>

Serves an exported model by ClassificationService.classify (proto/classification.proto).

The path is that of a version, or of the folder of the versions, of which the newest is taken.`;

async function main(args: readonly string[]): Promise<void> {
  const [port, exportPath] = args;
  if (args.includes("--help")) return console.log(USAGE);
  if (port === undefined || exportPath === undefined || args.length > 2) throw invalidArgument(USAGE);
  const number = portNumber("port", port);
  const classifier = Classifier.open(exportPath);
  const service = await startClassificationService(number, (input) => classifier.classify(input));
  console.log(`Serving ${classifier.versionDir} on port ${service.port}`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await service.stop();
  classifier.close();
}

await runProgram(main);
