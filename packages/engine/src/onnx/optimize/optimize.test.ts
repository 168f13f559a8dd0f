/**
 * What graphs look like once they are optimized, and that they still compute the same: both forms of each case are run,
 * with optimizations of ONNX Runtime's own on either side.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { elementCount, type Shape, type Tensor, tensor } from "@servable/formats";
import { OnnxSession } from "../../runtime/session.js";
import { assertClose } from "../../testing/control-flow-cases.js";
import type { OnnxAttrs, OnnxGraph, OnnxOp } from "../onnx-graph.js";
import type { KnownValue } from "./graph-editor.js";
import { optimize } from "./optimize.js";

/** An operator as a line: type, inputs, output, attributes. Names in capitals are constants. */
type Line = readonly [type: string, inputs: string, output: string, attrs?: OnnxAttrs];

interface Case {
  readonly title: string;
  /** Of input "x", whose first size is unknown to the graph. */
  readonly x: Shape;
  readonly constants?: Readonly<Record<string, Tensor>>;
  readonly lines: readonly Line[];
  /** Shapes of values that TensorFlow's graph knows, all float32. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** The operators that are left, in order. The output is "y". */
  readonly left: string;
}

/** Numbers between -1 and 1 without a pattern that an error could hide in. */
function floats(...shape: number[]): Tensor {
  const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i * i + 1));
  return tensor("float32", shape, data);
}

const scalar = (value: number) => tensor("float32", [], Float32Array.of(value));
const ints = (...values: number[]) => tensor("int64", [values.length], BigInt64Array.from(values, BigInt));

const toFirst: OnnxAttrs = { perm: [0, 3, 1, 2] };
const toLast: OnnxAttrs = { perm: [0, 2, 3, 1] };
const same: OnnxAttrs = { auto_pad: "SAME_UPPER" };

/** A convolution between its two transpositions. */
function conv(x: string, weights: string, y: string): Line[] {
  return [
    ["Transpose", x, `${y}/first`, toFirst],
    ["Conv", `${y}/first ${weights}`, `${y}/conv`, same],
    ["Transpose", `${y}/conv`, y, toLast],
  ];
}

const betweenConvolutions: readonly Case[] = [
  {
    title: "activations of one input",
    x: [2, 5, 5, 3],
    constants: { A: floats(4, 3, 3, 3), B: floats(2, 4, 3, 3) },
    lines: [...conv("x", "A", "a"), ["Relu", "a", "r"], ["Tanh", "r", "t"], ...conv("t", "B", "y")],
    left: "Transpose Conv Relu Tanh Conv Transpose",
  },
  {
    title: "a factor and an offset for each channel",
    x: [2, 5, 5, 3],
    constants: { A: floats(4, 3, 3, 3), B: floats(2, 4, 3, 3), C: floats(4), D: floats(1, 1, 1, 4) },
    lines: [...conv("x", "A", "a"), ["Mul", "a C", "m"], ["Add", "D m", "s"], ...conv("s", "B", "y")],
    left: "Transpose Conv Mul Add Conv Transpose",
  },
  {
    title: "sums and concatenations of two branches",
    x: [2, 5, 5, 3],
    constants: { A: floats(4, 3, 3, 3), B: floats(4, 3, 3, 3), C: floats(2, 8, 3, 3) },
    lines: [
      ...conv("x", "A", "a"),
      ...conv("x", "B", "b"),
      ["Add", "a b", "s"],
      ["Concat", "a s", "c", { axis: 3 }],
      ...conv("c", "C", "y"),
    ],
    left: "Transpose Conv Transpose Conv Add Concat Conv Transpose",
  },
  {
    title: "paddings",
    x: [2, 5, 5, 3],
    constants: {
      A: floats(4, 3, 3, 3),
      B: floats(2, 4, 3, 3),
      P: ints(0, 1, 2, 0, 0, 3, 4, 0),
      Z: scalar(0),
    },
    lines: [...conv("x", "A", "a"), ["Pad", "a P Z", "p"], ...conv("p", "B", "y")],
    left: "Transpose Conv Pad Conv Transpose",
  },
  {
    title: "a padding of the input",
    x: [2, 5, 6, 3],
    constants: { A: floats(4, 3, 3, 3), P: ints(0, 1, 2, 0, 0, 3, 4, 0), Z: scalar(0.5) },
    lines: [["Pad", "x P Z", "p"], ...conv("p", "A", "y")],
    left: "Transpose Pad Conv Transpose",
  },
  {
    title: "a gate of one number for each channel, by a mean over the places and through a reshape",
    x: [2, 5, 5, 3],
    constants: { A: floats(4, 3, 3, 3), B: floats(4, 4, 1, 1), P: ints(1, 2), S: ints(-1, 1, 1, 4) },
    lines: [
      ...conv("x", "A", "a"),
      ["ReduceMean", "a P", "m", { keepdims: 0 }],
      ["Reshape", "m S", "r"],
      ...conv("r", "B", "g"),
      ["Sigmoid", "g", "h"],
      ["Mul", "a h", "y"],
    ],
    shapes: { m: [-1, 4] },
    left: "Transpose Conv GlobalAveragePool Conv Sigmoid Mul Transpose",
  },
  {
    title: "a concatenation, then a factor and an offset that no convolution can take in",
    x: [2, 5, 5, 3],
    constants: { A: floats(4, 3, 3, 3), B: floats(2, 7, 3, 3), C: floats(7), D: floats(7) },
    lines: [
      ...conv("x", "A", "a"),
      ["Transpose", "x", "f", toFirst],
      ["MaxPool", "f", "g", { kernel_shape: [3, 3], auto_pad: "SAME_UPPER" }],
      ["Transpose", "g", "b", toLast],
      ["Concat", "a b", "c", { axis: -1 }],
      ["Mul", "c C", "m"],
      ["Add", "m D", "s"],
      ["Relu", "s", "r"],
      ...conv("r", "B", "y"),
    ],
    left: "Transpose Conv Transpose MaxPool Concat BatchNormalization Relu Conv Transpose",
  },
  {
    title: "no more than can be moved: a softmax keeps its channels last",
    x: [2, 5, 5, 3],
    constants: { A: floats(4, 3, 3, 3), B: floats(2, 4, 3, 3) },
    lines: [...conv("x", "A", "a"), ["Softmax", "a", "s", { axis: -1 }], ...conv("s", "B", "y")],
    left: "Transpose Conv Transpose Softmax Transpose Conv Transpose",
  },
];

