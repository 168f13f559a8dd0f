/**
 * Writes a training checkpoint with random weights.
 *
 *     node dist/inception_random_checkpoint.js --format=V1 /tmp/inception_train
 */
import { positiveInteger, readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { networkOf } from "./flags.js";
import { type CheckpointFormat, writeRandomCheckpoint } from "./random-checkpoint.js";

const USAGE = `Usage: inception_random_checkpoint [flags] folder

Writes a training checkpoint of Inception-v3 with random weights, to try all but the answers.

  --format=V2   V1, as the checkpoint published in 2016, or V2
  --seed=1      the same seed gives the same weights
  --depth=1     less for a smaller network of the same form`;

const defaults = { format: "V2", seed: "1", depth: "1" } as const;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) throw invalidArgument(USAGE);
  if (flags.format !== "V1" && flags.format !== "V2") {
    throw invalidArgument(`--format must be V1 or V2, got "${flags.format}"`);
  }
  const format: CheckpointFormat = flags.format;
  const seed = positiveInteger("seed", flags.seed);
  const prefix = writeRandomCheckpoint(folder, { network: networkOf(flags.depth), format, seed });
  console.log(`Wrote ${prefix} (${format})`);
}

await runProgram(main);
