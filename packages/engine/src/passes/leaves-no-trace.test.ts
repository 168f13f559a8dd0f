import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { opDef, tensor } from "@servable/formats";
import { Attrs } from "../graph/attrs.js";
import { constantOf } from "../graph/constant.js";
import { constantNode, feedNode, makeGraph, type Node } from "../graph/graph.js";
import { hasLoops, leavesNoTrace } from "./leaves-no-trace.js";

const x = feedNode("x", "float32", [-1]);
const keys = feedNode("keys", "string", [-1]);
const zero = constantNode("zero", constantOf(tensor("float32", [], Float32Array.of(0))));

function named(op: string, inputs: readonly Node[], outputTypes: Node["outputTypes"] = []): Node {
  const attrs = new Attrs(`${op} node`, {}, opDef(op));
  return {
    name: op,
    op,
    inputs: inputs.map((node) => ({ node, index: 0 })),
    controls: [],
    attrs,
    outputTypes,
  };
}

const variable = named("VarHandleOp", [], ["resource"]);
const table = named("HashTableV2", [], ["resource"]);

describe("Signatures that leave no trace", () => {
  const cases: readonly { readonly about: string; readonly last: Node; readonly expected: boolean }[] = [
    { about: "arithmetic", last: named("AddV2", [x, zero], ["float32"]), expected: true },
    { about: "an assertion", last: named("Assert", [x, x]), expected: true },
    { about: "reading a variable", last: named("ReadVariableOp", [variable], ["float32"]), expected: true },
    {
      about: "looking up in a table",
      last: named("LookupTableFindV2", [table, keys, zero], ["float32"]),
      expected: true,
    },
    { about: "adding to a variable", last: named("AssignAddVariableOp", [variable, zero]), expected: false },
    {
      about: "putting into a table",
      last: named("LookupTableInsertV2", [table, keys, x]),
      expected: false,
    },
    { about: "drawing random numbers", last: named("RandomUniform", [x], ["float32"]), expected: false },
    {
      about: "a branch that adds to a variable",
      last: {
        ...named("If", [x], []),
        bodies: [makeGraph([], [], [named("AssignAddVariableOp", [variable, zero])]), makeGraph([], [], [])],
      },
      expected: false,
    },
  ];
  it("are no loops", () => {
    const body = makeGraph([x], [{ node: x, index: 0 }]);
    const loop: Node = { ...named("While", [x], ["float32"]), bodies: [body, body] };
    const branch: Node = { ...named("If", [x], []), bodies: [makeGraph([], [], [loop]), makeGraph([], [])] };
    assert.equal(hasLoops(makeGraph([x], [], [loop])), true);
    assert.equal(hasLoops(makeGraph([x], [], [branch])), true);
    assert.equal(hasLoops(makeGraph([x], [], [named("AddV2", [x, zero], ["float32"])])), false);
  });

  for (const { about, last, expected } of cases) {
    it(`${about}: ${expected ? "yes" : "no"}`, () => {
      assert.equal(leavesNoTrace(makeGraph([x, keys], [], [last])), expected);
    });
  }
});
