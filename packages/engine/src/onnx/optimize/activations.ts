/** Activations that TensorFlow writes as arithmetic become the operators that ONNX Runtime has for them. */
import type { OnnxOp } from "../onnx-graph.js";
import { type GraphEditor, makeOp, type Rewritten } from "./graph-editor.js";

/** A product as the constant in it and the other factors. */
interface Product {
  readonly constant: number;
  readonly factors: readonly string[];
}

/** How far products are followed up. */
const MAX_DEPTH = 4;

/** Takes products, quotients by constants and changes of sign apart. */
function productOf(name: string, g: GraphEditor, depth = 0): Product {
  const constant = g.scalar(name);
  if (constant !== undefined) return { constant, factors: [] };
  const op = depth < MAX_DEPTH ? g.producer(name, "Mul", "Div", "Neg") : undefined;
  return (op === undefined ? undefined : productIn(op, g, depth + 1)) ?? { constant: 1, factors: [name] };
}

/** The same of an operator's output; undefined where that is no product. */
function productIn(op: OnnxOp, g: GraphEditor, depth = 0): Product | undefined {
  const [a, b] = op.inputs as [string, string];
  const x = productOf(a, g, depth);
  if (op.type === "Neg") return { ...x, constant: -x.constant };
  if (op.type === "Mul") {
    const y = productOf(b, g, depth);
    return { constant: x.constant * y.constant, factors: [...x.factors, ...y.factors] };
  }
  const divisor = g.scalar(b);
  return op.type !== "Div" || divisor === undefined ? undefined : { ...x, constant: x.constant / divisor };
}

/** Constants in graphs are float32. */
function near(value: number, wanted: number): boolean {
  return Math.abs(value - wanted) <= 1e-6 * Math.abs(wanted);
}

/** min(max(x + 3, 0), 6) / 6. */
export function fuseHardSigmoid(op: OnnxOp, g: GraphEditor): Rewritten {
  if (op.type !== "Mul" && op.type !== "Div") return undefined;
  const { constant = 0, factors = [] } = productIn(op, g) ?? {};
  const clip = g.producer(factors[0], "Clip");
  if (factors.length !== 1 || clip === undefined || !near(constant, 1 / 6)) return undefined;
  if (g.scalar(clip.inputs[1]) !== 0 || g.scalar(clip.inputs[2]) !== 6) return undefined;
  const sum = g.producer(clip.inputs[0], "Add");
  const x = sum?.inputs.find((_, i) => g.scalar(sum.inputs[1 - i]) === 3);
  if (x === undefined || g.dtype(op.outputs[0]) !== "float32") return undefined;
  const attrs = { alpha: { float: 1 / 6 }, beta: { float: 0.5 } };
  return [makeOp("HardSigmoid", [x], op.outputs[0] as string, attrs)];
}

const MICROSOFT = "com.microsoft";

/** x / 2 · (1 + erf(x / √2)), or (1 - erf(-x / √2)), or with a tanh that is close to it; with the bias before it. */
export function fuseGelu(op: OnnxOp, g: GraphEditor): Rewritten {
  if (op.type !== "Mul" || g.dtype(op.outputs[0]) !== "float32") return undefined;
  const { constant = 0, factors = [] } = productIn(op, g) ?? {};
  if (factors.length !== 2 || !near(constant, 0.5)) return undefined;
  for (const [x, gate] of [factors, [...factors].reverse()] as [string, string][]) {
    const kind = gateOf(x, gate, g);
    if (kind !== undefined) return [geluOp(kind, x, op.outputs[0] as string, g)];
  }
  return undefined;
}

type Gelu = "erf" | "tanh";

function gateOf(x: string, gate: string, g: GraphEditor): Gelu | undefined {
  const op = g.producer(gate, "Add", "Sub");
  if (op === undefined) return undefined;
  const one = op.inputs.findIndex((name) => g.scalar(name) === 1);
  if (one < 0 || (op.type === "Sub" && one !== 0)) return undefined;
  const sign = op.type === "Sub" ? -1 : 1;
  const inner = g.producer(op.inputs[1 - one], "Erf", "Tanh");
  if (inner === undefined) return undefined;
  const { constant, factors } = productOf(inner.inputs[0] as string, g);
  if (inner.type === "Tanh") {
    const isGelu = factors.length === 1 && near(sign * constant, Math.sqrt(2 / Math.PI));
    return isGelu && isCubic(factors[0] as string, x, g) ? "tanh" : undefined;
  }
  return factors.length === 1 && factors[0] === x && near(sign * constant, Math.SQRT1_2) ? "erf" : undefined;
}

/** x + 0.044715 x³. */
function isCubic(name: string, x: string, g: GraphEditor): boolean {
  const sum = g.producer(name, "Add");
  const cube = sum?.inputs.find((_, i) => sum.inputs[1 - i] === x);
  if (cube === undefined) return false;
  const { constant, factors } = productOf(cube, g);
  if (!near(constant, 0.044715)) return false;
  if (factors.length === 3) return factors.every((each) => each === x);
  const power = factors.length === 1 ? g.producer(factors[0], "Pow") : undefined;
  return power?.inputs[0] === x && g.scalar(power.inputs[1]) === 3;
}

function geluOp(kind: Gelu, x: string, output: string, g: GraphEditor): OnnxOp {
  const sum = g.producer(x, "Add");
  const bias = sum?.inputs.find((name) => g.constant(name)?.shape.length === 1);
  const before = sum?.inputs.find((name) => name !== bias);
  const size = g.shape(x)?.at(-1);
  const takesBias =
    bias !== undefined && before !== undefined && size !== undefined && g.constant(bias)?.shape[0] === size;
  if (kind === "tanh") return makeOp("FastGelu", takesBias ? [before, bias] : [x], output, {}, MICROSOFT);
  if (takesBias) return makeOp("BiasGelu", [before, bias], output, {}, MICROSOFT);
  return makeOp("Gelu", [x], output, {}, MICROSOFT);
}
