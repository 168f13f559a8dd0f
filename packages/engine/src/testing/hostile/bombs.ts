/**
 * Small files that ask for much: models made by hand to exhaust whoever loads them. Each says how it must end.
 *
 * Where TensorFlow itself would allocate or loop without a limit when it loads such a model, the limit is ours.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import {
  type CodeName,
  type GraphBuilder,
  type GraphFunction,
  type OpInput,
  type Output,
  stringTensor,
  type Tensor,
  tensor,
} from "@servable/formats";
import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { FunctionDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/function_pb";
import {
  type NodeDef,
  NodeDefSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/node_def_pb";
import {
  type TensorProto,
  TensorProtoSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import type { SavedModel } from "@servable/formats/protobuf/tensorflow/core/protobuf/saved_model_pb";
import { editModel, editNodes, saveModel } from "./save-model.js";
import { type SmallModel, smallModels } from "./small-models.js";

/** How a load may end: well, or with one of these codes. */
type Ending = "loads" | CodeName;

export interface Bomb {
  readonly name: string;
  readonly write: (dir: string) => void;
  readonly endings: readonly Ending[];
}

const int = (value: number): Tensor => tensor("int32", [], Int32Array.of(value));
const ints = (...values: number[]): Tensor => tensor("int32", [values.length], Int32Array.from(values));
const float = (value: number): Tensor => tensor("float32", [], Float32Array.of(value));
const HUGE = 2 ** 30;

// ---- functions and graphs ------------------------------------------------------------------------------------

const vector = { name: "x", type: "float32" as const };

/** y = f(x) for functions that call each other: `depth` levels with `width` calls each. */
function callTree(dir: string, depth: number, width: number): void {
  saveModel(dir, (g) => {
    let inner: GraphFunction | undefined;
    for (let level = 0; level < depth; level++) inner = caller(g, `level_${level}`, inner, width);
    const x = g.placeholder("float32", [-1], { name: "x" });
    return { inputs: { x }, outputs: { y: g.call(inner as GraphFunction, [x]).output() } };
  });
}

function caller(
  g: GraphBuilder,
  name: string,
  inner: GraphFunction | undefined,
  width: number,
): GraphFunction {
  return g.function(name, [vector], (f, x) => {
    let y = f.compute("Neg", [x as Output]);
    for (let i = 0; inner !== undefined && i < width; i++) {
      y = f.op("PartitionedCall", [[y]], { Tout: ["float32"], f: inner.name }).output();
    }
    return { y };
  });
}

/** One node refers to a function that is changed after it was written. */
function withFunction(dir: string, change: (model: SavedModel) => void): void {
  saveModel(dir, (g) => {
    const twice = caller(g, "f", undefined, 0);
    const x = g.placeholder("float32", [-1], { name: "x" });
    return { inputs: { x }, outputs: { y: g.call(twice, [x]).output() } };
  });
  editModel(dir, change);
}

const libraryOf = (model: SavedModel) => model.metaGraphs[0]?.graphDef?.library?.function ?? [];

/** A node that calls a function, for a function's body. */
function callNode(op: string, attrs: Readonly<Record<string, string>>): NodeDef {
  const funcs = Object.entries(attrs).map(([name, value]) => [
    name,
    create(AttrValueSchema, { value: { case: "func", value: { name: value } } }),
  ]);
  const types = create(AttrValueSchema, { value: { case: "list", value: { type: [1] } } });
  const T = create(AttrValueSchema, { value: { case: "type", value: 10 } });
  const attr = {
    Tin: types,
    Tout: types,
    ...(op.endsWith("If") ? { Tcond: T } : {}),
    ...Object.fromEntries(funcs),
  };
  return create(NodeDefSchema, { name: "again", op, input: ["x"], attr });
}

