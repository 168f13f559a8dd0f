/**
 * Convolutions of any number of spatial dimensions, forwards and transposed, grouped and depthwise: for dtypes that
 * ONNX Runtime lacks, for constant folding, and for graphs too small to matter.
 */
import { type Shape, sameShape, shapeText, type Tensor } from "@servable/formats";
import type { Attrs } from "../../graph/attrs.js";
import type { HostRow, HostTable, NodeFacts } from "../op-table.js";
import { product } from "./boxes.js";
import { realsOf, realTensor } from "./domains.js";
import { compute, countOf, ensure, integersOf } from "./kernel.js";
import {
  asLayout,
  channelsLast,
  forEachTap,
  type Geometry,
  geometryOf,
  imageSizes,
  type Layout,
  layoutOf,
  paddingOf,
  spatialOf,
} from "./windows.js";

/** What the attributes of a convolution say. */
export interface ConvolutionOptions {
  readonly layout: Layout;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: ReturnType<typeof paddingOf>;
}

export function convolutionOptions(attrs: Attrs): ConvolutionOptions {
  const layout = layoutOf(attrs);
  const strides = spatialOf(attrs.ints("strides"), layout);
  const dilations = spatialOf(attrs.ints("dilations"), layout);
  return {
    layout,
    strides,
    dilations: dilations.length === 0 ? strides.map(() => 1) : dilations,
    padding: paddingOf(attrs, layout),
  };
}

/** A filter seen as [taps, inputs per group, outputs], a depthwise one having a group for each channel. */
export interface Filter {
  readonly kernel: Shape;
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
}

export function filterOf(filter: Pick<Tensor, "shape">, channels: number, depthwise: boolean): Filter {
  const kernel = filter.shape.slice(0, -2);
  const [inputs, outputs] = filter.shape.slice(-2) as [number, number];
  if (depthwise) {
    ensure(inputs === channels, () => `input and filter must have the same depth: ${channels} vs ${inputs}`);
    return { kernel, inputs: 1, outputs: inputs * outputs, groups: channels };
  }
  ensure(inputs > 0, "filter must not have zero elements");
  ensure(
    channels % inputs === 0,
    () => `input depth must be evenly divisible by filter depth: ${channels} vs ${inputs}`,
  );
  const groups = channels / inputs;
  ensure(
    outputs % Math.max(groups, 1) === 0,
    () => `output depth must be evenly divisible by number of groups: ${outputs} vs ${groups}`,
  );
  return { kernel, inputs, outputs, groups };
}

/** Multiplies and adds at one tap: entries of the inputs' and the outputs' channels from the given places on. */
type Accumulate = (input: number, output: number, tap: number) => void;

/** Visits all taps of all images, with the channels' first entries. */
export function forEachTapOfBatch(
  geometry: Geometry,
  batch: number,
  channels: number,
  { outputs, inputs }: Filter,
  accumulate: Accumulate,
): void {
  const [inPositions, outPositions] = [product(geometry.inSizes), product(geometry.outSizes)];
  // Of nothing, however large the batch is said to be.
  if (channels === 0 || outputs === 0) return;
  for (let n = 0; n < batch; n++) {
    forEachTap(geometry, (out, input, kernel) => {
      accumulate(
        (n * inPositions + input) * channels,
        (n * outPositions + out) * outputs,
        kernel * inputs * outputs,
      );
    });
  }
}

