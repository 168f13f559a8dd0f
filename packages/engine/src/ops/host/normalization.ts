/** Softmax and its losses, batch and response normalization, bias. */
import { type DType, invalidArgument, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { aroundAxis, gatherBox } from "./boxes.js";
import {
  type Elements,
  elementsOf,
  newElements,
  type Reals,
  realsOf,
  realTensor,
  tensorOf,
} from "./domains.js";
import { binaryFor } from "./elementwise.js";
import { additions } from "./elementwise-binary.js";
import { indexData } from "./index-data.js";
import { compute, ensure, outputDtype } from "./kernel.js";
import { broadcastShape, broadcastStrides } from "./loop-nest.js";
import { layoutOf } from "./windows.js";

// ---- softmax ---------------------------------------------------------------------------------------------------

/** Replaces a row of logits by their log-probabilities. */
function logSoftmaxRow(row: Float64Array): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < row.length; i++) if (!((row[i] as number) <= largest)) largest = row[i] as number;
  let sum = 0;
  for (let i = 0; i < row.length; i++) {
    row[i] = (row[i] as number) - largest;
    sum += Math.exp(row[i] as number);
  }
  const log = Math.log(sum);
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) - log;
}

/** log-probabilities of the rows of logits along the last dimension. */
function logSoftmax(logits: Tensor): Float64Array {
  ensure(logits.shape.length >= 1, () => `logits must have >= 1 dimension, got ${logits.shape.length}`);
  const size = logits.shape.at(-1) as number;
  const out = new Float64Array(realsOf(logits));
  for (let start = 0; start < out.length; start += size) logSoftmaxRow(out.subarray(start, start + size));
  return out;
}

const softmax = (logits: Tensor): Float64Array => exponentials(logSoftmax(logits));

/** In place. A loop: `map` costs several times as much. */
function exponentials(values: Float64Array): Float64Array {
  for (let i = 0; i < values.length; i++) values[i] = Math.exp(values[i] as number);
  return values;
}

/** Losses and their gradients for logits and labels that broadcast to one matrix. */
function softmaxCrossEntropy(features: Tensor, labels: Tensor): [Tensor, Tensor] {
  const shape = broadcastShape(features.shape, labels.shape);
  ensure(
    shape.length === 2,
    () =>
      `logits and labels must be either 2-dimensional, or broadcasted to be 2-dimensional, got ${shapeText(shape)}`,
  );
  const [x, y] = [features, labels].map((tensor) =>
    gatherBox(tensor, shape, 0, broadcastStrides(tensor.shape, shape)),
  ) as [Tensor, Tensor];
  const [rows, classes] = shape as [number, number];
  const logs = logSoftmax(x);
  const targets = realsOf(y);
  const losses = new Float64Array(rows);
  const gradient = new Float64Array(rows * classes);
  for (let i = 0; i < gradient.length; i++) {
    const row = Math.floor(i / classes);
    const target = targets[i] as number;
    losses[row] = (losses[row] as number) - (target === 0 ? 0 : target * (logs[i] as number));
    gradient[i] = Math.exp(logs[i] as number) - target;
  }
  return [realTensor(features.dtype, [rows], losses), realTensor(features.dtype, shape, gradient)];
}

function sparseSoftmaxCrossEntropy(features: Tensor, labels: Tensor): [Tensor, Tensor] {
  const [rows, classes] = features.shape as [number, number];
  ensure(features.shape.length === 2, () => `logits must be 2-D, but got shape ${shapeText(features.shape)}`);
  ensure(
    labels.shape.length === 1 && labels.shape[0] === rows,
    () =>
      `logits and labels must have the same first dimension, got logits shape ${shapeText(features.shape)} and labels shape ${shapeText(labels.shape)}`,
  );
  const logs = logSoftmax(features);
  const gradient = exponentials(logs.slice());
  const losses = Float64Array.from(indexData(labels), (label, row) => {
    if (label < 0 || label >= classes) {
      throw invalidArgument(
        `Received a label value of ${label} which is outside the valid range of [0, ${classes}).`,
      );
    }
    const at = row * classes + label;
    gradient[at] = (gradient[at] as number) - 1;
    return -(logs[at] as number);
  });
  return [realTensor(features.dtype, [rows], losses), realTensor(features.dtype, features.shape, gradient)];
}

