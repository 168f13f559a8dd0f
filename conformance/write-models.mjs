// Writes SavedModels with our builders, each with what it must compute, for load_in_tensorflow.py:
//
//   node conformance/write-models.mjs <folder>
//
// <folder>/<model>/model is the SavedModel; <folder>/<model>/expected.json holds
//   calls   [{ signature, inputs, outputs }], tensors as { dtype, shape, values }, strings in base64
//   shapes  what GraphBuilder inferred for each tensor of the graph
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  GraphBuilder,
  predictSignatureDef,
  SavedModelBuilder,
  stringTensor,
  tensor,
} from "@servable/formats";
import { ExampleSchema } from "@servable/formats/protobuf/tensorflow/core/example/example_pb";
import { exportModel } from "../examples/mnist/dist/export-model.js";
import { initialLayers, Network } from "../examples/mnist/dist/network.js";
import { uniform } from "../examples/mnist/dist/random.js";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error("usage: node conformance/write-models.mjs <folder>");
  process.exit(2);
}

const floats = (shape, values) => tensor("float32", shape, Float32Array.from(values));
const ints = (...values) => tensor("int32", [values.length], Int32Array.from(values));
const int = (value) => tensor("int32", [], Int32Array.of(value));
const longs = (...values) => tensor("int64", [values.length], BigInt64Array.from(values, BigInt));

function tensorJson({ dtype, shape, data }) {
  const values =
    dtype === "string"
      ? data.map((bytes) => Buffer.from(bytes).toString("base64"))
      : Array.from(data, Number);
  return { dtype, shape, values };
}

function callJson({ signature = "serving_default", inputs, outputs }) {
  const tensors = (named) =>
    Object.fromEntries(Object.entries(named).map(([name, t]) => [name, tensorJson(t)]));
  return { signature, inputs: tensors(inputs), outputs: tensors(outputs) };
}

function writeExpected(name, calls, graph) {
  const shapes = (graph?.operations ?? []).flatMap(({ outputs }) =>
    outputs.map((output) => [output.name, output.shape]),
  );
  mkdirSync(path.join(folder, name), { recursive: true });
  writeFileSync(
    path.join(folder, name, "expected.json"),
    JSON.stringify({ calls: calls.map(callJson), shapes: Object.fromEntries(shapes) }, null, 1),
  );
}

const models = { mnist, vocabulary, functions, variables, shapes };

/** Both networks of the example with random weights, and scores of the code that trains them. */
function mnist(name) {
  for (const [kind, sizes] of [
    ["softmax", [784, 10]],
    ["mlp", [784, 32, 16, 10]],
  ]) {
    const random = uniform(7);
    const layers = initialLayers(sizes, random);
    for (const { weights, biases } of layers) {
      for (const values of [weights, biases])
        for (let i = 0; i < values.length; i++) values[i] += 0.1 * random() - 0.05;
    }
    const builder = new SavedModelBuilder(path.join(folder, `${name}_${kind}`, "model"));
    exportModel(layers, builder);
    const images = Float32Array.from({ length: 5 * 784 }, () => Math.max(0, 2 * random() - 1));
    const scores = new Network(layers, 5).run(images, 5).slice();
    const examples = Array.from({ length: 5 }, (_, i) => exampleOf(images.subarray(784 * i, 784 * (i + 1))));
    writeExpected(`${name}_${kind}`, [
      {
        signature: "predict_images",
        inputs: { images: floats([5, 784], images) },
        outputs: { scores: floats([5, 10], scores) },
      },
      { inputs: { inputs: stringTensor([5], examples) }, outputs: ranked(scores) },
    ]);
  }
}

function exampleOf(values) {
  const feature = { x: { kind: { case: "floatList", value: { value: [...values] } } } };
  return toBinary(ExampleSchema, create(ExampleSchema, { features: { feature } }));
}

