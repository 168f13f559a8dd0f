/**
 * Simulated quantization: numbers are rounded to those that a few bits could hold, and stay floats. The arithmetic is
 * TensorFlow's (tensorflow/core/kernels/fake_quant_ops_functor.h and quantize_and_dequantize_op.h), in float32.
 */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { agrees, constantNumber, input, rankOf, sizeOf, value } from "./node-facts.js";

type Range = readonly [min: OnnxValue, max: OnnxValue];

/** The range is moved a little, so that 0 is one of the steps. A range of nothing gives 0. */
function fakeQuant(
  g: OnnxEmitter,
  node: OnnxNode,
  [min, max]: Range,
  counting: "Div" | "Mul" = "Mul",
): OnnxValue {
  const x = value(node, 0);
  const number = (of: number) => g.scalar("float32", of);
  const lowest = node.attrs.bool("narrow_range") ? 1 : 0;
  const highest = 2 ** node.attrs.int("num_bits") - 1;
  const span = g.op("Sub", [max, min]);
  const scale = g.op("Div", [span, number(highest - lowest)]);
  const inverse = g.op("Div", [number(highest - lowest), span]);
  const fromMin = g.op("Sub", [number(lowest), g.op("Div", [min, scale])]);
  const rounded = g.op("Floor", [g.op("Add", [fromMin, number(0.5)])]);
  const zero = g.op("Max", [g.op("Min", [rounded, number(highest)]), number(lowest)]);
  const low = g.op("Mul", [g.op("Sub", [number(lowest), zero]), scale]);
  const high = g.op("Mul", [g.op("Sub", [number(highest), zero]), scale]);
  const clamped = g.op("Max", [g.op("Min", [x, high]), low]);
  const steps = g.op(counting, [g.op("Sub", [clamped, low]), counting === "Div" ? scale : inverse]);
  const zeroStep = g.op("Floor", [g.op("Add", [g.op("Mul", [g.op("Neg", [low]), inverse]), number(0.5)])]);
  const step = g.op("Floor", [g.op("Add", [g.op("Sub", [steps, zeroStep]), number(0.5)])]);
  const isNothing = g.op("Equal", [span, number(0)]);
  return g.op("Where", [isNothing, number(0), g.op("Mul", [step, scale])]);
}

function fakeQuantArgs(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  return fakeQuant(g, node, [
    g.scalar("float32", node.attrs.float("min")),
    g.scalar("float32", node.attrs.float("max")),
  ]);
}

/** TensorFlow's kernel for two scalars divides by the size of a step; those for channels and attributes multiply. */
const fakeQuantVars = (g: OnnxEmitter, node: OnnxNode): OnnxValue =>
  fakeQuant(g, node, [value(node, 1), value(node, 2)], "Div");

function fakeQuantPerChannel(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const channels = sizeOf(input(node, 0), -1);
  for (const at of [1, 2]) {
    if (!agrees(sizeOf(input(node, at), 0), channels))
      throw new NotExpressible("not one range for each channel");
  }
  return fakeQuant(g, node, [value(node, 1), value(node, 2)]);
}

/** The widest range of steps that both sides of the given (or the found) range fit in, around 0. */
function quantizeAndDequantize(g: OnnxEmitter, node: OnnxNode, bits: number): OnnxValue {
  const x = value(node, 0);
  const number = (of: number) => g.scalar(x.dtype, of);
  const axis = node.attrs.has("axis") ? node.attrs.int("axis") : -1;
  const signed = node.attrs.bool("signed_input");
  const given = node.attrs.bool("range_given");
  const narrow = node.attrs.has("narrow_range") && node.attrs.bool("narrow_range") ? 1 : 0;
  const lowest = signed ? -(2 ** (bits - 1)) + narrow : 0;
  const highest = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const [min, max] = given ? givenRange(g, node, axis) : foundRange(g, node, axis);
  const side = (limit: number, range: OnnxValue): OnnxValue => {
    const reaches = g.op("Greater", [g.op("Mul", [range, number(limit)]), number(0)]);
    return g.op("Where", [reaches, g.op("Div", [number(limit), range]), number(LARGEST_FLOAT)]);
  };
  const [fromMin, fromMax] = [side(lowest, min), side(highest, max)];
  const minDecides = g.op("Less", [fromMin, fromMax]);
  const scale = g.op("Where", [minDecides, fromMin, fromMax]);
  const perMax = g.op("Div", [max, number(highest)]);
  const inverse =
    lowest === 0 ? perMax : g.op("Where", [minDecides, g.op("Div", [min, number(lowest)]), perMax]);
  const low = g.op("Where", [minDecides, min, g.op("Mul", [inverse, number(lowest)])]);
  const high = g.op("Where", [minDecides, g.op("Mul", [inverse, number(highest)]), max]);
  const inside = given ? g.op("Max", [g.op("Min", [x, high]), low]) : x;
  return g.op("Mul", [rounded(g, node, g.op("Mul", [inside, scale])), inverse]);
}

const LARGEST_FLOAT = 2 ** 128 - 2 ** 104;

function rounded(g: OnnxEmitter, node: OnnxNode, x: OnnxValue): OnnxValue {
  const mode = node.attrs.has("round_mode") ? node.attrs.string("round_mode") : "HALF_TO_EVEN";
  return mode === "HALF_UP" ? g.op("Floor", [g.op("Add", [x, g.scalar(x.dtype, 0.5)])]) : g.op("Round", [x]);
}

/** Ranges along an axis are vectors: shaped so that they meet that axis. */
function givenRange(g: OnnxEmitter, node: OnnxNode, axis: number): Range {
  if (axis === -1) return [value(node, 1), value(node, 2)];
  const trailing = rankOf(input(node, 0)) - axis - 1;
  const along = (of: OnnxValue) =>
    g.op("Reshape", [of, g.ints([-1, ...new Array<number>(trailing).fill(1)])]);
  return [along(value(node, 1)), along(value(node, 2))];
}

function foundRange(g: OnnxEmitter, node: OnnxNode, axis: number): Range {
  const x = value(node, 0);
  const others =
    axis === -1 ? [] : Array.from({ length: rankOf(input(node, 0)) }, (_, i) => i).filter((i) => i !== axis);
  const over = axis === -1 ? [x] : [x, g.ints(others)];
  return [g.op("ReduceMin", over, { keepdims: 1 }), g.op("ReduceMax", over, { keepdims: 1 })];
}

export const quantizationRows: OnnxTable = {
  FakeQuantWithMinMaxArgs: { build: fakeQuantArgs },
  FakeQuantWithMinMaxVars: { build: fakeQuantVars },
  FakeQuantWithMinMaxVarsPerChannel: { build: fakeQuantPerChannel },
  QuantizeAndDequantizeV2: { build: (g, node) => quantizeAndDequantize(g, node, node.attrs.int("num_bits")) },
  QuantizeAndDequantizeV3: {
    build: (g, node) => quantizeAndDequantize(g, node, constantNumber(input(node, 3), "num_bits")),
  },
  QuantizeAndDequantizeV4: { build: (g, node) => quantizeAndDequantize(g, node, node.attrs.int("num_bits")) },
};
