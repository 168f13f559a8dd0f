/** A summary as `inspect` prints it. */
import { type PartialShape, shapeText } from "@servable/formats";
import { columns, facts } from "./columns.js";
import { bytesText, countText } from "./quantity.js";
import type { ModelSummary, SignatureSummary, StepSummary, TensorSummary } from "./summary.js";
import { tallyLines, tallyText } from "./tally.js";

export interface TextOptions {
  /** Everything: all steps, the reasons of the host, the ops of the graph as it was saved. */
  readonly all: boolean;
}

/** Steps and kinds of operators that are shown when not everything is asked for. */
const SHOWN_STEPS = 8;
const SHOWN_OPS = 6;
const SHOWN_BODIES = 4;
/** Below the name of a step's side. */
const DETAIL_INDENT = "         ";

export function modelText(summary: ModelSummary, options: TextOptions): string {
  return [
    ...headLines(summary, options),
    ...summary.signatures.flatMap((signature) => ["", ...signatureLines(signature, options)]),
    ...(summary.signatures.length === 0 ? ["", "It has no such signature."] : []),
    "",
  ].join("\n");
}

function headLines(summary: ModelSummary, { all }: TextOptions): string[] {
  const { kind, producer, tags, otherTagSets = [], files, graph } = summary;
  const tagText = (set: readonly string[]) => (set.length === 0 ? "(none)" : set.join(", "));
  return facts([
    ["model", [summary.path]],
    ["kind", [producer === undefined ? kind : `${kind}, written by ${producer}`]],
    ["tags", tags === undefined ? [] : [tagText(tags)]],
    ["other tags", otherTagSets.map(tagText)],
    ["on disk", [`${countText(files.count, "file")}, ${bytesText(files.bytes)}`]],
    ["graph", graph === undefined ? [] : graphLines(graph, all)],
  ]);
}

function graphLines(graph: NonNullable<ModelSummary["graph"]>, all: boolean): string[] {
  const { nodes, functions, ops, unsupported } = graph;
  const kinds = Object.keys(ops).length;
  const size = [
    countText(nodes, "node"),
    ...(functions > 0 ? [countText(functions, "function")] : []),
    `${kinds} kinds of ops`,
  ];
  return [
    size.join(", "),
    ...(all ? tallyLines(new Map(Object.entries(ops))) : []),
    ...(unsupported.length === 0
      ? []
      : [`not supported, which matters only where a signature needs them: ${unsupported.join(", ")}`]),
  ];
}

export function signatureLines(signature: SignatureSummary, options: TextOptions): string[] {
  const { name, methodName, error, rowIndependence, weights } = signature;
  const tensors = alignedTensors([signature.inputs, signature.outputs]);
  const head: [string, string[]][] = [
    ["method", [methodName === "" ? "(none)" : methodName]],
    ["inputs", tensors[0] ?? []],
    ["outputs", tensors[1] ?? []],
  ];
  if (error !== undefined) {
    return [
      `Signature "${name}"`,
      ...facts([...head, ["can't run", [`${error.code}: ${error.message}`]]], "  "),
    ];
  }
  return [
    `Signature "${name}"`,
    ...facts(
      [
        ...head,
        ["runs as", [...stepLines(signature.steps, options), ...rankLines(signature)]],
        ["weights", [weights.count === 0 ? "none" : weightText(weights)]],
        ["rows", [rowText(rowIndependence)]],
      ],
      "  ",
    ),
  ];
}

function weightText({ count, bytes }: SignatureSummary["weights"]): string {
  return `${countText(count, "constant")}, ${bytesText(bytes)}`;
}

function rowText({ independent, reason }: SignatureSummary["rowIndependence"]): string {
  return independent
    ? "independent: requests may share a batch"
    : `not proven independent, so requests run one by one unless batching is asked for: ${reason}`;
}

/** Lists of tensors whose columns are those of all lists. */
function alignedTensors(lists: readonly (readonly TensorSummary[])[]): string[][] {
  const lines = columns(lists.flat().map(tensorCells));
  let at = 0;
  return lists.map((list) => {
    at += list.length;
    return list.length === 0 ? ["none"] : lines.slice(at - list.length, at);
  });
}

function tensorCells({ name, dtype, shape, tensor, optional, sparse }: TensorSummary): string[] {
  const place =
    sparse === undefined ? tensor : `sparse: ${sparse.indices}, ${sparse.values}, ${sparse.denseShape}`;
  return [name, dtype, shapeText(shape as PartialShape), optional ? `${place}  (may be left out)` : place];
}

/** A plan for an unknown rank is a sketch: ONNX Runtime has it once the rank is known. */
function rankLines({ inputs }: SignatureSummary): string[] {
  const open = inputs.filter(({ shape }) => shape === null).map(({ name }) => name);
  if (open.length === 0) return [];
  return [`compiled anew for each rank that requests have: that of ${open.join(", ")} is not declared`];
}

function stepLines(steps: readonly StepSummary[], { all }: TextOptions): string[] {
  if (steps.length === 0) return ["nothing to compute: outputs are inputs or constants"];
  const sessions = steps.filter(({ side }) => side === "onnx").length;
  const hosts = steps.length - sessions;
  const total = [
    ...(sessions > 0 ? [countText(sessions, "ONNX Runtime session")] : []),
    ...(hosts > 0 ? [`${countText(hosts, "group")} of host ops`] : []),
  ].join(" and ");
  const shown = all ? steps : steps.slice(0, SHOWN_STEPS);
  const left = steps.length - shown.length;
  return [
    `${total}:`,
    ...shown.flatMap((step, i) => [
      stepLine(step, i + 1, all),
      ...(all ? reasonLines(step) : []),
      ...bodyLines(step, all),
    ]),
    ...(left > 0 ? [`… and ${left} more: --all shows them`] : []),
  ];
}

function stepLine(step: StepSummary, number: number, all: boolean): string {
  const { side, nodes, ops, operators, weightBytes } = step;
  const limit = all ? Number.POSITIVE_INFINITY : SHOWN_OPS;
  const counts = new Map(Object.entries(operators ?? ops));
  const weights = weightBytes >= 1000 ? `, ${bytesText(weightBytes)} of weights` : "";
  return `${number}. ${side === "onnx" ? "ONNX" : "host"}  ${countText(nodes, "node")}${weights}: ${tallyText(counts, limit)}`;
}

/** What a branch or loop of the host has inside, in one line each. */
function bodyLines({ bodies = [] }: StepSummary, all: boolean, indent = DETAIL_INDENT): string[] {
  const shown = all ? bodies : bodies.slice(0, SHOWN_BODIES);
  const left = bodies.length - shown.length;
  return [
    ...shown.flatMap(({ op, label, steps }) => [
      `${indent}${op}, ${label}: ${steps.map((step) => insideText(step)).join("; ") || "nothing to compute"}`,
      ...(all ? steps.flatMap((step) => bodyLines(step, all, `${indent}  `)) : []),
    ]),
    ...(left > 0 ? [`${indent}… and ${left} more: --all shows them`] : []),
  ];
}

function insideText({ side, nodes, ops, operators }: StepSummary): string {
  const counts = new Map(Object.entries(operators ?? ops));
  return `${side === "onnx" ? "ONNX" : "host"} ${countText(nodes, "node")} (${tallyText(counts, SHOWN_OPS)})`;
}

function reasonLines({ reasons = {} }: StepSummary): string[] {
  return Object.entries(reasons).map(([op, list]) => `${DETAIL_INDENT}${op}: ${list.join("; ")}`);
}
