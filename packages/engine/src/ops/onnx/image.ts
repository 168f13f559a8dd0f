/** Images: crops, contrast, and the patches under a sliding window. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxInput, type OnnxNode, type OnnxTable } from "../op-table.js";
import { input, value, values } from "./node-facts.js";
import { add, divide, larger, multiply, reshape, type Size, sizesOf, subtract, vector } from "./sizes.js";
import { extentOf } from "./window.js";

/** ONNX Runtime has TensorFlow's op, for channels first. */
function cropAndResize(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [image, boxes, boxIndex, cropSize] = values(node) as [OnnxValue, OnnxValue, OnnxValue, OnnxValue];
  const first = g.op("Transpose", [g.cast(image, "float32")], { perm: [0, 3, 1, 2] });
  const crops = g.op(
    "CropAndResize",
    [first, boxes, boxIndex, cropSize],
    {
      mode: node.attrs.string("method"),
      extrapolation_value: { float: node.attrs.float("extrapolation_value") },
    },
    { domain: "com.microsoft" },
  );
  return g.op("Transpose", [crops], { perm: [0, 2, 3, 1] });
}

/** Distances from the mean of each channel of each image, scaled. */
function adjustContrast(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, factor] = [value(node, 0), g.cast(value(node, 1), value(node, 0).dtype)];
  const mean = g.op("ReduceMean", [x, g.ints([-3, -2])], { keepdims: 1 });
  return g.op("Add", [g.op("Mul", [g.op("Sub", [x, mean]), factor]), mean]);
}

// ---- patches -------------------------------------------------------------------------------------------------

/** A window along one dimension of an image. */
interface Sliding {
  readonly size: number;
  readonly stride: number;
  readonly rate: number;
}

function slidingOf(
  sizes: readonly number[],
  strides: readonly number[],
  rates: readonly number[],
): [Sliding, Sliding] {
  return [1, 2].map((axis) => ({
    size: sizes[axis] as number,
    stride: strides[axis] as number,
    rate: rates[axis] as number,
  })) as [Sliding, Sliding];
}

/**
 * What each place of a window sees: [batch, places down, window height, places across, window width, channels].
 * `filler` is what lies outside of the image.
 */
function patches(
  g: OnnxEmitter,
  node: OnnxNode,
  x: OnnxInput,
  windows: readonly [Sliding, Sliding],
  filler: OnnxValue,
): { patches: OnnxValue; places: [Size, Size] } {
  const sizes = sizesOf(g, x).slice(1, 3) as [Size, Size];
  const padding = node.attrs.string("padding");
  if (padding !== "VALID" && padding !== "SAME") throw new NotExpressible(`padding ${padding}`);
  const totals = windows.map((window, i) =>
    padding === "VALID" ? 0 : samePadding(g, sizes[i] as Size, window),
  );
  const before = totals.map((total) => divide(g, total, 2));
  const after = totals.map((total, i) => subtract(g, total, before[i] as Size));
  const padded =
    padding === "VALID"
      ? x.value
      : g.op("Pad", [x.value, vector(g, [0, ...before, 0, 0, ...after, 0]), filler]);
  const places = windows.map((window, i) =>
    placesOf(g, add(g, sizes[i] as Size, totals[i] as Size), window),
  ) as [Size, Size];
  const rows = g.op("Gather", [padded, seen(g, places[0], windows[0])], { axis: 1 });
  return { patches: g.op("Gather", [rows, seen(g, places[1], windows[1])], { axis: 3 }), places };
}

/** So much that the window has ⌈size / stride⌉ places. */
function samePadding(g: OnnxEmitter, size: Size, { size: window, stride, rate }: Sliding): Size {
  const steps = subtract(g, divide(g, add(g, size, stride - 1), stride), 1);
  const needed = add(g, multiply(g, steps, stride), extentOf(window, rate));
  return larger(g, subtract(g, needed, size), 0);
}

function placesOf(g: OnnxEmitter, size: Size, { size: window, stride, rate }: Sliding): Size {
  const first = subtract(g, size, extentOf(window, rate));
  return larger(g, divide(g, add(g, first, stride), stride), 0);
}

/** Which rows the window sees at each place: [places, window]. */
function seen(g: OnnxEmitter, places: Size, { size, stride, rate }: Sliding): OnnxValue {
  const inWindow = g.ints(Array.from({ length: size }, (_, i) => i * rate));
  const starts =
    typeof places === "number"
      ? g.ints(Array.from({ length: places }, (_, i) => i * stride))
      : g.op("Mul", [
          g.op("Range", [g.scalar("int64", 0), g.op("Squeeze", [places, g.ints([0])]), g.scalar("int64", 1)]),
          g.ints([stride]),
        ]);
  return g.op("Add", [g.op("Unsqueeze", [starts, g.ints([1])]), inWindow]);
}

/** The pixels under the window, one after the other, as channels. */
function extractPatches(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const x = input(node, 0);
  const windows = slidingOf(node.attrs.ints("ksizes"), node.attrs.ints("strides"), node.attrs.ints("rates"));
  const found = patches(g, node, x, windows, g.scalar(x.value.dtype, 0));
  const byPlace = g.op("Transpose", [found.patches], { perm: [0, 1, 3, 2, 4, 5] });
  const [batch, , , channels] = sizesOf(g, x) as [Size, Size, Size, Size];
  const seenChannels = multiply(g, channels, windows[0].size * windows[1].size);
  return reshape(g, byPlace, [batch, ...found.places, seenChannels]);
}

/** The largest sum of a pixel and the filter's entry above it. */
function dilate(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, filter] = [input(node, 0), input(node, 1)];
  if (!x.value.dtype.startsWith("float")) throw new NotExpressible("a dilation of integers");
  const shape = filter.shape;
  if (shape === null || shape.some((size) => size < 0))
    throw new NotExpressible("the size of the filter is unknown");
  const windows = slidingOf([1, ...shape], node.attrs.ints("strides"), node.attrs.ints("rates"));
  const found = patches(g, node, x, windows, g.scalar(x.value.dtype, -Infinity));
  const entries = g.op("Unsqueeze", [filter.value, g.ints([1])]);
  return g.op("ReduceMax", [g.op("Add", [found.patches, entries]), g.ints([2, 4])], { keepdims: 0 });
}

export const imageRows: OnnxTable = {
  CropAndResize: { build: cropAndResize },
  AdjustContrastv2: { build: adjustContrast },
  ExtractImagePatches: { build: extractPatches },
  Dilation2D: { build: dilate },
};
