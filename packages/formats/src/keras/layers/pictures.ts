/** Layers that prepare pictures and sound (keras/src/layers/preprocessing/image_preprocessing). */
import type { Output } from "../../graph-builder/operation.js";
import type { Layer } from "../layer.js";
import { dimsOf, int, type Nodes, rankOf, type Size } from "../nodes.js";
import { resized } from "../resize.js";
import { channelsLast } from "./reshaping.js";
import type { LayerRow, LayerTable } from "./row.js";

/** A single picture is a batch of one. */
function asBatch(n: Nodes, x: Output, compute: (x: Output) => Output): Output {
  return rankOf(x) === 3 ? n.squeeze(compute(n.expand(x, 0)), 0) : compute(x);
}

/** Pictures come out in the layer's dtype. */
function picture(compute: (layer: Layer, x: Output) => Output): LayerRow {
  return {
    takesAnyDtype: true,
    call: (layer, args) => {
      const { n } = layer;
      const output = asBatch(n, args.input.output, (x) => channelsLast(layer, x, (y) => compute(layer, y)));
      return [{ output: n.cast(output, layer.dtype) }];
    },
  };
}

function spatialSizes(layer: Layer, x: Output): [number, number] {
  const [, height = -1, width = -1] = dimsOf(x);
  if (height < 0 || width < 0) layer.refuse("pictures whose size is not known");
  return [height, width];
}

function resizing(layer: Layer, x: Output): Output {
  const { n, config } = layer;
  const size: [number, number] = [config.number("height"), config.number("width")];
  const method = config.string("interpolation", "bilinear");
  const antialias = config.boolean("antialias", false);
  if (config.boolean("crop_to_aspect_ratio", false)) {
    return resized(n, croppedToRatio(layer, x, size), size, method, antialias);
  }
  if (config.boolean("pad_to_aspect_ratio", false)) {
    return resized(n, paddedToRatio(layer, x, size), size, method, antialias);
  }
  return resized(n, x, size, method, antialias);
}

/** The largest part in the middle that has the shape of the target. */
function croppedToRatio(layer: Layer, x: Output, [toHeight, toWidth]: readonly [number, number]): Output {
  const { n } = layer;
  const [height, width] = spatialSizes(layer, x);
  const [cropHeight, cropWidth] = [
    Math.min(height, Math.trunc((width * toHeight) / toWidth)),
    Math.min(width, Math.trunc((height * toWidth) / toHeight)),
  ];
  const [top, left] = [Math.trunc((height - cropHeight) / 2), Math.trunc((width - cropWidth) / 2)];
  return n.slice(n.slice(x, 1, top, top + cropHeight), 2, left, left + cropWidth);
}

function paddedToRatio(layer: Layer, x: Output, [toHeight, toWidth]: readonly [number, number]): Output {
  const { n, config } = layer;
  if (config.string("fill_mode", "constant") !== "constant")
    layer.refuse("only the fill mode constant is supported");
  const [height, width] = spatialSizes(layer, x);
  const [fullHeight, fullWidth] = [
    Math.max(height, Math.trunc((width * toHeight) / toWidth)),
    Math.max(width, Math.trunc((height * toWidth) / toHeight)),
  ];
  const [top, left] = [Math.trunc((fullHeight - height) / 2), Math.trunc((fullWidth - width) / 2)];
  // As much on both sides: of an odd number of rows one is missing, in Keras too.
  const widths = [0, 0, top, top, left, left, 0, 0];
  const paddings = { dtype: "int32" as const, shape: [4, 2], data: Int32Array.from(widths) };
  return n.op("PadV2", [x, paddings, n.number(x, config.number("fill_value", 0))]);
}

/** The middle of a picture; one that is too small is cut to the shape and then enlarged. */
function centerCrop(layer: Layer, input: Output): Output {
  const { n, config } = layer;
  const x = n.cast(input, layer.dtype);
  const size: [number, number] = [config.number("height"), config.number("width")];
  const [, height = -1, width = -1] = dimsOf(x);
  if ((height >= 0 && height < size[0]) || (width >= 0 && width < size[1])) {
    return resized(n, croppedToRatio(layer, x, size), size, "bilinear");
  }
  return size.reduce((cut, length, i) => {
    const from = middle(n, n.size(cut, i + 1), length);
    if (typeof from === "number") return n.slice(cut, i + 1, from, from + length);
    const place = (value: Output | number) =>
      n.shapeVector([0, 1, 2, 3].map((axis): Size => (axis === i + 1 ? value : 0)));
    const sizes = n.shapeVector([0, 1, 2, 3].map((axis): Size => (axis === i + 1 ? length : -1)));
    return n.op("Slice", [cut, place(from), sizes]);
  }, x);
}

function middle(n: Nodes, size: Size, length: number): Size {
  if (typeof size === "number") return Math.floor((size - length) / 2);
  return n.op("FloorDiv", [n.sub(size, int(length)), int(2)]);
}

/** At inference the middle is taken. */
const randomCrop = centerCrop;

/** Every channel of every picture from the least to the largest value of its range; one without contrast stays. */
function autoContrast(layer: Layer, input: Output): Output {
  const { n, config } = layer;
  const x = n.cast(input, layer.dtype);
  const [least, most] = config.numbers("value_range", [0, 255]) as readonly [number, number];
  const low = n.reduce("Min", x, [1, 2], true);
  const range = n.sub(n.reduce("Max", x, [1, 2], true), low);
  const stretched = n.shifted(n.scaled(n.div(n.sub(x, low), range), most - least), least);
  return n.where(n.op("IsNan", [stretched]), x, n.clipped(stretched, least, most));
}

export const pictureRows: LayerTable = {
  AutoContrast: picture(autoContrast),
  Resizing: picture(resizing),
  CenterCrop: picture(centerCrop),
  RandomCrop: picture(randomCrop),
};
