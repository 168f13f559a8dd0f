/**
 * Resizing of images [batch, height, width, channels], each method with TensorFlow's own idea of where a pixel lies
 * (tensorflow/core/kernels/image and core/util/image_resizer_state.h). Coordinates are float32 as there: a pixel
 * on the border between two must fall on the same side.
 */
import { type DType, invalidArgument, resourceExhausted, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable, NodeFacts } from "../../op-table.js";
import { copyBox, newLike } from "../boxes.js";
import { newReals, realsOf, tensorOf } from "../domains.js";
import { compute, countOf, type Dense, ensure, integersOf, move, outputDtype } from "../kernel.js";

const { fround } = Math;

/** For one output position along an axis: which input positions count, and by how much. */
export interface Weights {
  readonly positions: readonly number[];
  readonly weights: readonly number[];
}

interface Sampling {
  /** Input sizes per output size, by align_corners. */
  readonly scale: number;
  readonly halfPixel: boolean;
}

function samplingOf(inSize: number, outSize: number, alignCorners: boolean, halfPixel: boolean): Sampling {
  const scale = alignCorners && outSize > 1 ? fround((inSize - 1) / (outSize - 1)) : fround(inSize / outSize);
  return { scale, halfPixel };
}

/** Where an output position lies among the input's. */
function inputPlace(out: number, { scale, halfPixel }: Sampling): number {
  return halfPixel ? fround(fround(fround(out + 0.5) * scale) - 0.5) : fround(out * scale);
}

function linear(out: number, inSize: number, sampling: Sampling): Weights {
  const place = inputPlace(out, sampling);
  const floor = Math.floor(place);
  const upper = Math.min(Math.ceil(place), inSize - 1);
  const lower = Math.min(Math.max(floor, 0), upper);
  const share = fround(place - floor);
  return { positions: [lower, upper], weights: [1 - share, share] };
}

/** Resolution of TensorFlow's table of cubic weights. */
const CUBIC_STEPS = 1024;

