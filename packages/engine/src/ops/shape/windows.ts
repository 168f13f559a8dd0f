/** Convolutions, pools and patches: whatever slides a window over spatial axes. */
import type { PartialShape } from "@servable/formats";
import type { ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import { shapeFromInput, vectorEntries } from "./entries.js";
import { forAll } from "./families.js";
import { mergeSizes, sizeFrom, UNKNOWN, withRank } from "./partial-shape.js";

/** Where the axes of an image batch are. */
interface Layout {
  readonly batch: number;
  readonly channels: number;
  readonly spatial: readonly number[];
}

/** The layout that data_format names; images have their channels last without one. */
function layoutOf(node: ShapeContext, rank: number): Layout {
  const format = node.attrs.has("data_format") ? node.attrs.string("data_format") : "";
  const first = format.startsWith("NC");
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i + (first ? 2 : 1));
  return { batch: 0, channels: first ? 1 : rank - 1, spatial };
}

interface Window {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  /** Added before and after, with EXPLICIT padding. */
  readonly padding: readonly [number, number];
}

/** How many windows fit. Formulas of GetWindowedOutputSize in tensorflow/core/framework/kernel_shape_util.cc. */
function windowCount(size: number, window: Window, padding: string): number {
  if (window.stride < 1) return UNKNOWN;
  if (padding === "SAME") return sizeFrom([size], (n) => Math.ceil(n / window.stride));
  const [before, after] = padding === "EXPLICIT" ? window.padding : [0, 0];
  return sizeFrom([size, window.size], (n, k) =>
    Math.floor((n + before + after - (k - 1) * window.dilation - 1) / window.stride + 1),
  );
}

/** One entry per axis of the layout; ones where the attribute is missing or of another length. */
function perAxis(node: ShapeContext, attr: string, rank: number): readonly number[] {
  const values = node.attrs.has(attr) ? node.attrs.ints(attr) : [];
  return values.length === rank ? values : new Array<number>(rank).fill(1);
}

function explicitPadding(node: ShapeContext, axis: number): [number, number] {
  const amounts = node.attrs.has("explicit_paddings") ? node.attrs.ints("explicit_paddings") : [];
  return [amounts[2 * axis] ?? 0, amounts[2 * axis + 1] ?? 0];
}

/** Shape of a batch of images after windows of those sizes slid over its spatial axes. */
function slid(
  node: ShapeContext,
  input: readonly number[],
  sizes: readonly number[],
  channels: number,
): PartialShape {
  const rank = input.length;
  const layout = layoutOf(node, rank);
  const strides = perAxis(node, "strides", rank);
  const dilations = perAxis(node, "dilations", rank);
  const padding = node.attrs.string("padding");
  return input.map((size, axis) => {
    if (axis === layout.batch) return size;
    if (axis === layout.channels) return channels;
    const window: Window = {
      size: sizes[axis] as number,
      stride: strides[axis] as number,
      dilation: dilations[axis] as number,
      padding: explicitPadding(node, axis),
    };
    return windowCount(size, window, padding);
  });
}

/** The filter's spatial sizes where the layout has its spatial axes. */
function filterSizes(node: ShapeContext, filter: readonly number[]): number[] {
  const rank = filter.length;
  const sizes = new Array<number>(rank).fill(1);
  layoutOf(node, rank).spatial.forEach((axis, i) => {
    sizes[axis] = filter[i] as number;
  });
  return sizes;
}

const isVectorized = (node: ShapeContext) =>
  node.attrs.has("data_format") && node.attrs.string("data_format") === "NCHW_VECT_C";

/** Filter: spatial sizes, input channels, output channels. */
const conv =
  (rank: number): ShapeRule =>
  (node) => {
    if (isVectorized(node)) return [null];
    const filter = withRank(node.shape(1), rank);
    return [slid(node, withRank(node.shape(0), rank), filterSizes(node, filter), filter.at(-1) as number)];
  };

/** Any number of batch axes before the image. */
const convNd: ShapeRule = (node) => {
  const filter = node.shape(1);
  const input = node.shape(0);
  const batchDims = node.attrs.int("batch_dims");
  if (filter === null || input === null || batchDims < 1) return [null];
  const image = input.slice(batchDims - 1);
  if (image.length !== filter.length) return [null];
  const shape = slid(node, image, filterSizes(node, filter), filter.at(-1) as number);
  return [shape === null ? null : [...input.slice(0, batchDims - 1), ...shape]];
};

/** Filter: height, width, input channels, multiplier. */
const depthwise: ShapeRule = (node) => {
  const filter = withRank(node.shape(1), 4);
  const input = withRank(node.shape(0), 4);
  const depth = mergeSizes(input[layoutOf(node, 4).channels] as number, filter[2] as number);
  const channels = sizeFrom([depth, filter[3] as number], (n, m) => n * m);
  return [slid(node, input, filterSizes(node, filter), channels)];
};

