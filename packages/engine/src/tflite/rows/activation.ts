/** Functions that operators apply to their results, and those that are operators of their own. */
import { type GraphBuilder, type Output, type TfliteActivation, unimplemented } from "@servable/formats";
import { float, type TfliteOp, type TfliteTable } from "../operator.js";

/** The result of an operator with a fused activation function. UNIMPLEMENTED for SIGN_BIT, which nobody writes. */
export function activated(g: GraphBuilder, x: Output, activation: TfliteActivation): Output {
  switch (activation) {
    case "NONE":
      return x;
    case "RELU":
      return g.compute("Relu", [x]);
    case "RELU6":
      return g.compute("Relu6", [x]);
    case "RELU_N1_TO_1":
      return between(g, x, -1, 1);
    case "TANH":
      return g.compute("Tanh", [x]);
    case "SIGN_BIT":
      throw unimplemented("the activation function SIGN_BIT is not supported");
  }
}

function between(g: GraphBuilder, x: Output, low: number, high: number): Output {
  return g.compute("Minimum", [g.compute("Maximum", [x, float(low)]), float(high)]);
}

/** x × relu6(x + 3) / 6 */
function hardSwish({ g, ...op }: Unary): Output {
  const gate = g.compute("Relu6", [g.compute("AddV2", [op.x, float(3)])]);
  return g.compute("Mul", [op.x, g.compute("Mul", [gate, float(1 / 6)])]);
}

interface Unary {
  readonly g: GraphBuilder;
  readonly x: Output;
}

const times = (g: GraphBuilder, ...factors: [Output, ...(Output | ReturnType<typeof float>)[]]): Output =>
  factors.slice(1).reduce<Output>((product, factor) => g.compute("Mul", [product, factor]), factors[0]);

/** x × Φ(x), or its approximation by tanh. */
function gelu({ g, x }: Unary, approximate: boolean): Output {
  const plusOne = (of: Output) => g.compute("AddV2", [of, float(1)]);
  const half = times(g, x, float(0.5));
  if (!approximate) return times(g, half, plusOne(g.compute("Erf", [times(g, x, float(Math.SQRT1_2))])));
  const cubed = times(g, x, x, x, float(0.044715));
  const inner = times(g, g.compute("AddV2", [x, cubed]), float(Math.sqrt(2 / Math.PI)));
  return times(g, half, plusOne(g.compute("Tanh", [inner])));
}

/** Negative numbers are multiplied by a factor for each channel. */
function prelu({ g, x }: Unary, alpha: Output): Output {
  const negative = g.compute("Minimum", [x, float(0)]);
  return g.compute("AddV2", [g.compute("Relu", [x]), times(g, negative, alpha)]);
}

const unary = (op: TfliteOp): Unary => ({ g: op.g, x: op.input(0) });

export const activationRows: TfliteTable = {
  ELU: (op) => op.g.compute("Elu", [op.input(0)]),
  GELU: (op) => gelu(unary(op), op.options("GeluOptions").approximate),
  HARD_SWISH: (op) => hardSwish(unary(op)),
  LEAKY_RELU: (op) =>
    op.g.compute("LeakyRelu", [op.input(0)], { alpha: op.options("LeakyReluOptions").alpha }),
  LOGISTIC: (op) => op.g.compute("Sigmoid", [op.input(0)]),
  LOG_SOFTMAX: (op) => op.g.compute("LogSoftmax", [op.input(0)]),
  PRELU: (op) => prelu(unary(op), op.input(1)),
  RELU: (op) => activated(op.g, op.input(0), "RELU"),
  RELU6: (op) => activated(op.g, op.input(0), "RELU6"),
  RELU_0_TO_1: (op) => between(op.g, op.input(0), 0, 1),
  RELU_N1_TO_1: (op) => activated(op.g, op.input(0), "RELU_N1_TO_1"),
  SOFTMAX: (op) => {
    const { beta } = op.options("SoftmaxOptions");
    const x = op.input(0);
    return op.g.compute("Softmax", [beta === 1 ? x : times(op.g, x, float(beta))]);
  },
  TANH: (op) => op.g.compute("Tanh", [op.input(0)]),
};
