/**
 * Gradients of convolutions, pooling, normalization and resizing. Graphs that explain their answers (saliency maps,
 * integrated gradients) or attack themselves hold them; so do training graphs that were exported whole.
 */
import { type Shape, sameShape, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { aroundAxis } from "./boxes.js";
import { convolutionOptions, filterOf, forEachTapOfBatch } from "./convolutions.js";
import { realsOf, realTensor } from "./domains.js";
import { linearWeights, nearestPlaces, resizeOptions, sizeOf, type Weights } from "./images/resizing.js";
import { compute, countOf, ensure, integersOf } from "./kernel.js";
import { forEachPlace, type PoolingOptions, poolingOptions, poolingOptionsOf, windowed } from "./pooling.js";
import { asLayout, channelsLast, geometryOf, imageSizes, layoutOf } from "./windows.js";

// ---- convolutions ----------------------------------------------------------------------------------------------

/** What each weight of the filter saw: products of the inputs under it and the outputs' gradients, summed. */
const filterGradient = (depthwise: boolean, shapeOf: (input: Tensor) => Shape = integersOf): HostRow =>
  compute((node) => {
    const options = convolutionOptions(node.attrs);
    return (input, filterInput, gradient) => {
      const shape = shapeOf(filterInput);
      const image = channelsLast(input, options.layout);
      const dy = channelsLast(gradient, options.layout);
      const { batch, spatial, channels } = imageSizes(image, shape.length - 2);
      const filter = filterOf({ shape }, channels, depthwise);
      const geometry = geometryOf(
        spatial,
        filter.kernel,
        options.strides,
        options.dilations,
        options.padding,
      );
      ensure(
        sameShape(dy.shape, [batch, ...geometry.outSizes, filter.outputs]),
        () =>
          `out_backprop of shape ${shapeText(gradient.shape)} is not what a convolution of ${shapeText(input.shape)} by ${shapeText(shape)} gives`,
      );
      const totals = new Float64Array(countOf(shape));
      const [x, g] = [realsOf(image), realsOf(dy)];
      const perGroup = filter.outputs / filter.groups;
      forEachTapOfBatch(geometry, batch, channels, filter, (from, to, tap) => {
        for (let c = 0; c < channels; c++) {
          const first = Math.floor(c / filter.inputs) * perGroup;
          const row = tap + (c % filter.inputs) * filter.outputs;
          const value = x[from + c] as number;
          for (let o = first; o < first + perGroup; o++) {
            totals[row + o] = (totals[row + o] as number) + value * (g[to + o] as number);
          }
        }
      });
      return realTensor(input.dtype, shape, totals);
    };
  });

const shapeOfFilter = ({ shape }: Tensor): Shape => shape;

/** Sums over everything but the channels. */
const biasGradient = compute((node) => {
  const { channelsFirst } = layoutOf(node.attrs);
  return (gradient) => {
    ensure(
      gradient.shape.length >= 2,
      () => `Input tensor must be at least 2D: ${shapeText(gradient.shape)}`,
    );
    const { size, inner } = aroundAxis(gradient.shape, channelsFirst ? 1 : gradient.shape.length - 1);
    const totals = new Float64Array(countOf([size]));
    for (const [i, value] of realsOf(gradient).entries()) {
      const channel = Math.floor(i / inner) % size;
      totals[channel] = (totals[channel] as number) + value;
    }
    return realTensor(gradient.dtype, [size], totals);
  };
});

// ---- pooling ---------------------------------------------------------------------------------------------------

/** Each window's gradient goes to the first of its largest inputs; of volumes to all of them. */
function maxPoolGradient(input: Tensor, gradient: Tensor, options: PoolingOptions): Tensor {
  const view = windowed(input, options);
  const dy = channelsLast(gradient, options.layout);
  ensure(
    sameShape(dy.shape, view.shape),
    () => `Expected grad shape to be ${shapeText(view.shape)}, but got ${shapeText(dy.shape)}`,
  );
  const [x, g] = [realsOf(view.image), realsOf(dy)];
  const largest = new Float64Array(g.length).fill(-1);
  forEachPlace(view, (to, from) => {
    for (let c = 0; c < view.channels; c++) {
      const best = largest[to + c] as number;
      if (best < 0 || (x[from + c] as number) > (x[best] as number)) largest[to + c] = from + c;
    }
  });
  const totals = new Float64Array(x.length);
  const shares = view.geometry.kernel.length === 3;
  forEachPlace(view, (to, from) => {
    for (let c = 0; c < view.channels; c++) {
      const best = largest[to + c] as number;
      const takes = shares ? x[from + c] === x[best] : from + c === best;
      if (takes) totals[from + c] = (totals[from + c] as number) + (g[to + c] as number);
    }
  });
  return asLayout(realTensor(gradient.dtype, view.image.shape, totals), options.layout);
}

/** Each window's gradient is shared out among its inputs. */
function avgPoolGradient(shape: Shape, gradient: Tensor, options: PoolingOptions): Tensor {
  countOf(shape);
  const view = windowed(realTensor(gradient.dtype, shape, []), options);
  const dy = channelsLast(gradient, options.layout);
  ensure(
    sameShape(dy.shape, view.shape),
    () => `Expected grad shape to be ${shapeText(view.shape)}, but got ${shapeText(dy.shape)}`,
  );
  const g = realsOf(dy);
  const counts = new Float64Array(g.length / Math.max(view.channels, 1));
  forEachPlace(view, (to) => {
    const place = to / view.channels;
    counts[place] = (counts[place] as number) + 1;
  });
  const totals = new Float64Array(countOf(shape));
  forEachPlace(view, (to, from) => {
    const count = counts[to / view.channels] as number;
    for (let c = 0; c < view.channels; c++)
      totals[from + c] = (totals[from + c] as number) + (g[to + c] as number) / count;
  });
  return asLayout(realTensor(gradient.dtype, view.image.shape, totals), options.layout);
}

const maxRow = compute((node) => {
  const options = poolingOptionsOf(node.attrs);
  return (input, _output, gradient) => maxPoolGradient(input, gradient, options);
});

const avgRow = compute((node) => {
  const options = poolingOptionsOf(node.attrs);
  return (shape, gradient) => avgPoolGradient(integersOf(shape), gradient, options);
});

// ---- normalization ---------------------------------------------------------------------------------------------

/** By x, scale and offset; in inference the moments are constants. */
const batchNormGradient = compute((node) => {
  const epsilon = node.attrs.float("epsilon");
  const training = node.attrs.bool("is_training");
  const { channelsFirst } = layoutOf(node.attrs);
  return (gradient, x, scaleInput, meanInput, varianceInput) => {
    const { outer, size, inner } = aroundAxis(x.shape, channelsFirst ? 1 : x.shape.length - 1);
    ensure(
      sameShape(x.shape, gradient.shape),
      () =>
        `x and y_backprop must have the same shape, got ${shapeText(x.shape)} and ${shapeText(gradient.shape)}`,
    );
    const [values, g, scale] = [realsOf(x), realsOf(gradient), realsOf(scaleInput)];
    const [mean, variance] = [realsOf(meanInput), realsOf(varianceInput)];
    ensure(
      [scale, mean, variance].every(({ length }) => length === size),
      () => `scale and moments must have ${size} elements`,
    );
    const count = outer * inner;
    const rate = Float64Array.from(variance, (each) => 1 / Math.sqrt(each + epsilon));
    const standardized = (i: number, c: number): number =>
      ((values[i] as number) - (mean[c] as number)) * (rate[c] as number);
    const byOffset = new Float64Array(size);
    const byScale = new Float64Array(size);
    for (let i = 0; i < g.length; i++) {
      const c = Math.floor(i / inner) % size;
      byOffset[c] = (byOffset[c] as number) + (g[i] as number);
      byScale[c] = (byScale[c] as number) + (g[i] as number) * standardized(i, c);
    }
    const byX = Float64Array.from({ length: g.length }, (_, i) => {
      const c = Math.floor(i / inner) % size;
      const own = g[i] as number;
      const centred = training
        ? own - ((byOffset[c] as number) + standardized(i, c) * (byScale[c] as number)) / count
        : own;
      return (scale[c] as number) * (rate[c] as number) * centred;
    });
    const unused = realTensor(scaleInput.dtype, [0], []);
    return [
      realTensor(x.dtype, x.shape, byX),
      realTensor(scaleInput.dtype, [size], byScale),
      realTensor(scaleInput.dtype, [size], byOffset),
      unused,
      unused,
    ];
  };
});

// ---- resizing --------------------------------------------------------------------------------------------------

/** Gradients go back to where the weights took the values from. */
function resizeGradient(
  gradient: Tensor,
  dtype: Tensor["dtype"],
  rows: readonly Weights[],
  columns: readonly Weights[],
  height: number,
  width: number,
): Tensor {
  const [batch, outHeight, outWidth, channels] = gradient.shape as [number, number, number, number];
  const shape = [batch, height, width, channels];
  const totals = new Float64Array(countOf(shape));
  const g = realsOf(gradient);
  for (let from = 0; from < g.length; from++) {
    const c = from % channels;
    const pixel = Math.floor(from / channels);
    const row = rows[Math.floor(pixel / outWidth) % outHeight] as Weights;
    const column = columns[pixel % outWidth] as Weights;
    const image = Math.floor(pixel / (outWidth * outHeight));
    for (const [i, y] of row.positions.entries()) {
      for (const [j, x] of column.positions.entries()) {
        const at = ((image * height + y) * width + x) * channels + c;
        totals[at] =
          (totals[at] as number) +
          (g[from] as number) * (row.weights[i] as number) * (column.weights[j] as number);
      }
    }
  }
  return realTensor(dtype, shape, totals);
}

function requireImage(gradient: Tensor): [height: number, width: number] {
  ensure(
    gradient.shape.length === 4,
    () => `grads must be 4-dimensional, got shape ${shapeText(gradient.shape)}`,
  );
  return sizeOf({ dtype: "int32", shape: [2], data: Int32Array.from(gradient.shape.slice(1, 3)) });
}

const bilinearGradient = compute((node) => {
  const options = resizeOptions(node);
  return (gradient, original) => {
    const [outHeight, outWidth] = requireImage(gradient);
    const [height, width] = requireImage(original);
    const [rows, columns] = [
      linearWeights(height, outHeight, options),
      linearWeights(width, outWidth, options),
    ];
    return resizeGradient(gradient, original.dtype, rows, columns, height, width);
  };
});

const nearestGradient = compute((node) => {
  const options = resizeOptions(node);
  return (gradient, size) => {
    const [outHeight, outWidth] = requireImage(gradient);
    const [height, width] = sizeOf(size);
    const whole = (places: number[]): Weights[] =>
      places.map((place) => ({ positions: [place], weights: [1] }));
    const [rows, columns] = [
      nearestPlaces(height, outHeight, options),
      nearestPlaces(width, outWidth, options),
    ];
    return resizeGradient(gradient, gradient.dtype, whole(rows), whole(columns), height, width);
  };
});

export const spatialGradientKernels: HostTable = {
  Conv2DBackpropFilter: filterGradient(false),
  Conv2DBackpropFilterV2: filterGradient(false, shapeOfFilter),
  Conv3DBackpropFilter: filterGradient(false, shapeOfFilter),
  Conv3DBackpropFilterV2: filterGradient(false),
  DepthwiseConv2dNativeBackpropFilter: filterGradient(true),
  BiasAddGrad: biasGradient,
  MaxPoolGrad: maxRow,
  MaxPool3DGrad: maxRow,
  MaxPoolGradV2: compute(
    (node) => (input, _output, gradient, ksize, strides) =>
      maxPoolGradient(input, gradient, poolingOptions(node.attrs, integersOf(ksize), integersOf(strides))),
  ),
  AvgPoolGrad: avgRow,
  AvgPool3DGrad: avgRow,
  FusedBatchNormGrad: batchNormGradient,
  FusedBatchNormGradV2: batchNormGradient,
  FusedBatchNormGradV3: batchNormGradient,
  ResizeBilinearGrad: bilinearGradient,
  ResizeNearestNeighborGrad: nearestGradient,
};
