/**
 * Activation functions by name (keras/src/activations, and where Keras 2 differs tf_keras/src/activations.py), and as
 * configurations write them: a name, a function's record, or a layer.
 */
import type { Output } from "../graph-builder/operation.js";
import { unimplemented } from "../status.js";
import { isJsonObject, type Json, kerasObject } from "./config.js";
import { frontAxis, type Nodes, rankOf } from "./nodes.js";

export interface ActivationOptions {
  readonly alpha?: number;
  readonly axis?: number;
  readonly threshold?: number;
  readonly approximate?: boolean;
  readonly value?: number;
}

type Activation = (n: Nodes, x: Output, options: ActivationOptions) => Output;

const unary =
  (op: string): Activation =>
  (n, x) =>
    n.op(op, [x]);

/** Softmax over any axis; TensorFlow's is over the last. */
function overAxis(op: string): Activation {
  return (n, x, { axis = -1 }) => {
    const rank = rankOf(x);
    const at = frontAxis(axis, rank);
    if (at === rank - 1) return rank === 1 ? n.squeeze(n.op(op, [n.expand(x, 0)]), 0) : n.op(op, [x]);
    const order = Array.from({ length: rank }, (_, i) => (i === at ? rank - 1 : i === rank - 1 ? at : i));
    return n.transpose(n.op(op, [n.transpose(x, order)]), order);
  };
}

const SQRT_HALF = Math.SQRT1_2;

const gelu: Activation = (n, x, { approximate = false }) => {
  const half = n.scaled(x, 0.5);
  if (!approximate) return n.mul(half, n.shifted(n.op("Erf", [n.scaled(x, SQRT_HALF)]), 1));
  const cube = n.mul(x, n.mul(x, x));
  const inner = n.scaled(n.add(x, n.scaled(cube, 0.044715)), Math.sqrt(2 / Math.PI));
  return n.mul(half, n.shifted(n.op("Tanh", [inner]), 1));
};

const relu6: Activation = (n, x) => n.op("Relu6", [x]);
const hardSigmoid: Activation = (n, x) => n.div(relu6(n, n.shifted(x, 3), {}), n.number(x, 6));
const hardSilu: Activation = (n, x) => n.mul(x, hardSigmoid(n, x, {}));
const silu: Activation = (n, x) => n.mul(x, n.op("Sigmoid", [x]));
const zero = (n: Nodes, x: Output): Output => n.op("ZerosLike", [x]);

/** max(z − τ, 0), with τ as keras/src/backend/tensorflow/nn.py computes it. */
const sparsemax: Activation = (n, x, { axis = -1 }) => {
  const rank = rankOf(x);
  if (frontAxis(axis, rank) !== rank - 1) throw unimplemented("sparsemax over an axis that is not the last");
  const count = n.size(x, -1);
  const sorted = n
    .ops("TopKV2", [
      x,
      typeof count === "number" ? { dtype: "int32", shape: [], data: Int32Array.of(count) } : count,
    ])
    .output(0);
  const sums = n.op("Cumsum", [sorted, { dtype: "int32", shape: [], data: Int32Array.of(-1) }]);
  const last =
    typeof count === "number"
      ? { dtype: "int32" as const, shape: [], data: Int32Array.of(count + 1) }
      : n.shifted(count, 1);
  const one = { dtype: "int32" as const, shape: [], data: Int32Array.of(1) };
  const ranks = n.cast(n.op("Range", [one, last, one]), x.dtype);
  const inSupport = n.op("Greater", [n.shifted(n.mul(sorted, ranks), 1), sums]);
  const size = n.reduce("Sum", n.cast(inSupport, x.dtype), [-1], true);
  // Not the sum of the entries that are kept but that of their running sums: so Keras has it.
  const kept = n.reduce("Sum", n.mul(sums, n.cast(inSupport, x.dtype)), [-1], true);
  const tau = n.div(n.shifted(kept, -1), size);
  return n.op("Maximum", [n.sub(x, tau), n.number(x, 0)]);
};

