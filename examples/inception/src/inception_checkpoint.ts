/** Downloads the published checkpoint: `node dist/inception_checkpoint.js /tmp/inception_train`. */
import { readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import {
  DEFAULT_CHECKPOINT_URL,
  DEFAULT_NAMES_URL,
  fetchPublishedCheckpoint,
} from "./published-checkpoint.js";

const USAGE = `Usage: inception_checkpoint [flags] folder

Downloads the checkpoint of Inception-v3 that was published in 2016 (380 MB), and the names of its classes.

  --checkpoint_url=url   where the archive is
  --names_url=url        where imagenet_lsvrc_2015_synsets.txt and imagenet_metadata.txt are`;

const defaults = { checkpoint_url: DEFAULT_CHECKPOINT_URL, names_url: DEFAULT_NAMES_URL } as const;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) throw invalidArgument(USAGE);
  await fetchPublishedCheckpoint(folder, {
    checkpointUrl: flags.checkpoint_url,
    namesUrl: flags.names_url,
  });
  console.log(`The checkpoint is in ${folder}`);
}

await runProgram(main);
