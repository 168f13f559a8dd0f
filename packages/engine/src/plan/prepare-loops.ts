/** Loops brought into the form that ONNX Runtime runs best, and analyzed again: the last step before the partition. */
import { type Analyzed, analyze, knownOf } from "../passes/analyze.js";
import { pruneBodies } from "../passes/prune-bodies.js";
import { scanLoops } from "../passes/scan-loops.js";
import { specializeBodies } from "../passes/specialize-bodies.js";

export function prepareLoops(analyzed: Analyzed): Analyzed {
  if (analyzed.bodies.size === 0) return analyzed;
  const args = analyzed.graph.inputs.map((node) => knownOf(analyzed.known, { node, index: 0 }));
  return analyze(pruneBodies(specializeBodies(scanLoops(analyzed.graph))), args);
}
