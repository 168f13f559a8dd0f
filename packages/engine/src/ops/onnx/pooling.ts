/** Pooling: the largest, or the mean, of the elements under a sliding window. Padding never counts. */
import { type DType, tensor } from "@servable/formats";
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { constantNumbers, input, outputCarrier, value } from "./node-facts.js";
import { patches, slidingOf } from "./patches.js";
import { larger, multiply, type Size, sizesOf, vector } from "./sizes.js";
import {
  fromChannelsFirst,
  type Layout,
  layoutOf,
  padding,
  pickSpatial,
  toChannelsFirst,
  type Window,
} from "./window.js";

function poolOf(node: OnnxNode, rank: number): { layout: Layout; window: Window } {
  const layout = layoutOf(node, rank);
  const ints = (attr: string, at: number) =>
    node.attrs.has(attr) ? node.attrs.ints(attr) : constantNumbers(input(node, at), attr);
  const window = {
    kernel: pickSpatial(ints("ksize", 1), "ksize", layout),
    strides: pickSpatial(ints("strides", 2), "strides", layout),
    dilations: layout.spatial.map(() => 1),
  };
  return { layout, window };
}

const pool =
  (onnx: "MaxPool" | "AveragePool", rank: number) =>
  (g: OnnxEmitter, node: OnnxNode): OnnxValue => {
    const { layout, window } = poolOf(node, rank);
    if (!isPooled(onnx, value(node, 0).dtype)) return poolByPatches(g, node, onnx, layout, window);
    const y = g.op(onnx, [toChannelsFirst(g, value(node, 0), layout)], {
      kernel_shape: window.kernel,
      strides: window.strides,
      ...padding(node, input(node, 0), layout, window),
    });
    return fromChannelsFirst(g, y, layout);
  };

/** Whether ONNX Runtime pools a type as it is, or widened without loss. */
function isPooled(onnx: "MaxPool" | "AveragePool", dtype: DType): boolean {
  return onnx === "MaxPool" ? dtype !== "int64" && dtype !== "uint64" : dtype === "float32";
}

/** For the other types: reductions of what the window sees at each place. */
function poolByPatches(
  g: OnnxEmitter,
  node: OnnxNode,
  onnx: "MaxPool" | "AveragePool",
  layout: Layout,
  { kernel, strides }: Window,
): OnnxValue {
  const x = input(node, 0);
  if (!layout.channelsLast || layout.rank !== 4) throw new NotExpressible(`such pooling of ${x.type}`);
  const windows = slidingOf([1, ...kernel], [1, ...strides], [1, 1, 1]);
  const over = g.ints([2, 4]);
  if (onnx === "MaxPool") {
    const lowest = g.constant(tensor("int64", [], BigInt64Array.of(-(2n ** 63n))));
    const seen = patches(g, node, x, windows, g.cast(lowest, x.value.dtype));
    return g.op("ReduceMax", [seen.patches, over], { keepdims: 0 });
  }
  const sum = (of: OnnxValue) => {
    const seen = patches(g, node, { ...x, value: of }, windows, g.scalar(of.dtype, 0));
    return g.op("ReduceSum", [seen.patches, over], { keepdims: 0 });
  };
  const ones = g.op("Expand", [g.scalar(x.value.dtype, 1), g.op("Shape", [x.value])]);
  return g.op("Div", [sum(x.value), sum(ones)]);
}

/** ONNX counts places in [n, c, h, w], TensorFlow in [h, w, c], with n before it on demand. */
function maxPoolWithArgmax(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const x = input(node, 0);
  const { layout, window } = poolOf(node, 4);
  // Sizes of an empty image are 0, and ONNX Runtime does not survive a modulus of 0.
  const [, height, width, channels] = sizesOf(g, x).map((size) => larger(g, size, 1)) as [
    Size,
    Size,
    Size,
    Size,
  ];
  const [y, places] = g.opWithOutputs("MaxPool", 2, [toChannelsFirst(g, x.value, layout)], {
    kernel_shape: window.kernel,
    strides: window.strides,
    ...padding(node, x, layout, window),
  }) as [OnnxValue, OnnxValue];
  const by = (onnx: string, of: OnnxValue, size: Size) => g.op(onnx, [of, vector(g, [size])]);
  const pixels = multiply(g, height, width);
  const pixel = by("Mod", places, pixels);
  const plane = by("Div", places, pixels);
  const inImage = g.op("Add", [by("Mul", pixel, channels), by("Mod", plane, channels)]);
  const before = by("Mul", by("Div", plane, channels), multiply(g, pixels, channels));
  const place = node.attrs.bool("include_batch_in_index") ? g.op("Add", [inImage, before]) : inImage;
  return [
    fromChannelsFirst(g, y, layout),
    g.cast(fromChannelsFirst(g, place, layout), outputCarrier(node, 1)),
  ];
}

export const poolingRows: OnnxTable = {
  MaxPool: { build: pool("MaxPool", 4) },
  MaxPoolV2: { build: pool("MaxPool", 4) },
  MaxPool3D: { build: pool("MaxPool", 5) },
  AvgPool: { build: pool("AveragePool", 4) },
  AvgPool3D: { build: pool("AveragePool", 5) },
  MaxPoolWithArgmax: { build: maxPoolWithArgmax },
};
