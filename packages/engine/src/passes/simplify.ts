/** Removes nodes that only pass a value on, and nodes that only group control dependencies. */
import type { Graph } from "../graph/graph.js";
import { rewriteAll } from "./rewrite.js";

/** Ops whose outputs are their inputs. */
const passThrough = new Set([
  "Identity",
  "IdentityN",
  "StopGradient",
  "PreventGradient",
  "PlaceholderWithDefault",
  "Snapshot",
  "ReadOnlyIdentity",
  "RefIdentity",
  "OptimizationBarrier",
]);

/** Expects a graph whose control dependencies are ordered (order-effects.ts): pure nodes have none. */
export function simplify(graph: Graph): Graph {
  return rewriteAll(graph, ({ node, inputs, controls }) => {
    if (passThrough.has(node.op) && controls.length === 0) return { outputs: inputs };
    if (node.op === "NoOp") return { outputs: [], controls };
    return undefined;
  });
}
