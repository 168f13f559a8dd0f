// Asks ONNX Runtime which element types its CPU kernels take, and writes the table that the emitter reads:
//
//   npm run build && node scripts/probe-kernels.mjs
//
// For every operator that op rows emit, and every element type, a model of that one operator is loaded and run.
// Loading alone does not tell: some kernels refuse a type only when they run.
// Writes packages/engine/src/onnx/gen/accepted-types.ts.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { dtypeInfo } from "@servable/formats";
import { Tensor } from "onnxruntime-node";
import { writeModel } from "../packages/engine/dist/onnx/model-writer.js";

const ort = createRequire(import.meta.url)("onnxruntime-node/dist/binding.js");
ort.initOrt();

const types = [
  "float32",
  "float64",
  "int32",
  "int64",
  "int16",
  "int8",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "bool",
];

/** A constant of JavaScript numbers. */
function of(dtype, shape, values) {
  const { array, size } = dtypeInfo(dtype);
  const data = new array(new ArrayBuffer(values.length * size));
  values.forEach((value, i) => {
    data[i] = typeof data[i] === "bigint" ? BigInt(value) : value;
  });
  return { dtype, shape, data };
}

const count = (shape) => shape.reduce((a, b) => a * b, 1);
const ones = (type, shape) => of(type, shape, Array(count(shape)).fill(1));
const ints = (...values) => of("int64", [values.length], values);

/** Input makers by the shapes of inputs that have the probed type, for operators that take nothing else. */
const same =
  (...shapes) =>
  (type) => ({ inputs: shapes.map((shape) => ones(type, shape)) });
const vector = same([3]);
const vectors = same([3], [3]);
const reduce = (type) => ({ inputs: [ones(type, [2, 3]), ints(1)] });
const attrReduce = (type) => ({ inputs: [ones(type, [2, 3])], attrs: { axis: 1 } });
const image = same([1, 1, 4, 4]);
const resize = (mode) => (type) => ({
  inputs: [ones(type, [1, 1, 4, 4]), undefined, undefined, ints(1, 1, 8, 8)],
  attrs: { mode },
});