/** Adds `count` nodes in a row behind each other. */
function chain(count: number, op = "Neg"): (dir: string) => void {
  return (dir) => {
    saveModel(dir, (g) => {
      const x = g.placeholder("float32", [-1], { name: "x" });
      return { inputs: { x }, outputs: { y: g.compute(op, [x], {}, { name: "y" }) } };
    });
    editModel(dir, (model) => {
      const nodes = model.metaGraphs[0]?.graphDef?.node ?? [];
      const last = nodes.find(({ name }) => name === "y") as NodeDef;
      const more = Array.from({ length: count }, (_, i) => ({
        ...structuredClone(last),
        name: `n${i}`,
        input: [i === 0 ? "x" : `n${i - 1}`],
      }));
      last.input = [`n${count - 1}`];
      nodes.push(...more);
    });
  };
}

/** Nodes that ONNX has and nodes that only the host has, in turn. */
function alternating(count: number): (dir: string) => void {
  return (dir) =>
    saveModel(dir, (g) => {
      const x = g.placeholder("float32", [-1], { name: "x" });
      let y = x;
      for (let i = 0; i < count; i++) y = g.compute("Neg", [g.compute("Lgamma", [y])]);
      return { inputs: { x }, outputs: { y } };
    });
}

/** y = op(x) with an input or control input that comes from behind. */
function cycle(input: string): (dir: string) => void {
  return (dir) => {
    chain(3)(dir);
    editNodes(dir, (node) => {
      if (node.name === "n0") node.input = input.startsWith("^") ? ["x", input] : [input];
    });
  };
}

/** Signatures that all ask for something else. */
function manySignatures(dir: string): void {
  chain(10_000)(dir);
  editModel(dir, (model) => {
    const defs = model.metaGraphs[0]?.signatureDef ?? {};
    const { serving_default: first } = defs;
    for (let i = 0; i < 10_000 && first !== undefined; i++) {
      const other = structuredClone(first);
      const [output] = Object.values(other.outputs);
      if (output !== undefined) output.encoding = { case: "name", value: `n${i}:0` };
      defs[`s${i}`] = other;
    }
  });
}

// ---- constants -----------------------------------------------------------------------------------------------

/** One value that stands for a tensor of the shape. */
function splat(dtype: number, dims: readonly bigint[]): TensorProto {
  return create(TensorProtoSchema, {
    dtype,
    tensorShape: { dim: dims.map((size) => ({ size })) },
    floatVal: dtype === 1 ? [1] : [],
    stringVal: dtype === 7 ? [new Uint8Array(8)] : [],
  });
}

/** Adds constants to x whose values are replaced once written. */
function constants(count: number, proto: TensorProto): (dir: string) => void {
  return (dir) => {
    const isText = proto.dtype === 7;
    saveModel(dir, (g) => {
      const x = g.placeholder(isText ? "string" : "float32", null, { name: "x" });
      const one = (i: number) =>
        g.constant(isText ? stringTensor([], [""]) : float(i), { name: `const_${i}` });
      const all = Array.from({ length: count }, (_, i) => one(i));
      const y = isText ? g.compute("StringJoin", [[x, ...all]]) : g.compute("AddN", [[x, ...all]]);
      return { inputs: { x }, outputs: { y } };
    });
    editNodes(dir, (node) => {
      if (node.name.startsWith("const_")) {
        node.attr.value = create(AttrValueSchema, { value: { case: "tensor", value: proto } });
      }
    });
  };
}

// ---- ops that make much of little ----------------------------------------------------------------------------

