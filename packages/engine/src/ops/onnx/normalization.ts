/** Normalization of images: over the batch with known statistics, or over neighbouring channels. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import type { OnnxNode, OnnxTable } from "../op-table.js";
import { input, rankOf, value, values } from "./node-facts.js";
import { fromChannelsFirst, type Layout, layoutOf, toChannelsFirst } from "./window.js";

/** Per-channel numbers, so shaped that they broadcast over an image of the layout. */
function perChannel(g: OnnxEmitter, of: OnnxValue, layout: Layout): OnnxValue {
  if (layout.channelsLast) return of;
  return g.op("Reshape", [of, g.ints([-1, ...layout.spatial.map(() => 1)])]);
}

/** (x - mean) · scale / √(variance + ε) + offset, as one factor and one summand per channel. */
function normalize(
  g: OnnxEmitter,
  x: OnnxValue,
  layout: Layout,
  of: { scale: OnnxValue; offset: OnnxValue; mean: OnnxValue; variance: OnnxValue; epsilon: number },
): OnnxValue {
  const deviation = g.op("Sqrt", [g.op("Add", [of.variance, g.scalar(of.variance.dtype, of.epsilon)])]);
  const factor = g.op("Div", [of.scale, deviation]);
  const summand = g.op("Sub", [of.offset, g.op("Mul", [of.mean, factor])]);
  return g.op("Add", [g.op("Mul", [x, perChannel(g, factor, layout)]), perChannel(g, summand, layout)]);
}

/**
 * Outputs after the first are for training: the statistics, and what the gradient wants again. Without training
 * TensorFlow's CPU kernel hands on the given statistics.
 */
function fusedBatchNorm(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const [x, scale, offset, mean, variance] = values(node) as [
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
  ];
  const layout = layoutOf(node, node.attrs.string("data_format").length);
  const epsilon = node.attrs.float("epsilon");
  const training = node.attrs.bool("is_training");
  const used = training ? batchStatistics(g, x, layout) : { mean, variance };
  const y = normalize(g, x, layout, { scale, offset, epsilon, ...used });
  const kept = training ? runningStatistics(g, node, x, layout, used) : used;
  const outputs = [y, kept.mean, kept.variance, used.mean, used.variance];
  if (node.outputTypes.length > 5) outputs.push(g.scalar("float32", 0));
  return outputs;
}

interface Statistics {
  readonly mean: OnnxValue;
  readonly variance: OnnxValue;
}

/** Mean and variance of each channel over the batch. */
function batchStatistics(g: OnnxEmitter, x: OnnxValue, layout: Layout): Statistics {
  const axes = g.ints([0, ...layout.spatial]);
  const mean = g.op("ReduceMean", [x, axes], { keepdims: 0 });
  const distance = g.op("Sub", [x, perChannel(g, mean, layout)]);
  return { mean, variance: g.op("ReduceMean", [g.op("Mul", [distance, distance]), axes], { keepdims: 0 }) };
}

/** What TensorFlow would store: the unbiased variance, averaged with the given statistics. */
function runningStatistics(
  g: OnnxEmitter,
  node: OnnxNode,
  x: OnnxValue,
  _layout: Layout,
  batch: Statistics,
): Statistics {
  const weight = node.attrs.has("exponential_avg_factor") ? node.attrs.float("exponential_avg_factor") : 1;
  const elements = g.cast(g.op("Size", [x]), "float32");
  const channels = g.cast(g.op("Size", [batch.mean]), "float32");
  const count = g.op("Div", [elements, channels]);
  const rest = g.op("Max", [g.op("Sub", [count, g.scalar("float32", 1)]), g.scalar("float32", 1)]);
  const unbiased = g.op("Mul", [batch.variance, g.op("Div", [count, rest])]);
  if (weight === 1) return { mean: batch.mean, variance: unbiased };
  const averaged = (before: OnnxValue, now: OnnxValue) =>
    g.op("Add", [
      g.op("Mul", [before, g.scalar("float32", 1 - weight)]),
      g.op("Mul", [now, g.scalar("float32", weight)]),
    ]);
  return { mean: averaged(value(node, 3), batch.mean), variance: averaged(value(node, 4), unbiased) };
}

/** The op of TensorFlow's first year: no fused scale unless asked for. */
function globalNormalization(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, mean, variance, offset, gamma] = node.inputs.map((each) => each.value) as [
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
    OnnxValue,
  ];
  const scale = node.attrs.bool("scale_after_normalization") ? gamma : g.scalar(x.dtype, 1);
  const epsilon = node.attrs.float("variance_epsilon");
  return normalize(g, x, layoutOf(node, rankOf(input(node, 0))), { scale, offset, mean, variance, epsilon });
}

/** ONNX divides alpha by the size of the window, TensorFlow does not. */
function localResponse(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const size = 2 * node.attrs.int("depth_radius") + 1;
  const layout = layoutOf(node, 4);
  const y = g.op("LRN", [toChannelsFirst(g, value(node, 0), layout)], {
    size,
    alpha: { float: node.attrs.float("alpha") * size },
    beta: { float: node.attrs.float("beta") },
    bias: { float: node.attrs.float("bias") },
  });
  return fromChannelsFirst(g, y, layout);
}

export const normalizationRows: OnnxTable = {
  FusedBatchNorm: { build: fusedBatchNorm },
  FusedBatchNormV2: { build: fusedBatchNorm },
  FusedBatchNormV3: { build: fusedBatchNorm },
  BatchNormWithGlobalNormalization: { build: globalNormalization },
  LRN: { build: localResponse },
};
