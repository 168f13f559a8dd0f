/**
 * Convolutions (keras/src/layers/convolutional). TensorFlow convolves pictures and volumes with the channels last: a
 * line is a picture of height 1, channels first are transposed, and where its kernels know no dilation the filter gets
 * the zeros in between.
 */
import type { Output } from "../../graph-builder/operation.js";
import type { Layer } from "../layer.js";
import { dimsOf, int, ints, knownSize, type Nodes, type Size } from "../nodes.js";
import { withActivation } from "./activation.js";
import { channelsLast } from "./reshaping.js";
import type { LayerRow, LayerTable } from "./row.js";

interface Window {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** "SAME" or "VALID". */
  readonly padding: string;
}

function windowOf(layer: Layer, rank: number): Window {
  return {
    strides: layer.config.perDimension("strides", rank, 1),
    dilations: layer.config.perDimension("dilation_rate", rank, 1),
    padding: layer.config.string("padding", "valid").toUpperCase(),
  };
}

/** Rows of what depends on the channels alone, after what is done with the channels last. */
function finished(layer: Layer, x: Output): Output {
  const { n, config } = layer;
  if (!config.boolean("use_bias", true)) return withActivation(layer, x);
  const filters = config.has("filters") ? config.number("filters") : (dimsOf(x).at(-1) as number);
  return withActivation(layer, n.add(x, layer.weight("bias", [filters])));
}

// ---- plain ---------------------------------------------------------------------------------------------------

function convolution(rank: number): LayerRow {
  return {
    call: (layer, args) => [
      { output: channelsLast(layer, args.input.output, (x) => finished(layer, convolved(layer, rank, x))) },
    ],
  };
}

function convolved(layer: Layer, rank: number, input: Output): Output {
  const { n, config } = layer;
  const groups = config.number("groups", 1);
  const channels = knownSize(input, -1, layer.where) / groups;
  const sizes = config.perDimension("kernel_size", rank);
  const kernel = layer.weight("kernel", [...sizes, channels, config.number("filters")]);
  const window = windowOf(layer, rank);
  if (window.padding !== "CAUSAL") return grouped(n, input, kernel, window, groups);
  const before = ((sizes[0] as number) - 1) * (window.dilations[0] as number);
  const padded = n.op("Pad", [
    input,
    { dtype: "int32", shape: [3, 2], data: Int32Array.of(0, 0, before, 0, 0, 0) },
  ]);
  return grouped(n, padded, kernel, { ...window, padding: "VALID" }, groups);
}

/** TensorFlow's own groups are for pictures only. */
function grouped(n: Nodes, x: Output, kernel: Output, window: Window, groups: number): Output {
  if (groups === 1 || window.strides.length < 3) return convolve(n, x, kernel, window);
  const inputs = n.split(x, groups, -1);
  const kernels = n.split(kernel, groups, -1);
  return n.concat(
    inputs.map((input, i) => convolve(n, input, kernels[i] as Output, window)),
    -1,
  );
}

function convolve(n: Nodes, x: Output, kernel: Output, { strides, dilations, padding }: Window): Output {
  if (strides.length === 1) {
    const flat = { strides: [1, ...strides], dilations: [1, ...dilations], padding };
    return n.squeeze(convolve(n, n.expand(x, 1), n.expand(kernel, 0), flat), 1);
  }
  const isVolume = strides.length === 3;
  const filter = isVolume ? dilated(n, kernel, dilations) : kernel;
  const attrs = {
    strides: [1, ...strides, 1],
    padding,
    ...(!isVolume && { dilations: [1, ...dilations, 1] }),
  };
  return n.op(isVolume ? "Conv3D" : "Conv2D", [x, filter], attrs);
}

/** A filter with zeros between its entries: what a dilation means. */
function dilated(n: Nodes, kernel: Output, dilations: readonly number[]): Output {
  if (dilations.every((rate) => rate === 1)) return kernel;
  const dims = dimsOf(kernel);
  const rank = dilations.length;
  const apart = dims.slice(0, rank).flatMap((size) => [size, 1]);
  const open = n.op("Reshape", [kernel, ints(...apart, ...dims.slice(rank))]);
  const widths = [...dilations.flatMap((rate) => [0, 0, 0, rate - 1]), 0, 0, 0, 0];
  const padded = n.op("Pad", [
    open,
    { dtype: "int32", shape: [2 * rank + 2, 2], data: Int32Array.from(widths) },
  ]);
  const wide = dilations.map((rate, i) => rate * (dims[i] as number));
  const joined = n.op("Reshape", [padded, ints(...wide, ...dims.slice(rank))]);
  return dilations.reduce(
    (filter, rate, axis) => n.slice(filter, axis, 0, ((dims[axis] as number) - 1) * rate + 1),
    joined,
  );
}

// ---- depthwise -----------------------------------------------------------------------------------------------

function depthwise(rank: number): LayerRow {
  return {
    call: (layer, args) => [
      {
        output: channelsLast(layer, args.input.output, (x) => {
          const kernel = layer.weight(depthwiseName(layer), depthwiseShape(layer, rank, x));
          return finished(layer, depthwiseConvolved(layer, x, kernel, windowOf(layer, rank)));
        }),
      },
    ],
  };
}

function depthwiseName(layer: Layer): string {
  return layer.build.isKeras2 ? "depthwise_kernel" : "kernel";
}