/** Constants from which each op would make billions of elements, without anything fed. */
const expansions: Readonly<Record<string, (g: GraphBuilder) => Output>> = {
  fill: (g) => g.compute("Fill", [ints(HUGE), float(1)]),
  fill_planes: (g) => g.compute("Fill", [ints(2 ** 16, 2 ** 16), float(1)]),
  range: (g) => g.compute("Range", [int(0), int(2 ** 31 - 1), int(1)]),
  range_float: (g) => g.compute("Range", [float(0), float(1e30), float(1)]),
  tile: (g) => g.compute("Tile", [g.constant(ints(1, 2)), ints(HUGE)]),
  broadcast: (g) => g.compute("BroadcastTo", [float(1), ints(HUGE)]),
  one_hot: (g) => g.compute("OneHot", [ints(1, 2), int(HUGE), float(1), float(0)]),
  lin_space: (g) => g.compute("LinSpace", [float(0), float(1), int(2 ** 31 - 1)]),
  pad: (g) => g.compute("Pad", [ints(1), tensor("int32", [1, 2], Int32Array.of(0, HUGE))]),
  pad_negative: (g) => g.compute("Pad", [ints(1, 2), tensor("int32", [1, 2], Int32Array.of(-2, -HUGE))]),
  diagonal: (g) => g.compute("MatrixDiag", [g.compute("Fill", [ints(60_000), float(1)])]),
  outer_product: (g) => {
    const column = g.compute("Fill", [ints(65_536, 1), float(1)]);
    return g.compute("Mul", [column, g.compute("Fill", [ints(1, 65_536), float(2)])]);
  },
  matrix_product: (g) => {
    const column = g.compute("Fill", [ints(65_536, 1), float(1)]);
    return g.compute("MatMul", [column, column], { transpose_b: true });
  },
  resize: (g) => {
    const image = tensor("float32", [1, 1, 1, 1], Float32Array.of(1));
    return g.compute("ResizeBilinear", [image, ints(65_536, 65_536)]);
  },
  bincount: (g) => g.compute("Bincount", [ints(1), int(HUGE), tensor("float32", [0], new Float32Array())]),
  scatter: (g) =>
    g.compute("ScatterNd", [tensor("int32", [1, 1], Int32Array.of(1)), float(1), ints(HUGE)].map(asVector)),
  unsorted_segments: (g) => g.compute("UnsortedSegmentSum", [ints(1), ints(0), int(HUGE)]),
  zeros_like_in_turn: (g) => {
    let y = g.compute("Fill", [ints(1024), float(1)]);
    for (let i = 0; i < 20; i++) y = g.compute("ConcatV2", [[y, y], int(0)]);
    return y;
  },
  string_growth: (g) => {
    let y = g.compute("StringJoin", [[stringTensor([], ["12345678"]), stringTensor([], ["12345678"])]]);
    for (let i = 0; i < 40; i++) y = g.compute("StringJoin", [[y, y]]);
    return y;
  },
  random: (g) => g.compute("RandomUniform", [ints(HUGE)], { dtype: "float32" }),
  gather: (g) => {
    const rows = g.compute("Fill", [ints(65_000), int(0)]);
    const table = g.compute("Fill", [ints(1, 65_000), float(1)]);
    return g.compute("GatherV2", [table, rows, int(0)]);
  },
  regex: (g) =>
    g.compute("StaticRegexReplace", [stringTensor([1], ["a".repeat(50_000)])], {
      pattern: "((((a*)*)*)*)*b",
      rewrite: "",
    }),
  regex_repeats: (g) =>
    g.compute("StaticRegexReplace", [stringTensor([1], ["a"])], {
      pattern: "((a{1,1000}){1,1000}){1,1000}",
      rewrite: "",
    }),
};

/** ScatterNd wants its updates as a vector. */
function asVector(value: Tensor): OpInput {
  return value.dtype === "float32" ? { ...value, shape: [1] } : value;
}

/** A model whose output depends on its input only in name: the rest could be computed when it is loaded. */
function expansion(make: (g: GraphBuilder) => Output): (dir: string) => void {
  return (dir) =>
    saveModel(dir, (g) => {
      const x = g.placeholder("float32", [-1], { name: "x" });
      const made = make(g);
      return { inputs: { x }, outputs: { size: g.compute("Size", [x]), made, echo: g.compute("Neg", [x]) } };
    });
}

