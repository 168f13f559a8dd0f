/** Pooling: the largest, or the mean, of the elements under a sliding window. Padding never counts. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { constantNumbers, input, outputCarrier, staticShape, value } from "./node-facts.js";
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
    const y = g.op(onnx, [toChannelsFirst(g, value(node, 0), layout)], {
      kernel_shape: window.kernel,
      strides: window.strides,
      ...padding(node, input(node, 0), layout, window),
    });
    return fromChannelsFirst(g, y, layout);
  };

/** ONNX counts places in [n, c, h, w], TensorFlow in [h, w, c], with n before it on demand. */
function maxPoolWithArgmax(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const x = input(node, 0);
  const { layout, window } = poolOf(node, 4);
  const [, height, width, channels] = staticShape({ ...x, shape: [0, ...(x.shape ?? [-1]).slice(1)] });
  if (height === undefined || width === undefined || channels === undefined) {
    throw new NotExpressible("the rank of the input is unknown");
  }
  const [y, places] = g.opWithOutputs("MaxPool", 2, [toChannelsFirst(g, x.value, layout)], {
    kernel_shape: window.kernel,
    strides: window.strides,
    ...padding(node, x, layout, window),
  }) as [OnnxValue, OnnxValue];
  const pixels = g.scalar("int64", height * width);
  const pixel = g.op("Mod", [places, pixels]);
  const plane = g.op("Div", [places, pixels]);
  const channel = g.op("Mod", [plane, g.scalar("int64", channels)]);
  const inImage = g.op("Add", [g.op("Mul", [pixel, g.scalar("int64", channels)]), channel]);
  const image = g.op("Div", [plane, g.scalar("int64", channels)]);
  const place = node.attrs.bool("include_batch_in_index")
    ? g.op("Add", [inImage, g.op("Mul", [image, g.scalar("int64", height * width * channels)])])
    : inImage;
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