function convolve(
  input: Tensor,
  filterTensor: Tensor,
  options: ConvolutionOptions,
  depthwise: boolean,
): Tensor {
  const rank = filterTensor.shape.length - 2;
  const image = channelsLast(input, options.layout);
  const { batch, spatial, channels } = imageSizes(image, rank);
  const filter = filterOf(filterTensor, channels, depthwise);
  const geometry = geometryOf(spatial, filter.kernel, options.strides, options.dilations, options.padding);
  const shape = [batch, ...geometry.outSizes, filter.outputs];
  const totals = new Float64Array(countOf(shape));
  const [x, w] = [realsOf(image), realsOf(filterTensor)];
  const { inputs, outputs } = filter;
  const outputsPerGroup = outputs / filter.groups;
  forEachTapOfBatch(geometry, batch, channels, filter, (from, to, tap) => {
    for (let c = 0; c < channels; c++) {
      const value = x[from + c] as number;
      const first = Math.floor(c / inputs) * outputsPerGroup;
      const row = tap + (c % inputs) * outputs;
      for (let o = first; o < first + outputsPerGroup; o++) {
        totals[to + o] = (totals[to + o] as number) + value * (w[row + o] as number);
      }
    }
  });
  return asLayout(realTensor(input.dtype, shape, totals), options.layout);
}

/** The gradient of a convolution by its input: a transposed convolution. */
function convolveBack(
  inShape: Shape,
  filterTensor: Tensor,
  gradient: Tensor,
  options: ConvolutionOptions,
  depthwise: boolean,
): Tensor {
  const rank = filterTensor.shape.length - 2;
  const dy = channelsLast(gradient, options.layout);
  const { batch, spatial, channels: outputs } = imageSizes(dy, rank);
  const lastShape = options.layout.channelsFirst ? [inShape[0], ...inShape.slice(2), inShape[1]] : inShape;
  const channels = lastShape.at(-1) as number;
  const filter = filterOf(filterTensor, channels, depthwise);
  const geometry = geometryOf(
    lastShape.slice(1, -1) as number[],
    filter.kernel,
    options.strides,
    options.dilations,
    options.padding,
  );
  ensure(
    lastShape[0] === batch && filter.outputs === outputs && sameShape(geometry.outSizes, spatial),
    () =>
      `out_backprop of shape ${shapeText(gradient.shape)} is not what a convolution of ${shapeText(inShape)} gives: spatial sizes ${shapeText(geometry.outSizes)}, depth ${filter.outputs}`,
  );
  const shape = lastShape as number[];
  const totals = new Float64Array(countOf(shape));
  const [g, w] = [realsOf(dy), realsOf(filterTensor)];
  const { inputs } = filter;
  const outputsPerGroup = outputs / filter.groups;
  forEachTapOfBatch(geometry, batch, channels, filter, (to, from, tap) => {
    for (let c = 0; c < channels; c++) {
      const first = Math.floor(c / inputs) * outputsPerGroup;
      const row = tap + (c % inputs) * outputs;
      let sum = 0;
      for (let o = first; o < first + outputsPerGroup; o++)
        sum += (g[from + o] as number) * (w[row + o] as number);
      totals[to + c] = (totals[to + c] as number) + sum;
    }
  });
  return asLayout(realTensor(gradient.dtype, shape, totals), options.layout);
}

const forward = (depthwise: boolean): HostRow =>
  compute((node) => {
    const options = convolutionOptions(node.attrs);
    return (input, filter) => convolve(input, filter, options, depthwise);
  });

/** The input's shape is an input itself, or that of the input given. */
const backward = (depthwise: boolean, shapeOf: (input: Tensor) => Shape = integersOf): HostRow =>
  compute((node: NodeFacts) => {
    const options = convolutionOptions(node.attrs);
    return (input, filter, gradient) => convolveBack(shapeOf(input), filter, gradient, options, depthwise);
  });

const shapeOfInput = ({ shape }: Tensor): Shape => shape;

export const convolutionKernels: HostTable = {
  Conv: forward(false),
  Conv2D: forward(false),
  Conv3D: forward(false),
  DepthwiseConv2dNative: forward(true),
  Conv2DBackpropInput: backward(false),
  Conv2DBackpropInputV2: backward(false, shapeOfInput),
  Conv3DBackpropInput: backward(false, shapeOfInput),
  Conv3DBackpropInputV2: backward(false),
  DepthwiseConv2dNativeBackpropInput: backward(true),
};
