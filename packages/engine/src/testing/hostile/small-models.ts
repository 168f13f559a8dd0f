/**
 * Small models that load and run, one for each way a model file can reach into the engine: variables, tables, assets,
 * functions, control flow of both generations, strings, examples, constants, and one for each kind of file. Damaged copies of them are the hostile
 * models of the tests.
 */
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  Exporter,
  encodeText,
  GraphBuilder,
  type GraphFunction,
  genericSignature,
  type Output,
  regressionSignature,
  Saver,
  stringTensor,
  type Tensor,
  tensor,
  writeZip,
} from "@servable/formats";
import { explainModel } from "../../explain.js";
import { asFrozenGraph, asText, editNodes, type Recipe, saveModel } from "./save-model.js";

export interface SmallModel {
  readonly name: string;
  /** Writes the model into a version folder that does not exist yet. */
  readonly write: (dir: string) => void;
}

const floats = (...values: number[]): Tensor => tensor("float32", [values.length], Float32Array.from(values));
const ints = (...values: number[]): Tensor => tensor("int32", [values.length], Int32Array.from(values));
const int = (value: number): Tensor => tensor("int32", [], Int32Array.of(value));
const float = (value: number): Tensor => tensor("float32", [], Float32Array.of(value));
const text = (...values: string[]): Tensor => stringTensor([values.length], values);

/** Numbers that are neither equal nor zero, without a random generator. */
function weights(...shape: number[]): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(
    "float32",
    shape,
    Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1)),
  );
}

