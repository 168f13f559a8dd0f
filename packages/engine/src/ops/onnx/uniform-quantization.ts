/**
 * Quantization with one scale and zero point, for a whole tensor or for each index along an axis
 * (tensorflow/core/kernels/uniform_quant_ops). ONNX's QuantizeLinear rounds halves to even where TensorFlow rounds
 * them up, so it is only used where the node says that it may be; ONNX Runtime then fuses it with its neighbours.
 */
import { type DType, dtypeInfo } from "@servable/formats";
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { input, rankOf, value } from "./node-facts.js";

/** An attribute of ours: halves may be rounded to even. */
export const HALF_TO_EVEN = "_half_to_even";

/** The axis that scales belong to; undefined for a single scale. */
function axisOf(node: OnnxNode): number | undefined {
  const axis = node.attrs.int("quantization_axis");
  return axis === -1 ? undefined : axis;
}

/** Scales or zero points in a shape that meets the input's. */
function along(g: OnnxEmitter, node: OnnxNode, parameters: OnnxValue): OnnxValue {
  const axis = axisOf(node);
  if (axis === undefined) return parameters;
  const trailing = rankOf(input(node, 0)) - axis - 1;
  return g.op("Reshape", [parameters, g.ints([-1, ...new Array<number>(trailing).fill(1)])]);
}

function quantize(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const type = node.outputTypes[0] as DType;
  const carrier: DType = type === "qint8" ? "int8" : "int32";
  const least = node.attrs.int("quantization_min_val");
  const most = node.attrs.int("quantization_max_val");
  const { bits } = dtypeInfo(carrier);
  const isFull = least === -(2 ** (bits - 1)) && most === 2 ** (bits - 1) - 1;
  return carrier === "int8" && isFull && node.attrs.has(HALF_TO_EVEN)
    ? quantizeLinear(g, node)
    : quantizeByParts(g, node, carrier, least, most);
}

function quantizeLinear(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const axis = axisOf(node);
  const attrs = axis === undefined ? {} : { axis };
  const inputs = [value(node, 0), value(node, 1), zeroPoints(g, node)];
  return g.op("QuantizeLinear", inputs, attrs, { types: ["int8"] });
}

/** As int8. ONNX Runtime's fusions look for constants and miscompile what they don't find. */
function zeroPoints(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const { tensor } = input(node, 2);
  if (tensor === undefined) throw new NotExpressible("zero points that are computed");
  return g.filled("int8", tensor.shape, Array.from(tensor.data as Int32Array));
}

/** In float32, as TensorFlow computes it: round(x × (1 / scale)) + zero point, halves up, within the limits. */
function quantizeByParts(
  g: OnnxEmitter,
  node: OnnxNode,
  carrier: DType,
  least: number,
  most: number,
): OnnxValue {
  const number = (of: number) => g.scalar("float32", of);
  const inverse = g.op("Div", [number(1), along(g, node, value(node, 1))]);
  const scaled = g.op("Mul", [value(node, 0), inverse]);
  const rounded = g.op("Floor", [g.op("Add", [scaled, number(0.5)])]);
  const zeroPoint = g.cast(along(g, node, value(node, 2)), "float32");
  const shifted = g.op("Add", [rounded, zeroPoint]);
  // float32 has no 2^31 - 1: the largest number below it is what stays an int32.
  const highest = most === 2 ** 31 - 1 ? 2 ** 31 - 128 : most;
  return g.cast(g.op("Max", [g.op("Min", [shifted, number(highest)]), number(least)]), carrier);
}

function dequantize(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const axis = axisOf(node);
  const attrs = axis === undefined ? {} : { axis };
  if (node.inputTypes[0] === "qint8") {
    const inputs = [value(node, 0), value(node, 1), zeroPoints(g, node)];
    return g.op("DequantizeLinear", inputs, attrs, { types: ["float32"] });
  }
  const centred = g.op("Sub", [
    g.cast(value(node, 0), "float32"),
    g.cast(along(g, node, value(node, 2)), "float32"),
  ]);
  return g.op("Mul", [centred, along(g, node, value(node, 1))]);
}

/** Between a quantized type and the integer of the same bits, which carries it. */
function bitcast(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [from, to] = [node.inputTypes[0] as DType, node.outputTypes[0] as DType];
  const isCarrier = carrierPairs.has(`${from} ${to}`) || carrierPairs.has(`${to} ${from}`);
  if (!isCarrier) throw new NotExpressible(`a Bitcast of ${from} to ${to}`);
  return g.op("Identity", [value(node, 0)]);
}

const carrierPairs: ReadonlySet<string> = new Set(["qint8 int8", "quint8 uint8", "qint32 int32"]);

export const uniformQuantizationRows: OnnxTable = {
  UniformQuantize: { build: quantize },
  UniformDequantize: { build: dequantize },
  Bitcast: { build: bitcast },
};