const rows: Readonly<Record<string, Activation>> = {
  linear: (_, x) => x,
  identity: (_, x) => x,
  relu: unary("Relu"),
  relu6,
  leaky_relu: (n, x, { alpha = 0.2 }) => n.op("LeakyRelu", [x], { alpha }),
  elu: (n, x, { alpha = 1 }) => {
    const base = n.op("Elu", [x]);
    return alpha === 1 ? base : n.where(n.op("Greater", [x, n.number(x, 0)]), base, n.scaled(base, alpha));
  },
  selu: unary("Selu"),
  celu: (n, x, { alpha = 1 }) => {
    const negative = n.op("Expm1", [n.div(n.op("Minimum", [x, n.number(x, 0)]), n.number(x, alpha))]);
    return n.add(n.op("Relu", [x]), n.scaled(negative, alpha));
  },
  gelu,
  glu: (n, x, { axis = -1 }) => {
    const [a, b] = n.split(x, 2, axis) as [Output, Output];
    return n.mul(a, n.op("Sigmoid", [b]));
  },
  softmax: overAxis("Softmax"),
  log_softmax: overAxis("LogSoftmax"),
  softplus: unary("Softplus"),
  softsign: unary("Softsign"),
  soft_shrink: (n, x, { threshold = 0.5 }) => {
    const below = n.where(n.op("Less", [x, n.number(x, -threshold)]), n.shifted(x, threshold), zero(n, x));
    return n.where(n.op("Greater", [x, n.number(x, threshold)]), n.shifted(x, -threshold), below);
  },
  hard_shrink: (n, x, { threshold = 0.5 }) =>
    n.where(n.op("Greater", [n.op("Abs", [x]), n.number(x, threshold)]), x, zero(n, x)),
  tanh: unary("Tanh"),
  tanh_shrink: (n, x) => n.sub(x, n.op("Tanh", [x])),
  hard_tanh: (n, x) => n.clipped(x, -1, 1),
  threshold: (n, x, { threshold = 0, value = 0 }) =>
    n.where(n.op("Greater", [x, n.number(x, threshold)]), x, n.number(x, value)),
  sigmoid: unary("Sigmoid"),
  log_sigmoid: (n, x) => n.op("Neg", [n.op("Softplus", [n.op("Neg", [x])])]),
  sparse_sigmoid: (n, x) => n.clipped(n.scaled(n.shifted(x, 1), 0.5), 0, 1),
  sparse_plus: (n, x) => {
    const square = n.scaled(n.op("Square", [n.shifted(x, 1)]), 0.25);
    const upper = n.where(n.op("Less", [x, n.number(x, 1)]), square, x);
    return n.where(n.op("LessEqual", [x, n.number(x, -1)]), zero(n, x), upper);
  },
  squareplus: (n, x, { value = 4 }) =>
    n.scaled(n.add(x, n.op("Sqrt", [n.shifted(n.op("Square", [x]), value)])), 0.5),
  exponential: unary("Exp"),
  hard_sigmoid: hardSigmoid,
  hard_silu: hardSilu,
  hard_swish: hardSilu,
  silu,
  swish: silu,
  mish: (n, x) => n.mul(x, n.op("Tanh", [n.op("Softplus", [x])])),
  sparsemax,
};

/** Keras 2 has a steeper line between 0 and 1. */
const keras2Rows: Readonly<Record<string, Activation>> = {
  hard_sigmoid: (n, x) => n.clipped(n.shifted(n.scaled(x, 0.2), 0.5), 0, 1),
};

/** Layers that may stand for a function, and how their configurations call its options. */
const layerActivations: Readonly<Record<string, string>> = {
  ReLU: "relu",
  LeakyReLU: "leaky_relu",
  ELU: "elu",
  Softmax: "softmax",
};

export interface ActivationContext {
  readonly n: Nodes;
  readonly isKeras2: boolean;
}

/** Applies a function by its name. UNIMPLEMENTED, naming it, when Keras has none of the name. */
export function activationByName(
  { n, isKeras2 }: ActivationContext,
  x: Output,
  name: string,
  options: ActivationOptions = {},
): Output {
  const row =
    (isKeras2 && Object.hasOwn(keras2Rows, name) && keras2Rows[name]) ||
    (Object.hasOwn(rows, name) && rows[name]);
  if (!row)
    throw unimplemented(`the activation "${name}" is not one of Keras: a custom function can't be served`);
  return row(n, x, options);
}

/** Applies what a configuration has under "activation"; null is none. */
export function activated(context: ActivationContext, x: Output, value: Json): Output {
  if (value === null) return x;
  if (typeof value === "string") return activationByName(context, x, value);
  if (!isJsonObject(value)) throw unimplemented("an activation that is neither a name nor an object");
  const { config } = value;
  if (value.class_name === "function" && typeof config === "string")
    return activationByName(context, x, config);
  const object = kerasObject(value, "activation");
  if (object.className in layerActivations) return layerActivation(context, x, object);
  if (typeof object.config.values.name === "string" && object.className === "function") {
    return activationByName(context, x, object.config.values.name);
  }
  return activationByName(context, x, object.className);
}

function layerActivation(
  context: ActivationContext,
  x: Output,
  object: ReturnType<typeof kerasObject>,
): Output {
  const { className, config } = object;
  if (className === "ReLU") {
    return reluWith(context.n, x, {
      slope: config.number("negative_slope", 0),
      threshold: config.number("threshold", 0),
      ...(config.has("max_value") && { maximum: config.number("max_value") }),
    });
  }
  const alpha = config.number("negative_slope", config.number("alpha", className === "LeakyReLU" ? 0.3 : 1));
  return activationByName(context, x, layerActivations[className] as string, {
    alpha,
    ...(typeof config.get("axis") === "number" && { axis: config.number("axis") }),
  });
}

interface ReluOptions {
  readonly slope: number;
  readonly maximum?: number;
  readonly threshold: number;
}

/** The rectifier with its options: x above the threshold, slope · (x − threshold) below, at most the maximum. */
export function reluWith(n: Nodes, x: Output, { slope, maximum, threshold }: ReluOptions): Output {
  if (maximum === undefined && threshold === 0) {
    return slope === 0 ? n.op("Relu", [x]) : n.op("LeakyRelu", [x], { alpha: slope });
  }
  const isAbove = n.op("Greater", [x, n.number(x, threshold)]);
  const above = n.where(isAbove, x, n.number(x, 0));
  const kept = maximum === undefined ? above : n.clipped(above, 0, maximum);
  if (slope === 0) return kept;
  const below = n.op("Relu", [n.sub(n.number(x, threshold), x)]);
  return n.sub(kept, n.scaled(below, slope));
}
