/** Layers that move elements about (keras/src/layers/reshaping). */
import type { Output } from "../../graph-builder/operation.js";
import type { Layer, LayerArgs, LayerResult } from "../layer.js";
import { dimsOf, int, ints, type Nodes, rankOf, type Size } from "../nodes.js";
import { resized } from "../resize.js";
import type { LayerRow, LayerTable } from "./row.js";

const moving = (compute: (layer: Layer, x: Output) => Output, passesMask = false): LayerRow => ({
  takesAnyDtype: true,
  passesMask,
  call: (layer: Layer, args: LayerArgs): LayerResult => [{ output: compute(layer, args.input.output) }],
});

/** Channels first is brought to channels last for what TensorFlow has only that way, and back. */
export function channelsLast(layer: Layer, x: Output, compute: (x: Output) => Output): Output {
  if (!layer.isChannelsFirst) return compute(x);
  const { n } = layer;
  const rank = rankOf(x);
  const last = Array.from({ length: rank }, (_, i) => (i === 0 ? 0 : i === rank - 1 ? 1 : i + 1));
  const first = Array.from({ length: rank }, (_, i) => (i === 0 ? 0 : i === 1 ? rank - 1 : i - 1));
  return n.transpose(compute(n.transpose(x, last)), first);
}

function flatten(layer: Layer, input: Output): Output {
  const { n } = layer;
  const rank = rankOf(input);
  const order = Array.from({ length: rank }, (_, i) => (i === 0 ? 0 : i === rank - 1 ? 1 : i + 1));
  const x = layer.isChannelsFirst && rank > 1 ? n.transpose(input, order) : input;
  const sample = dimsOf(x).slice(1);
  if (rank === 1) return n.expand(x, 1);
  if (sample.every((size) => size >= 0)) return n.op("Reshape", [x, ints(-1, product(sample))]);
  return n.op("Reshape", [x, n.shapeVector([n.size(x, 0), -1])]);
}

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

function reshape(layer: Layer, x: Output): Output {
  const { n, config } = layer;
  const target = [...config.numbers("target_shape")];
  const sample = dimsOf(x).slice(1);
  const inferred = target.indexOf(-1);
  if (inferred >= 0 && sample.every((size) => size >= 0)) {
    target[inferred] = product(sample) / product(target.filter((size) => size !== -1));
  }
  return n.reshape(x, [n.size(x, 0), ...target]);
}

/** Zeros around each of the axes behind the batch, or with channels first behind the channels. */
function zeroPadding(rank: number): LayerRow {
  return moving((layer, x) => layer.n.op("Pad", [x, around(layer, rank, "padding")]));
}

/** A pair for each axis of the tensor, from what a configuration has for `rank` of them. */
function around(layer: Layer, rank: number, name: string) {
  const pairs = pairsOf(layer, rank, name);
  const before = layer.isChannelsFirst ? [0, 0, 0, 0] : [0, 0];
  const after = layer.isChannelsFirst ? [] : [0, 0];
  const values = [...before, ...pairs.flat(), ...after];
  return { dtype: "int32" as const, shape: [rank + 2, 2], data: Int32Array.from(values) };
}

/** One number for all, one for each axis, or a pair for each. */
export function pairsOf(layer: Layer, rank: number, name: string): [number, number][] {
  const value = layer.config.get(name);
  const list = Array.isArray(value) ? value : new Array(rank).fill(value);
  if (rank === 1 && list.length === 2) return [[Number(list[0]), Number(list[1])]];
  if (list.length !== rank) layer.refuse(`"${name}" has ${list.length} entries for ${rank} axes`);
  return list.map((entry): [number, number] => {
    if (Array.isArray(entry)) return [Number(entry[0]), Number(entry[1])];
    return [Number(entry), Number(entry)];
  });
}

function cropping(rank: number): LayerRow {
  return moving((layer, x) => {
    const pairs = pairsOf(layer, rank, "cropping");
    const first = layer.isChannelsFirst ? 2 : 1;
    return pairs.reduce((cropped, [from, to], i) => {
      if (from === 0 && to === 0) return cropped;
      return layer.n.slice(cropped, first + i, from, to === 0 ? undefined : -to);
    }, x);
  });
}

/** Each entry of an axis `times` times, one after the other. */
export function repeated(n: Nodes, x: Output, axis: number, times: number): Output {
  if (times === 1) return x;
  const rank = rankOf(x);
  const sizes = n.sizes(x);
  const wide = n.expand(x, axis + 1);
  const multiples = Array.from({ length: rank + 1 }, (_, i) => (i === axis + 1 ? times : 1));
  const tiled = n.op("Tile", [wide, ints(...multiples)]);
  const size = sizes[axis] as Size;
  const grown = typeof size === "number" ? size * times : n.op("Mul", [size, int(times)]);
  return n.reshape(tiled, sizes.with(axis, grown));
}

function upSampling(rank: number): LayerRow {
  return moving((layer, input) => {
    const { n, config } = layer;
    const factors = config.perDimension("size", rank, 2);
    const method = config.string("interpolation", "nearest");
    return channelsLast(layer, input, (x) => {
      if (method !== "nearest") {
        const [height, width] = [1, 2].map((axis) => {
          const size = n.size(x, axis);
          const factor = factors[axis - 1] as number;
          return typeof size === "number" ? size * factor : n.op("Mul", [size, int(factor)]);
        }) as [Size, Size];
        return resized(n, x, [height, width], method);
      }
      return factors.reduce((grown, factor, i) => repeated(n, grown, i + 1, factor), x);
    });
  });
}

export const reshapingRows: LayerTable = {
  Flatten: moving(flatten),
  Reshape: moving(reshape),
  Permute: moving((layer, x) => layer.n.transpose(x, [0, ...layer.config.numbers("dims")])),
  RepeatVector: moving((layer, x) =>
    layer.n.op("Tile", [layer.n.expand(x, 1), ints(1, layer.config.number("n"), 1)]),
  ),
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  ZeroPadding3D: zeroPadding(3),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  Cropping3D: cropping(3),
  UpSampling1D: moving((layer, x) => repeated(layer.n, x, 1, layer.config.number("size", 2))),
  UpSampling2D: upSampling(2),
  UpSampling3D: upSampling(3),
};
