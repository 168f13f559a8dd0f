/** TF1 control flow (Switch, Merge, Enter, Exit, NextIteration, LoopCond) → If and While with graphs as bodies. */
import { unimplemented } from "@servable/formats";
import type { Node } from "../graph/graph.js";
import type { Cut } from "./lower.js";

const ops = new Set(["Switch", "RefSwitch", "Merge", "RefMerge", "Enter", "RefEnter", "Exit", "RefExit"]);

export function isTf1ControlFlow(node: Node): boolean {
  return ops.has(node.op);
}

export function liftControlFlow(part: Cut): Cut {
  const first = part.nodes.find(isTf1ControlFlow);
  throw unimplemented(`${first?.op} node "${first?.name}": TensorFlow 1 control flow can't be lifted`);
}
