/**
 * What the compiler makes of a model, without running it: which side computes each node and why, which weights are
 * used, whether rows are independent, and what can't run. `servable inspect`, `check` and `compile --dump` print it.
 */
import {
  attempt,
  dtypeInfo,
  elementCount,
  type PartialShape,
  type Signature,
  StatusError,
  signaturesOf,
  unusableSignaturesOf,
} from "@servable/formats";
import type { MetaGraphDef } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { explainOnnxFile } from "./explain-onnx.js";
import {
  type Edge,
  edgeName,
  type Graph,
  isLoop,
  type Known,
  type Node,
  type ValueType,
} from "./graph/graph.js";
import type { LoadOptions } from "./model.js";
import { findModel, type ModelKind } from "./model-folder.js";
import { writeModelFile } from "./onnx/model-file.js";
import { subgraphs } from "./onnx/model-writer.js";
import type { OnnxGraph } from "./onnx/onnx-graph.js";
import { type Analyzed, knownOf } from "./passes/analyze.js";
import { proveRowIndependence, type RowIndependence } from "./passes/row-independence.js";
import { joinFragments, neededOutputs } from "./plan/onnx-group.js";
import {
  convertNodes,
  type Group,
  type Partition,
  partition,
  type UnsupportedNode,
  unsupportedError,
} from "./plan/partition.js";
import { Plan } from "./plan/plan.js";
import { prepareLoops } from "./plan/prepare-loops.js";
import { inSignature, type Program } from "./program.js";
import { signatureGraphs } from "./signature-graphs.js";

/** A tensor of a compiled graph. */
export interface ExplainedTensor {
  /** In the graph, such as "x:0". */
  readonly name: string;
  readonly type: ValueType;
  readonly shape: PartialShape;
}

export interface ExplainedNode {
  readonly name: string;
  readonly op: string;
  /** Names of the nodes it reads. */
  readonly inputs: readonly string[];
  /** Names of the nodes that must have run before. */
  readonly controls: readonly string[];
  readonly outputs: readonly ExplainedTensor[];
  /** Of a node on the host: why ONNX does not have it. */
  readonly reason?: string;
  /** Branches, or a loop's condition and body, where the host runs them. */
  readonly bodies: readonly ExplainedBody[];
}

export interface ExplainedBody {
  /** "then", "else", "branch 2", "condition" or "body". */
  readonly label: string;
  readonly graph: ExplainedGraph;
}

/** Nodes that run together: one ONNX Runtime session, or a row of host kernels. */
export interface ExplainedGroup {
  readonly side: "host" | "onnx";
  readonly nodes: readonly ExplainedNode[];
  /** What an ONNX group has become. */
  readonly onnx?: ExplainedOnnx;
}

export interface ExplainedOnnx {
  /** By their names in the ONNX model. */
  readonly inputs: readonly ExplainedTensor[];
  readonly outputs: readonly ExplainedTensor[];
  /** How many operators of each type there are, those in branches and bodies included. */
  readonly operators: ReadonlyMap<string, number>;
  /** Writes it as an ONNX model. Returns the paths of the files: a second one when the weights pass 1 GiB. */
  write(file: string): string[];
}

/** A compiled graph: of a signature, or of a branch or body inside. */
export interface ExplainedGraph {
  readonly inputs: readonly ExplainedTensor[];
  readonly outputs: readonly ExplainedTensor[];
  readonly constants: readonly ExplainedTensor[];
  /** In the order in which they run. */
  readonly groups: readonly ExplainedGroup[];
}

/** A node that can't run. */
export interface ExplainedGap {
  readonly op: string;
  readonly node: string;
  /** Why ONNX does not have it; the host has no kernel for the op. */
  readonly reason: string;
}

export interface ExplainedSignature extends ExplainedGraph {
  readonly name: string;
  /** Absent when it declares tensors that no request can carry. */
  readonly signature?: Signature;
  /** UNIMPLEMENTED or what else keeps it from running; what is compiled is then empty. */
  readonly error?: StatusError;
  /** Where ops are what keeps it from running: all of them. */
  readonly gaps: readonly ExplainedGap[];
  readonly rowIndependence: RowIndependence;
  /** Constants that the compiled graph holds: how many, and their bytes. */
  readonly weights: { readonly count: number; readonly bytes: number };
}

