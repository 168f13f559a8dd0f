/** `servable run`: one signature, once or many times, on values from files or the command line. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { performance } from "node:perf_hooks";
import type { Model } from "@servable/engine";
import { Code, type Signature, StatusError, shapeText, type Tensor, writeNpy } from "@servable/formats";
import {
  type CommandDescription,
  countOption,
  hasFlag,
  optionOf,
  type ParsedArguments,
} from "./arguments.js";
import { ExitCode } from "./command.js";
import { MODEL_HELP, modelOptions, modelPathOf } from "./model-path.js";
import { givenInputs, imageRangeOf, inputOptions, signatureOf } from "./models/input-options.js";
import { readInputs } from "./models/inputs.js";
import { loadAsAsked, threadsOption } from "./models/load-model.js";
import { tensorJson, tensorText } from "./models/tensor-text.js";
import { type Timing, timingOf, timingText } from "./models/timing.js";
import { print, runTool } from "./tool.js";

const description: CommandDescription = {
  name: "servable run",
  about: "Loads a model, runs one of its signatures and shows the results, as saved_model_cli run does.",
  operand: "MODEL",
  operandHelp: MODEL_HELP,
  options: {
    tag_set: modelOptions.tag_set,
    dir: modelOptions.dir,
    signature_def: {
      value: "NAME",
      help: "The signature to run; serving_default, or the only one, by default.",
    },
    ...inputOptions,
    outdir: { value: "DIR", help: "Also write each output as NAME.npy into this folder." },
    overwrite: { help: "Replace files that are in --outdir already." },
    repeat: { value: "N", help: "Run N times and say how long it took." },
    threads: threadsOption,
    full: { help: "All elements of large results, not the first and last ones." },
    json: { help: "Results as JSON." },
  },
  examples: [
    ["/models/half_plus_two --input 'x=[1,2,5]'", "Numbers from the command line"],
    ["/models/mnist --signature_def predict_images --input images=digits.npy", "A file that NumPy wrote"],
    [
      "/models/resnet --input image=cat.jpg --image_range=-1,1",
      "A picture, in the size that the model takes",
    ],
    ["/models/census --input_examples 'inputs=[{\"age\":[22]}]'", "Features of an example"],
    ["/models/mnist --input 'images=random[32,784]' --repeat=100", "How fast is it?"],
  ],
  notes: ["Exit status: 0 when it ran, 1 when it did not, 2 when the command is not understood."],
};

export function run(args: readonly string[]): Promise<number> {
  return runTool(description, args, async (parsed) => {
    const given = givenInputs(parsed);
    const imageRange = imageRangeOf(parsed);
    const repeat = countOption(parsed, "repeat", 1) ?? 1;
    const start = performance.now();
    const model = loadAsAsked(modelPathOf(parsed), parsed);
    const loadMs = performance.now() - start;
    const signature = signatureOf(model, optionOf(parsed, "signature_def"));
    const inputs = readInputs(given, signature, imageRange === undefined ? {} : { imageRange });
    const { outputs, times } = runRepeatedly(model, signature, inputs, repeat);
    model.close();
    const files = writeOutputs(outputs, parsed);
    const timing = parsed.options.has("repeat") ? timingOf(loadMs, times) : undefined;
    if (hasFlag(parsed, "json")) await print(jsonReport(signature, outputs, files, timing));
    else await print(textReport(outputs, files, timing, hasFlag(parsed, "full")));
    return ExitCode.OK;
  });
}

// ---- running -------------------------------------------------------------------------------------------------

function runRepeatedly(
  model: Model,
  { name }: Signature,
  inputs: ReadonlyMap<string, Tensor>,
  repeat: number,
): { outputs: ReadonlyMap<string, Tensor>; times: readonly number[] } {
  const times: number[] = [];
  let outputs: ReadonlyMap<string, Tensor> = new Map();
  for (let i = 0; i < repeat; i++) {
    const start = performance.now();
    outputs = model.run(name, inputs);
    times.push(performance.now() - start);
  }
  return { outputs, times };
}

// ---- results -------------------------------------------------------------------------------------------------

/** One .npy file for each output. ALREADY_EXISTS before any is written, unless they may be replaced. */
function writeOutputs(outputs: ReadonlyMap<string, Tensor>, parsed: ParsedArguments): Map<string, string> {
  const folder = optionOf(parsed, "outdir");
  if (folder === undefined) return new Map();
  const files = new Map(
    // An output's name is the model's choice, and must not lead out of the folder.
    [...outputs.keys()].map((name) => [name, path.join(folder, `${name.replace(/[^\w.-]/g, "_")}.npy`)]),
  );
  const existing = [...files.values()].filter((file) => existsSync(file));
  if (existing.length > 0 && !hasFlag(parsed, "overwrite")) {
    throw new StatusError(
      Code.ALREADY_EXISTS,
      `${existing.join(", ")} ${existing.length === 1 ? "is" : "are"} there already: give --overwrite, or another --outdir`,
    );
  }
  mkdirSync(folder, { recursive: true });
  for (const [name, file] of files) writeFileSync(file, writeNpy(outputs.get(name) as Tensor));
  return files;
}

function textReport(
  outputs: ReadonlyMap<string, Tensor>,
  files: ReadonlyMap<string, string>,
  timing: Timing | undefined,
  isFull: boolean,
): string {
  const results = [...outputs].map(
    ([name, tensor]) => `${name}  ${tensor.dtype} ${shapeText(tensor.shape)}\n${tensorText(tensor, isFull)}`,
  );
  const written = files.size === 0 ? [] : [`Written: ${[...files.values()].join(", ")}`];
  return [...results, ...written, ...(timing === undefined ? [] : [timingText(timing)])].join("\n\n");
}

function jsonReport(
  signature: Signature,
  outputs: ReadonlyMap<string, Tensor>,
  files: ReadonlyMap<string, string>,
  timing: Timing | undefined,
): string {
  const fields = [...outputs].map(([name, tensor]) => {
    const facts = `"dtype": "${tensor.dtype}", "shape": ${JSON.stringify(tensor.shape)}`;
    return `    ${JSON.stringify(name)}: {${facts}, "value": ${tensorJson(tensor)}}`;
  });
  const parts = [
    `  "signature": ${JSON.stringify(signature.name)}`,
    `  "outputs": {\n${fields.join(",\n")}\n  }`,
    ...(files.size === 0 ? [] : [`  "files": ${JSON.stringify(Object.fromEntries(files))}`]),
    ...(timing === undefined ? [] : [`  "timing": ${JSON.stringify(timing)}`]),
  ];
  return `{\n${parts.join(",\n")}\n}`;
}
