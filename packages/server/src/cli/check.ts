/** `servable check`: whether a model can be served, found out before anybody depends on it. */
import { type ExplainedModel, explainModel, isSupported, loadModel, opSupport } from "@servable/engine";
import { StatusError } from "@servable/formats";
import { type CommandDescription, hasFlag, optionOf, type ParsedArguments } from "./arguments.js";
import { ExitCode } from "./command.js";
import { signatureNamed } from "./inspect.js";
import { chosenTags, MODEL_HELP, modelOptions, modelPathOf, tagSetsOf } from "./model-path.js";
import { facts } from "./models/columns.js";
import { bytesText, countText } from "./models/quantity.js";
import { type SignatureSummary, summarizeSignature } from "./models/summary.js";
import { print, printJson, runTool } from "./tool.js";

const description: CommandDescription = {
  name: "servable check",
  about:
    "Does all that serving a model does before its first request: reads it, restores its variables, runs its " +
    "initialiser, compiles each signature and has ONNX Runtime take it. Says of each signature whether it can be " +
    "served, and otherwise which ops stand against it, where, and what would help.",
  operand: "MODEL",
  operandHelp: MODEL_HELP,
  options: { ...modelOptions, json: { help: "As JSON." } },
  examples: [
    ["/models/mnist", "Can it be served?"],
    ["/models/mnist --signature_def serving_default && deploy", "Only then go on"],
  ],
  notes: [
    "Exit status: 0 when all signatures can be served; 1 when one can't, or the model can't be loaded at all; 2 when " +
      "the command is not understood.",
  ],
};

interface Finding extends Pick<SignatureSummary, "name" | "error" | "gaps" | "rowIndependence" | "weights"> {
  readonly servable: boolean;
  /** What would have to change, for each op that can't run. */
  readonly needed: readonly string[];
  readonly steps: { readonly onnx: number; readonly host: number };
}

export function check(args: readonly string[]): Promise<number> {
  return runTool(description, args, async (parsed) => {
    const model = modelPathOf(parsed);
    const tags = chosenTags(parsed, tagSetsOf(model));
    const options = tags === undefined ? {} : { tags };
    const explained = explainModel(model, options);
    const findings = findingsOf(parsed, explained);
    const failure = findings.every(({ error }) => error !== undefined)
      ? undefined
      : loadFailure(model, options);
    const servable =
      failure === undefined && findings.length > 0 && findings.every((finding) => finding.servable);
    if (hasFlag(parsed, "json")) {
      const error = failure && { code: failure.codeName, message: failure.message };
      await printJson({
        model,
        kind: explained.kind,
        servable,
        ...(error && { error }),
        signatures: findings,
      });
    } else {
      await print(reportText(model, explained.kind, findings, failure));
    }
    return servable ? ExitCode.OK : ExitCode.FAILED;
  });
}

/** Why the server would not load it. One signature's missing ops are no reason, other faults of one are. */
function loadFailure(model: string, options: Parameters<typeof loadModel>[1]): StatusError | undefined {
  try {
    loadModel(model, options).close();
    return undefined;
  } catch (reason) {
    return StatusError.from(reason);
  }
}

function findingsOf(parsed: ParsedArguments, { signatures }: ExplainedModel): Finding[] {
  const summaries = signatures.map(summarizeSignature);
  const asked = optionOf(parsed, "signature_def");
  const wanted = asked === undefined ? summaries : [signatureNamed({ signatures: summaries }, asked)];
  return wanted.map(findingOf);
}

function findingOf({ name, error, gaps, rowIndependence, weights, steps }: SignatureSummary): Finding {
  const onnx = steps.filter(({ side }) => side === "onnx").length;
  return {
    name,
    servable: error === undefined,
    ...(error !== undefined && { error }),
    gaps,
    needed: neededFor(gaps),
    rowIndependence,
    weights,
    steps: { onnx, host: steps.length - onnx },
  };
}

/** One sentence for each op. */
function neededFor(gaps: SignatureSummary["gaps"]): string[] {
  const supports = new Map(opSupport().map((support) => [support.op, support]));
  return [...new Set(gaps.map(({ op }) => op))].map((op) => {
    const support = supports.get(op);
    if (support === undefined)
      return `${op} is none of TensorFlow's own ops: it comes from a library that Servable can't load; export the signature without it`;
    if (isSupported(support))
      return `${op} runs only in the forms that ONNX has, and these nodes have another (the reason is beside them)`;
    return `${op} is not supported (\`servable ops ${op}\`); export the signature without it, or ask for it`;
  });
}

// ---- as text -------------------------------------------------------------------------------------------------

function reportText(
  model: string,
  kind: string,
  findings: readonly Finding[],
  failure: StatusError | undefined,
): string {
  const lines = [`${model} (${kind})`, "", ...findings.flatMap(findingLines), ""];
  const end =
    failure === undefined
      ? verdict(findings)
      : `It can't be loaded, so none can be served: ${failure.codeName}: ${failure.message}`;
  return [...lines, end].join("\n");
}

function findingLines(finding: Finding): string[] {
  const { name, servable, error, gaps, needed, rowIndependence, weights, steps } = finding;
  if (servable) {
    const parts = [
      ...(steps.onnx > 0 ? [countText(steps.onnx, "ONNX Runtime session")] : []),
      ...(steps.host > 0 ? [`${countText(steps.host, "group")} of host ops`] : []),
      ...(weights.bytes > 0 ? [`${bytesText(weights.bytes)} of weights`] : []),
      rowIndependence.independent ? "requests share batches" : "no batching unless asked for",
    ];
    return [`  ok     ${name}: ${parts.join(", ")}`];
  }
  if (gaps.length === 0) return [`  can't  ${name}: ${error?.code}: ${error?.message}`];
  return [
    `  can't  ${name}`,
    ...facts(
      [
        ["op", gaps.map(({ op, node, reason }) => `${op}, node "${node}": ${reason}`)],
        ["needed", needed],
      ],
      "           ",
    ),
  ];
}

function verdict(findings: readonly Finding[]): string {
  const failing = findings.filter(({ servable }) => !servable).length;
  if (findings.length === 0) return "The model has no signature: there is nothing to serve.";
  if (failing === 0)
    return findings.length === 1 ? "It can be served." : `All ${findings.length} signatures can be served.`;
  if (failing === findings.length) return "It can't be served.";
  return `${countText(failing, "signature")} of ${findings.length} can't be served; the server loads the model and serves the others.`;
}
