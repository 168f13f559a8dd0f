/** Activation functions of neural networks. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import type { OnnxNode, OnnxRow, OnnxTable } from "../op-table.js";
import { expm1, log1p } from "./elementwise.js";
import { isInteger, isUnsigned, value } from "./node-facts.js";

function relu(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const x = value(node, 0);
  if (isUnsigned(x.dtype)) return x;
  return isInteger(x.dtype) ? g.op("Max", [x, g.scalar(x.dtype, 0)]) : g.op("Relu", [x]);
}

function relu6(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const x = value(node, 0);
  return g.op("Clip", [x, g.scalar(x.dtype, 0), g.scalar(x.dtype, 6)]);
}

/** ONNX Runtime has most of these for float32 only; for float64 they are composed. */
const composed = (
  onnx: string,
  float64: (g: OnnxEmitter, x: OnnxValue, node: OnnxNode) => OnnxValue,
  attrs: OnnxRow["attrs"] = {},
): OnnxRow => ({
  build: (g, node) => {
    const x = value(node, 0);
    if (x.dtype === "float64") return float64(g, x, node);
    const floats = Object.entries(attrs).map(
      ([from, to]) => [to, { float: node.attrs.float(from) }] as const,
    );
    return g.op(onnx, [x], Object.fromEntries(floats));
  },
});

const onNegative = (g: OnnxEmitter, x: OnnxValue, negative: OnnxValue): OnnxValue =>
  g.op("Where", [g.op("Less", [x, g.scalar(x.dtype, 0)]), negative, x]);

const scaled = (g: OnnxEmitter, x: OnnxValue, factor: number): OnnxValue =>
  g.op("Mul", [x, g.scalar(x.dtype, factor)]);

/** log(1 + exp(x)), without overflow: max(x, 0) + log1p(exp(-|x|)). */
function softplus(g: OnnxEmitter, x: OnnxValue, node: OnnxNode): OnnxValue {
  const tail = log1p(g, g.op("Exp", [g.op("Neg", [g.op("Abs", [x])])]), node);
  return g.op("Add", [g.op("Max", [x, g.scalar(x.dtype, 0)]), tail]);
}

function softsign(g: OnnxEmitter, x: OnnxValue): OnnxValue {
  return g.op("Div", [x, g.op("Add", [g.op("Abs", [x]), g.scalar(x.dtype, 1)])]);
}

/** Constants of "Self-Normalizing Neural Networks" (Klambauer et al., 2017), as in ONNX's definition. */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

/** The loss of each row, and its gradient. Labels and logits broadcast. */
function crossEntropy(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const [logits, labels] = [value(node, 0), value(node, 1)];
  const shape = g.op("Max", [g.op("Shape", [logits]), g.op("Shape", [labels])]);
  const scores = g.op("Expand", [logits, shape]);
  const surprise = g.op("Neg", [g.op("Mul", [labels, g.op("LogSoftmax", [scores], { axis: -1 })])]);
  const loss = g.op("ReduceSum", [surprise, g.ints([1])], { keepdims: 0 });
  return [loss, g.op("Sub", [g.op("Softmax", [scores], { axis: -1 }), labels])];
}

export const activationRows: OnnxTable = {
  Relu: { build: relu },
  Relu6: { build: relu6 },
  LeakyRelu: composed(
    "LeakyRelu",
    (g, x, node) => onNegative(g, x, scaled(g, x, node.attrs.float("alpha"))),
    {
      alpha: "alpha",
    },
  ),
  Elu: composed("Elu", (g, x, node) => onNegative(g, x, expm1(g, x, node))),
  Selu: composed("Selu", (g, x, node) =>
    scaled(g, onNegative(g, x, scaled(g, expm1(g, x, node), SELU_ALPHA)), SELU_SCALE),
  ),
  Sigmoid: { onnx: "Sigmoid" },
  Softplus: composed("Softplus", softplus),
  Softsign: composed("Softsign", softsign),
  Softmax: { build: (g, node) => g.op("Softmax", [value(node, 0)], { axis: -1 }) },
  LogSoftmax: { build: (g, node) => g.op("LogSoftmax", [value(node, 0)], { axis: -1 }) },
  SoftmaxCrossEntropyWithLogits: { build: crossEntropy },
};