/** Weights of the cubic kernel with parameter a, for distances below and above 1. */
const nearCubic = (x: number, a: number): number => fround(((a + 2) * x - (a + 3)) * x * x + 1);
const farCubic = (x: number, a: number): number =>
  fround(((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a);

/** Keys's kernel drops what is outside the image; the older one repeats the edge. */
function cubic(out: number, inSize: number, sampling: Sampling): Weights {
  const place = inputPlace(out, sampling);
  const floor = Math.floor(place);
  const step = Math.round(fround(place - floor) * CUBIC_STEPS) / CUBIC_STEPS;
  const a = sampling.halfPixel ? -0.5 : -0.75;
  const weights = [farCubic(step, a), nearCubic(step, a), nearCubic(1 - step, a), farCubic(1 - step, a)];
  const places = [floor - 1, floor, floor + 1, floor + 2];
  const positions = places.map((at) => Math.min(Math.max(at, 0), inSize - 1));
  if (!sampling.halfPixel) return { positions, weights };
  return {
    positions,
    weights: normalized(weights.map((weight, i) => (positions[i] === places[i] ? weight : 0))),
  };
}

function normalized(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Math.abs(sum) >= 1000 * 2 ** -126 ? weights.map((weight) => weight / sum) : [...weights];
}

/** The parts of input pixels that an output pixel covers. */
function area(out: number, inSize: number, { scale }: Sampling): Weights {
  const [start, end] = [fround(out * scale), fround((out + 1) * scale)];
  const positions: number[] = [];
  const weights: number[] = [];
  for (let at = Math.floor(start); at < Math.ceil(end); at++) {
    positions.push(Math.min(Math.max(at, 0), inSize - 1));
    const covered = at < start ? (at + 1 > end ? scale : at + 1 - start) : at + 1 > end ? end - at : 1;
    weights.push(covered / scale);
  }
  return { positions, weights };
}

/** Each output pixel as a weighted sum over rows and columns of the input. */
export function resample(
  x: Tensor,
  dtype: DType,
  rows: readonly Weights[],
  columns: readonly Weights[],
): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const shape = [batch, rows.length, columns.length, channels];
  const values = x.dtype === "int64" ? Float64Array.from(x.data as BigInt64Array, Number) : realsOf(x);
  const out = new Float64Array(countOf(shape));
  const narrow = new Float64Array(height * columns.length * channels);
  for (let n = 0; n < batch && out.length > 0; n++) {
    narrow.fill(0);
    for (let y = 0; y < height; y++) {
      addWeighted(
        columns,
        channels,
        narrow,
        y * columns.length * channels,
        (at) => ((n * height + y) * width + at) * channels,
        values,
      );
    }
    const stride = columns.length * channels;
    addWeighted(rows, stride, out, n * rows.length * stride, (at) => at * stride, narrow);
  }
  const result = newReals(dtype, shape);
  for (let i = 0; i < out.length; i++) result[i] = out[i] as number;
  return tensorOf(dtype, shape, result);
}

/** For each output position adds the weighted input vectors of `length` elements. */
function addWeighted(
  places: readonly Weights[],
  length: number,
  out: Float64Array,
  outStart: number,
  startOf: (position: number) => number,
  values: ArrayLike<number>,
): void {
  for (const [place, { positions, weights }] of places.entries()) {
    const to = outStart + place * length;
    for (const [i, position] of positions.entries()) {
      const weight = weights[i] as number;
      if (weight === 0) continue;
      const from = startOf(position);
      for (let c = 0; c < length; c++)
        out[to + c] = (out[to + c] as number) + weight * (values[from + c] as number);
    }
  }
}

// ---- rows ------------------------------------------------------------------------------------------------------

/** Pixels along one side: each costs an object or two. */
const MAX_SIDE = 2 ** 20;

/** Height and width asked for. INVALID_ARGUMENT unless positive. */
export function sizeOf(size: Dense): [number, number] {
  ensure(
    size.shape.length === 1 && size.shape[0] === 2,
    () => `shape_t must have two elements, got shape ${shapeText(size.shape)}`,
  );
  const [height, width] = integersOf(size) as [number, number];
  ensure(height > 0 && width > 0, () => `output dimensions must be positive, got ${height} x ${width}`);
  if (Math.max(height, width) > MAX_SIDE)
    throw resourceExhausted(`an image of ${height} x ${width} pixels is too large`);
  return [height, width];
}

export function requireImages(x: Dense): void {
  ensure(x.shape.length === 4, () => `images must be 4-dimensional, got shape ${shapeText(x.shape)}`);
  ensure(
    (x.shape[1] as number) > 0 && (x.shape[2] as number) > 0,
    () => `input image must be of non-zero size, got ${shapeText(x.shape)}`,
  );
}

export interface ResizeOptions {
  readonly alignCorners: boolean;
  readonly halfPixel: boolean;
}

export function resizeOptions({ attrs, op, name }: NodeFacts): ResizeOptions {
  const alignCorners = attrs.bool("align_corners");
  const halfPixel = attrs.has("half_pixel_centers") && attrs.bool("half_pixel_centers");
  if (alignCorners && halfPixel) {
    throw invalidArgument(
      `${op} node "${name}": If half_pixel_centers is True, align_corners must be False.`,
    );
  }
  return { alignCorners, halfPixel };
}

type Method = (out: number, inSize: number, sampling: Sampling) => Weights;

/** Where each of the output's places takes its value from, along one axis. */
function weightsAlong(
  inSize: number,
  outSize: number,
  { alignCorners, halfPixel }: ResizeOptions,
  method: Method,
): Weights[] {
  const sampling = samplingOf(inSize, outSize, alignCorners, halfPixel);
  return Array.from({ length: outSize }, (_, out) => method(out, inSize, sampling));
}

/** The weights of bilinear resizing. */
export function linearWeights(inSize: number, outSize: number, options: ResizeOptions): Weights[] {
  return weightsAlong(inSize, outSize, options, linear);
}

const weighted = (method: Method): HostRow =>
  compute((node) => {
    const options = resizeOptions(node);
    return (x, size) => {
      requireImages(x);
      const [height, width] = sizeOf(size);
      const rows = weightsAlong(x.shape[1] as number, height, options, method);
      const columns = weightsAlong(x.shape[2] as number, width, options, method);
      return resample(x, outputDtype(node), rows, columns);
    };
  });

export function nearestPlaces(
  inSize: number,
  outSize: number,
  { alignCorners, halfPixel }: ResizeOptions,
): number[] {
  const { scale } = samplingOf(inSize, outSize, alignCorners, halfPixel);
  return Array.from({ length: outSize }, (_, out) => {
    const place = fround((halfPixel ? out + 0.5 : out) * scale);
    const chosen = alignCorners ? Math.floor(place + 0.5) : Math.floor(place);
    return Math.min(Math.max(chosen, 0), inSize - 1);
  });
}

const nearest = move((node) => {
  const options = resizeOptions(node);
  return (x, size) => {
    requireImages(x);
    const [rows, columns] = sizeOf(size).map((outSize, i) =>
      nearestPlaces(x.shape[i + 1] as number, outSize, options),
    ) as [number[], number[]];
    return picked(x, rows, columns);
  };
});

/** The pixels at the given rows and columns. */
function picked(x: Dense, rows: readonly number[], columns: readonly number[]): Dense {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const narrow = newLike(x, [batch, height, columns.length, channels]);
  for (const [to, from] of columns.entries()) {
    copyBox(
      [batch * height, channels],
      { value: x, offset: from * channels, strides: [width * channels, 1] },
      { value: narrow, offset: to * channels, strides: [columns.length * channels, 1] },
    );
  }
  const stride = columns.length * channels;
  const out = newLike(x, [batch, rows.length, columns.length, channels]);
  for (const [to, from] of rows.entries()) {
    copyBox(
      [batch, stride],
      { value: narrow, offset: from * stride, strides: [height * stride, 1] },
      { value: out, offset: to * stride, strides: [rows.length * stride, 1] },
    );
  }
  return out;
}

// ---- scale and translate ---------------------------------------------------------------------------------------

/** A kernel by the distance from its centre, zero from the radius on. */
interface Kernel {
  readonly radius: number;
  readonly weight: (distance: number) => number;
}

const lanczos = (radius: number): Kernel => ({
  radius,
  weight: (x) => {
    if (x > radius) return 0;
    if (x <= 1e-3) return 1;
    return (radius * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / radius)) / (Math.PI * Math.PI * x * x);
  },
});