/** The same in the initialiser: what it makes is assigned to a variable. */
function initialisation(make: (g: GraphBuilder) => Output): (dir: string) => void {
  return (dir) =>
    saveModel(dir, (g) => {
      const x = g.placeholder("float32", [-1], { name: "x" });
      const made = make(g);
      const handle = g.compute("VarHandleOp", [], { dtype: made.dtype, shape: null, shared_name: "v" });
      const assign = g.op("AssignVariableOp", [handle, made], {}, { name: "assign" });
      const y = g.compute("ReadVariableOp", [handle], { dtype: made.dtype });
      return { inputs: { x }, outputs: { y, echo: g.compute("Neg", [x]) }, mainOp: assign };
    });
}

/** A loop in the initialiser: from `start`, while `go`, with `next`. */
function initialLoop(
  body: (f: GraphBuilder, x: Output) => Output,
  type: "float32" | "string",
): (dir: string) => void {
  return initialisation((g) => {
    const argument = { name: "x", type };
    const cond = g.function("for_ever", [argument], (f) => ({
      go: f.constant(tensor("bool", [], Uint8Array.of(1))),
    }));
    const step = g.function("step", [argument], (f, x) => ({ y: body(f, x as Output) }));
    const start = g.constant(type === "string" ? stringTensor([], ["12345678"]) : float(1));
    return g.op("StatelessWhile", [[start]], { cond: cond.name, body: step.name }).output();
  });
}

// ---- files ---------------------------------------------------------------------------------------------------

const small = (name: string): SmallModel["write"] =>
  (smallModels.find((model) => model.name === name) as SmallModel).write;

/** A good model with one of its files replaced. */
function replaced(model: string, file: string, make: (file: string) => void): (dir: string) => void {
  return (dir) => {
    small(model)(dir);
    rmSync(path.join(dir, file), { recursive: true });
    make(path.join(dir, file));
  };
}

const pipe = (file: string): void => void execFileSync("mkfifo", [file]);
const endless = (file: string): void => symlinkSync("/dev/zero", file);
const folder = (file: string): void => mkdirSync(file);
const circle = (file: string): void => symlinkSync(file, file);
const SHARD = "variables/variables.data-00000-of-00001";

/** saved_model.pb whose messages lie inside each other: a function's attribute that is a function … */
function nestedMessages(depth: number): Uint8Array {
  let inner = new Uint8Array(0);
  const field = (number: number, content: Uint8Array) =>
    Buffer.concat([Uint8Array.of(number * 8 + 2), varint(content.length), content]);
  for (let level = 0; level < depth; level++) {
    const func = field(2, Buffer.concat([field(1, Buffer.from("a")), field(2, inner)]));
    inner = field(10, func);
  }
  const attr = field(5, Buffer.concat([field(1, Buffer.from("f")), field(2, inner)]));
  // SavedModel.meta_graphs, MetaGraphDef.graph_def, GraphDef.node
  return field(2, field(2, field(1, attr)));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function textModel(text: string): (dir: string) => void {
  return (dir) => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "saved_model.pbtxt"), text);
  };
}

/** A good Keras file with one byte too many: the HDF5 library, when it opens it, never comes back. */
function endlessHdf5(dir: string): void {
  const file = fileURLToPath(new URL("../../../src/fixtures/hostile/endless.h5", import.meta.url));
  mkdirSync(dir, { recursive: true });
  copyFileSync(file, path.join(dir, "model.h5"));
}

function binaryModel(bytes: () => Uint8Array): (dir: string) => void {
  return (dir) => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "saved_model.pb"), bytes());
  };
}

// ---- the table -----------------------------------------------------------------------------------------------