/** Layer normalization of x over its last dimension as Keras 3 writes it. */
function layerNormalization(x: string, y: string): Line[] {
  return [
    ["ReduceMean", `${x} LAST`, "mean"],
    ["Sub", `${x} mean`, "difference"],
    ["Mul", "difference difference", "square"],
    ["ReduceMean", "square LAST", "variance"],
    ["Add", "variance EPSILON", "sum"],
    ["Sqrt", "sum", "root"],
    ["Reciprocal", "root", "reciprocal"],
    ["Mul", "reciprocal GAMMA", "factor"],
    ["Mul", `${x} factor`, "scaled"],
    ["Neg", "mean", "negative"],
    ["Mul", "negative factor", "shift"],
    ["Add", "shift BETA", "offset"],
    ["Add", "scaled offset", y],
  ];
}

const normalizing = {
  LAST: ints(2),
  EPSILON: scalar(1e-3),
  GAMMA: floats(1, 1, 8),
  BETA: floats(1, 1, 8),
};

const arithmetic: readonly Case[] = [
  {
    title: "layer normalization",
    x: [2, 3, 8],
    constants: normalizing,
    lines: layerNormalization("x", "y"),
    shapes: { square: [-1, 3, 8] },
    left: "LayerNormalization",
  },
  {
    title: "layer normalization with the offset subtracted",
    x: [2, 3, 8],
    constants: normalizing,
    lines: [
      ...layerNormalization("x", "unused").slice(0, 9),
      ["Mul", "mean factor", "shift"],
      ["Sub", "BETA shift", "offset"],
      ["Add", "scaled offset", "y"],
    ],
    shapes: { square: [-1, 3, 8] },
    left: "LayerNormalization",
  },
  {
    title: "Gelu by erf",
    x: [2, 8],
    constants: { HALF: scalar(0.5), ROOT: scalar(Math.SQRT1_2), ONE: scalar(1) },
    lines: [
      ["Mul", "HALF x", "half"],
      ["Mul", "x ROOT", "part"],
      ["Erf", "part", "erf"],
      ["Add", "erf ONE", "gate"],
      ["Mul", "half gate", "y"],
    ],
    left: "Gelu",
  },
  {
    title: "Gelu by erfc, with the bias before it",
    x: [2, 8],
    constants: { HALF: scalar(0.5), ROOT: scalar(Math.SQRT1_2), ONE: scalar(1), BIAS: floats(8) },
    lines: [
      ["Add", "x BIAS", "b"],
      ["Mul", "HALF b", "half"],
      ["Neg", "b", "negative"],
      ["Mul", "negative ROOT", "part"],
      ["Erf", "part", "erf"],
      ["Sub", "ONE erf", "gate"],
      ["Mul", "half gate", "y"],
    ],
    shapes: { b: [-1, 8] },
    left: "BiasGelu",
  },
  {
    title: "Gelu by tanh",
    x: [2, 8],
    constants: {
      HALF: scalar(0.5),
      ONE: scalar(1),
      THREE: scalar(3),
      CUBIC: scalar(0.044715),
      ROOT: scalar(Math.sqrt(2 / Math.PI)),
    },
    lines: [
      ["Pow", "x THREE", "cube"],
      ["Mul", "CUBIC cube", "cubic"],
      ["Add", "x cubic", "sum"],
      ["Mul", "ROOT sum", "part"],
      ["Tanh", "part", "tanh"],
      ["Add", "ONE tanh", "gate"],
      ["Mul", "HALF gate", "half"],
      ["Mul", "x half", "y"],
    ],
    left: "FastGelu",
  },
  {
    title: "a product with half of itself is no Gelu",
    x: [2, 8],
    constants: { HALF: scalar(0.5), ROOT: scalar(0.7), ONE: scalar(1) },
    lines: [
      ["Mul", "HALF x", "half"],
      ["Mul", "x ROOT", "part"],
      ["Erf", "part", "erf"],
      ["Add", "erf ONE", "gate"],
      ["Mul", "half gate", "y"],
    ],
    left: "Mul Mul Erf Add Mul",
  },
  {
    title: "the hard sigmoid of MobileNetV3",
    x: [2, 8],
    constants: { THREE: scalar(3), LOW: scalar(0), HIGH: scalar(6) },
    lines: [
      ["Add", "x THREE", "sum"],
      ["Clip", "sum LOW HIGH", "clip"],
      ["Div", "clip HIGH", "gate"],
      ["Mul", "x gate", "y"],
    ],
    shapes: { gate: [-1, 8] },
    left: "HardSigmoid Mul",
  },
  {
    title: "a dense layer for each row of a matrix",
    x: [2, 3, 8],
    constants: { ROWS: ints(-1, 8), BACK: ints(-1, 3, 5), W: floats(8, 5) },
    lines: [
      ["Reshape", "x ROWS", "rows"],
      ["MatMul", "rows W", "product"],
      ["Reshape", "product BACK", "y"],
    ],
    left: "MatMul",
  },
  {
    title: "a dense layer that makes other rows than it got",
    x: [2, 3, 8],
    constants: { ROWS: ints(-1, 8), BACK: ints(-1, 2, 5), W: floats(8, 5) },
    lines: [
      ["Reshape", "x ROWS", "rows"],
      ["MatMul", "rows W", "product"],
      ["Reshape", "product BACK", "y"],
    ],
    left: "Reshape MatMul Reshape",
  },
];

