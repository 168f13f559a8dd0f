/**
 * Writes a network as others leave theirs: a training checkpoint with its graph, or a frozen graph.
 *
 *     node dist/face_network.js --network=first /tmp/faces/model.ckpt
 *     node dist/face_network.js --network=second --frozen /tmp/faces/second.pb
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { readFlags, runProgram } from "@servable/example-kit/command-line";
import { convertVariablesToConstants, invalidArgument, Saver, writeGraphDef } from "@servable/formats";
import { buildFaceNetwork, type NetworkName, networks, tensorNames } from "./face-network.js";

const USAGE = `Usage: face_network [flags] file

Writes a network for faces with random weights, in place of one that somebody has trained.

  --network=first   or second, which is better
  --frozen          as a frozen graph; by default as a checkpoint, its graph in file.meta`;

const FROZEN = "--frozen";

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(
    args.filter((arg) => arg !== FROZEN),
    { network: "first" },
  );
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw invalidArgument(USAGE);
  if (!Object.hasOwn(networks, flags.network)) {
    throw invalidArgument(`--network must be first or second, got "${flags.network}"`);
  }
  const { graph, values } = buildFaceNetwork(flags.network as NetworkName);
  mkdirSync(path.dirname(file), { recursive: true });
  if (args.includes(FROZEN)) {
    writeGraphDef(file, convertVariablesToConstants(graph.toGraphDef(), values, [tensorNames.embeddings]));
    console.log(`Wrote ${file}`);
  } else {
    const prefix = new Saver(graph, values, { writeVersion: "V2" }).save(file, { writeMetaGraph: true });
    console.log(`Wrote ${prefix}.index, .data-00000-of-00001 and .meta`);
  }
}

await runProgram(main);
