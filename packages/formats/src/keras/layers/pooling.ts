/** Pooling (keras/src/layers/pooling). */
import type { Output } from "../../graph-builder/operation.js";
import type { Layer } from "../layer.js";
import { knownSize, rankOf } from "../nodes.js";
import { channelsLast } from "./reshaping.js";
import type { LayerRow, LayerTable } from "./row.js";

/** TensorFlow pools pictures and volumes; a line is a picture of height 1. */
function pooling(kind: "Max" | "Avg", rank: number): LayerRow {
  return {
    call: (layer, args) => [
      {
        output: channelsLast(layer, args.input.output, (x) => {
          const sizes = layer.config.perDimension("pool_size", rank, 2);
          const strides = layer.config.has("strides") ? layer.config.perDimension("strides", rank) : sizes;
          return pooled(layer, kind, x, sizes, strides);
        }),
      },
    ],
  };
}

function pooled(
  layer: Layer,
  kind: "Max" | "Avg",
  x: Output,
  sizes: readonly number[],
  strides: readonly number[],
): Output {
  const { n } = layer;
  const padding = layer.config.string("padding", "valid").toUpperCase();
  if (sizes.length === 1) {
    const attrs = { ksize: [1, 1, ...sizes, 1], strides: [1, 1, ...strides, 1], padding };
    return n.squeeze(n.op(`${kind}Pool`, [n.expand(x, 1)], attrs), 1);
  }
  const attrs = { ksize: [1, ...sizes, 1], strides: [1, ...strides, 1], padding };
  return n.op(sizes.length === 3 ? `${kind}Pool3D` : `${kind}Pool`, [x], attrs);
}

function spatialAxes(layer: Layer, x: Output): number[] {
  const first = layer.isChannelsFirst ? 2 : 1;
  return Array.from({ length: rankOf(x) - 2 }, (_, i) => i + first);
}

const globalMax: LayerRow = {
  call: (layer, args) => {
    const x = args.input.output;
    const output = layer.n.reduce("Max", x, spatialAxes(layer, x), layer.config.boolean("keepdims", false));
    return [{ output }];
  },
};

const globalAverage: LayerRow = {
  call: (layer, args) => {
    const { n, config } = layer;
    const { output: x, mask } = args.input;
    const keep = config.boolean("keepdims", false);
    const axes = spatialAxes(layer, x);
    if (mask === undefined || axes.length !== 1) return [{ output: n.reduce("Mean", x, axes, keep) }];
    const weights = n.expand(n.cast(mask, x.dtype), layer.isChannelsFirst ? 1 : 2);
    const sum = n.reduce("Sum", n.mul(x, weights), axes, keep);
    return [{ output: n.div(sum, n.reduce("Sum", weights, axes, keep)) }];
  },
};

/** Windows that cover an axis in as many steps as the output has, as evenly as whole numbers allow. */
function adaptive(kind: "Max" | "Mean", rank: number): LayerRow {
  return {
    call: (layer, args) => {
      const sizes = layer.config.perDimension("output_size", rank);
      return [
        {
          output: channelsLast(layer, args.input.output, (x) =>
            sizes.reduce((pooledSoFar, size, i) => adaptiveAxis(layer, kind, pooledSoFar, i + 1, size), x),
          ),
        },
      ];
    },
  };
}

const MAX_ADAPTIVE_WINDOWS = 4096;

function adaptiveAxis(layer: Layer, kind: "Max" | "Mean", x: Output, axis: number, count: number): Output {
  const { n } = layer;
  const size = knownSize(x, axis, layer.where);
  if (count < 1 || count > MAX_ADAPTIVE_WINDOWS) layer.refuse(`an output size of ${count} is not supported`);
  const windows = Array.from({ length: count }, (_, i) => {
    const [from, to] = [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
    return n.reduce(kind, n.slice(x, axis, from, to), [axis], true);
  });
  return n.concat(windows, axis);
}

export const poolingRows: LayerTable = {
  MaxPooling1D: pooling("Max", 1),
  MaxPooling2D: pooling("Max", 2),
  MaxPooling3D: pooling("Max", 3),
  AveragePooling1D: pooling("Avg", 1),
  AveragePooling2D: pooling("Avg", 2),
  AveragePooling3D: pooling("Avg", 3),
  GlobalMaxPooling1D: globalMax,
  GlobalMaxPooling2D: globalMax,
  GlobalMaxPooling3D: globalMax,
  GlobalAveragePooling1D: globalAverage,
  GlobalAveragePooling2D: globalAverage,
  GlobalAveragePooling3D: globalAverage,
  AdaptiveAveragePooling1D: adaptive("Mean", 1),
  AdaptiveAveragePooling2D: adaptive("Mean", 2),
  AdaptiveAveragePooling3D: adaptive("Mean", 3),
  AdaptiveMaxPooling1D: adaptive("Max", 1),
  AdaptiveMaxPooling2D: adaptive("Max", 2),
  AdaptiveMaxPooling3D: adaptive("Max", 3),
};
