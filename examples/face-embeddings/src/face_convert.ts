/**
 * Converts a checkpoint or a frozen graph to a SavedModel with a signature of one's choice.
 *
 *     node dist/face_convert.js --checkpoint=/tmp/faces/model.ckpt --outputs=scores=embeddings:0 /models/faces/1
 */
import { readFlags, runProgram } from "@servable/example-kit/command-line";
import { invalidArgument } from "@servable/formats";
import { type ChosenSignature, convertCheckpoint, convertFrozenGraph } from "./convert-model.js";

const USAGE = `Usage: face_convert [flags] version_folder

Makes a SavedModel of a checkpoint or a frozen graph.

  --checkpoint=prefix      its graph is in prefix.meta
  --frozen_graph=file      .pb or .pbtxt
  --inputs=a=x:0,b=y:0     names for callers, and the tensors of the graph that they stand for
  --outputs=c=z:0          the same of what is given
  --signature=serving_default`;

const defaults = {
  checkpoint: "",
  frozen_graph: "",
  inputs: "images=images:0,is_training=is_training:0",
  outputs: "scores=embeddings:0",
  signature: "serving_default",
} as const;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  const [versionDir] = positionals;
  if (versionDir === undefined || positionals.length > 1) throw invalidArgument(USAGE);
  if ((flags.checkpoint === "") === (flags.frozen_graph === "")) {
    throw invalidArgument("Please specify either --checkpoint or --frozen_graph");
  }
  const signature: ChosenSignature = {
    name: flags.signature,
    inputs: namedTensors("inputs", flags.inputs),
    outputs: namedTensors("outputs", flags.outputs),
  };
  if (flags.checkpoint !== "") convertCheckpoint(flags.checkpoint, signature, versionDir);
  else convertFrozenGraph(flags.frozen_graph, signature, versionDir);
  console.log(`Converted to ${versionDir}`);
}

/** "a=x:0,b=y:0". INVALID_ARGUMENT for anything else. */
function namedTensors(flag: string, text: string): Record<string, string> {
  const entries = text.split(",").map((part): [string, string] => {
    const [, name, tensor] = /^([^=]+)=([^=]+)$/.exec(part) ?? [];
    if (name === undefined || tensor === undefined) {
      throw invalidArgument(`--${flag} must be like name=tensor:0,name=tensor:0, got "${text}"`);
    }
    return [name, tensor];
  });
  return Object.fromEntries(entries);
}

await runProgram(main);