const recipes: Readonly<Record<string, Recipe>> = {
  half_plus_two: (g) => {
    const x = g.placeholder("float32", [-1], { name: "x" });
    const a = g.variable("float32", [], { name: "a" });
    const b = g.variable("float32", [], { name: "b" });
    const y = g.compute("AddV2", [g.compute("Mul", [a.read(), x]), b.read()], {}, { name: "y" });
    return {
      inputs: { x },
      outputs: { y },
      variables: new Map([
        ["a", float(0.5)],
        ["b", float(2)],
      ]),
    };
  },
  perceptron: (g) => {
    const x = g.placeholder("float32", [-1, 6], { name: "x" });
    const w = g.variable("float32", [6, 4], { name: "w" });
    const b = g.variable("float32", [4], { name: "b" });
    const logits = g.compute("BiasAdd", [g.compute("MatMul", [x, w.read()]), b.read()]);
    const scores = g.compute("Softmax", [g.compute("Relu", [logits])]);
    const best = g.compute("ArgMax", [scores, int(1)], { output_type: "int64" });
    return {
      inputs: { x },
      outputs: { scores, best },
      variables: new Map([
        ["w", weights(6, 4)],
        ["b", weights(4)],
      ]),
    };
  },
  convolution: (g) => {
    const x = g.placeholder("float32", [-1, 8, 8, 2], { name: "x" });
    const filter = g.constant(weights(3, 3, 2, 4));
    const strides = { strides: [1, 1, 1, 1], padding: "SAME" };
    const mixed = g.compute("Conv2D", [x, filter], strides);
    const [normal] = g.op(
      "FusedBatchNormV3",
      [mixed, weights(4), weights(4), weights(4), floats(1, 2, 3, 4)],
      { is_training: false },
    ).outputs as [Output];
    const pooled = g.compute("MaxPool", [normal], {
      ksize: [1, 2, 2, 1],
      strides: [1, 2, 2, 1],
      padding: "VALID",
    });
    const padded = g.compute("Pad", [pooled, tensor("int32", [4, 2], Int32Array.of(0, 0, 1, 1, 1, 1, 0, 0))]);
    const y = g.compute("Reshape", [g.compute("Mean", [padded, ints(1, 2)]), ints(-1, 4)]);
    return { inputs: { x }, outputs: { y } };
  },
  shaping: (g) => {
    const x = g.placeholder("float32", [-1, 4], { name: "x" });
    const shape = g.compute("Shape", [x]);
    const batch = g.compute("StridedSlice", [shape, ints(0), ints(1), ints(1)], { shrink_axis_mask: 1 });
    const filled = g.compute("Fill", [g.compute("Pack", [[batch, int(2)]]), float(7)]);
    const range = g.compute("Range", [int(0), int(4), int(1)]);
    const tiled = g.compute("Tile", [g.compute("Cast", [range], { DstT: "float32" }), ints(2)]);
    const wide = g.compute("ConcatV2", [[x, filled], int(1)]);
    const turned = g.compute("Transpose", [wide, ints(1, 0)]);
    const gathered = g.compute("GatherV2", [turned, range, int(0)]);
    const expanded = g.compute("ExpandDims", [tiled, int(1)]);
    const broad = g.compute("BroadcastTo", [expanded, ints(8, 3)]);
    const hot = g.compute("OneHot", [range, int(5), float(1), float(0)]);
    return { inputs: { x }, outputs: { gathered, broad, hot } };
  },
  vocabulary: (g, dir) => {
    const file = path.join(path.dirname(dir), "words.txt");
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, "the\t1\ncat\t2\nsat\t3\n");
    const table = g.hashTable({
      file: g.asset(file),
      keyDtype: "string",
      keyPart: 0,
      valueDtype: "int64",
      valuePart: 1,
      defaultValue: tensor("int64", [], BigInt64Array.of(-1n)),
    });
    const words = g.placeholder("string", [-1], { name: "words" });
    return { inputs: { words }, outputs: { ids: table.find(words) } };
  },
  table: (g) => {
    const keys = text("a", "b", "c");
    const table = g.hashTable({ keys, values: floats(1, 2, 3), defaultValue: float(0) });
    const words = g.placeholder("string", [-1], { name: "words" });
    return { inputs: { words }, outputs: { values: table.find(words) } };
  },
  strings: (g) => {
    const words = g.placeholder("string", [-1], { name: "words" });
    const clean = g.compute("RegexReplace", [words, stringTensor([], ["[^a-z]+"]), stringTensor([], ["-"])]);
    const bucket = g.compute("StringToHashBucketFast", [clean], { num_buckets: 10 });
    const joined = g.compute("StringJoin", [[clean, g.compute("AsString", [bucket])]], { separator: ":" });
    const split = g.op("StringSplitV2", [words, stringTensor([], [" "])]).outputs as readonly Output[];
    const part = g.compute("Substr", [joined, int(0), int(2)]);
    return { inputs: { words }, outputs: { joined, part, pieces: split[1] as Output } };
  },
  functions: (g) => {
    const vector = { name: "x", type: "float32" as const, shape: [-1] };
    const twice = g.function("twice", [vector], (f, x) => ({
      y: f.compute("AddV2", [x as Output, x as Output]),
    }));
    const x = g.placeholder("float32", [-1], { name: "x" });
    const once = g.call(twice, [x]).output();
    return { inputs: { x }, outputs: { y: g.call(twice, [once]).output() } };
  },
  branches: (g) => {
    const vector = { name: "x", type: "float32" as const, shape: [-1] };
    const branch = (name: string, op: string): GraphFunction =>
      g.function(name, [vector], (f, x) => ({ y: f.compute(op, [x as Output]) }));
    const [negate, square] = [branch("negate", "Neg"), branch("square", "Square")];
    const x = g.placeholder("float32", [-1], { name: "x" });
    const isPositive = g.compute("Greater", [g.compute("Sum", [x, ints(0)]), float(0)]);
    const [y] = g.op("StatelessIf", [isPositive, [x]], {
      Tout: ["float32"],
      then_branch: square.name,
      else_branch: negate.name,
    }).outputs as [Output];
    return { inputs: { x }, outputs: { y } };
  },
  loop: (g) => {
    const counter = { name: "i", type: "int32" as const, shape: [] };
    const vector = { name: "x", type: "float32" as const, shape: [-1] };
    const cond = g.function("cond", [counter, vector], (f, i) => ({
      go: f.compute("Less", [i as Output, int(5)]),
    }));
    const body = g.function("body", [counter, vector], (f, i, x) => ({
      next: f.compute("AddV2", [i as Output, int(1)]),
      y: f.compute("Mul", [x as Output, float(2)]),
    }));
    const x = g.placeholder("float32", [-1], { name: "x" });
    const loop = g.op("StatelessWhile", [[g.constant(int(0)), x]], { cond: cond.name, body: body.name });
    return { inputs: { x }, outputs: { y: loop.output(1) } };
  },
  counter: (g) => {
    const count = g.variable("float32", [], { name: "count" });
    const x = g.placeholder("float32", [], { name: "x" });
    const added = g.op("AssignAddVariableOp", [count.handle, x]);
    const y = count.read({ controlInputs: [added] });
    return { inputs: { x }, outputs: { y }, variables: new Map([["count", float(0)]]) };
  },
  examples: (g) => {
    const examples = g.placeholder("string", [-1], { name: "examples" });
    const parsed = g.op(
      "ParseExampleV2",
      [
        examples,
        stringTensor([0], []),
        text("tags"),
        text("x", "id"),
        stringTensor([0], []),
        [floats(0, 0), tensor("int64", [1], BigInt64Array.of(7n))],
      ],
      {
        Tdense: ["float32", "int64"],
        num_sparse: 1,
        sparse_types: ["string"],
        ragged_value_types: [],
        ragged_split_types: [],
        dense_shapes: [[2], [1]],
      },
    );
    return {
      inputs: { examples },
      outputs: {
        x: parsed.outputsOf("dense_values")[0] as Output,
        tags: parsed.outputsOf("sparse_values")[0] as Output,
      },
    };
  },
  dtypes: (g) => {
    const x = g.placeholder("int32", [-1], { name: "x" });
    const cast = (to: string) => g.compute("Cast", [x], { DstT: to });
    const half = g.compute("Mul", [cast("float16"), g.compute("Cast", [float(2)], { DstT: "float16" })]);
    const sum = g.compute("AddV2", [cast("int64"), tensor("int64", [], BigInt64Array.of(2n ** 40n))]);
    const flag = g.compute("LogicalNot", [cast("bool")]);
    return { inputs: { x }, outputs: { half, sum, flag, complex: cast("complex64"), byte: cast("uint8") } };
  },
};

