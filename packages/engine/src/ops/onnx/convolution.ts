/** Convolutions, and their gradients with respect to the input, which decoders use as "transposed convolutions". */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxInput, type OnnxNode, type OnnxTable } from "../op-table.js";
import { input, shapeOf, sizeOf, staticShape } from "./node-facts.js";
import { patches, slidingOf } from "./patches.js";
import {
  add,
  atLeastOne,
  divide,
  entrySizes,
  larger,
  multiply,
  product,
  reshape,
  type Size,
  sizeAt,
  sizesOf,
  subtract,
  vector,
} from "./sizes.js";
import {
  fromChannelsFirst,
  type Layout,
  layoutOf,
  padding,
  spatialInts,
  toChannelsFirst,
  type Window,
} from "./window.js";

/** TensorFlow's filters are [...kernel, in, out]; how many spatial dimensions they have says how many the image has. */
function layoutByFilter(node: OnnxNode, filter: OnnxInput): Layout {
  return layoutOf(node, shapeOf(filter).length);
}

function windowOf(node: OnnxNode, layout: Layout, filter: OnnxInput): Window {
  return {
    kernel: shapeOf(filter).slice(0, -2),
    strides: spatialInts(node, "strides", layout),
    dilations: node.attrs.has("dilations")
      ? spatialInts(node, "dilations", layout)
      : layout.spatial.map(() => 1),
  };
}

/** A filter with elements: ONNX Runtime never comes back from a convolution with an empty kernel. */
function checkedFilter(g: OnnxEmitter, filter: OnnxInput): OnnxValue {
  return atLeastOne(
    g,
    filter,
    shapeOf(filter).map((_, axis) => axis),
  );
}

/** Axes of a filter in ONNX's order: its last two dimensions first. */
function filterPerm(layout: Layout, first: number, second: number): number[] {
  return [first, second, ...layout.spatial.map((_, i) => i)];
}

function conv(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, filter] = [input(node, 0), input(node, 1)];
  if (x.value.dtype !== "float32") return convByPatches(g, node);
  const layout = layoutByFilter(node, filter);
  const window = windowOf(node, layout, filter);
  const rank = layout.rank;
  const weights = g.op("Transpose", [checkedFilter(g, filter)], {
    perm: filterPerm(layout, rank - 1, rank - 2),
  });
  const y = g.op("Conv", [toChannelsFirst(g, x.value, layout), weights], {
    strides: window.strides,
    dilations: window.dilations,
    group: groupsOf(x, filter, layout),
    ...padding(node, x, layout, window),
  });
  return fromChannelsFirst(g, y, layout);
}

/** For the types that ONNX Runtime has no convolution of, but products of matrices: patches times the filter. */
function convByPatches(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, filter] = [input(node, 0), input(node, 1)];
  const layout = layoutByFilter(node, filter);
  if (!layout.channelsLast || layout.rank !== 4 || groupsOf(x, filter, layout) !== 1) {
    throw new NotExpressible(`such a convolution of ${x.type}`);
  }
  const [height, width, channels, outputs] = staticShape(filter) as [number, number, number, number];
  const windows = slidingOf([1, height, width], node.attrs.ints("strides"), node.attrs.ints("dilations"));
  const found = patches(g, node, x, windows, g.scalar(x.value.dtype, 0));
  const byPlace = g.op("Transpose", [found.patches], { perm: [0, 1, 3, 2, 4, 5] });
  const [batch] = sizesOf(g, x) as [Size];
  const seen = height * width * channels;
  const rows = reshape(g, byPlace, [product(g, [batch, ...found.places]), seen]);
  const weights = g.op("Reshape", [filter.value, g.ints([seen, outputs])]);
  return reshape(g, g.op("MatMul", [rows, weights]), [batch, ...found.places, outputs]);
}

/** A filter for fewer channels than the input has convolves groups of them. */
function groupsOf(x: OnnxInput, filter: OnnxInput, layout: Layout): number {
  const channels = sizeOf(x, layout.channels);
  const perGroup = sizeOf(filter, layout.rank - 2);
  if (channels === undefined || perGroup === undefined || perGroup === 0) return 1;
  if (channels % perGroup !== 0) throw new NotExpressible("the filter's channels don't divide the input's");
  return channels / perGroup;
}

/** A filter [h, w, in, multiplier]: every input channel is a group of its own. */
function depthwise(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, filter] = [input(node, 0), input(node, 1)];
  const layout = layoutByFilter(node, filter);
  const window = windowOf(node, layout, filter);
  const [height, width, channels, multiplier] = staticShape(filter) as [number, number, number, number];
  const grouped = g.op("Transpose", [checkedFilter(g, filter)], { perm: [2, 3, 0, 1] });
  const weights = g.op("Reshape", [grouped, g.ints([channels * multiplier, 1, height, width])]);
  const y = g.op("Conv", [toChannelsFirst(g, x.value, layout), weights], {
    strides: window.strides,
    dilations: window.dilations,
    group: channels,
    ...padding(node, x, layout, window),
  });
  return fromChannelsFirst(g, y, layout);
}