/** Queries, keys or values of two heads as Keras makes them. */
function projected(name: string, perm: readonly number[]): Line[] {
  return [
    ["MatMul", `x W${name}`, `${name}/flat`],
    ["Reshape", `${name}/flat PARTED`, `${name}/parted`],
    ["Add", `${name}/parted B${name}`, name],
    ["Transpose", name, `${name}/turned`, { perm }],
  ];
}

const attending: Pick<Case, "x" | "constants" | "shapes"> = {
  x: [2, 3, 8],
  constants: {
    ...Object.fromEntries(["q", "k", "v"].map((name) => [`W${name}`, floats(8, 8)])),
    ...Object.fromEntries(["q", "k", "v"].map((name) => [`B${name}`, floats(2, 4)])),
    PARTED: ints(-1, 3, 2, 4),
    WHOLE: ints(-1, 3, 8),
    SCALE: scalar(0.5),
    MASK: floats(1, 1, 3, 3),
  },
  shapes: {
    ...Object.fromEntries(["q", "k", "v"].map((name) => [name, [-1, 3, 2, 4]])),
    ...Object.fromEntries(["q", "k", "v"].map((name) => [`${name}/flat`, [-1, 3, 8]])),
    scores: [-1, 2, 3, 3],
    scaled: [-1, 2, 3, 3],
    masked: [-1, 2, 3, 3],
    heads: [-1, 3, 2, 4],
  },
};

const projections = [
  ...projected("q", [0, 2, 1, 3]),
  ...projected("k", [0, 2, 3, 1]),
  ...projected("v", [0, 2, 1, 3]),
  ["MatMul", "q/turned k/turned", "scores"],
  ["Mul", "scores SCALE", "scaled"],
] as const;

const padding: readonly Case[] = [
  {
    title: "zeros around an image go into the convolution",
    x: [2, 3, 5, 5],
    constants: { P: ints(0, 0, 1, 0, 0, 0, 0, 2), W: floats(4, 3, 3, 3) },
    lines: [
      ["Pad", "x P", "p"],
      ["Conv", "p W", "y", { pads: [0, 1, 0, 0], strides: [2, 1] }],
    ],
    left: "Conv",
  },
  {
    title: "another value around it stays",
    x: [2, 3, 5, 5],
    constants: { P: ints(0, 0, 1, 1, 0, 0, 1, 1), V: scalar(1), W: floats(4, 3, 3, 3) },
    lines: [
      ["Pad", "x P V", "p"],
      ["Conv", "p W", "y", { pads: [0, 0, 0, 0] }],
    ],
    left: "Pad Conv",
  },
  {
    title: "zeros before a pooling stay: its own padding would not count",
    x: [2, 3, 4, 4],
    constants: { P: ints(0, 0, 1, 1, 0, 0, 1, 1) },
    lines: [
      ["Pad", "x P", "p"],
      ["MaxPool", "p", "y", { kernel_shape: [2, 2], strides: [1, 1] }],
    ],
    left: "Pad MaxPool",
  },
];

