/** Pooling, patches and morphology: what slides a window over images and does not multiply. */
import { type DType, type Shape, shapeText, type Tensor, unimplemented } from "@servable/formats";
import type { Attrs } from "../../graph/attrs.js";
import type { HostRow, HostTable } from "../op-table.js";
import { copyElements, newLike, product } from "./boxes.js";
import {
  type Elements,
  elementsOf,
  isFloat,
  newElements,
  newReals,
  realsOf,
  tensorOf,
  tensorOfNumbers,
} from "./domains.js";
import { compute, countOf, ensure, integersOf, move, outputDtype } from "./kernel.js";
import { limitsOf } from "./reductions.js";
import {
  asLayout,
  channelsLast,
  forEachTap,
  type Geometry,
  geometryOf,
  imageSizes,
  type Layout,
  layoutOf,
  type Padding,
  paddingOf,
  spatialOf,
} from "./windows.js";

export interface PoolingOptions {
  readonly layout: Layout;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly padding: Padding;
}

export function poolingOptions(
  attrs: Attrs,
  ksize: readonly number[],
  strides: readonly number[],
): PoolingOptions {
  const layout = layoutOf(attrs);
  const [first, channels] = layout.channelsFirst ? [ksize[0], ksize[1]] : [ksize[0], ksize.at(-1)];
  if (first !== 1 || channels !== 1)
    throw unimplemented("Pooling is not yet supported on the batch or the depth dimension");
  return {
    layout,
    kernel: spatialOf(ksize, layout),
    strides: spatialOf(strides, layout),
    padding: paddingOf(attrs, layout),
  };
}

export const poolingOptionsOf = (attrs: Attrs): PoolingOptions =>
  poolingOptions(attrs, attrs.ints("ksize"), attrs.ints("strides"));

/** An image under a sliding window. */
export interface Windowed {
  readonly image: Tensor;
  readonly batch: number;
  readonly channels: number;
  readonly geometry: Geometry;
  /** Of the output, with channels last. */
  readonly shape: Shape;
}

export function windowed(x: Tensor, { layout, kernel, strides, padding }: PoolingOptions): Windowed {
  const image = channelsLast(x, layout);
  const { batch, spatial, channels } = imageSizes(image, kernel.length);
  const geometry = geometryOf(
    spatial,
    kernel,
    strides,
    kernel.map(() => 1),
    padding,
  );
  return { image, batch, channels, geometry, shape: [batch, ...geometry.outSizes, channels] };
}

/** Visits every place under every window of every image: first entries of the output's and the input's channels. */
export function forEachPlace(
  { batch, channels, geometry }: Pick<Windowed, "batch" | "channels" | "geometry">,
  visit: (to: number, from: number, kernel: number) => void,
): void {
  const [inPositions, outPositions] = [product(geometry.inSizes), product(geometry.outSizes)];
  // Of nothing, however large the batch is said to be.
  if (channels === 0 || inPositions === 0 || outPositions === 0) return;
  for (let n = 0; n < batch; n++) {
    forEachTap(geometry, (out, input, kernel) =>
      visit((n * outPositions + out) * channels, (n * inPositions + input) * channels, kernel),
    );
  }
}

// ---- pooling ---------------------------------------------------------------------------------------------------

/** Below every element of a dtype. */
function bottomOf(dtype: DType): number {
  if (isFloat(dtype)) return Number.NEGATIVE_INFINITY;
  const { least } = limitsOf(dtype);
  return dtype === "int64" || dtype === "uint64" ? (least as unknown as number) : Number(least);
}

function maxPool(x: Tensor, options: PoolingOptions): Tensor {
  const view = windowed(x, options);
  const source = elementsOf<number>(view.image);
  const out = newElements<number>(x.dtype, view.shape);
  const bottom = bottomOf(x.dtype);
  for (let i = 0; i < out.length; i++) out[i] = bottom;
  forEachPlace(view, (to, from) => {
    for (let c = 0; c < view.channels; c++) {
      if ((source[from + c] as number) > (out[to + c] as number)) out[to + c] = source[from + c] as number;
    }
  });
  return asLayout(tensorOf(x.dtype, view.shape, out), options.layout);
}

/** The largest elements, and where they are: flat in their image, or in the whole batch. */
function maxPoolWithArgmax(
  x: Tensor,
  options: PoolingOptions,
  wholeBatch: boolean,
  indexDtype: DType,
): [Tensor, Tensor] {
  const view = windowed(x, options);
  const source = realsOf(x);
  const out = newReals(x.dtype, view.shape);
  const places = new Float64Array(out.length).fill(-1);
  const imageSize = product(view.geometry.inSizes) * view.channels;
  forEachPlace(view, (to, from) => {
    for (let c = 0; c < view.channels; c++) {
      const value = source[from + c] as number;
      if (places[to + c] !== -1 && !(value > (out[to + c] as number))) continue;
      out[to + c] = value;
      places[to + c] = wholeBatch ? from + c : (from + c) % imageSize;
    }
  });
  return [tensorOf(x.dtype, view.shape, out), tensorOfNumbers(indexDtype, view.shape, places)];
}