/** The shape to compute is input 0; its batch and channels are known from the other side and the filter too. */
const convBackprop =
  (rank: number): ShapeRule =>
  (node) => {
    const sizes = shapeFromInput(node, 0);
    const layout = layoutOf(node, rank);
    const filter = withRank(node.shape(1), rank);
    const result = [...withRank(sizes?.length === rank - 2 ? null : sizes, rank)];
    if (sizes?.length === rank - 2) {
      layout.spatial.forEach((axis, i) => {
        result[axis] = sizes[i] as number;
      });
      result[layout.channels] = filter[rank - 2] as number;
    }
    const batch = withRank(node.shape(2), rank)[layout.batch] as number;
    result[layout.batch] = mergeSizes(result[layout.batch] as number, batch);
    return [result];
  };

/** Window sizes in the attribute ksize. */
const pool =
  (rank: number): ShapeRule =>
  (node) => {
    if (isVectorized(node)) return node.outputTypes.map(() => null);
    const input = withRank(node.shape(0), rank);
    return pooled(node, input, perAxis(node, "ksize", rank), perAxis(node, "strides", rank));
  };

/** Window sizes and strides in inputs 1 and 2. */
const poolWithInputs: ShapeRule = (node) => {
  const [sizes, strides] = [1, 2].map((input) => vectorEntries(node, input));
  const known = (entries: readonly (number | undefined)[] | undefined) =>
    Array.from({ length: 4 }, (_, axis) => entries?.[axis] ?? UNKNOWN);
  return pooled(node, withRank(node.shape(0), 4), known(sizes), known(strides));
};

function pooled(
  node: ShapeContext,
  input: readonly number[],
  sizes: readonly number[],
  strides: readonly number[],
): PartialShape[] {
  const padding = node.attrs.string("padding");
  const { batch, channels } = layoutOf(node, input.length);
  const shape = input.map((size, axis) => {
    const stride = strides[axis] as number;
    const window = { size: sizes[axis] as number, stride, dilation: 1, padding: explicitPadding(node, axis) };
    // Max pooling may reach across channels; the batch is never pooled.
    if (axis === batch || (axis === channels && window.size === 1)) return size;
    return axis === channels
      ? sizeFrom([size, stride], (n, s) => Math.floor(n / s))
      : windowCount(size, window, padding);
  });
  return node.outputTypes.map(() => shape);
}

const fractionalPool: ShapeRule = (node) => {
  const ratios = node.attrs.floats("pooling_ratio");
  const shape = withRank(node.shape(0), 4).map((size, axis) =>
    sizeFrom([size], (n) => Math.floor(n / (ratios[axis] ?? 1))),
  );
  // Where each pool begins, and where the last one ends.
  const bounds = (axis: number) => [sizeFrom([shape[axis] as number], (n) => n + 1)];
  return [shape, bounds(1), bounds(2)];
};

/** Patches laid out along the channels. */
const patches =
  (rank: number): ShapeRule =>
  (node) => {
    const input = withRank(node.shape(0), rank);
    const [sizes, strides] = [perAxis(node, "ksizes", rank), perAxis(node, "strides", rank)];
    const rates = perAxis(node, "rates", rank);
    const padding = node.attrs.string("padding");
    const area = sizes.slice(1, -1).reduce((product, size) => product * size, 1);
    return [
      input.map((size, axis) => {
        if (axis === 0) return size;
        if (axis === rank - 1) return sizeFrom([size], (n) => n * area);
        const window = { size: sizes[axis] as number, stride: strides[axis] as number };
        return windowCount(size, { ...window, dilation: rates[axis] as number, padding: [0, 0] }, padding);
      }),
    ];
  };

/** Filter: height, width, channels. */
const dilation: ShapeRule = (node) => {
  const input = withRank(node.shape(0), 4);
  const filter = withRank(node.shape(1), 3);
  const strides = perAxis(node, "strides", 4);
  const rates = perAxis(node, "rates", 4);
  return [
    input.map((size, axis) => {
      if (axis === 0) return size;
      if (axis === 3) return mergeSizes(size, filter[2] as number);
      const window = { size: filter[axis - 1] as number, stride: strides[axis] as number };
      return windowCount(
        size,
        { ...window, dilation: rates[axis] as number, padding: [0, 0] },
        node.attrs.string("padding"),
      );
    }),
  ];
};

export const windowShapes: ShapeTable = {
  Conv: convNd,
  Conv2D: conv(4),
  Conv3D: conv(5),
  DepthwiseConv2dNative: depthwise,
  Conv2DBackpropInput: convBackprop(4),
  DepthwiseConv2dNativeBackpropInput: convBackprop(4),
  ...forAll(["Conv3DBackpropInput", "Conv3DBackpropInputV2"], convBackprop(5)),
  ...forAll(["AvgPool", "MaxPool", "MaxPoolWithArgmax"], pool(4)),
  ...forAll(["AvgPool3D", "MaxPool3D"], pool(5)),
  MaxPoolV2: poolWithInputs,
  ...forAll(["FractionalAvgPool", "FractionalMaxPool"], fractionalPool),
  ExtractImagePatches: patches(4),
  ExtractVolumePatches: patches(5),
  Dilation2D: dilation,
};