const attention: readonly Case[] = [
  {
    ...attending,
    title: "self-attention",
    lines: [
      ...projections,
      ["Softmax", "scaled", "weights", { axis: -1 }],
      ["MatMul", "weights v/turned", "weighted"],
      ["Transpose", "weighted", "heads", { perm: [0, 2, 1, 3] }],
      ["Reshape", "heads WHOLE", "whole"],
      ["Relu", "whole", "y"],
    ],
    left: "MatMul MatMul MatMul MultiHeadAttention Relu",
  },
  {
    ...attending,
    title: "self-attention with a mask",
    lines: [
      ...projections,
      ["Add", "scaled MASK", "masked"],
      ["Softmax", "masked", "weights", { axis: -1 }],
      ["MatMul", "weights v/turned", "weighted"],
      ["Transpose", "weighted", "heads", { perm: [0, 2, 1, 3] }],
      ["Reshape", "heads WHOLE", "whole"],
      ["Relu", "whole", "y"],
    ],
    left: "MatMul MatMul MatMul MultiHeadAttention Relu",
  },
  {
    ...attending,
    title: "attention over another dimension than the places stays as it is",
    lines: [
      ...projections,
      ["Softmax", "scaled", "weights", { axis: 1 }],
      ["MatMul", "weights v/turned", "weighted"],
      ["Transpose", "weighted", "heads", { perm: [0, 2, 1, 3] }],
      ["Reshape", "heads WHOLE", "y"],
    ],
    left: "MatMul Reshape Add Transpose MatMul Reshape Add Transpose MatMul Reshape Add Transpose MatMul Mul Softmax MatMul Transpose Reshape",
  },
];

function opOf([type, inputs, output, attrs = {}]: Line): OnnxOp {
  return { type, name: output, inputs: inputs.split(" "), outputs: [output], attrs };
}

function graphOf({ title, x, constants = {}, lines }: Case): OnnxGraph {
  const made = Object.entries(constants).map(
    ([name, value]) => [name, { dtype: value.dtype, shape: value.shape, read: () => value }] as const,
  );
  return {
    name: title,
    inputs: [{ name: "x", dtype: "float32", shape: [-1, ...x.slice(1)] }],
    outputs: [{ name: "y", dtype: "float32", shape: null }],
    ops: lines.map(opOf),
    initializers: new Map(made),
  };
}

function knownOf({ x, lines, shapes = {} }: Case): Map<string, KnownValue> {
  const all = lines.map(
    ([, , output]) => [output, { dtype: "float32", shape: shapes[output] ?? null }] as const,
  );
  return new Map<string, KnownValue>([["x", { dtype: "float32", shape: [-1, ...x.slice(1)] }], ...all]);
}

function run(graph: OnnxGraph, x: Tensor): Tensor {
  const session = OnnxSession.create(graph, { intraOpThreads: 1 });
  const [y] = session.run([x]);
  session.dispose();
  return y as Tensor;
}

function check(each: Case): void {
  const graph = graphOf(each);
  const optimized = optimize(graph, knownOf(each));
  assert.equal(optimized.ops.map(({ type }) => type).join(" "), each.left);
  const x = floats(...each.x);
  assertClose(run(optimized, x), run(graph, x), "y");
}

const tables = {
  Padding: padding,
  "Between convolutions": betweenConvolutions,
  "Arithmetic becomes": arithmetic,
  Attention: attention,
};
for (const [what, cases] of Object.entries(tables)) {
  describe(what, () => {
    for (const each of cases) it(each.title, () => check(each));
  });
}

describe("Values that are outputs or read inside of operators", () => {
  it("keep their names", () => {
    const graph: OnnxGraph = {
      ...graphOf({ title: "outputs", x: [2, 3, 4, 5], lines: [], left: "" }),
      ops: [
        opOf(["Transpose", "x", "first", toFirst]),
        opOf(["Transpose", "first", "last", toLast]),
        opOf(["Relu", "last", "y"]),
      ],
      outputs: ["last", "y"].map((name) => ({ name, dtype: "float32", shape: null })),
    };
    const { ops } = optimize(graph, new Map());
    assert.deepEqual(
      ops.map(({ type, inputs, outputs }) => [type, ...inputs, ...outputs]),
      [
        ["Identity", "x", "last"],
        ["Relu", "x", "y"],
      ],
    );
  });
});