/** TensorFlow 1's loop. Its cycle, which GraphBuilder can't build, is closed afterwards. */
const tf1Loop: Recipe = (g) => {
  const x = g.placeholder("float32", [], { name: "x" });
  const frame = { frame_name: "loop" };
  const enter = g.compute("Enter", [x], frame);
  const merge = g.op("Merge", [[enter, enter]], {}, { name: "merge" }).output();
  const limit = g.compute("Enter", [g.constant(float(100))], { ...frame, is_constant: true });
  const go = g.compute("LoopCond", [g.compute("Less", [merge, limit])]);
  const [leave, stay] = g.op("Switch", [merge, go]).outputs as [Output, Output];
  const two = g.compute("Enter", [g.constant(float(2))], { ...frame, is_constant: true });
  g.compute("NextIteration", [g.compute("Mul", [stay, two])], {}, { name: "next" });
  return { inputs: { x }, outputs: { y: g.compute("Exit", [leave]) } };
};

function writeTf1Loop(dir: string): void {
  saveModel(dir, tf1Loop);
  editNodes(dir, (node) => {
    if (node.name === "merge") node.input[1] = "next";
  });
}

/** The same graph as the exports before SavedModels had it, with a checkpoint of the first format. */
function writeSessionBundle(dir: string): void {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1, 6], { name: "x" });
  const w = graph.variable("float32", [6, 4], { name: "w" });
  const b = graph.variable("float32", [4], { name: "b" });
  const y = graph.compute("BiasAdd", [graph.compute("MatMul", [x, w.read()]), b.read()], {}, { name: "y" });
  const values = new Map([
    ["w", weights(6, 4)],
    ["b", weights(4)],
  ]);
  const exporter = new Exporter(new Saver(graph, values));
  exporter.init({
    defaultGraphSignature: regressionSignature(x, y),
    namedGraphSignatures: { inputs: genericSignature({ x }), outputs: genericSignature({ y }) },
  });
  renameSync(exporter.export(path.dirname(dir), 1), dir);
}

