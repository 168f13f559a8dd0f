/**
 * What the compiler makes of a model, without running it: which side computes each node and why, which weights are
 * used, whether rows are independent, and what can't run. `servable inspect`, `check` and `compile --dump` print it.
 */
import {
  type DType,
  dtypeInfo,
  elementCount,
  findMetaGraph,
  readSavedModel,
  SERVING_TAG,
  type Signature,
  StatusError,
  signaturesOf,
} from "@servable/formats";
import type { Graph, Node } from "./graph/graph.js";
import type { LoadOptions } from "./model.js";
import type { Analyzed } from "./passes/analyze.js";
import { proveRowIndependence, type RowIndependence } from "./passes/row-independence.js";
import { type Partition, partition } from "./plan/partition.js";
import { Program } from "./program.js";

export interface ExplainedNode {
  readonly name: string;
  readonly op: string;
  /** Names of the nodes it reads. */
  readonly inputs: readonly string[];
  /** Of a node on the host: why ONNX does not have it. */
  readonly reason?: string;
}

/** Nodes that run together: one ONNX Runtime session, or a row of host kernels. */
export interface ExplainedGroup {
  readonly side: "host" | "onnx";
  readonly nodes: readonly ExplainedNode[];
}

export interface ExplainedSignature {
  readonly signature: Signature;
  /** UNIMPLEMENTED or what else keeps it from running; the fields below are then empty. */
  readonly error?: StatusError;
  readonly groups: readonly ExplainedGroup[];
  readonly rowIndependence: RowIndependence;
  /** Constants that the compiled graph holds: how many, and their bytes. */
  readonly weights: { readonly count: number; readonly bytes: number };
}

/** Restores and initialises the model, then explains each signature. Errors of loading are thrown, as by loadModel. */
export function explainSavedModel(dir: string, options: LoadOptions = {}): ExplainedSignature[] {
  const metaGraph = findMetaGraph(readSavedModel(dir).savedModel, options.tags ?? [SERVING_TAG]);
  const program = new Program(metaGraph);
  program.initialize(metaGraph, dir);
  const graphs = [...signaturesOf(metaGraph).values()].map((signature) => ({
    signature,
    graph: attempt(() => program.signatureGraph(signature)),
  }));
  for (const { graph } of graphs) if (!(graph instanceof StatusError)) program.noteAssignments(graph);
  return graphs.map(({ signature, graph }) => explain(program, signature, graph));
}

function attempt<T>(make: () => T): T | StatusError {
  try {
    return make();
  } catch (error) {
    return StatusError.from(error);
  }
}

function explain(program: Program, signature: Signature, graph: Graph | StatusError): ExplainedSignature {
  const explained =
    graph instanceof StatusError
      ? graph
      : attempt(() => {
          const analyzed = program.analyze(graph);
          return describe(analyzed, partition(analyzed));
        });
  if (!(explained instanceof StatusError)) return { signature, ...explained };
  const rowIndependence = { independent: false, reason: "it can't run" } as const;
  return { signature, error: explained, groups: [], rowIndependence, weights: { count: 0, bytes: 0 } };
}

function describe(
  analyzed: Analyzed,
  { groups, refusals }: Partition,
): Omit<ExplainedSignature, "signature" | "error"> {
  const constants = allNodes(analyzed).flatMap((node) =>
    node.constant === undefined ? [] : [node.constant],
  );
  const bytes = constants.map(({ dtype, shape }) => elementCount(shape) * sizeOf(dtype));
  return {
    groups: groups.map(({ side, nodes }) => ({
      side,
      nodes: nodes.map((node) => explainNode(node, side === "host" ? refusals.get(node) : undefined)),
    })),
    rowIndependence: proveRowIndependence(analyzed),
    weights: { count: constants.length, bytes: bytes.reduce((a, b) => a + b, 0) },
  };
}

function sizeOf(dtype: DType): number {
  return dtypeInfo(dtype).size;
}

function explainNode(node: Node, reason: string | undefined): ExplainedNode {
  const inputs = [...new Set(node.inputs.map((edge) => edge.node.name))];
  return { name: node.name, op: node.op, inputs, ...(reason === undefined ? {} : { reason }) };
}

/** Nodes of the graph and of the branches and bodies in it. */
function allNodes(analyzed: Analyzed): Node[] {
  const inside = [...analyzed.bodies.values()].flat().flatMap(allNodes);
  return [...analyzed.graph.nodes, ...inside];
}