/**
 * The gradient of a convolution: inputs are the sizes of the result, the filter of the convolution, and the gradient.
 * The result's sizes say how much of the full transposed convolution is cut off, and where.
 */
function convTranspose(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [wanted, filter, gradient] = [input(node, 0), input(node, 1), input(node, 2)];
  const layout = layoutByFilter(node, filter);
  const window = windowOf(node, layout, filter);
  if (
    sizeOf(gradient, layout.channels) !== undefined &&
    sizeOf(filter, -1) !== sizeOf(gradient, layout.channels)
  ) {
    throw new NotExpressible("a transposed convolution in groups");
  }
  const weights = g.op("Transpose", [checkedFilter(g, filter)], {
    perm: filterPerm(layout, layout.rank - 1, layout.rank - 2),
  });
  const x = toChannelsFirst(g, checkedImage(g, gradient, layout), layout);
  const attrs = { strides: window.strides, dilations: window.dilations };
  const spans = layout.spatial.map((axis, i) => span(g, node, { wanted, filter, gradient, axis, window, i }));
  const y = spans.every(isStatic)
    ? g.op("ConvTranspose", [x, weights], { ...attrs, ...staticPads(spans) })
    : cut(
        g,
        g.op("ConvTranspose", [x, weights], { ...attrs, output_padding: window.strides.map((s) => s - 1) }),
        spans,
      );
  return fromChannelsFirst(g, y, layout);
}

/** An image with pixels: ONNX Runtime's transposed convolution does not survive another. */
function checkedImage(g: OnnxEmitter, image: OnnxInput, layout: Layout): OnnxValue {
  return atLeastOne(g, image, layout.spatial);
}

/** Along one dimension: how long the full result is, how long the wanted one, and how much is cut off before it. */
interface Span {
  readonly full: Size;
  readonly wanted: Size;
  readonly before: Size;
}
type StaticSpan = { readonly [K in keyof Span]: number };

function isStatic(span: Span): span is StaticSpan {
  return Object.values(span).every((size) => typeof size === "number");
}

function span(
  g: OnnxEmitter,
  node: OnnxNode,
  of: { wanted: OnnxInput; filter: OnnxInput; gradient: OnnxInput; axis: number; window: Window; i: number },
): Span {
  const stride = of.window.strides[of.i] as number;
  const kernel = sizeOf(of.filter, of.i) ?? sizeAt(g, of.filter.value, of.i);
  const extent = add(g, multiply(g, subtract(g, kernel, 1), of.window.dilations[of.i] as number), 1);
  const wanted = wantedSize(g, of.wanted, of.axis, of.i);
  const steps = sizeOf(of.gradient, of.axis) ?? sizeAt(g, of.gradient.value, of.axis);
  const full = add(g, multiply(g, subtract(g, steps, 1), stride), extent);
  return { full, wanted, before: cutBefore(g, node, full, wanted, of.axis) };
}

/** Sizes of images come with or without batch and channels. */
function wantedSize(g: OnnxEmitter, wanted: OnnxInput, axis: number, i: number): Size {
  const sizes = entrySizes(g, wanted);
  if (sizes === undefined) return g.op("Gather", [g.cast(wanted.value, "int64"), g.ints([axis])]);
  const size = sizes.length === 2 ? sizes[i] : sizes[axis];
  if (size === undefined) throw new NotExpressible(`input_sizes has ${sizes.length} entries`);
  return size;
}

function cutBefore(g: OnnxEmitter, node: OnnxNode, full: Size, wanted: Size, axis: number): Size {
  switch (node.attrs.string("padding")) {
    case "VALID":
      return 0;
    case "SAME":
      return divide(g, larger(g, subtract(g, full, wanted), 0), 2);
    case "EXPLICIT":
      return node.attrs.ints("explicit_paddings")[2 * axis] as number;
    default:
      throw new NotExpressible(`padding ${node.attrs.string("padding")}`);
  }
}

function staticPads(spans: readonly StaticSpan[]): { pads: number[]; output_padding: number[] } {
  const after = spans.map(({ full, wanted, before }) => full - wanted - before);
  return {
    pads: [...spans.map(({ before }) => before), ...after.map((size) => Math.max(size, 0))],
    output_padding: after.map((size) => Math.max(-size, 0)),
  };
}

/** The wanted part of a full result, of an image with channels first. */
function cut(g: OnnxEmitter, full: OnnxValue, spans: readonly Span[]): OnnxValue {
  const starts = vector(
    g,
    spans.map(({ before }) => before),
  );
  const ends = vector(
    g,
    spans.map(({ before, wanted }) => add(g, wanted, before)),
  );
  return g.op("Slice", [full, starts, ends, g.ints(spans.map((_, i) => i + 2))]);
}

export const convolutionRows: OnnxTable = {
  Conv2D: { build: conv },
  Conv3D: { build: conv },
  DepthwiseConv2dNative: { build: depthwise },
  Conv2DBackpropInput: { build: convTranspose },
  Conv3DBackpropInputV2: { build: convTranspose },
};