function depthwiseShape(layer: Layer, rank: number, x: Output): number[] {
  const sizes = layer.config.perDimension("kernel_size", rank);
  return [...sizes, knownSize(x, -1, layer.where), layer.config.number("depth_multiplier", 1)];
}

function depthwiseConvolved(layer: Layer, x: Output, kernel: Output, window: Window): Output {
  const { n } = layer;
  const { strides, dilations, padding } = window;
  if (strides.length === 1) {
    const flat = { strides: [strides[0] as number, ...strides], dilations: [1, ...dilations], padding };
    return n.squeeze(depthwiseConvolved(layer, n.expand(x, 1), n.expand(kernel, 0), flat), 1);
  }
  if (strides.some((stride) => stride > 1) && dilations.some((rate) => rate > 1)) {
    layer.refuse("strides and dilations together are not supported");
  }
  const attrs = { strides: [1, ...strides, 1], padding };
  return n.op("DepthwiseConv2dNative", [x, dilated(n, kernel, dilations)], attrs);
}

function separable(rank: number): LayerRow {
  return {
    call: (layer, args) => [
      { output: channelsLast(layer, args.input.output, (x) => finished(layer, separated(layer, rank, x))) },
    ],
  };
}

/** Each channel by itself, then all of them together at each place. */
function separated(layer: Layer, rank: number, input: Output): Output {
  const { n, config } = layer;
  const shape = depthwiseShape(layer, rank, input);
  const depthKernel = layer.weight("depthwise_kernel", shape);
  const channels = shape.slice(-2).reduce((all, size) => all * size, 1);
  const ones = new Array<number>(rank).fill(1);
  const pointKernel = layer.weight("pointwise_kernel", [...ones, channels, config.number("filters")]);
  const window = windowOf(layer, rank);
  const isCausal = window.padding === "CAUSAL";
  const before = ((shape[0] as number) - 1) * (window.dilations[0] as number);
  const x = isCausal
    ? n.op("Pad", [input, { dtype: "int32", shape: [3, 2], data: Int32Array.of(0, 0, before, 0, 0, 0) }])
    : input;
  const deep = depthwiseConvolved(layer, x, depthKernel, isCausal ? { ...window, padding: "VALID" } : window);
  return convolve(n, deep, pointKernel, { strides: ones, dilations: ones, padding: "VALID" });
}

// ---- transposed ----------------------------------------------------------------------------------------------

function transposed(rank: number): LayerRow {
  return {
    call: (layer, args) => [
      { output: channelsLast(layer, args.input.output, (x) => finished(layer, deconvolved(layer, rank, x))) },
    ],
  };
}

function deconvolved(layer: Layer, rank: number, x: Output): Output {
  const { n, config } = layer;
  const sizes = config.perDimension("kernel_size", rank);
  const filters = config.number("filters");
  const kernel = layer.weight("kernel", [...sizes, filters, knownSize(x, -1, layer.where)]);
  const window = windowOf(layer, rank);
  const paddings = config.has("output_padding") ? config.perDimension("output_padding", rank) : undefined;
  const spatial = sizes.map((size, i) =>
    transposedSize(n, n.size(x, i + 1), {
      window: (size - 1) * (window.dilations[i] as number) + 1,
      stride: window.strides[i] as number,
      isSame: window.padding === "SAME",
      extra: paddings?.[i],
    }),
  );
  const filter = dilated(n, kernel, window.dilations);
  const { padding, strides } = window;
  if (rank === 1) {
    const target = n.shapeVector([n.size(x, 0), 1, ...spatial, filters]);
    const attrs = { strides: [1, 1, ...strides, 1], padding };
    return n.squeeze(n.op("Conv2DBackpropInput", [target, n.expand(filter, 0), n.expand(x, 1)], attrs), 1);
  }
  const target = n.shapeVector([n.size(x, 0), ...spatial, filters]);
  const op = rank === 3 ? "Conv3DBackpropInputV2" : "Conv2DBackpropInput";
  return n.op(op, [target, filter, x], { strides: [1, ...strides, 1], padding });
}

interface TransposedAxis {
  readonly window: number;
  readonly stride: number;
  readonly isSame: boolean;
  readonly extra: number | undefined;
}

/** How long an axis gets (compute_conv_transpose_output_shape in keras/src/backend/common/backend_utils.py). */
function transposedSize(n: Nodes, size: Size, { window, stride, isSame, extra }: TransposedAxis): Size {
  const grown = (factor: number, term: number): Size =>
    typeof size === "number" ? size * factor + term : n.add(n.op("Mul", [size, int(factor)]), int(term));
  if (isSame) return extra === undefined ? grown(stride, 0) : grown(stride, (window % 2) + extra - stride);
  return grown(stride, window - stride + (extra ?? Math.max(window, stride) - window));
}

export const convolutionRows: LayerTable = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  Convolution1D: convolution(1),
  Convolution2D: convolution(2),
  Convolution3D: convolution(3),
  DepthwiseConv1D: depthwise(1),
  DepthwiseConv2D: depthwise(2),
  SeparableConv1D: separable(1),
  SeparableConv2D: separable(2),
  Conv1DTranspose: transposed(1),
  Conv2DTranspose: transposed(2),
  Conv3DTranspose: transposed(3),
};
