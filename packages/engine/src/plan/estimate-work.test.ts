/** Which graphs one thread alone is best for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { GraphBuilder, type Output, type PartialShape, tensor } from "@servable/formats";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { Program } from "../program.js";
import { isSmallWork } from "./estimate-work.js";

/** Whether the graph that `build` makes of an input of this shape is small work. */
function isSmall(shape: PartialShape, build: (builder: GraphBuilder, x: Output) => Output): boolean {
  const builder = new GraphBuilder();
  const y = build(builder, builder.placeholder("float32", shape, { name: "x" }));
  const program = new Program(create(MetaGraphDefSchema, { graphDef: builder.toGraphDef() }));
  const request = { feeds: [{ name: "x:0", shape }], fetches: [y.name] };
  const { graph, known } = program.analyze(program.graphOf(request));
  const nodes = graph.nodes.filter((node) => node.op !== "Feed" && node.constant === undefined);
  return isSmallWork(nodes, known);
}

const zeros = (...shape: number[]) =>
  tensor("float32", shape, new Float32Array(shape.reduce((product, size) => product * size, 1)));

const dense =
  (...sizes: readonly [number, number][]) =>
  (builder: GraphBuilder, x: Output) =>
    sizes.reduce((y, size) => builder.compute("MatMul", [y, builder.constant(zeros(...size))]), x);

const halfPlusTwo = (builder: GraphBuilder, x: Output) => {
  const [half, two] = [0.5, 2].map((value) =>
    builder.constant(tensor("float32", [], Float32Array.of(value))),
  ) as [Output, Output];
  return builder.compute("AddV2", [builder.compute("Mul", [x, half]), two]);
};

const convolution = (builder: GraphBuilder, x: Output) =>
  builder.compute("Conv2D", [x, builder.constant(zeros(3, 3, 3, 16))], {
    strides: [1, 1, 1, 1],
    padding: "SAME",
  });

describe("One thread is best for", () => {
  it("half plus two", () => assert.ok(isSmall([-1], halfPlusTwo)));
  it("half plus two of numbers in any number", () => assert.ok(isSmall([-1, 4], halfPlusTwo)));
  it("a perceptron for digits", () => assert.ok(isSmall([-1, 784], dense([784, 128], [128, 10]))));
  it("a convolution of tiny images", () => assert.ok(isSmall([-1, 8, 8, 3], convolution)));
});

describe("All threads are for", () => {
  it("large layers", () => assert.ok(!isSmall([-1, 784], dense([784, 1024]))));
  it("a convolution of photographs", () => assert.ok(!isSmall([-1, 224, 224, 3], convolution)));
  it("images of any size", () => assert.ok(!isSmall([-1, -1, -1, 3], convolution)));
});
