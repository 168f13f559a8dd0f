/**
 * TF1 control flow (Switch, Merge, Enter, Exit, NextIteration, LoopCond) → If and While with graphs as bodies, the form
 * that everything after works on. Loops go first: without them the graph has no cycles.
 */
import { makeGraph, type Node } from "../graph/graph.js";
import { liftConditionals } from "./lift-conditionals.js";
import { liftLoops } from "./lift-loops.js";
import type { Cut } from "./lower.js";

const ops = new Set(["Switch", "RefSwitch", "Merge", "RefMerge", "Enter", "RefEnter", "Exit", "RefExit"]);

export function isTf1ControlFlow(node: Node): boolean {
  return ops.has(node.op);
}

/** UNIMPLEMENTED, naming a node, for a graph that no program with ifs and loops makes. */
export function liftControlFlow(part: Cut): Cut {
  liftLoops(part.nodes);
  const { inputs, outputs, effects } = liftConditionals(makeGraph(part.inputs, part.outputs, part.effects));
  return { inputs, nodes: [], outputs, effects };
}