function ranked(scores) {
  const rows = Array.from({ length: scores.length / 10 }, (_, row) => {
    const of = [...scores.subarray(10 * row, 10 * row + 10)].map((score, digit) => ({ score, digit }));
    return of.sort((a, b) => b.score - a.score);
  });
  const flat = rows.flat();
  return {
    classes: stringTensor(
      [rows.length, 10],
      flat.map(({ digit }) => String(digit)),
    ),
    scores: floats(
      [rows.length, 10],
      flat.map(({ score }) => score),
    ),
  };
}

/** A table from an asset file, one from values, and the two ways round. */
function vocabulary(name) {
  const file = path.join(folder, name, "words.txt");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, "zero\none\ntwo\n");
  const graph = new GraphBuilder();
  const asset = graph.asset(file);
  const byWord = graph.hashTable({
    file: asset,
    keyDtype: "string",
    keyPart: "line",
    valueDtype: "int64",
    valuePart: "line number",
    defaultValue: tensor("int64", [], BigInt64Array.of(-1n)),
  });
  const doubles = graph.hashTable({
    keys: longs(0, 1, 2),
    values: longs(0, 2, 4),
    defaultValue: tensor("int64", [], BigInt64Array.of(-2n)),
  });
  const words = graph.placeholder("string", [-1], { name: "words" });
  const doubled = doubles.find(byWord.find(words));
  save(name, {
    graph,
    signatures: { serving_default: predictSignatureDef({ words }, { doubled }) },
    mainOp: graph.initializeTables(),
  });
  const inputs = { words: stringTensor([4], ["two", "none", "zero", "one"]) };
  writeExpected(name, [{ inputs, outputs: { doubled: longs(4, -2, 0, 2) } }], graph);
}

/** Functions: a plain one, one that assigns, and the branches of a condition. */
function functions(name) {
  const graph = new GraphBuilder();
  const counter = graph.variable("int32", [], { name: "counter", trainable: false });
  const x = graph.placeholder("int32", [-1], { name: "x" });
  const parameter = [{ name: "x", type: "int32" }];
  const best = graph.function("best", parameter, (f, x) => {
    const top = f.op("TopKV2", [x, int(2)]);
    return { values: top.output(0), where: f.compute("Identity", [top.output(1)]) };
  });
  const count = graph.function("count", [{ name: "v", type: "resource" }], (f, v) => {
    const add = f.op("AssignAddVariableOp", [v, int(1)]);
    return { now: f.compute("ReadVariableOp", [v], { dtype: "int32" }, { controlInputs: [add] }) };
  });
  graph.function("negated", parameter, (f, x) => ({ y: f.compute("Neg", [x]) }));
  graph.function("same", parameter, (f, x) => ({ y: f.compute("Identity", [x]) }));
  const [values, where] = graph.call(best, [x]).outputs;
  const isLong = graph.compute("Greater", [graph.compute("Size", [x]), int(3)]);
  const [y] = graph.op("StatelessIf", [isLong, [x]], {
    Tout: ["int32"],
    then_branch: "negated",
    else_branch: "same",
  }).outputs;
  const calls = graph.call(count, [counter.handle]).output();
  const signature = predictSignatureDef({ x }, { values, where, y, calls });
  save(name, { graph, signatures: { serving_default: signature } }, [["counter", int(40)]]);
  const expect = (x, values, where, y, calls) => ({
    inputs: { x: ints(...x) },
    outputs: { values: ints(...values), where: ints(...where), y: ints(...y), calls: int(calls) },
  });
  writeExpected(
    name,
    [
      expect([5, 9, 7], [9, 7], [1, 2], [5, 9, 7], 41),
      expect([1, 2, 3, 4], [4, 3], [3, 2], [-1, -2, -3, -4], 42),
    ],
    graph,
  );
}

