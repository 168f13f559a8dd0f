import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { opDef, tensor } from "@servable/formats";
import { Attrs } from "../graph/attrs.js";
import { constantOf } from "../graph/constant.js";
import { constantNode, type Edge, feedNode, type Graph, makeGraph, type Node } from "../graph/graph.js";
import { analyze, knownOf } from "./analyze.js";

const edge = (node: Node): Edge => ({ node, index: 0 });

/** A loop whose vector gets longer with each step, inside of as many others. */
function growing(depth: number): Graph {
  const [count, values] = [feedNode("count", "int32", []), feedNode("values", "int32", [1])];
  const named = (
    op: string,
    name: string,
    inputs: readonly Edge[],
    outputTypes: Node["outputTypes"],
  ): Node => ({
    name,
    op,
    inputs,
    controls: [],
    attrs: new Attrs(`${op} node "${name}"`, {}, opDef(op)),
    outputTypes,
  });
  const zero = constantNode("zero", constantOf(tensor("int32", [], Int32Array.of(0))));
  const one = constantNode("one", constantOf(tensor("int32", [1], Int32Array.of(1))));
  const cond = makeGraph([count, values], [edge(named("Less", "less", [edge(count), edge(zero)], ["bool"]))]);
  const longer = named("ConcatV2", "longer", [edge(values), edge(one), edge(zero)], ["int32"]);
  const inner = depth === 0 ? undefined : growing(depth - 1);
  const [fromInner] = inner?.nodes.filter((node) => node.op === "While") ?? [];
  const nested: Node | undefined = fromInner && { ...fromInner, inputs: [edge(count), edge(longer)] };
  const next: Edge = nested === undefined ? edge(longer) : { node: nested, index: 1 };
  const body = makeGraph([count, values], [edge(count), next]);
  const loop: Node = {
    ...named("While", "loop", [edge(count), edge(values)], ["int32", "int32"]),
    bodies: [cond, body],
  };
  return makeGraph([count, values], [{ node: loop, index: 1 }]);
}

describe("Analysis of loops", () => {
  it("gives up the size that changes from step to step, and keeps the rank", () => {
    const { graph, known } = analyze(growing(0));
    assert.deepEqual(knownOf(known, graph.outputs[0] as Edge).shape, [-1]);
  });

  it("takes no time that doubles with each loop around a loop", () => {
    const started = performance.now();
    const { graph, known } = analyze(growing(40));
    assert.equal(graph.outputs.length, 1);
    assert.ok(knownOf(known, graph.outputs[0] as Edge));
    assert.ok(performance.now() - started < 10_000);
  });
});