/** Means of what lies under the window; places over the edge don't count. */
function avgPool(x: Tensor, options: PoolingOptions): Tensor {
  const view = windowed(x, options);
  const source = realsOf(view.image);
  const totals = new Float64Array(countOf(view.shape));
  const counts = new Float64Array(totals.length / Math.max(view.channels, 1));
  forEachPlace(view, (to, from) => {
    const position = to / view.channels;
    counts[position] = (counts[position] as number) + 1;
    for (let c = 0; c < view.channels; c++)
      totals[to + c] = (totals[to + c] as number) + (source[from + c] as number);
  });
  const out = newReals(x.dtype, view.shape);
  for (let i = 0; i < out.length; i++)
    out[i] = (totals[i] as number) / (counts[Math.floor(i / view.channels)] as number);
  return asLayout(tensorOf(x.dtype, view.shape, out), options.layout);
}

const pool = (f: (x: Tensor, options: PoolingOptions) => Tensor): HostRow =>
  compute((node) => {
    const options = poolingOptionsOf(node.attrs);
    return (x) => f(x, options);
  });

// ---- patches ---------------------------------------------------------------------------------------------------

/** All elements under a window, place after place, as the channels of the output. */
const patches = move((node) => {
  const { attrs } = node;
  const layout: Layout = { channelsFirst: false };
  const [kernel, strides] = [
    spatialOf(attrs.ints("ksizes"), layout),
    spatialOf(attrs.ints("strides"), layout),
  ];
  const rates = attrs.has("rates") ? spatialOf(attrs.ints("rates"), layout) : kernel.map(() => 1);
  const padding = paddingOf(attrs, layout);
  return (x) => {
    ensure(
      x.shape.length === kernel.length + 2,
      () => `input must be ${kernel.length + 2}-dimensional, got shape ${shapeText(x.shape)}`,
    );
    const [batch, channels] = [x.shape[0] as number, x.shape.at(-1) as number];
    const geometry = geometryOf(x.shape.slice(1, -1), kernel, strides, rates, padding);
    const places = product(kernel);
    const out = newLike(x, [batch, ...geometry.outSizes, places * channels]);
    forEachPlace({ batch, channels, geometry }, (to, from, place) =>
      copyElements(x, from, channels, out, to * places + place * channels),
    );
    return out;
  };
});

/** Grayscale dilation: the largest sum of element and filter under the window. */
const dilation = compute((node) => {
  const layout: Layout = { channelsFirst: false };
  const [strides, rates] = [
    spatialOf(node.attrs.ints("strides"), layout),
    spatialOf(node.attrs.ints("rates"), layout),
  ];
  const padding = paddingOf(node.attrs, layout);
  return (x, filter) => {
    const { batch, spatial, channels } = imageSizes(x, 2);
    ensure(
      filter.shape.length === 3 && filter.shape[2] === channels,
      () =>
        `filter must be 3-dimensional and as deep as the input: ${shapeText(filter.shape)} vs. depth ${channels}`,
    );
    const geometry = geometryOf(spatial, filter.shape.slice(0, 2), strides, rates, padding);
    const shape = [batch, ...geometry.outSizes, channels];
    const [source, weights]: [Elements<number>, Elements<number>] = [elementsOf(x), elementsOf(filter)];
    const out = newElements<number>(x.dtype, shape);
    const bottom = bottomOf(x.dtype);
    for (let i = 0; i < out.length; i++) out[i] = bottom;
    forEachPlace({ batch, channels, geometry }, (to, from, place) => {
      for (let c = 0; c < channels; c++) {
        const sum = (source[from + c] as number) + (weights[place * channels + c] as number);
        if (sum > (out[to + c] as number)) out[to + c] = sum;
      }
    });
    return tensorOf(x.dtype, shape, out);
  };
});

export const poolingKernels: HostTable = {
  MaxPool: pool(maxPool),
  MaxPool3D: pool(maxPool),
  MaxPoolV2: compute(
    (node) => (x, ksize, strides) =>
      maxPool(x, poolingOptions(node.attrs, integersOf(ksize), integersOf(strides))),
  ),
  MaxPoolWithArgmax: compute((node) => {
    const options = poolingOptionsOf(node.attrs);
    const wholeBatch = node.attrs.bool("include_batch_in_index");
    return (x) => maxPoolWithArgmax(x, options, wholeBatch, outputDtype(node, 1));
  }),
  AvgPool: pool(avgPool),
  AvgPool3D: pool(avgPool),
  ExtractImagePatches: patches,
  ExtractVolumePatches: patches,
  Dilation2D: dilation,
};
