/**
 * The patches of an image under a sliding window, by picking rows and columns: for ops that ONNX does not have, and for
 * element types that its convolutions and pooling don't take. Images are [batch, height, width, channels].
 */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxInput, type OnnxNode } from "../op-table.js";
import { add, counted, divide, larger, multiply, type Size, sizesOf, subtract, vector } from "./sizes.js";
import { extentOf } from "./window.js";

/** A window along one dimension of an image. */
export interface Sliding {
  readonly size: number;
  readonly stride: number;
  readonly rate: number;
}

export function slidingOf(
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
export function patches(
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
  const counts = counted(g, places);
  const starts = stride === 1 ? counts : g.op("Mul", [counts, g.ints([stride])]);
  return g.op("Add", [g.op("Unsqueeze", [starts, g.ints([1])]), inWindow]);
}