/** The first ONNX group of a compiled graph, as a model of its own. */
function writeOnnx(recipe: Recipe): SmallModel["write"] {
  return (dir) => {
    const source = `${dir}-source`;
    saveModel(source, recipe);
    const groups = explainModel(source).signatures.flatMap((signature) => signature.groups);
    mkdirSync(dir, { recursive: true });
    groups.find(({ side }) => side === "onnx")?.onnx?.write(path.join(dir, "model.onnx"));
    rmSync(source, { recursive: true });
  };
}

/** A Keras archive of layers without weights: what can be damaged in it is the configuration. */
function writeKerasArchive(dir: string): void {
  const layer = (className: string, name: string, config: object = {}) => ({
    module: "keras.layers",
    class_name: className,
    config: { name, trainable: true, dtype: "float32", ...config },
    registered_name: null,
  });
  const layers = [
    layer("InputLayer", "image", { batch_shape: [null, 8, 8, 2] }),
    layer("ZeroPadding2D", "pad", {
      padding: [
        [1, 1],
        [0, 2],
      ],
      data_format: "channels_last",
    }),
    layer("MaxPooling2D", "pool", {
      pool_size: [2, 2],
      strides: [2, 2],
      padding: "valid",
      data_format: "channels_last",
    }),
    layer("Permute", "turn", { dims: [2, 1, 3] }),
    layer("UpSampling2D", "grow", { size: [2, 2], data_format: "channels_last", interpolation: "nearest" }),
    layer("Rescaling", "scale", { scale: 0.5, offset: 1 }),
    layer("Activation", "gelu", { activation: "gelu" }),
    layer("Flatten", "flat", { data_format: "channels_last" }),
    layer("RepeatVector", "repeat", { n: 3 }),
    layer("Reshape", "shape", { target_shape: [3, -1, 2] }),
    layer("Softmax", "scores", { axis: -1 }),
  ];
  const config = {
    module: "keras",
    class_name: "Sequential",
    config: { name: "layers", trainable: true, layers },
  };
  const files = { "config.json": config, "metadata.json": { keras_version: "3.10.0" } };
  const encoded = Object.entries(files).map(
    ([name, value]) => [name, encodeText(JSON.stringify(value))] as const,
  );
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, "model.keras"), writeZip(new Map(encoded)));
}

const fixtures = fileURLToPath(new URL("../../../src/fixtures/", import.meta.url));

function copyFixture(name: string): SmallModel["write"] {
  return (dir) => cpSync(path.join(fixtures, name), dir, { recursive: true });
}

/** TensorFlow Lite models: quantized and not, with states, subgraphs, strings, sparse weights, TensorFlow's own ops. */
const tfliteFixtures = [
  "cnn_int8",
  "lstm_full",
  "metadata_signature",
  "mlp_dynamic",
  "op_control_flow",
  "op_convolutions",
  "op_flex",
  "op_gathers",
  "op_rarer",
  "op_shaping",
  "op_table",
  "signatures",
  "weights_int4",
  "weights_sparse",
];

/** All small models, in every form that a model comes in. */
export const smallModels: readonly SmallModel[] = [
  ...Object.entries(recipes).map(([name, recipe]) => ({
    name,
    write: (dir: string) => saveModel(dir, recipe),
  })),
  { name: "tf1_loop", write: writeTf1Loop },
  { name: "text", write: (dir) => asText(dir, recipes.half_plus_two as Recipe) },
  { name: "frozen", write: (dir) => asFrozenGraph(dir, recipes.convolution as Recipe) },
  { name: "session_bundle", write: writeSessionBundle },
  ...["classification_with_table/00000001", "slices_in_shards/00000001"].map((name) => ({
    name: `session_bundle_${name.split("/")[0]}`,
    write: copyFixture(`session-bundles/${name}`),
  })),
  { name: "keras_archive", write: writeKerasArchive },
  ...["perceptron", "convolution", "shaping", "branches", "loop", "dtypes"].map((name) => ({
    name: `onnx_${name}`,
    write: writeOnnx(recipes[name] as Recipe),
  })),
  ...tfliteFixtures.map((name) => ({
    name: `tflite_${name}`,
    write: (dir: string) => copyFixture(`tflite/${name}.tflite`)(path.join(dir, "model.tflite")),
  })),
];
