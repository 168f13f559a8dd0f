/**
 * From nothing to a page that classifies pictures: fetches the published checkpoint, or where there is no network makes
 * one with random weights; exports it; serves it; opens the page.
 *
 *     npm run classify
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { portNumber, readFlags, runProgram } from "@servable/example-kit/command-line";
import { Code, invalidArgument, StatusError } from "@servable/formats";
import { numberedClassNames, readClassNames } from "./class-names.js";
import { ClassificationClient, startClassificationService } from "./classification-service.js";
import { Classifier } from "./classifier.js";
import { type ExportInput, exportSavedModel } from "./export-inception.js";
import { networkOf } from "./flags.js";
import {
  DEFAULT_CHECKPOINT_URL,
  DEFAULT_NAMES_URL,
  fetchPublishedCheckpoint,
  METADATA_FILE,
  SYNSET_FILE,
} from "./published-checkpoint.js";
import { writeRandomCheckpoint } from "./random-checkpoint.js";
import { startWebClient } from "./web-client.js";

const USAGE = `Usage: demo [flags]

Classifies pictures in the browser with Inception-v3, everything included.

  --port=8080            of the page
  --folder=dir           where the checkpoint and the exported model are kept
  --checkpoint_url=url   where the published checkpoint is
  --names_url=url        where the names of its classes are
  --depth=1              less for a smaller network, of random weights only`;

const defaults = {
  port: "8080",
  folder: path.join("tmp", "inception"),
  checkpoint_url: DEFAULT_CHECKPOINT_URL,
  names_url: DEFAULT_NAMES_URL,
  depth: "1",
} as const;

const SEED = 1;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  if (positionals.length > 0) throw invalidArgument(USAGE);
  const port = portNumber("port", flags.port);
  const source = { checkpointUrl: flags.checkpoint_url, namesUrl: flags.names_url };
  const input = await trained(path.join(flags.folder, "published"), source).catch((reason: unknown) => {
    if (StatusError.from(reason).code !== Code.UNAVAILABLE) throw reason;
    console.log("The published checkpoint can't be downloaded here: going on with random weights.");
    console.log("Everything works but the answers, which mean nothing.");
    return random(path.join(flags.folder, `random-${flags.depth}`), flags.depth);
  });
  const versionDir = path.join(input.checkpointDir, "export", "1");
  if (!existsSync(versionDir)) {
    console.log(`Exporting the model to ${versionDir}`);
    exportSavedModel(input, versionDir);
  }
  const classifier = Classifier.open(versionDir);
  const service = await startClassificationService(0, (picture) => classifier.classify(picture));
  const client = new ClassificationClient(`localhost:${service.port}`);
  const web = await startWebClient({ port, client });
  console.log(`Classify pictures at ${web.url}`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await web.close();
  client.close();
  await service.stop();
  classifier.close();
}

async function trained(
  checkpointDir: string,
  source: { checkpointUrl: string; namesUrl: string },
): Promise<ExportInput> {
  await fetchPublishedCheckpoint(checkpointDir, source);
  const beside = (name: string) => path.join(checkpointDir, name);
  const classNames = readClassNames({
    synsetFile: beside(SYNSET_FILE),
    metadataFile: beside(METADATA_FILE),
  });
  return { network: networkOf("1"), checkpointDir, classNames };
}

function random(checkpointDir: string, depth: string): ExportInput {
  const network = networkOf(depth);
  if (!existsSync(path.join(checkpointDir, "checkpoint"))) {
    writeRandomCheckpoint(checkpointDir, { network, format: "V2", seed: SEED });
  }
  return { network, checkpointDir, classNames: numberedClassNames(network.classes) };
}

await runProgram(main);
