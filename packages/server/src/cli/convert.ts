/**
 * `servable convert`: models and checkpoints from one format to another. Both sides are guessed: what is read by what
 * it holds, what is written by its name. convert-sources.ts reads, convert-targets.ts writes.
 */
import {
  type CommandDescription,
  hasFlag,
  optionOf,
  optionsOf,
  type ParsedArguments,
  UsageError,
} from "./arguments.js";
import { ExitCode } from "./command.js";
import { openSource } from "./convert-sources.js";
import {
  requireVacant,
  TARGET_NAMES,
  type TargetOptions,
  targetKinds,
  targetNamed,
  targetOf,
} from "./convert-targets.js";
import { print, runTool } from "./tool.js";

const description: CommandDescription = {
  name: "servable convert",
  about:
    "Reads a model or checkpoint and writes it in another format. What FROM is shows in its content, what TO is to " +
    "become in its name.",
  operand: "FROM TO",
  operandHelp:
    "FROM: a .keras archive, a Keras model in HDF5, an architecture in JSON or YAML, a TensorFlow.js folder, a " +
    "SavedModel, a SessionBundle, a frozen graph, or a checkpoint's prefix. " +
    "TO: a folder for a SavedModel, or a name ending in .keras, .h5, .weights.h5, .json, .yaml, .pb, .pbtxt, .onnx or .ckpt.",
  maxOperands: 2,
  options: {
    to: {
      value: "KIND",
      help: `What TO is to become, where its name does not say: ${TARGET_NAMES.join(", ")}.`,
    },
    weights: { value: "FILE", help: "Weights of an architecture in JSON or YAML." },
    input: {
      value: "NAME=TENSOR",
      help: "An input of a frozen graph's signature; by default every placeholder.",
      repeated: true,
    },
    output: {
      value: "NAME=TENSOR",
      help: "An output of a frozen graph's signature; by default what no other node uses.",
      repeated: true,
    },
    signature_def: { value: "NAME", help: "The signature that becomes ONNX; serving_default by default." },
    checkpoint_version: { value: "V1|V2", help: "Format of a checkpoint that is written; V2 by default." },
    force: { help: "Replace what is at TO." },
  },
  examples: [
    ["model.keras models/mnist/1", "A Keras model becomes a version that can be served"],
    ["tfjs-model/model.json model.keras", "A model trained in the browser goes on in Keras"],
    ["models/mnist/1 mnist.pb", "A SavedModel becomes a frozen graph"],
    ["model.json model.h5 --weights model.weights.h5", "Architecture and weights become one file"],
  ],
  notes: ["Exit status: 0 when it is done, 1 when it can't be, 2 when the command is not understood."],
};

export function convert(args: readonly string[]): Promise<number> {
  return runTool(description, args, async (parsed) => {
    const [from, to] = parsed.operands ?? [];
    if (from === undefined || to === undefined) throw new UsageError("give FROM and TO");
    const begun = performance.now();
    const source = openSource(from, {
      ...(optionOf(parsed, "weights") !== undefined && { weights: optionOf(parsed, "weights") as string }),
    });
    try {
      const target = chosenTarget(parsed, to, source.kind);
      const convertTo = targetKinds[target];
      await print(`Reading ${from}: ${source.about}`);
      requireVacant(to, target, hasFlag(parsed, "force"));
      await print(`Writing ${to}: ${convertTo.about}`);
      const written = convertTo.write(source, to, targetOptions(parsed));
      await print(`${written} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
      return ExitCode.OK;
    } finally {
      source.close();
    }
  });
}

function chosenTarget(parsed: ParsedArguments, to: string, from: string) {
  const asked = optionOf(parsed, "to");
  if (asked === undefined) return targetOf(to, from);
  const target = targetNamed(asked);
  if (target === undefined) {
    throw new UsageError(`--to ${asked} is none of ${TARGET_NAMES.join(", ")}`);
  }
  return target;
}

function targetOptions(parsed: ParsedArguments): TargetOptions {
  const version = optionOf(parsed, "checkpoint_version") ?? "V2";
  if (version !== "V1" && version !== "V2")
    throw new UsageError(`--checkpoint_version is V1 or V2, got ${version}`);
  return {
    inputs: namedTensors(optionsOf(parsed, "input"), "input"),
    outputs: namedTensors(optionsOf(parsed, "output"), "output"),
    signature: optionOf(parsed, "signature_def") ?? "serving_default",
    checkpointVersion: version,
  };
}

function namedTensors(
  values: readonly string[],
  option: string,
): Readonly<Record<string, string>> | undefined {
  if (values.length === 0) return undefined;
  return Object.fromEntries(
    values.map((value) => {
      const at = value.indexOf("=");
      if (at <= 0) throw new UsageError(`--${option} needs NAME=TENSOR, got "${value}"`);
      return [value.slice(0, at), value.slice(at + 1)];
    }),
  );
}