export interface ExplainOptions extends LoadOptions {
  /** Also has ONNX Runtime take each group, as loading does: what it refuses is then the signature's error. */
  readonly compile?: boolean;
  /** Only these signatures. */
  readonly signatures?: readonly string[];
}

export interface ExplainedModel {
  readonly kind: ModelKind;
  /** What was compiled; absent for a model that is ONNX already. */
  readonly metaGraph?: MetaGraphDef;
  readonly signatures: readonly ExplainedSignature[];
}

/**
 * Restores and initialises the model in a version's folder, then explains each signature. Errors as loadModel's, but
 * for what can't run: that is an error of its signature.
 */
export function explainModel(dir: string, options: ExplainOptions = {}): ExplainedModel {
  const found = findModel(dir, options);
  const { kind } = found;
  if ("onnx" in found) return { kind, signatures: explainOnnxFile(found.onnx, options) };
  const { program, metaGraph } = found.open();
  return { kind, metaGraph, signatures: explainSignatures(program, metaGraph, options) };
}

function explainSignatures(
  program: Program,
  metaGraph: MetaGraphDef,
  options: ExplainOptions,
): ExplainedSignature[] {
  const isAsked = (name: string) => options.signatures?.includes(name) ?? true;
  const explained = [...signatureGraphs(program, signaturesOf(metaGraph))]
    .filter(([signature]) => isAsked(signature.name))
    .map(([signature, graph]) => explain(program, signature, graph, options));
  return [...explained, ...unusable(metaGraph).filter(({ name }) => isAsked(name))];
}

function unusable(metaGraph: MetaGraphDef): ExplainedSignature[] {
  return [...unusableSignaturesOf(metaGraph)].map(([name, error]) => ({ name, error, ...nothing(error) }));
}

function explain(
  program: Program,
  signature: Signature,
  graph: Graph | StatusError,
  options: ExplainOptions,
): ExplainedSignature {
  const { name } = signature;
  if (graph instanceof StatusError) return { name, signature, error: graph, ...nothing(graph) };
  const result = attempt(() => inSignature(signature, () => describe(program, signature, graph, options)));
  return result instanceof StatusError ? { name, signature, error: result, ...nothing(result) } : result;
}

function nothing(error: StatusError): Omit<ExplainedSignature, "name" | "signature" | "error"> {
  return {
    inputs: [],
    outputs: [],
    constants: [],
    groups: [],
    gaps: [],
    rowIndependence: { independent: false, reason: `it can't run: ${error.codeName}` },
    weights: { count: 0, bytes: 0 },
  };
}

function describe(
  program: Program,
  signature: Signature,
  graph: Graph,
  options: ExplainOptions,
): ExplainedSignature {
  const { name } = signature;
  const analyzed = program.analyze(graph);
  const prepared = prepareLoops(analyzed);
  const gaps = unsupportedIn(prepared);
  if (gaps.length > 0) {
    const error = attempt(() => inSignature(signature, () => raise(unsupportedError(gaps)))) as StatusError;
    return { name, signature, error, ...nothing(error), gaps: gaps.map(gapOf) };
  }
  if (options.compile && ranksAreKnown(signature))
    Plan.assemble(prepared, { name, ...threadsOf(options) }).dispose();
  return {
    name,
    signature,
    ...explainGraph(prepared, name),
    gaps: [],
    rowIndependence: proveRowIndependence(analyzed),
    weights: weightsOf(prepared),
  };
}

/** Where one is not, the first request of each rank is compiled when it comes: there is nothing to try before. */
function ranksAreKnown({ inputs }: Signature): boolean {
  return [...inputs.values()].every(({ shape }) => shape !== null);
}

function raise(error: StatusError): never {
  throw error;
}

function threadsOf({ intraOpThreads }: LoadOptions): { intraOpThreads?: number } {
  return intraOpThreads === undefined ? {} : { intraOpThreads };
}

function gapOf({ node, reason }: UnsupportedNode): ExplainedGap {
  return { op: node.op, node: node.name, reason };
}

/** What can't run in a graph and in the branches and bodies that the host would run. */
function unsupportedIn(analyzed: Analyzed): UnsupportedNode[] {
  const { fragments, unsupported } = convertNodes(analyzed);
  const inside = [...analyzed.bodies].flatMap(([node, bodies]) =>
    fragments.has(node) ? [] : bodies.flatMap(unsupportedIn),
  );
  return [...unsupported, ...inside];
}