const kernels: Readonly<Record<string, Kernel>> = {
  lanczos1: lanczos(1),
  lanczos3: lanczos(3),
  lanczos5: lanczos(5),
  gaussian: { radius: 1.5, weight: (x) => (x >= 1.5 ? 0 : Math.exp(-(x * x) / (2 * 0.5 * 0.5))) },
  box: { radius: 1, weight: (x) => (x < 0.5 ? 1 : x === 0.5 ? 0.5 : 0) },
  triangle: { radius: 1, weight: (x) => (x < 1 ? 1 - x : 0) },
  keyscubic: {
    radius: 2,
    weight: (x) => (x >= 2 ? 0 : x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1),
  },
  mitchellcubic: {
    radius: 2,
    weight: (x) =>
      x >= 2
        ? 0
        : x >= 1
          ? (((-7 / 18) * x + 2) * x - 10 / 3) * x + 16 / 9
          : ((7 / 6) * x - 2) * x * x + 8 / 9,
  },
};

/** The input pixels under the kernel around the place of an output pixel; none where that lies outside. */
function span(
  out: number,
  inSize: number,
  scale: number,
  translation: number,
  kernel: Kernel,
  antialias: boolean,
): Weights {
  const inverse = fround(1 / scale);
  const widened = antialias ? Math.max(inverse, 1) : 1;
  const place = fround(fround((out + 0.5) * inverse) + fround(-inverse * translation));
  if (place < 0 || place > inSize) return { positions: [], weights: [] };
  const inside = (at: number): number => Math.min(Math.max(at, 0), inSize - 1);
  const reach = fround(kernel.radius * widened);
  const first = inside(Math.ceil(fround(fround(place - reach) - 0.5)));
  const last = inside(Math.floor(fround(fround(place + reach) - 0.5)));
  const positions = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const weights = positions.map((at) => kernel.weight(Math.abs(fround(fround(at + 0.5) - place) / widened)));
  return { positions, weights: normalized(weights) };
}

const scaleAndTranslate = compute((node) => {
  const name = node.attrs.string("kernel_type");
  const antialias = node.attrs.bool("antialias");
  const kernel = Object.hasOwn(kernels, name) ? kernels[name] : undefined;
  if (kernel === undefined)
    throw invalidArgument(`${node.op} node "${node.name}": Unrecognized kernel type: ${name}`);
  return (x, size, scaleInput, translationInput) => {
    requireImages(x);
    const [scales, translations] = [realsOf(scaleInput), realsOf(translationInput)];
    ensure(scales.length === 2 && translations.length === 2, "scale and translation must have two elements");
    const [rows, columns] = sizeOf(size).map((outSize, i) => {
      const [scale, translation] = [scales[i] as number, translations[i] as number];
      ensure(scale > 0, () => `Scale should be greater than 0, got ${scale}`);
      return Array.from({ length: outSize }, (_, out) =>
        span(out, x.shape[i + 1] as number, scale, translation, kernel, antialias),
      );
    }) as [Weights[], Weights[]];
    return resample(x, outputDtype(node), rows, columns);
  };
});

export const resizingKernels: HostTable = {
  ResizeBilinear: weighted(linear),
  ResizeBicubic: weighted(cubic),
  ResizeArea: weighted(area),
  ResizeNearestNeighbor: nearest,
  ScaleAndTranslate: scaleAndTranslate,
};