/** Variables of several dtypes, attributes stripped of their defaults. */
function variables(name) {
  const graph = new GraphBuilder();
  const values = [
    ["scope/f", floats([2, 2], [1, -2, 3.5, 0])],
    ["scope/i", tensor("int64", [], BigInt64Array.of(-(2n ** 40n)))],
    ["s", stringTensor([2], ["a", "x".repeat(300)])],
    ["b", tensor("bool", [2], Uint8Array.of(1, 0))],
  ];
  const outputs = Object.fromEntries(
    values.map(([variable, { dtype, shape }]) => [
      variable.replace("/", "_"),
      graph.variable(dtype, shape, { name: variable }).read(),
    ]),
  );
  const n = graph.placeholder("int32", [], { name: "n" });
  save(
    name,
    {
      graph,
      signatures: { serving_default: predictSignatureDef({ n }, { ...outputs, n }) },
      stripDefaultAttrs: true,
    },
    values,
  );
  const expected = Object.fromEntries(values.map(([variable, value]) => [variable.replace("/", "_"), value]));
  writeExpected(name, [{ inputs: { n: int(3) }, outputs: { ...expected, n: int(3) } }], graph);
}

/** One node of every op that shape-inference.ts has a rule for. */
function shapes(name) {
  const graph = new GraphBuilder();
  const of = (...shape) => graph.placeholder("float32", shape);
  const unknown = graph.placeholder("float32", null);
  for (const op of ["Softmax", "Relu", "Neg", "Sigmoid", "ZerosLike"]) graph.op(op, [of(-1, 10)]);
  graph.op("BiasAdd", [of(-1, 10), of(10)]);
  for (const [a, b] of [
    [of(-1, 10), of(10)],
    [of(2, 1), of(1, 3)],
    [of(-1, 1), of(-1)],
    [of(0, 3), of(1, 3)],
    [of(3), unknown],
  ]) {
    for (const op of ["AddV2", "Mul", "Greater"]) graph.op(op, [a, b]);
  }
  graph.op("SelectV2", [graph.placeholder("bool", [2, 1]), of(3), of(1, 1)]);
  for (const op of ["Sum", "Mean", "Max", "Min", "Prod"]) {
    graph.op(op, [of(2, 3, 4), ints(-1, 0)]);
    graph.op(op, [of(2, -1, 4), int(1)], { keep_dims: true });
  }
  graph.op("All", [graph.placeholder("bool", [2, 3]), ints(0)]);
  graph.op("ArgMax", [of(-1, 10), int(-1)]);
  graph.op("MatMul", [of(-1, 784), of(784, 10)]);
  graph.op("MatMul", [of(5, 2), of(7, 2)], { transpose_b: true });
  graph.op("MatMul", [unknown, of(2, 7)]);
  graph.op("Reshape", [of(4, 6), ints(2, -1)]);
  graph.op("Reshape", [of(-1, 6), ints(-1, 3)]);
  graph.op("Reshape", [of(-1, 6), graph.placeholder("int32", [2])]);
  graph.op("Fill", [ints(2, 3), int(0)]);
  graph.op("BroadcastTo", [of(1, 3), ints(2, 3)]);
  graph.op("Shape", [of(2, -1, 4)]);
  graph.op("Size", [of(2, -1, 4)]);
  graph.op("ExpandDims", [of(2, 3), int(-1)]);
  graph.op("TopKV2", [of(-1, 10), int(4)]);
  graph.op("Transpose", [of(2, -1, 4), ints(2, 0, 1)]);
  graph.op("Pack", [[of(2, 3), of(2, 3)]], { axis: -1 });
  graph.op("Unique", [of(5)]);
  graph.op(
    "ParseExampleV2",
    [
      graph.placeholder("string", [-1]),
      stringTensor([0], []),
      stringTensor([1], ["s"]),
      stringTensor([1], ["x"]),
      stringTensor([0], []),
      [floats([0], [])],
    ],
    {
      num_sparse: 1,
      sparse_types: ["int64"],
      ragged_value_types: [],
      ragged_split_types: [],
      dense_shapes: [[28, 28]],
    },
  );
  const x = of(2);
  const y = graph.compute("Identity", [x]);
  save(name, { graph, signatures: { serving_default: predictSignatureDef({ x }, { y }) } });
  writeExpected(name, [], graph);
}

function save(name, parts, values = []) {
  const builder = new SavedModelBuilder(path.join(folder, name, "model"));
  builder.addMetaGraphAndVariables(["serve"], { ...parts, variables: new Map(values) });
  builder.save();
}

for (const [name, write] of Object.entries(models)) write(name);