// ---- graphs --------------------------------------------------------------------------------------------------

function explainGraph(analyzed: Analyzed, name: string): ExplainedGraph {
  const { graph, known } = analyzed;
  const parts = partition(analyzed);
  const tensor = (edge: Edge) => explainTensor(edge, known);
  return {
    inputs: graph.inputs.map((node) => tensor({ node, index: 0 })),
    outputs: graph.outputs.map(tensor),
    constants: graph.nodes
      .filter((node) => node.constant !== undefined)
      .map((node) => tensor({ node, index: 0 })),
    groups: parts.groups.map((group, i) => explainGroup(group, parts, analyzed, `${name}/${i}`)),
  };
}

function explainTensor(edge: Edge, known: ReadonlyMap<Node, readonly Known[]>): ExplainedTensor {
  const { type, shape } = knownOf(known, edge);
  // A feed's node is named after the tensor that it stands for.
  const name = edge.node.op === "Feed" ? edge.node.name : edgeName(edge);
  return { name, type, shape };
}

function explainGroup(group: Group, parts: Partition, analyzed: Analyzed, name: string): ExplainedGroup {
  const { side } = group;
  const nodes = group.nodes.map((node) =>
    explainNode(node, analyzed, side === "host" ? (parts.refusals.get(node) ?? CHEAPER) : undefined, name),
  );
  return side === "host" ? { side, nodes } : { side, nodes, onnx: explainOnnx(group, parts, analyzed, name) };
}

/** Why a node is on the host that ONNX could have. */
const CHEAPER = "small values between other nodes of the host";

function explainOnnx(group: Group, parts: Partition, analyzed: Analyzed, name: string): ExplainedOnnx {
  const { graph, known } = analyzed;
  const needed = neededOutputs(graph, group.nodes);
  const joined = joinFragments(name, group.nodes, needed, parts.fragments, known);
  const ports = (edges: readonly Edge[]) =>
    edges.map((edge) => ({ ...explainTensor(edge, known), name: edgeName(edge) }));
  const operators = new Map<string, number>();
  countOperators(joined.graph, operators);
  return {
    inputs: ports(joined.inputs),
    outputs: ports(joined.outputs),
    operators,
    write: (file) => writeModelFile(joined.graph, file),
  };
}

function countOperators(graph: OnnxGraph, counts: Map<string, number>): void {
  for (const { type } of graph.ops) counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const nested of subgraphs(graph)) countOperators(nested, counts);
}

function explainNode(
  node: Node,
  analyzed: Analyzed,
  reason: string | undefined,
  groupName: string,
): ExplainedNode {
  const onHost = reason !== undefined;
  const bodies = onHost ? (analyzed.bodies.get(node) ?? []) : [];
  return {
    name: node.name,
    op: node.op,
    inputs: [...new Set(node.inputs.map((edge) => edge.node.name))],
    controls: [...new Set(node.controls.map((before) => before.name))],
    outputs: node.outputTypes.map((_, index) => explainTensor({ node, index }, analyzed.known)),
    ...(onHost && { reason }),
    bodies: bodies.map((body, i) => ({
      label: bodyLabel(node, i),
      graph: explainGraph(body, `${groupName}/${node.name}/${i}`),
    })),
  };
}

function bodyLabel(node: Node, index: number): string {
  if (isLoop(node)) return index === 0 ? "condition" : "body";
  if (node.op.endsWith("Case")) return `branch ${index}`;
  return index === 0 ? "then" : "else";
}

function weightsOf(analyzed: Analyzed): ExplainedSignature["weights"] {
  const constants = allNodes(analyzed).flatMap((node) =>
    node.constant === undefined ? [] : [node.constant],
  );
  const bytes = constants.map(({ dtype, shape }) => elementCount(shape) * dtypeInfo(dtype).size);
  return { count: constants.length, bytes: bytes.reduce((a, b) => a + b, 0) };
}

/** Nodes of the graph and of the branches and bodies in it. */
function allNodes(analyzed: Analyzed): Node[] {
  const inside = [...analyzed.bodies.values()].flat().flatMap(allNodes);
  return [...analyzed.graph.nodes, ...inside];
}
