/**
 * The geometry of ops that slide a window over the spatial dimensions of images and volumes: convolutions, pooling,
 * patches.
 *
 * Kernels see values with channels last; `channelsLast` and `asFormat` turn others. Sizes and paddings are those of
 * GetWindowedOutputSizeVerbose in tensorflow/core/framework/common_shape_fns.cc.
 */
import { invalidArgument, resourceExhausted, type Shape, shapeText, type Tensor } from "@servable/formats";
import type { Attrs } from "../../graph/attrs.js";
import { product } from "./boxes.js";
import { ensure } from "./kernel.js";
import { transpose } from "./rearranging.js";

/** How images are laid out: N, spatial dimensions and C, last or second. */
export interface Layout {
  readonly channelsFirst: boolean;
}

const CHANNELS_FIRST = new Set(["NCHW", "NCDHW", "NCW", "CHANNELS_FIRST"]);
const CHANNELS_LAST = new Set(["NHWC", "NDHWC", "NWC", "CHANNELS_LAST"]);

export function layoutOf(attrs: Attrs): Layout {
  const format = attrs.has("data_format") ? attrs.string("data_format") : "NHWC";
  if (CHANNELS_FIRST.has(format)) return { channelsFirst: true };
  if (CHANNELS_LAST.has(format)) return { channelsFirst: false };
  throw invalidArgument(`data_format "${format}" is not supported`);
}

/** One value per dimension of a layout, as attributes give strides, without those of N and C. */
export function spatialOf<T>(values: readonly T[], { channelsFirst }: Layout): T[] {
  return channelsFirst ? values.slice(2) : values.slice(1, -1);
}

export function channelsLast(x: Tensor, { channelsFirst }: Layout): Tensor {
  if (!channelsFirst) return x;
  const rank = x.shape.length;
  return transpose(x, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1]) as Tensor;
}

/** A value with channels last in the layout asked for. */
export function asLayout(x: Tensor, { channelsFirst }: Layout): Tensor {
  if (!channelsFirst) return x;
  const rank = x.shape.length;
  return transpose(x, [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)]) as Tensor;
}

/** "SAME", "VALID", or [before, after] for each spatial dimension. */
export type Padding = "SAME" | "VALID" | readonly (readonly [number, number])[];

export function paddingOf(attrs: Attrs, layout: Layout): Padding {
  const padding = attrs.string("padding");
  if (padding === "SAME" || padding === "VALID") return padding;
  if (padding !== "EXPLICIT") throw invalidArgument(`padding "${padding}" is none of SAME, VALID, EXPLICIT`);
  const flat = attrs.ints("explicit_paddings");
  const pairs = Array.from({ length: flat.length / 2 }, (_, i): [number, number] => [
    flat[2 * i] as number,
    flat[2 * i + 1] as number,
  ]);
  return spatialOf(pairs, layout);
}

/** How a window slides over spatial dimensions, outermost first. */
export interface Geometry {
  readonly inSizes: Shape;
  readonly outSizes: Shape;
  readonly kernel: Shape;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Positions that the first window reaches over the edge. */
  readonly before: readonly number[];
}

/** Windows along one dimension: the places under each are listed. */
const MAX_WINDOWS = 2 ** 22;

/** INVALID_ARGUMENT where no window fits. */
export function geometryOf(
  inSizes: Shape,
  kernel: Shape,
  strides: readonly number[],
  dilations: readonly number[],
  padding: Padding,
): Geometry {
  const axes = inSizes.map((size, axis) => sized(size, axis));
  const tooLarge = axes.find(({ out }) => out > MAX_WINDOWS);
  if (tooLarge !== undefined)
    throw resourceExhausted(`${tooLarge.out} windows along a dimension are too many`);
  return {
    inSizes,
    outSizes: axes.map(({ out }) => out),
    kernel,
    strides,
    dilations,
    before: axes.map(({ before }) => before),
  };

  function sized(size: number, axis: number): { out: number; before: number } {
    const [width, stride, dilation] = [kernel[axis], strides[axis], dilations[axis]] as [
      number,
      number,
      number,
    ];
    ensure(stride > 0, () => `Stride must be > 0, but got ${stride}`);
    ensure(dilation > 0, () => `Dilation rate must be > 0, but got ${dilation}`);
    const reach = (width - 1) * dilation + 1;
    if (padding === "SAME") {
      const out = Math.ceil(size / stride);
      return { out, before: Math.floor(Math.max((out - 1) * stride + reach - size, 0) / 2) };
    }
    const [before, after] = padding === "VALID" ? [0, 0] : (padding[axis] as readonly [number, number]);
    const out = Math.floor((size + before + after - reach) / stride) + 1;
    ensure(
      out >= 0,
      () =>
        `Computed output size would be negative: ${out} [input_size: ${size}, effective_filter_size: ${reach}, stride: ${stride}]`,
    );
    return { out, before };
  }
}

/** One place under a window: flat positions among the outputs, the inputs, and in the kernel. */
export type VisitTap = (out: number, input: number, kernel: number) => void;

/** Visits every place that lies inside the input, window by window, row-major. */
export function forEachTap(geometry: Geometry, visit: VisitTap): void {
  const taps = geometry.outSizes.map((_, axis) => tapsAlong(geometry, axis));
  const count = product(geometry.outSizes);
  const rank = geometry.outSizes.length;
  const index = new Array<number>(rank).fill(0);

  function walk(axis: number, out: number, input: number, kernel: number): void {
    if (axis === rank) {
      visit(out, input, kernel);
      return;
    }
    const size = geometry.inSizes[axis] as number;
    const width = geometry.kernel[axis] as number;
    const places = taps[axis]?.[index[axis] as number] as readonly Tap[];
    for (const place of places)
      walk(axis + 1, out, input * size + place.input, kernel * width + place.kernel);
  }

  for (let out = 0; out < count; out++) {
    walk(0, out, 0, 0);
    for (let axis = rank - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (geometry.outSizes[axis] as number)) break;
      index[axis] = 0;
    }
  }
}

interface Tap {
  readonly input: number;
  readonly kernel: number;
}

/** For each output position along an axis, the places under its window. */
function tapsAlong(
  { outSizes, inSizes, kernel, strides, dilations, before }: Geometry,
  axis: number,
): Tap[][] {
  const [size, width, dilation] = [inSizes[axis], kernel[axis], dilations[axis]] as [number, number, number];
  return Array.from({ length: outSizes[axis] as number }, (_, out) => {
    const start = out * (strides[axis] as number) - (before[axis] as number);
    const first = Math.max(0, Math.ceil(-start / dilation));
    const last = Math.min(width - 1, Math.floor((size - 1 - start) / dilation));
    return Array.from({ length: Math.max(0, last - first + 1) }, (__, i) => ({
      input: start + (first + i) * dilation,
      kernel: first + i,
    }));
  });
}

/** The sizes of a value with channels last. INVALID_ARGUMENT unless it has `rank` spatial dimensions. */
export function imageSizes(x: Tensor, rank: number): { batch: number; spatial: Shape; channels: number } {
  ensure(
    x.shape.length === rank + 2,
    () => `input must be ${rank + 2}-dimensional, got shape ${shapeText(x.shape)}`,
  );
  return {
    batch: x.shape[0] as number,
    spatial: x.shape.slice(1, -1),
    channels: x.shape.at(-1) as number,
  };
}
