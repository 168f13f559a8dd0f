/**
 * Exports Inception-v3 from a training checkpoint, as TensorFlow Serving's inception_saved_model.py and
 * inception_export.py do.
 *
 *     node dist/inception_export.js --checkpoint_dir=/tmp/inception_train
 */
import path from "node:path";
import { positiveInteger, readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { numberedClassNames, readClassNames } from "./class-names.js";
import { type ExportInput, exportSavedModel, exportSessionBundle } from "./export-inception.js";
import { networkOf } from "./flags.js";
import { METADATA_FILE, SYNSET_FILE } from "./published-checkpoint.js";

const USAGE = `Usage: inception_export [flags]

Exports Inception-v3 from a training checkpoint, as a version named by the time.

  --checkpoint_dir=/tmp/inception_train    folder with the checkpoint, its state file "checkpoint" beside it
  --output_dir=/tmp/inception_output       where the SavedModel goes; empty for none
  --export_dir=/tmp/inception_export       where the SessionBundle goes; empty for none
  --model_version=n                        version number; by default the seconds since 1970
  --synset_file=file                       the classes; by default imagenet_lsvrc_2015_synsets.txt in --checkpoint_dir
  --metadata_file=file                     their names; by default imagenet_metadata.txt in --checkpoint_dir
  --number_classes                         name the classes by their numbers, without these files
  --depth=1                                as for inception_random_checkpoint`;

const defaults = {
  checkpoint_dir: "/tmp/inception_train",
  output_dir: "/tmp/inception_output",
  export_dir: "/tmp/inception_export",
  model_version: "",
  synset_file: "",
  metadata_file: "",
  depth: "1",
} as const;

const NUMBER_CLASSES = "--number_classes";

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(
    args.filter((arg) => arg !== NUMBER_CLASSES),
    defaults,
  );
  if (positionals.length > 0) throw invalidArgument(USAGE);
  const version =
    flags.model_version === ""
      ? Math.floor(Date.now() / 1000)
      : positiveInteger("model_version", flags.model_version);
  const network = networkOf(flags.depth);
  const beside = (name: string) => path.join(flags.checkpoint_dir, name);
  const classNames = args.includes(NUMBER_CLASSES)
    ? numberedClassNames(network.classes)
    : readClassNames({
        synsetFile: flags.synset_file || beside(SYNSET_FILE),
        metadataFile: flags.metadata_file || beside(METADATA_FILE),
      });
  const input: ExportInput = { network, checkpointDir: flags.checkpoint_dir, classNames };
  if (flags.output_dir !== "") {
    const versionDir = path.join(flags.output_dir, String(version));
    const { prefix, globalStep } = exportSavedModel(input, versionDir);
    console.log(`Successfully loaded model from ${prefix} at step=${globalStep ?? "unknown"}.`);
    console.log(`Successfully exported SavedModel to ${versionDir}`);
  }
  if (flags.export_dir !== "") {
    console.log(
      `Successfully exported SessionBundle to ${exportSessionBundle(input, flags.export_dir, version)}`,
    );
  }
}

await runProgram(main);
