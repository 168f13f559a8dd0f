/** What `inspect` and `check` tell of a model, as data: it is what `--json` prints, and what the texts are made from. */
import { lstatSync, readdirSync } from "node:fs";
import path from "node:path";
import {
  type ExplainedGroup,
  type ExplainedModel,
  type ExplainedNode,
  type ExplainedSignature,
  isSupported,
  type ModelKind,
  opSupport,
} from "@servable/engine";
import { type CodeName, dtypeInfo, elementCount, type Signature, type TensorSpec } from "@servable/formats";
import type { MetaGraphDef } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { byFrequency, type Tally, tally } from "./tally.js";

export interface ModelSummary {
  readonly path: string;
  readonly kind: ModelKind;
  /** Of the MetaGraph that is described; absent for kinds without tags. */
  readonly tags?: readonly string[];
  /** The others that the model has. */
  readonly otherTagSets?: readonly (readonly string[])[];
  /** Such as "TensorFlow 2.16.1", when the model says so. */
  readonly producer?: string;
  readonly files: { readonly count: number; readonly bytes: number };
  /** As it was saved; absent for ONNX. */
  readonly graph?: GraphSummary;
  readonly signatures: readonly SignatureSummary[];
}

export interface GraphSummary {
  readonly nodes: number;
  readonly functions: number;
  /** How often each op is in the graph and its functions. */
  readonly ops: Readonly<Record<string, number>>;
  /** Ops among them that can't run; no fault unless a signature needs them. */
  readonly unsupported: readonly string[];
}

export interface TensorSummary {
  readonly name: string;
  readonly dtype: string;
  /** Null for an unknown rank, -1 for an unknown size. */
  readonly shape: readonly number[] | null;
  /** In the graph. */
  readonly tensor: string;
  /** The request may leave it out. */
  readonly optional?: true;
  /** The tensors of a SparseTensor. */
  readonly sparse?: TensorSpec["sparse"];
}

export interface SignatureSummary {
  readonly name: string;
  readonly methodName: string;
  readonly inputs: readonly TensorSummary[];
  readonly outputs: readonly TensorSummary[];
  readonly error?: { readonly code: CodeName; readonly message: string };
  readonly gaps: readonly { readonly op: string; readonly node: string; readonly reason: string }[];
  readonly rowIndependence: { readonly independent: boolean; readonly reason?: string };
  readonly weights: { readonly count: number; readonly bytes: number };
  /** In the order in which they run. */
  readonly steps: readonly StepSummary[];
}

/** A group of nodes: one ONNX Runtime session, or a row of host kernels. */
export interface StepSummary {
  readonly side: "host" | "onnx";
  /** How many of TensorFlow's nodes. */
  readonly nodes: number;
  readonly ops: Readonly<Record<string, number>>;
  /** Of an ONNX group: what it became. */
  readonly operators?: Readonly<Record<string, number>>;
  /** Bytes of constants that it reads. */
  readonly weightBytes: number;
  /** Of a host group: why ONNX does not have an op's nodes. */
  readonly reasons?: Readonly<Record<string, readonly string[]>>;
  /** Of a host group: branches and loops in it. */
  readonly bodies?: readonly BodySummary[];
}

/** A branch, or the condition or body of a loop, that the host runs. */
export interface BodySummary {
  readonly op: string;
  readonly node: string;
  /** "then", "else", "branch 2", "condition" or "body". */
  readonly label: string;
  readonly steps: readonly StepSummary[];
}

export function summarizeModel(
  model: string,
  explained: ExplainedModel,
  tags: readonly string[] | undefined,
  tagSets: readonly (readonly string[])[],
): ModelSummary {
  const { kind, metaGraph, signatures } = explained;
  const others = tagSets.filter((set) => set.join() !== tags?.join());
  const version = metaGraph?.metaInfoDef?.tensorflowVersion;
  return {
    path: model,
    kind,
    ...(tags !== undefined && { tags }),
    ...(others.length > 0 && { otherTagSets: others }),
    ...(version && { producer: `TensorFlow ${version}` }),
    files: filesOf(model),
    ...(metaGraph !== undefined && { graph: summarizeGraph(metaGraph) }),
    signatures: signatures.map(summarizeSignature),
  };
}