/** Per operator: what to give it for a type. `name` where several rows probe one operator under other names. */
const operators = {
  ...Object.fromEntries(
    `Abs Neg Sign Ceil Floor Round Sqrt Reciprocal Exp Log Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh
     Erf Sigmoid Softplus Softsign Elu Selu Relu LeakyRelu Celu HardSigmoid HardSwish ThresholdedRelu Gelu Not BitwiseNot IsNaN IsInf
     Identity Shape Size Mish`
      .split(/\s+/)
      .map((name) => [name, vector]),
  ),
  ...Object.fromEntries(
    `Add Sub Mul Div Pow Mod Max Min Mean Sum And Or Xor BitwiseAnd BitwiseOr BitwiseXor Equal Less LessOrEqual
     Greater GreaterOrEqual PRelu`
      .split(/\s+/)
      .map((name) => [name, vectors]),
  ),
  ...Object.fromEntries(
    `ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare`
      .split(/\s+/)
      .map((name) => [name, reduce]),
  ),
  ...Object.fromEntries("ArgMax ArgMin Softmax LogSoftmax".split(" ").map((name) => [name, attrReduce])),
  "Mod.1": (type) => ({ name: "Mod", inputs: [ones(type, [3]), ones(type, [3])], attrs: { fmod: 1 } }),
  BitShift: (type) => ({ inputs: [ones(type, [3]), ones(type, [3])], attrs: { direction: "LEFT" } }),
  Clip: (type) => ({ inputs: [ones(type, [3]), ones(type, []), ones(type, [])] }),
  CumSum: (type) => ({ inputs: [ones(type, [3]), of("int64", [], [0])] }),
  TopK: (type) => ({ inputs: [ones(type, [3]), ints(2)], outputs: 2 }),
  Where: (type) => ({ inputs: [ones("bool", [3]), ones(type, [3]), ones(type, [3])] }),
  Reshape: (type) => ({ inputs: [ones(type, [4]), ints(2, 2)] }),
  Squeeze: (type) => ({ inputs: [ones(type, [4, 1]), ints(1)] }),
  Unsqueeze: (type) => ({ inputs: [ones(type, [4]), ints(1)] }),
  Flatten: same([2, 3]),
  Transpose: (type) => ({ inputs: [ones(type, [2, 3])], attrs: { perm: [1, 0] } }),
  Concat: (type) => ({ inputs: [ones(type, [2]), ones(type, [2])], attrs: { axis: 0 } }),
  Split: (type) => ({ inputs: [ones(type, [4]), ints(1, 3)], outputs: 2 }),
  Slice: (type) => ({ inputs: [ones(type, [4]), ints(1), ints(3), ints(0), ints(1)] }),
  Pad: (type) => ({ inputs: [ones(type, [4]), ints(1, 1), ones(type, [])] }),

  Tile: (type) => ({ inputs: [ones(type, [4]), ints(2)] }),
  Expand: (type) => ({ inputs: [ones(type, [1]), ints(2)] }),
  Gather: (type) => ({ inputs: [ones(type, [4]), ints(1)] }),
  GatherND: (type) => ({ inputs: [ones(type, [4]), of("int64", [1, 1], [1])] }),
  GatherElements: (type) => ({ inputs: [ones(type, [4]), ints(1)] }),
  ScatterND: (type) => ({ inputs: [ones(type, [4]), of("int64", [1, 1], [1]), ones(type, [1])] }),
  ...Object.fromEntries(
    ["add", "mul", "min", "max"].map((reduction) => [
      `ScatterND.${reduction}`,
      (type) => ({
        name: "ScatterND",
        inputs: [ones(type, [4]), of("int64", [1, 1], [1]), ones(type, [1])],
        attrs: { reduction },
      }),
    ]),
  ),
  ScatterElements: (type) => ({ inputs: [ones(type, [4]), ints(1), ones(type, [1])] }),

  Range: (type) => ({ inputs: [of(type, [], [0]), of(type, [], [1]), of(type, [], [1])] }),
  ConstantOfShape: (type) => ({ inputs: [ints(2)], attrs: { value: { tensor: ones(type, [1]) } } }),
  EyeLike: (type) => ({ inputs: [ones("float32", [2, 2])], attrs: { dtype: { dtype: type } }, type }),
  Trilu: same([3, 3]),
  Compress: (type) => ({ inputs: [ones(type, [3]), ones("bool", [3])], attrs: { axis: 0 } }),
  NonZero: vector,
  Unique: vector,
  ReverseSequence: (type) => ({
    inputs: [ones(type, [2, 3]), ints(1, 2)],
    attrs: { batch_axis: 0, time_axis: 1 },
  }),
  SpaceToDepth: (type) => ({ inputs: [ones(type, [1, 1, 4, 4])], attrs: { blocksize: 2 } }),
  DepthToSpace: (type) => ({ inputs: [ones(type, [1, 4, 2, 2])], attrs: { blocksize: 2 } }),
  MatMul: same([2, 3], [3, 2]),
  Gemm: same([2, 3], [3, 2], [2]),
  Einsum: (type) => ({ inputs: [ones(type, [2, 3]), ones(type, [3, 2])], attrs: { equation: "ij,jk->ik" } }),
  Det: same([2, 2]),
  Conv: same([1, 1, 4, 4], [1, 1, 2, 2]),
  ConvTranspose: same([1, 1, 4, 4], [1, 1, 2, 2]),
  MaxPool: (type) => ({ inputs: [ones(type, [1, 1, 4, 4])], attrs: { kernel_shape: [2, 2] } }),
  AveragePool: (type) => ({ inputs: [ones(type, [1, 1, 4, 4])], attrs: { kernel_shape: [2, 2] } }),
  GlobalAveragePool: image,
  GlobalMaxPool: image,
  LRN: (type) => ({ inputs: [ones(type, [1, 1, 4, 4])], attrs: { size: 3 } }),
  BatchNormalization: same([1, 1, 4, 4], [1], [1], [1], [1]),
  LayerNormalization: (type) => ({ inputs: [ones(type, [2, 3]), ones(type, [3])] }),
  "Resize.nearest": (type) => ({ ...resize("nearest")(type), name: "Resize" }),
  "Resize.linear": (type) => ({ ...resize("linear")(type), name: "Resize" }),
  "Resize.cubic": (type) => ({ ...resize("cubic")(type), name: "Resize" }),
  Inverse: (type) => ({ inputs: [ones(type, [1, 1])], domain: "com.microsoft" }),
  CropAndResize: (type) => ({
    inputs: [ones(type, [1, 1, 4, 4]), ones(type, [1, 4]), of("int32", [1], [0]), of("int32", [2], [2, 2])],
    domain: "com.microsoft",
  }),
};