function l2Loss(x: Tensor): Tensor {
  let sum = 0;
  for (const value of realsOf(x)) sum += value * value;
  return realTensor(x.dtype, [], [sum / 2]);
}

// ---- bias ------------------------------------------------------------------------------------------------------

function biasAdd(x: Tensor, bias: Tensor, channelsFirst: boolean): Tensor {
  ensure(x.shape.length >= 2, () => `Input tensor must be at least 2D: ${shapeText(x.shape)}`);
  ensure(bias.shape.length === 1, () => `Biases must be 1D: ${shapeText(bias.shape)}`);
  const axis = channelsFirst ? 1 : x.shape.length - 1;
  const { outer, size, inner } = aroundAxis(x.shape, axis);
  ensure(
    bias.shape[0] === size,
    () =>
      `Must provide as many biases as the last dimension of the input tensor: ${shapeText(bias.shape)} vs. ${shapeText(x.shape)}`,
  );
  const [source, added]: [Elements<unknown>, Elements<unknown>] = [elementsOf(x), elementsOf(bias)];
  const out = newElements<unknown>(x.dtype, x.shape);
  const add = binaryFor(additions, x.dtype) as (x: unknown, y: unknown) => unknown;
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < size; c++) {
      const start = (o * size + c) * inner;
      for (let i = start; i < start + inner; i++) out[i] = add(source[i], added[c]);
    }
  }
  return tensorOf(x.dtype, x.shape, out);
}

const biasRow: HostRow = compute((node) => {
  const { channelsFirst } = layoutOf(node.attrs);
  return (x, bias) => biasAdd(x, bias, channelsFirst);
});

// ---- batch normalization ---------------------------------------------------------------------------------------

