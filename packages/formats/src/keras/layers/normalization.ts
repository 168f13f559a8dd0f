/** Normalization (keras/src/layers/normalization), as it is at inference. */
import type { DType } from "../../dtype.js";
import type { Output } from "../../graph-builder/operation.js";
import type { Layer } from "../layer.js";
import { dimsOf, frontAxis, knownSize, type Nodes, rankOf, type Size } from "../nodes.js";
import { normalized } from "./merging.js";
import type { LayerRow, LayerTable } from "./row.js";

/** Sums of many half floats overflow: they are taken in float32. */
function wide(n: Nodes, x: Output): Output {
  return x.dtype === "float16" || x.dtype === "bfloat16" ? n.cast(x, "float32") : x;
}

/** Along the given axes of a tensor of some rank, with ones elsewhere. */
function alongAxes(n: Nodes, weight: Output, axes: readonly number[], rank: number): Output {
  if (axes.length === 1 && axes[0] === rank - 1) return weight;
  const sizes = dimsOf(weight);
  const shape = new Array<number>(rank).fill(1);
  axes.forEach((axis, i) => {
    shape[axis] = sizes[i] as number;
  });
  return n.reshape(weight, shape);
}

const batchNormalization: LayerRow = {
  passesMask: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const input = args.input.output;
    const x = wide(n, input);
    const rank = rankOf(x);
    const axes = config.numbers("axis", [-1]).map((axis) => frontAxis(axis, rank));
    if (axes.length !== 1) layer.refuse("normalization along several axes is not supported");
    const size = knownSize(x, axes[0] as number, layer.where);
    const weight = (name: string, trainable: boolean) =>
      alongAxes(n, n.cast(layer.weight(name, [size], { trainable }), x.dtype), axes, rank);
    const gamma = config.boolean("scale", true) ? weight("gamma", true) : undefined;
    const beta = config.boolean("center", true) ? weight("beta", true) : undefined;
    const mean = weight("moving_mean", false);
    const variance = weight("moving_variance", false);
    if (config.boolean("renorm", false)) declareRenorm(layer, size);
    const inverse = n.op("Rsqrt", [n.shifted(variance, config.number("epsilon", 1e-3))]);
    const factor = gamma === undefined ? inverse : n.mul(inverse, gamma);
    const shift = n.mul(mean, factor);
    const term = beta === undefined ? n.op("Neg", [shift]) : n.sub(beta, shift);
    return [{ output: n.cast(n.add(n.mul(x, factor), term), input.dtype) }];
  },
};

/** Statistics that only training reads, but that files have. */
function declareRenorm(layer: Layer, size: number): void {
  layer.weight("moving_stddev", [size], { trainable: false });
  layer.weight("renorm_mean", [size], { trainable: false });
  layer.weight("renorm_stddev", [size], { trainable: false });
}

interface Moments {
  readonly mean: Output;
  readonly variance: Output;
}

function moments(n: Nodes, x: Output, axes: readonly number[]): Moments {
  const mean = n.reduce("Mean", x, axes, true);
  const variance = n.reduce("Mean", n.op("SquaredDifference", [x, mean]), axes, true);
  return { mean, variance };
}

const layerNormalization: LayerRow = {
  passesMask: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const input = args.input.output;
    const x = wide(n, input);
    const rank = rankOf(x);
    const axes = config
      .numbers("axis", [-1])
      .map((axis) => frontAxis(axis, rank))
      .sort((a, b) => a - b);
    const shape = axes.map((axis) => knownSize(x, axis, layer.where));
    const weight = (name: string) => alongAxes(n, n.cast(layer.weight(name, shape), x.dtype), axes, rank);
    const isRms = config.boolean("rms_scaling", false);
    const gamma = config.boolean("scale", true) || isRms ? weight("gamma") : undefined;
    const beta = config.boolean("center", true) && !isRms ? weight("beta") : undefined;
    const { mean, variance } = moments(n, x, axes);
    const inverse = n.op("Rsqrt", [n.shifted(variance, config.number("epsilon", 1e-3))]);
    if (isRms) return [{ output: n.cast(n.mul(n.mul(x, inverse), gamma as Output), input.dtype) }];
    const scaled = n.mul(n.sub(x, mean), gamma === undefined ? inverse : n.mul(inverse, gamma));
    return [{ output: n.cast(beta === undefined ? scaled : n.add(scaled, beta), input.dtype) }];
  },
};

