import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { GraphBuilder, type Output, tensor } from "@servable/formats";
import { MetaGraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import { Program } from "../program.js";
import { proveRowIndependence } from "./row-independence.js";

const floats = (...shape: number[]) =>
  tensor("float32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5));
const ints = (...values: number[]) => tensor("int32", [values.length], Int32Array.from(values));
const int = (value: number) => tensor("int32", [], Int32Array.of(value));

type Build = (g: GraphBuilder, x: Output) => Output;

const one = (g: GraphBuilder, op: string, inputs: readonly unknown[], attrs: object = {}): Output =>
  g.compute(op, inputs as never, attrs as never);

/** Rows of 6 as pictures of 1 by 6, of which transposed convolution makes 1 by 12. */
function transposedConvolution(g: GraphBuilder, x: Output, sizes: Output | ReturnType<typeof int>): Output {
  const pictures = one(g, "Reshape", [x, ints(-1, 1, 6, 1)]);
  const count =
    "shape" in sizes && "data" in sizes
      ? sizes
      : one(g, "StridedSlice", [sizes, ints(0), ints(1), ints(1)], { shrink_axis_mask: 1 });
  const shape = one(g, "Pack", [[count, int(1), int(12), int(1)]]);
  return one(g, "Conv2DBackpropInput", [shape, floats(1, 2, 1, 1), pictures], {
    strides: [1, 1, 2, 1],
    padding: "VALID",
  });
}

/** What is done to x, a float [?, 6], and whether row i of the result depends on row i of x alone. */
const cases: readonly { readonly title: string; readonly build: Build; readonly reason?: RegExp }[] = [
  { title: "elementwise with a scalar", build: (g, x) => one(g, "Mul", [x, floats()]) },
  { title: "elementwise with one row for all", build: (g, x) => one(g, "AddV2", [x, floats(6)]) },
  {
    title: "elementwise with a row for each row",
    build: (g, x) => one(g, "AddV2", [x, floats(3, 6)]),
    reason: /may differ along them/,
  },
  { title: "a product by weights", build: (g, x) => one(g, "MatMul", [x, floats(6, 2)]) },
  {
    title: "a product of the batch with itself",
    build: (g, x) => one(g, "MatMul", [x, x], { transpose_b: true }),
    reason: /depends on rows/,
  },
  { title: "a softmax over each row", build: (g, x) => one(g, "Softmax", [x]) },
  { title: "a mean over each row", build: (g, x) => one(g, "Mean", [x, ints(1)]) },
  {
    title: "a mean over the batch",
    build: (g, x) => one(g, "Mean", [x, ints(0)], { keep_dims: true }),
    reason: /has the rows/,
  },
  {
    title: "there and back by transposes",
    build: (g, x) => one(g, "Transpose", [one(g, "Transpose", [x, ints(1, 0)]), ints(1, 0)]),
  },
  {
    title: "a transpose alone",
    build: (g, x) => one(g, "Transpose", [x, ints(1, 0)]),
    reason: /one row for each row/,
  },
  { title: "a reshape that keeps rows together", build: (g, x) => one(g, "Reshape", [x, ints(-1, 2, 3)]) },
  {
    title: "a reshape that cuts rows apart",
    build: (g, x) => one(g, "Reshape", [x, ints(-1, 4)]),
    reason: /cuts rows apart/,
  },
  {
    title: "a reshape that merges, a product, and back",
    build: (g, x) => {
      const items = one(g, "Reshape", [x, ints(-1, 2)]);
      return one(g, "Reshape", [one(g, "MatMul", [items, floats(2, 4)]), ints(-1, 12)]);
    },
  },
  {
    title: "rows cut to items of their own",
    build: (g, x) => one(g, "Reshape", [x, ints(-1, 2)]),
    reason: /one row for each row/,
  },
  {
    title: "a slice of each row",
    build: (g, x) =>
      one(g, "StridedSlice", [x, ints(0, 1), ints(0, 3), ints(1, 1)], { begin_mask: 1, end_mask: 1 }),
  },
  {
    title: "the first row for all",
    build: (g, x) => one(g, "AddV2", [x, one(g, "StridedSlice", [x, ints(0), ints(1), ints(1)], {})]),
    reason: /sliced out of the batch/,
  },
  { title: "columns picked", build: (g, x) => one(g, "GatherV2", [x, ints(5, 0), int(1)]) },
  {
    title: "rows picked",
    build: (g, x) => one(g, "GatherV2", [x, ints(0, 0), int(0)]),
    reason: /gathered out of the batch/,
  },
  { title: "rows joined with themselves", build: (g, x) => one(g, "ConcatV2", [[x, x], int(1)]) },
  {
    title: "batches joined",
    build: (g, x) => one(g, "ConcatV2", [[x, x], int(0)]),
    reason: /batches are joined/,
  },
  {
    title: "a running sum down the batch",
    build: (g, x) => one(g, "Cumsum", [x, int(0)]),
    reason: /has the rows/,
  },
  {
    title: "zeros as many as rows",
    build: (g, x) => {
      const count = one(g, "StridedSlice", [one(g, "Shape", [x]), ints(0), ints(1), ints(1)], {
        shrink_axis_mask: 1,
      });
      const shape = one(g, "Pack", [[count, int(6)]]);
      return one(g, "AddV2", [x, one(g, "Fill", [shape, floats()])]);
    },
  },
  {
    title: "divided by the number of rows",
    build: (g, x) => {
      const count = one(g, "StridedSlice", [one(g, "Shape", [x]), ints(0), ints(1), ints(1)], {
        shrink_axis_mask: 1,
      });
      return one(g, "RealDiv", [x, one(g, "Cast", [count], { DstT: "float32" })]);
    },
    reason: /number of rows/,
  },
  {
    title: "random numbers",
    build: (g, x) => one(g, "AddV2", [x, one(g, "RandomUniform", [ints(6)], { dtype: "float32" })]),
    reason: /random/,
  },
  {
    title: "a counter that something waits for",
    build: (g, x) => {
      const counter = g.compute("VarHandleOp", [], { dtype: "float32", shape: [], shared_name: "n" });
      const add = g.op("AssignAddVariableOp", [counter, floats()]);
      const count = g.compute("ReadVariableOp", [counter], { dtype: "float32" }, { controlInputs: [add] });
      return one(g, "Mul", [x, count]);
    },
    reason: /changes state \(AssignAddVariableOp/,
  },
  {
    title: "a variable that is read alone",
    build: (g, x) => {
      const scale = g.compute("VarHandleOp", [], { dtype: "float32", shape: [], shared_name: "n" });
      return one(g, "Mul", [x, one(g, "ReadVariableOp", [scale], { dtype: "float32" })]);
    },
  },
  {
    title: "an assertion about each row",
    build: (g, x) => {
      const small = one(g, "All", [one(g, "Less", [x, floats()]), ints(0, 1)]);
      return g.compute("Identity", [x], {}, { controlInputs: [g.op("Assert", [small, [x]])] });
    },
    reason: /bad row would fail the others of its batch \(Assert/,
  },
  {
    title: "an assertion about all requests alike",
    build: (g, x) => {
      const setting = one(
        g,
        "ReadVariableOp",
        [g.compute("VarHandleOp", [], { dtype: "bool", shape: [], shared_name: "ready" })],
        { dtype: "bool" },
      );
      return g.compute("Identity", [x], {}, { controlInputs: [g.op("Assert", [setting, [x]])] });
    },
  },
  {
    title: "a transposed convolution",
    build: (g, x) => transposedConvolution(g, x, one(g, "Shape", [x])),
  },
  {
    title: "a transposed convolution to a fixed size",
    build: (g, x) => transposedConvolution(g, x, int(4)),
    reason: /fixed size/,
  },
  {
    title: "the same for all rows",
    build: (g) => one(g, "Neg", [floats(6)]),
    reason: /the same for all rows/,
  },
];

function prove(build: Build) {
  const g = new GraphBuilder();
  const x = g.placeholder("float32", [-1, 6], { name: "x" });
  const y = build(g, x);
  const program = new Program(create(MetaGraphDefSchema, { graphDef: g.toGraphDef() }));
  const graph = program.graphOf({ feeds: [{ name: "x:0", shape: [-1, 6] }], fetches: [y.name] });
  return proveRowIndependence(program.analyze(graph));
}

describe("Row independence", () => {
  for (const { title, build, reason } of cases) {
    it(`${reason === undefined ? "holds" : "does not hold"}: ${title}`, () => {
      const proof = prove(build);
      if (reason === undefined) assert.deepEqual(proof, { independent: true });
      else assert.match(proof.independent ? "independent" : proof.reason, reason);
    });
  }
});