/** What fails in a model of one operator; undefined when it runs. */
function failure(key, type) {
  const { inputs, attrs = {}, outputs = 1, domain, name = key } = operators[key](type);
  const graph = {
    name: "probe",
    inputs: inputs.flatMap((tensor, i) =>
      tensor === undefined ? [] : [{ name: `in${i}`, dtype: tensor.dtype, shape: tensor.shape }],
    ),
    outputs: Array.from({ length: outputs }, (_, i) => ({ name: `out${i}`, shape: null })),
    ops: [
      {
        type: name,
        name: "op",
        inputs: inputs.map((tensor, i) => (tensor === undefined ? "" : `in${i}`)),
        outputs: Array.from({ length: outputs }, (_, i) => `out${i}`),
        attrs,
        ...(domain === undefined ? {} : { domain }),
      },
    ],
    // What decides shapes must be constant for some kernels.
    initializers: new Map(),
  };
  return tryEveryOutputType(graph, inputs);
}

/** A model must declare its outputs' types; which they are is what the operator's schema says, so all are tried. */
function tryEveryOutputType(graph, inputs) {
  let last;
  for (const first of types) {
    for (const second of graph.outputs.length > 1 ? types : [first]) {
      const typed = {
        ...graph,
        outputs: graph.outputs.map((port, i) => ({ ...port, dtype: i === 0 ? first : second })),
      };
      last = loadAndRun(typed, inputs);
      if (last === undefined) return undefined;
      if (!/Type Error|does not match expected type/i.test(last)) return last;
    }
  }
  return last;
}

function loadAndRun(graph, inputs) {
  const { bytes } = writeModel(graph);
  const session = new ort.binding.InferenceSession();
  let loaded = false;
  try {
    session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, {
      logSeverityLevel: 4,
      graphOptimizationLevel: "disabled",
    });
    loaded = true;
    const feeds = {};
    inputs.forEach((tensor, i) => {
      if (tensor !== undefined) feeds[`in${i}`] = new Tensor(tensor.dtype, tensor.data, tensor.shape);
    });
    session.run(feeds, Object.fromEntries(graph.outputs.map(({ name }) => [name, null])), {});
    return undefined;
  } catch (error) {
    return error.message;
  } finally {
    if (loaded) session.dispose();
  }
}

const accepted = {};
for (const key of Object.keys(operators)) {
  accepted[key] = types.filter((type) => {
    const message = failure(key, type);
    if (process.env.VERBOSE && message !== undefined) console.log(key, type, message.slice(0, 200));
    return message === undefined;
  });
}

const out = fileURLToPath(new URL("../packages/engine/src/onnx/gen/", import.meta.url));
mkdirSync(out, { recursive: true });
writeFileSync(
  `${out}accepted-types.ts`,
  `// Generated by scripts/probe-kernels.mjs from onnxruntime-node 1.30.0. Element types that each operator's CPU kernel runs with.
export const acceptedTypeNames: Readonly<Record<string, string>> = {
${Object.entries(accepted)
  .map(([name, names]) => `  ${JSON.stringify(name)}: "${names.join(" ")}",`)
  .join("\n")}
};
`,
);
