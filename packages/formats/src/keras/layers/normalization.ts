/** Normalization (keras/src/layers/normalization), as it is at inference. */
import type { DType } from "../../dtype.js";
import { isSmallFloat } from "../../float16.js";
import type { Output } from "../../graph-builder/operation.js";
import type { Layer } from "../layer.js";
import { dimsOf, frontAxes, frontAxis, knownSize, type Nodes, rankOf, type Size } from "../nodes.js";
import { normalized } from "./merging.js";
import type { LayerRow, LayerTable } from "./row.js";

/** A row of a layer with one input and one output of its dtype. Sums of many half floats overflow: they get float32. */
function normalizing(call: (layer: Layer, x: Output) => Output): LayerRow {
  return {
    passesMask: true,
    call: (layer, args) => {
      const { n } = layer;
      const { output: x } = args.input;
      const result = call(layer, isSmallFloat(x.dtype) ? n.cast(x, "float32") : x);
      return [{ output: n.cast(result, x.dtype) }];
    },
  };
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

/** The axes of a layer that has several, as its weights have them. */
function axesOf({ config }: Layer, x: Output): number[] {
  return frontAxes(config.numbers("axis", [-1]), rankOf(x));
}

/** Reads a weight with a dimension for each of the axes, ready to be multiplied with or added to `x`. */
function weightsAlong(layer: Layer, x: Output, axes: readonly number[]) {
  const { n } = layer;
  const shape = axes.map((axis) => knownSize(x, axis, layer.where));
  return (name: string, trainable = true) =>
    alongAxes(n, n.cast(layer.weight(name, shape, { trainable }), x.dtype), axes, rankOf(x));
}

/** 1 / √(variance + ε) */
function inverseDeviation({ n, config }: Layer, variance: Output, epsilon = 1e-3): Output {
  return n.op("Rsqrt", [n.shifted(variance, config.number("epsilon", epsilon))]);
}

/** What a layer learns of scale and shift, as far as it does: `weight` reads gamma and beta. */
function scaleAndShift({ config }: Layer, weight: (name: string) => Output) {
  return {
    gamma: config.boolean("scale", true) ? weight("gamma") : undefined,
    beta: config.boolean("center", true) ? weight("beta") : undefined,
  };
}

/** x · inverse · gamma + beta, for `x` less its mean. */
function rescaled(
  n: Nodes,
  x: Output,
  inverse: Output,
  { gamma, beta }: ReturnType<typeof scaleAndShift>,
): Output {
  const scaled = n.mul(x, gamma === undefined ? inverse : n.mul(inverse, gamma));
  return beta === undefined ? scaled : n.add(scaled, beta);
}

const batchNormalization = normalizing((layer, x) => {
  const { n, config } = layer;
  const rank = rankOf(x);
  const axes = config.numbers("axis", [-1]).map((axis) => frontAxis(axis, rank));
  if (axes.length !== 1) layer.refuse("normalization along several axes is not supported");
  const size = knownSize(x, axes[0] as number, layer.where);
  const weight = weightsAlong(layer, x, axes);
  const { gamma, beta } = scaleAndShift(layer, weight);
  const mean = weight("moving_mean", false);
  const variance = weight("moving_variance", false);
  if (config.boolean("renorm", false)) declareRenorm(layer, size);
  const inverse = inverseDeviation(layer, variance);
  const factor = gamma === undefined ? inverse : n.mul(inverse, gamma);
  const shift = n.mul(mean, factor);
  const term = beta === undefined ? n.op("Neg", [shift]) : n.sub(beta, shift);
  return n.add(n.mul(x, factor), term);
});

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

const layerNormalization = normalizing((layer, x) => {
  const { n, config } = layer;
  const axes = axesOf(layer, x);
  const weight = weightsAlong(layer, x, axes);
  const { mean, variance } = moments(n, x, axes);
  const inverse = inverseDeviation(layer, variance);
  if (config.boolean("rms_scaling", false)) return n.mul(n.mul(x, inverse), weight("gamma"));
  return rescaled(n, n.sub(x, mean), inverse, scaleAndShift(layer, weight));
});

const groupNormalization = normalizing((layer, x) => {
  const { n, config } = layer;
  const rank = rankOf(x);
  const axis = frontAxis(config.numbers("axis", [-1])[0] as number, rank);
  const channels = knownSize(x, axis, layer.where);
  const groups = config.number("groups", 32) === -1 ? channels : config.number("groups", 32);
  if (groups < 1 || channels % groups !== 0)
    layer.refuse(`${channels} channels do not make ${groups} groups`);
  const sizes = n.sizes(x);
  const apart = sizes.toSpliced(axis, 1, groups, channels / groups);
  const grouped = n.reshape(x, apart);
  const axes = Array.from({ length: rank }, (_, i) => i + 1).filter((at) => at !== axis);
  const shape = apart.map((_, at): Size => (at === axis ? groups : at === axis + 1 ? channels / groups : 1));
  const weights = scaleAndShift(layer, (name) =>
    n.reshape(n.cast(layer.weight(name, [channels]), x.dtype), shape),
  );
  const { mean, variance } = moments(n, grouped, axes);
  const result = rescaled(n, n.sub(grouped, mean), inverseDeviation(layer, variance), weights);
  return n.reshape(result, sizes);
});

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

const rmsNormalization = normalizing((layer, x) => {
  const { n } = layer;
  const axes = axesOf(layer, x);
  const scale = weightsAlong(layer, x, axes)("scale");
  const square = n.reduce("Mean", n.op("Square", [x]), axes, true);
  const inverse = inverseDeviation(layer, square, 1e-6);
  return n.mul(n.mul(x, inverse), scale);
});

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
