/** Images: crops, contrast, and the patches under a sliding window. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { input, value, values } from "./node-facts.js";
import { patches, slidingOf } from "./patches.js";
import { frontAxes, multiply, reshape, type Size, sizesOf } from "./sizes.js";

/** ONNX Runtime has TensorFlow's op, for channels first. */
function cropAndResize(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [image, boxes, boxIndex, cropSize] = values(node) as [OnnxValue, OnnxValue, OnnxValue, OnnxValue];
  const first = g.op("Transpose", [g.cast(image, "float32")], { perm: [0, 3, 1, 2] });
  const crops = g.op(
    "CropAndResize",
    [first, boxes, boxIndex, cropSize],
    {
      mode: node.attrs.string("method"),
      extrapolation_value: { float: node.attrs.float("extrapolation_value") },
    },
    { domain: "com.microsoft" },
  );
  return g.op("Transpose", [crops], { perm: [0, 2, 3, 1] });
}

/** Distances from the mean of each channel of each image, scaled. */
function adjustContrast(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, factor] = [value(node, 0), g.cast(value(node, 1), value(node, 0).dtype)];
  const mean = g.op("ReduceMean", [x, frontAxes(g, [-3, -2], input(node, 0))], { keepdims: 1 });
  return g.op("Add", [g.op("Mul", [g.op("Sub", [x, mean]), factor]), mean]);
}

/** The pixels under the window, one after the other, as channels. */
function extractPatches(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const x = input(node, 0);
  const windows = slidingOf(node.attrs.ints("ksizes"), node.attrs.ints("strides"), node.attrs.ints("rates"));
  const found = patches(g, node, x, windows, g.scalar(x.value.dtype, 0));
  const byPlace = g.op("Transpose", [found.patches], { perm: [0, 1, 3, 2, 4, 5] });
  const [batch, , , channels] = sizesOf(g, x) as [Size, Size, Size, Size];
  const seenChannels = multiply(g, channels, windows[0].size * windows[1].size);
  return reshape(g, byPlace, [batch, ...found.places, seenChannels]);
}

/** The largest sum of a pixel and the filter's entry above it. */
function dilate(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, filter] = [input(node, 0), input(node, 1)];
  if (!x.value.dtype.startsWith("float")) throw new NotExpressible("a dilation of integers");
  const shape = filter.shape;
  if (shape === null || shape.some((size) => size < 0))
    throw new NotExpressible("the size of the filter is unknown");
  const windows = slidingOf([1, ...shape], node.attrs.ints("strides"), node.attrs.ints("rates"));
  const found = patches(g, node, x, windows, g.scalar(x.value.dtype, -Infinity));
  const entries = g.op("Unsqueeze", [filter.value, g.ints([1])]);
  return g.op("ReduceMax", [g.op("Add", [found.patches, entries]), g.ints([2, 4])], { keepdims: 0 });
}

export const imageRows: OnnxTable = {
  CropAndResize: { build: cropAndResize },
  AdjustContrastv2: { build: adjustContrast },
  ExtractImagePatches: { build: extractPatches },
  Dilation2D: { build: dilate },
};