/** A damaged SavedModel counts as none, as TensorFlow has it. */
const NO_MODEL: readonly Ending[] = ["NOT_FOUND"];
/** Too large for us to compute at load: left to whoever runs it, or refused. */
const BOUNDED: readonly Ending[] = ["loads", "RESOURCE_EXHAUSTED", "INVALID_ARGUMENT", "UNIMPLEMENTED"];

export const bombs: readonly Bomb[] = [
  {
    name: "calls doubled over forty levels",
    write: (dir) => callTree(dir, 40, 2),
    endings: ["RESOURCE_EXHAUSTED"],
  },
  {
    name: "calls doubled over fifteen levels",
    write: (dir) => callTree(dir, 15, 2),
    endings: ["RESOURCE_EXHAUSTED"],
  },
  {
    name: "ten thousand signatures",
    write: manySignatures,
    endings: ["RESOURCE_EXHAUSTED"],
  },
  {
    name: "a thousand calls in each other",
    write: (dir) => callTree(dir, 1000, 1),
    endings: ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED"],
  },
  {
    name: "a function that calls itself",
    write: (dir) =>
      withFunction(dir, (model) =>
        libraryOf(model)[0]?.nodeDef.push(callNode("PartitionedCall", { f: "f" })),
      ),
    endings: ["loads", "UNIMPLEMENTED"],
  },
  {
    name: "a function that returns itself",
    write: (dir) =>
      withFunction(dir, (model) => {
        const [def] = libraryOf(model);
        def?.nodeDef.push(callNode("PartitionedCall", { f: "f" }));
        if (def !== undefined) def.ret.y = "again:output:0";
      }),
    endings: ["UNIMPLEMENTED"],
  },
  {
    name: "a function without the result that its callers expect",
    write: (dir) => withFunction(dir, (model) => libraryOf(model)[0]?.signature?.outputArg.pop()),
    endings: ["INVALID_ARGUMENT"],
  },
  {
    name: "a function with an argument too many",
    write: (dir) =>
      withFunction(dir, (model) => {
        const { inputArg = [] } = libraryOf(model)[0]?.signature ?? {};
        inputArg.push(...inputArg.map((arg) => ({ ...arg, name: "more" })));
      }),
    endings: ["INVALID_ARGUMENT"],
  },
  {
    name: "a function whose result is of another type",
    write: (dir) =>
      withFunction(dir, (model) => {
        for (const arg of libraryOf(model)[0]?.signature?.inputArg ?? []) arg.type = 3;
      }),
    endings: ["INVALID_ARGUMENT"],
  },
  {
    name: "a constant of another type than it says",
    write: constants(1, { ...splat(1, [2n]), dtype: 3 }),
    endings: ["INVALID_ARGUMENT"],
  },
  {
    name: "a hundred thousand functions",
    write: (dir) =>
      withFunction(dir, (model) => {
        const library = libraryOf(model);
        for (let i = 0; i < 100_000; i++)
          library.push(create(FunctionDefSchema, { signature: { name: `f${i}` } }));
      }),
    endings: ["loads"],
  },
  {
    name: "a chain of twenty thousand nodes",
    write: chain(20_000),
    endings: ["loads"],
  },
  { name: "a change of sides five thousand times", write: alternating(5_000), endings: BOUNDED },
  { name: "a cycle", write: cycle("n2"), endings: ["INVALID_ARGUMENT"] },
  { name: "a node that reads itself", write: cycle("n0"), endings: ["INVALID_ARGUMENT"] },
  { name: "a cycle of control", write: cycle("^n2"), endings: ["INVALID_ARGUMENT"] },
  { name: "a constant of 4 GB", write: constants(1, splat(1, [2n ** 30n])), endings: ["RESOURCE_EXHAUSTED"] },
  { name: "a constant of 2 GB", write: constants(1, splat(1, [2n ** 29n])), endings: BOUNDED },
  { name: "sixteen constants of 256 MB", write: constants(16, splat(1, [2n ** 26n])), endings: BOUNDED },
  {
    name: "a constant of more elements than can be counted",
    write: constants(1, splat(1, [2n ** 40n, 2n ** 40n])),
    endings: ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"],
  },
  {
    name: "a constant with sizes whose product overflows to nothing",
    write: constants(1, splat(1, [2n ** 62n, 2n ** 62n, 0n])),
    endings: BOUNDED,
  },
  {
    name: "a constant of a billion strings",
    write: constants(1, splat(7, [2n ** 30n])),
    endings: ["RESOURCE_EXHAUSTED"],
  },
  {
    name: "a constant of fifty million strings",
    write: constants(1, splat(7, [50_000_000n])),
    endings: BOUNDED,
  },
  ...Object.entries(expansions).map(([name, make]) => ({
    name: `an output that is much from little: ${name}`,
    write: expansion(make),
    endings: BOUNDED,
  })),
  ...Object.entries(expansions).map(([name, make]) => ({
    name: `an initial value that is much from little: ${name}`,
    write: initialisation(make),
    endings: BOUNDED,
  })),
  {
    name: "an initialiser that never ends",
    write: initialLoop((f, x) => f.compute("Neg", [x]), "float32"),
    endings: ["RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"],
  },
  {
    name: "an initialiser that grows a string for ever",
    write: initialLoop((f, x) => f.compute("StringJoin", [[x, x]]), "string"),
    endings: ["RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"],
  },
  ...[pipe, endless, folder, circle].flatMap((make) => [
    {
      name: `a ${make.name} for saved_model.pb`,
      write: replaced("half_plus_two", "saved_model.pb", make),
      endings: [...NO_MODEL, "FAILED_PRECONDITION"] as const,
    },
    {
      name: `a ${make.name} for saved_model.pbtxt`,
      write: replaced("text", "saved_model.pbtxt", make),
      endings: [...NO_MODEL, "FAILED_PRECONDITION"] as const,
    },
    {
      name: `a ${make.name} for graph.pb`,
      write: replaced("frozen", "graph.pb", make),
      endings: [...NO_MODEL, "FAILED_PRECONDITION"] as const,
    },
    {
      name: `a ${make.name} for the index of the variables`,
      write: replaced("half_plus_two", "variables/variables.index", make),
      endings: ["NOT_FOUND", "UNKNOWN", "FAILED_PRECONDITION", "INVALID_ARGUMENT"] as const,
    },
    {
      name: `a ${make.name} for the variables`,
      write: replaced("half_plus_two", SHARD, make),
      endings: ["NOT_FOUND", "UNKNOWN", "FAILED_PRECONDITION"] as const,
    },
    {
      name: `a ${make.name} for the vocabulary`,
      write: replaced("vocabulary", "assets/words.txt", make),
      endings: ["NOT_FOUND", "FAILED_PRECONDITION"] as const,
    },
  ]),
  { name: "an HDF5 file without an end", write: endlessHdf5, endings: ["RESOURCE_EXHAUSTED"] },
  {
    name: "a vocabulary of a million lines with one key",
    write: replaced("vocabulary", "assets/words.txt", (file) => {
      writeFileSync(file, "a\t1\n".repeat(1_000_000));
    }),
    endings: ["loads"],
  },
  { name: "messages ten thousand deep", write: binaryModel(() => nestedMessages(10_000)), endings: NO_MODEL },
  {
    name: "text of functions as attributes of functions",
    write: textModel(`meta_graphs { graph_def { node { ${'attr { key: "a" value { func { '.repeat(20_000)}`),
    endings: NO_MODEL,
  },
  {
    name: "text of a number with a million digits",
    write: textModel(`saved_model_schema_version: ${"9".repeat(1_000_000)}`),
    endings: NO_MODEL,
  },
  {
    name: "text of a string that never ends",
    write: textModel(`meta_graphs { meta_info_def { tags: "${"a".repeat(10_000_000)}`),
    endings: NO_MODEL,
  },
];
