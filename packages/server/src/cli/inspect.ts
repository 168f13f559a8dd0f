/** `servable inspect`: what a model offers, and what becomes of it here. */
import { explainModel } from "@servable/engine";
import { attempt, notFound, StatusError } from "@servable/formats";
import { type CommandDescription, hasFlag, optionsOf, type ParsedArguments } from "./arguments.js";
import { ExitCode } from "./command.js";
import { chosenTags, MODEL_HELP, modelOptions, modelPathOf, tagSetsOf } from "./model-path.js";
import { type ModelSummary, summarizeModel } from "./models/summary.js";
import { modelText } from "./models/summary-text.js";
import { nearestName } from "./nearest-name.js";
import { print, printJson, runTool } from "./tool.js";

const description: CommandDescription = {
  name: "servable inspect",
  about:
    "Shows a model's signatures with their inputs and outputs, and how each is compiled: what ONNX Runtime runs, what " +
    "the host runs, how many weights there are, and whether requests may share a batch. Nothing is run.",
  operand: "MODEL",
  operandHelp: MODEL_HELP,
  options: {
    ...modelOptions,
    all: {
      help: "Everything: all MetaGraphs, all steps, why ops are on the host, the ops of the saved graph.",
    },
    json: { help: "As JSON." },
  },
  examples: [
    ["/models/mnist", "The highest version of a model"],
    ["/models/mnist/3 --signature_def serving_default --all", "One signature, in full"],
    ["model.tflite --json", "For a script"],
  ],
  notes: [
    "Exit status: 0 when it was shown, 1 when the model can't be read, 2 when the command is not understood.",
  ],
};

export function inspect(args: readonly string[]): Promise<number> {
  return runTool(description, args, async (parsed) => {
    const summaries = summariesOf(parsed);
    if (hasFlag(parsed, "json")) await printJson(summaries.length === 1 ? summaries[0] : summaries);
    else
      await print(summaries.map((summary) => modelText(summary, { all: hasFlag(parsed, "all") })).join("\n"));
    return ExitCode.OK;
  });
}

/** One MetaGraph's, or with --all those of all that can be read. */
function summariesOf(parsed: ParsedArguments): ModelSummary[] {
  const model = modelPathOf(parsed);
  const tagSets = tagSetsOf(model);
  const tags = chosenTags(parsed, tagSets);
  const isAll = hasFlag(parsed, "all") && !parsed.options.has("tag_set");
  if (!isAll || tagSets.length < 2) return [summaryOf(parsed, model, tags, tagSets)];
  const summaries = tagSets.map((set) => attempt(() => summaryOf(parsed, model, set, tagSets)));
  const read = summaries.flatMap((summary) => (summary instanceof StatusError ? [] : [summary]));
  if (read.length === 0) throw summaries[0];
  return read;
}

function summaryOf(
  parsed: ParsedArguments,
  model: string,
  tags: readonly string[] | undefined,
  tagSets: readonly (readonly string[])[],
): ModelSummary {
  const signatures = optionsOf(parsed, "signature_def");
  const explained = explainModel(model, { ...(tags && { tags }) });
  const summary = summarizeModel(model, explained, tags, tagSets);
  if (signatures.length === 0) return summary;
  return { ...summary, signatures: signatures.map((name) => signatureNamed(summary, name)) };
}

/** NOT_FOUND, saying which there are, for a name that is none. */
export function signatureNamed({ signatures }: Pick<ModelSummary, "signatures">, name: string) {
  const found = signatures.find((signature) => signature.name === name);
  if (found !== undefined) return found;
  const names = signatures.map((signature) => signature.name);
  const nearest = nearestName(name, names);
  const advice =
    nearest === undefined ? `there are ${names.join(", ") || "none"}` : `did you mean "${nearest}"?`;
  throw notFound(`the model has no signature "${name}"; ${advice}`);
}
