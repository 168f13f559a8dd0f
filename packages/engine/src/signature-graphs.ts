/**
 * The graphs of a model's signatures, before any is compiled: all come first, for what one signature assigns no other
 * may freeze. Every signature is compiled when the model is loaded, so what a small file may ask for is bounded.
 */
import { resourceExhausted, type Signature, StatusError } from "@servable/formats";
import type { Graph } from "./graph/graph.js";
import type { Program } from "./program.js";

const MAX_SIGNATURES = 500;
/** Of all signatures, once calls are inlined. */
const MAX_NODES = 500_000;

/**
 * Each signature's graph, or why it has none. Notes in the program what they assign.
 * RESOURCE_EXHAUSTED when they are too many or too large.
 */
export function signatureGraphs(
  program: Program,
  signatures: ReadonlyMap<string, Signature>,
): Map<Signature, Graph | StatusError> {
  checkSize("signatures", signatures.size, MAX_SIGNATURES);
  const graphs = new Map<Signature, Graph | StatusError>();
  let nodes = 0;
  for (const signature of signatures.values()) {
    const graph = graphOf(program, signature);
    graphs.set(signature, graph);
    if (graph instanceof StatusError) continue;
    nodes += graph.nodes.length;
    checkSize("nodes", nodes, MAX_NODES);
    program.noteAssignments(graph);
  }
  return graphs;
}

function graphOf(program: Program, signature: Signature): Graph | StatusError {
  try {
    return program.signatureGraph(signature);
  } catch (error) {
    return StatusError.from(error);
  }
}

function checkSize(what: string, size: number, limit: number): void {
  if (size > limit) {
    throw resourceExhausted(
      `the model's signatures are too many to compile: ${size} ${what}, at most ${limit}`,
    );
  }
}
