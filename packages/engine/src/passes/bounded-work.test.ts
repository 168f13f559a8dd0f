import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { opDef, tensor } from "@servable/formats";
import { Attrs } from "../graph/attrs.js";
import { constantOf } from "../graph/constant.js";
import { constantNode, type Edge, feedNode, type Graph, makeGraph, type Node } from "../graph/graph.js";
import { analyze } from "./analyze.js";
import { hasBoundedWork } from "./bounded-work.js";

const edge = (node: Node): Edge => ({ node, index: 0 });

function named(op: string, inputs: readonly Node[], outputTypes: Node["outputTypes"]): Node {
  const attrs = new Attrs(`${op} node`, {}, opDef(op));
  return { name: op, op, inputs: inputs.map(edge), controls: [], attrs, outputTypes };
}

const x = feedNode("x", "float32", [-1, 2]);
const ints = feedNode("n", "int32", [-1]);
const text = feedNode("text", "string", [-1]);
const zero = constantNode("zero", constantOf(tensor("float32", [], Float32Array.of(0))));
const two = constantNode("two", constantOf(tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4))));

const graph = (inputs: readonly Node[], output: Node): Graph => makeGraph(inputs, [edge(output)]);

describe("Work that the inputs' sizes bound", () => {
  const cases: readonly { about: string; graph: Graph; expected: boolean }[] = [
    {
      about: "arithmetic on rows",
      graph: graph([x], named("AddV2", [x, zero], ["float32"])),
      expected: true,
    },
    { about: "a dense layer", graph: graph([x], named("MatMul", [x, two], ["float32"])), expected: true },
    {
      about: "a tensor whose size is a value of the input",
      graph: graph([ints], named("Fill", [ints, zero], ["float32"])),
      expected: false,
    },
    {
      about: "random numbers",
      graph: graph([ints], named("RandomUniform", [ints], ["float32"])),
      expected: false,
    },
    { about: "strings", graph: graph([text], named("Identity", [text], ["string"])), expected: false },
    {
      about: "inputs of unknown rank",
      graph: (() => {
        const any = feedNode("any", "float32", null);
        return graph([any], named("AddV2", [any, zero], ["float32"]));
      })(),
      expected: false,
    },
    {
      about: "arithmetic on inputs with more sizes unknown than the rows",
      graph: (() => {
        const image = feedNode("image", "float32", [-1, -1, 3]);
        return graph([image], named("AddV2", [image, zero], ["float32"]));
      })(),
      expected: true,
    },
    {
      about: "sizes besides the rows that values decide",
      graph: (() => {
        const tiled = named("Tile", [x, feedNode("n", "int32", [2])], ["float32"]);
        return graph([x], named("AddV2", [tiled, zero], ["float32"]));
      })(),
      expected: false,
    },
  ];
  for (const each of cases) {
    it(`${each.about}: ${each.expected ? "yes" : "no"}`, () => {
      assert.equal(hasBoundedWork(analyze(each.graph)), each.expected);
    });
  }
});