/** Mean and biased variance of each channel. */
interface Moments {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

interface Channels {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

function momentsOf(x: Reals, { outer, size, inner }: Channels): Moments {
  const count = outer * inner;
  const mean = new Float64Array(size);
  const variance = new Float64Array(size);
  const channelOf = (i: number): number => Math.floor(i / inner) % size;
  for (let i = 0; i < x.length; i++)
    mean[channelOf(i)] = (mean[channelOf(i)] as number) + (x[i] as number) / count;
  for (let i = 0; i < x.length; i++) {
    const c = channelOf(i);
    variance[c] = (variance[c] as number) + ((x[i] as number) - (mean[c] as number)) ** 2 / count;
  }
  return { mean, variance };
}

interface FusedOptions {
  readonly epsilon: number;
  readonly training: boolean;
  readonly channelsFirst: boolean;
  /** Weight of the batch against the running moments. */
  readonly factor: number;
}

/** y, the moments to go on with, and what the gradient would need. */
function fusedBatchNorm(inputs: readonly Tensor[], statistics: DType, options: FusedOptions): Tensor[] {
  const [x, scale, offset, runningMean, runningVariance] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const channels = aroundAxis(x.shape, options.channelsFirst ? 1 : x.shape.length - 1);
  for (const each of [scale, offset]) {
    ensure(
      each.shape.length === 1 && each.shape[0] === channels.size,
      () => `scale and offset must have ${channels.size} elements, got shape ${shapeText(each.shape)}`,
    );
  }
  const values = realsOf(x);
  const running: Moments = { mean: realsOf(runningMean), variance: realsOf(runningVariance) };
  const used = options.training ? momentsOf(values, channels) : running;
  const y = normalized(values, used, realsOf(scale), realsOf(offset), channels, options.epsilon);
  const shape = [channels.size];
  const vector = (entries: ArrayLike<number>): Tensor =>
    realTensor(statistics, shape, Float64Array.from(entries));
  const next = options.training
    ? nextMoments(used, running, channels.outer * channels.inner, options.factor)
    : running;
  return [
    realTensor(x.dtype, x.shape, y),
    vector(next.mean),
    vector(next.variance),
    vector(used.mean),
    vector(used.variance),
  ];
}

function normalized(
  x: Reals,
  { mean, variance }: Moments,
  scale: Reals,
  offset: Reals,
  { size, inner }: Channels,
  epsilon: number,
): Float64Array {
  const factors = Float64Array.from(
    { length: size },
    (_, c) => (scale[c] as number) / Math.sqrt((variance[c] as number) + epsilon),
  );
  return Float64Array.from({ length: x.length }, (_, i) => {
    const c = Math.floor(i / inner) % size;
    return ((x[i] as number) - (mean[c] as number)) * (factors[c] as number) + (offset[c] as number);
  });
}

/** The batch's moments, the variance unbiased, mixed with the running ones. */
function nextMoments(batch: Moments, running: Moments, count: number, factor: number): Moments {
  const mix = (own: number, old: number | undefined): number =>
    factor === 1 ? own : (1 - factor) * (old ?? 0) + factor * own;
  const unbiased = count / Math.max(count - 1, 1);
  return {
    mean: Float64Array.from(batch.mean, (mean, c) => mix(mean, running.mean[c])),
    variance: Float64Array.from(batch.variance, (variance, c) =>
      mix(variance * unbiased, running.variance[c]),
    ),
  };
}

const fusedRow = (version: 1 | 3): HostRow =>
  compute((node) => {
    const options: FusedOptions = {
      epsilon: node.attrs.float("epsilon"),
      training: node.attrs.bool("is_training"),
      channelsFirst: layoutOf(node.attrs).channelsFirst,
      factor: node.attrs.float("exponential_avg_factor"),
    };
    return (...inputs) => {
      const outputs = fusedBatchNorm(inputs, outputDtype(node, 1), options);
      return version === 1 ? outputs : [...outputs, realTensor(outputDtype(node, 5), [], [0])];
    };
  });

/** Of old: scaled after normalization only when told to. */
const globalNormalization = compute((node) => {
  const epsilon = node.attrs.float("variance_epsilon");
  const scaled = node.attrs.bool("scale_after_normalization");
  return (x, mean, variance, beta, gamma) => {
    const channels = aroundAxis(x.shape, x.shape.length - 1);
    const scale = scaled ? realsOf(gamma) : realsOf(gamma).map(() => 1);
    const moments = { mean: realsOf(mean), variance: realsOf(variance) };
    return realTensor(
      x.dtype,
      x.shape,
      normalized(realsOf(x), moments, scale, realsOf(beta), channels, epsilon),
    );
  };
});

/** Each element divided by a power of the squares of its neighbours along the channels. */
const localResponse = compute((node) => {
  const radius = node.attrs.int("depth_radius");
  const [bias, alpha, beta] = [node.attrs.float("bias"), node.attrs.float("alpha"), node.attrs.float("beta")];
  return (x) => {
    ensure(x.shape.length === 4, () => `in must be 4-dimensional, got shape ${shapeText(x.shape)}`);
    const depth = x.shape[3] as number;
    const values = realsOf(x);
    const out = Float64Array.from({ length: values.length }, (_, i) => {
      const channel = i % depth;
      let squares = 0;
      for (let c = Math.max(0, channel - radius); c <= Math.min(depth - 1, channel + radius); c++) {
        squares += (values[i - channel + c] as number) ** 2;
      }
      return (values[i] as number) * (bias + alpha * squares) ** -beta;
    });
    return realTensor(x.dtype, x.shape, out);
  };
});

export const normalizationKernels: HostTable = {
  Softmax: compute(() => (x) => realTensor(x.dtype, x.shape, softmax(x))),
  LogSoftmax: compute(() => (x) => realTensor(x.dtype, x.shape, logSoftmax(x))),
  SoftmaxCrossEntropyWithLogits: compute(() => softmaxCrossEntropy),
  SparseSoftmaxCrossEntropyWithLogits: compute(() => sparseSoftmaxCrossEntropy),
  L2Loss: compute(() => l2Loss),
  BiasAdd: biasRow,
  BiasAddV1: biasRow,
  FusedBatchNorm: fusedRow(1),
  FusedBatchNormV2: fusedRow(1),
  FusedBatchNormV3: fusedRow(3),
  BatchNormWithGlobalNormalization: globalNormalization,
  LRN: localResponse,
};
