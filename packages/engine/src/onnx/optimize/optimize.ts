/**
 * What ONNX Runtime would not see: the rules here, in order, rewrite a graph before it is compiled. Each leaves the values
 * of the graph's outputs as they are, but for rounding. Everything else, such as taking constants into convolutions, is left
 * to ONNX Runtime, which does it well.
 */
import type { OnnxGraph } from "../onnx-graph.js";
import { fuseGelu, fuseHardSigmoid } from "./activations.js";
import { fuseAttention } from "./attention.js";
import { GraphEditor, type KnownValue, type Rule } from "./graph-editor.js";
import { sinkTransposition } from "./layout.js";
import { fuseChannelAffine, fuseLayerNormalization } from "./normalization.js";
import { takeInPadding } from "./padding.js";
import { fuseTensordot } from "./products.js";
import { joinReshapes } from "./reshapes.js";

const rules: readonly Rule[] = [
  fuseTensordot,
  fuseHardSigmoid,
  fuseLayerNormalization,
  fuseGelu,
  joinReshapes,
  sinkTransposition,
  fuseAttention,
  joinReshapes,
  fuseChannelAffine,
  takeInPadding,
];

/** `known`: types and shapes of values that TensorFlow's graph has as well. */
export function optimize(graph: OnnxGraph, known: ReadonlyMap<string, KnownValue>): OnnxGraph {
  const editor = new GraphEditor(graph, known);
  for (const rule of rules) editor.apply(rule);
  return editor.finish();
}