/** Files of a version's folder, the folder for warm-up and assets included. */
function filesOf(model: string): ModelSummary["files"] {
  const stats = lstatSync(model);
  if (!stats.isDirectory()) return { count: 1, bytes: stats.size };
  const files = readdirSync(model, { recursive: true, encoding: "utf8" })
    .map((name) => lstatSync(path.join(model, name)))
    .filter((entry) => entry.isFile());
  return { count: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

function summarizeGraph({ graphDef }: MetaGraphDef): GraphSummary {
  const functions = graphDef?.library?.function ?? [];
  const names = new Set(functions.map(({ signature }) => signature?.name));
  const nodes = [...(graphDef?.node ?? []), ...functions.flatMap(({ nodeDef }) => nodeDef)];
  const counts = tally(nodes.map(({ op }) => op).filter((op) => !names.has(op)));
  const supported = new Set(opSupport().flatMap((support) => (isSupported(support) ? [support.op] : [])));
  return {
    nodes: graphDef?.node.length ?? 0,
    functions: functions.length,
    ops: record(counts),
    unsupported: [...counts.keys()].filter((op) => !supported.has(op) && !notComputed.has(op)).sort(),
  };
}

/** What is fed, taken, or writes checkpoints: no signature computes it. */
const notComputed: ReadonlySet<string> = new Set([
  ...["Placeholder", "PlaceholderWithDefault", "NoOp", "_Arg", "_Retval"],
  ...["Save", "SaveSlices", "SaveV2", "MergeV2Checkpoints", "DisableCopyOnRead"],
]);

function record(counts: Tally): Record<string, number> {
  return Object.fromEntries(byFrequency(counts));
}

export function summarizeSignature(explained: ExplainedSignature): SignatureSummary {
  const { name, signature, error, gaps, rowIndependence, weights } = explained;
  const sizes = constantSizes(explained);
  return {
    name,
    methodName: signature?.methodName ?? "",
    inputs: signature === undefined ? [] : tensorsOf(signature.inputs, signature),
    outputs: signature === undefined ? [] : tensorsOf(signature.outputs),
    ...(error !== undefined && { error: { code: error.codeName, message: error.message } }),
    gaps,
    rowIndependence,
    weights,
    steps: explained.groups.map((group) => summarizeStep(group, sizes)),
  };
}

function tensorsOf(specs: Signature["inputs"], signature?: Signature): TensorSummary[] {
  return [...specs].map(([name, spec]) => ({
    name,
    dtype: spec.dtype,
    shape: spec.shape,
    tensor: spec.name,
    ...(signature?.defaults.has(name) && { optional: true as const }),
    ...(spec.sparse !== undefined && { sparse: spec.sparse }),
  }));
}

/** Bytes of each constant of a graph, by its node. */
export function constantSizes({ constants }: Pick<ExplainedSignature, "constants">): Map<string, number> {
  return new Map(constants.map((constant) => [constant.name.replace(/:\d+$/, ""), bytesOf(constant)]));
}

function bytesOf({ type, shape }: ExplainedSignature["constants"][number]): number {
  if (type === "resource" || type === "variant" || shape === null) return 0;
  return elementCount(shape) * dtypeInfo(type).size;
}

/** @param sizes bytes of each constant of the graph */
export function summarizeStep(group: ExplainedGroup, sizes: ReadonlyMap<string, number>): StepSummary {
  const { side, nodes, onnx } = group;
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const weightBytes = [...read].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
  const common = { side, nodes: nodes.length, ops: record(tally(nodes.map(({ op }) => op))), weightBytes };
  if (onnx !== undefined) return { ...common, operators: record(onnx.operators) };
  const bodies = nodes.flatMap(bodiesOf);
  return { ...common, reasons: reasonsOf(group), ...(bodies.length > 0 && { bodies }) };
}

function bodiesOf({ op, name, bodies }: ExplainedNode): BodySummary[] {
  return bodies.map(({ label, graph }) => {
    const sizes = constantSizes(graph);
    return { op, node: name, label, steps: graph.groups.map((group) => summarizeStep(group, sizes)) };
  });
}

function reasonsOf({ nodes }: ExplainedGroup): Record<string, string[]> {
  const reasons: Record<string, string[]> = {};
  for (const { op, reason } of nodes) {
    const known = reasons[op] ?? [];
    if (reason !== undefined && !known.includes(reason)) known.push(reason);
    reasons[op] = known;
  }
  return reasons;
}