const groupNormalization: LayerRow = {
  passesMask: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const input = args.input.output;
    const x = wide(n, input);
    const rank = rankOf(x);
    const axis = frontAxis(config.numbers("axis", [-1])[0] as number, rank);
    const channels = knownSize(x, axis, layer.where);
    const groups = config.number("groups", 32) === -1 ? channels : config.number("groups", 32);
    if (groups < 1 || channels % groups !== 0)
      layer.refuse(`${channels} channels do not make ${groups} groups`);
    const gamma = config.boolean("scale", true) ? layer.weight("gamma", [channels]) : undefined;
    const beta = config.boolean("center", true) ? layer.weight("beta", [channels]) : undefined;
    const sizes = n.sizes(x);
    const apart = sizes.toSpliced(axis, 1, groups, channels / groups);
    const grouped = n.reshape(x, apart);
    const axes = Array.from({ length: rank }, (_, i) => i + 1).filter((at) => at !== axis);
    const shape = apart.map(
      (_, at): Size => (at === axis ? groups : at === axis + 1 ? channels / groups : 1),
    );
    const parameter = (weight: Output) => n.reshape(n.cast(weight, x.dtype), shape);
    const { mean, variance } = moments(n, grouped, axes);
    const inverse = n.op("Rsqrt", [n.shifted(variance, config.number("epsilon", 1e-3))]);
    const factor = gamma === undefined ? inverse : n.mul(inverse, parameter(gamma));
    const scaled = n.mul(n.sub(grouped, mean), factor);
    const result = n.reshape(beta === undefined ? scaled : n.add(scaled, parameter(beta)), sizes);
    return [{ output: n.cast(result, input.dtype) }];
  },
};

const unitNormalization: LayerRow = {
  passesMask: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const x = args.input.output;
    const axes = config.numbers("axis", [-1]);
    if (axes.length === 1) return [{ output: normalized(n, x, axes[0] as number) }];
    const square = n.reduce("Sum", n.op("Square", [x]), axes, true);
    return [{ output: n.mul(x, n.op("Rsqrt", [n.op("Maximum", [square, n.number(x, 1e-12)])])) }];
  },
};

const rmsNormalization: LayerRow = {
  passesMask: true,
  call: (layer, args) => {
    const { n, config } = layer;
    const input = args.input.output;
    const x = wide(n, input);
    const rank = rankOf(x);
    const axes = config
      .numbers("axis", [-1])
      .map((axis) => frontAxis(axis, rank))
      .sort((a, b) => a - b);
    const shape = axes.map((axis) => knownSize(x, axis, layer.where));
    const scale = alongAxes(n, n.cast(layer.weight("scale", shape), x.dtype), axes, rank);
    const square = n.reduce("Mean", n.op("Square", [x]), axes, true);
    const inverse = n.op("Rsqrt", [n.shifted(square, config.number("epsilon", 1e-6))]);
    return [{ output: n.cast(n.mul(n.mul(x, inverse), scale), input.dtype) }];
  },
};

/** At inference the layer inside runs as it is; the vector is for training. */
const spectralNormalization: LayerRow = {
  call: (layer, args) => {
    const inner = layer.part("layer", () => layer.config.object("layer"));
    const results = layer.callPart(inner, args.positional, args.named);
    const kernel = inner.weights.find(({ name }) => name === "kernel" || name === "embeddings");
    if (kernel === undefined) return layer.refuse("the layer inside has no kernel");
    const [dtype, size] = [kernel.dtype as DType, kernel.shape.at(-1) as number];
    layer.alias(kernel);
    layer.weight("vector_u", [1, size], { trainable: false, dtype });
    return results;
  },
};

export const normalizationRows: LayerTable = {
  BatchNormalization: batchNormalization,
  SyncBatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  UnitNormalization: unitNormalization,
  RMSNormalization: rmsNormalization,
  SpectralNormalization: spectralNormalization,
};
