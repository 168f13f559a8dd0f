/**
 * What can be said of the shapes of a node's outputs while a graph is built, so that signatures declare what they
 * take and give. Tables of rules by family; any other op has outputs of unknown shape, which TensorFlow accepts
 * everywhere and infers anew when it imports the graph.
 */
import type { PartialShape } from "../shape.js";
import { arithmeticRules } from "./shape-rules/arithmetic.js";
import { arrayRules } from "./shape-rules/arrays.js";
import type { Node, ShapeRule } from "./shape-rules/rule.js";
import { stateRules } from "./shape-rules/state.js";
import { windowRules } from "./shape-rules/windows.js";

/** The shapes of all outputs, flat; null where nothing is known. */
export function inferShapes(op: string, node: Node): readonly PartialShape[] {
  const shapes = rules.get(op)?.(node) ?? [];
  return Array.from({ length: node.outputCount }, (_, i) => shapes[i] ?? null);
}

const rules = new Map(
  [...arithmeticRules, ...arrayRules, ...stateRules, ...windowRules].flatMap(([rule, ops]) =>
    ops
      .trim()
      .split(/\s+/)
      .map((op): [string, ShapeRule] => [op, rule]),
  ),
);

/** The ops that there is a rule for. */
export const opsWithShapes: readonly string[] = [...rules.keys()];
