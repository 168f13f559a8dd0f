/**
 * Resizing images. Bilinear interpolation is ONNX's own; the other methods pick or mix rows and columns by places and
 * weights that are computed as TensorFlow computes them (tensorflow/core/kernels/image/resize_*_op.cc), in float32.
 * Where all sizes are known ONNX Runtime folds that into constants.
 */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { entriesOf, input, value } from "./node-facts.js";
import { counted, entrySizes, product, reshape, type Size, sizesOf, subtract, vector } from "./sizes.js";

/** What one dimension is resized from and to, and how places correspond. */
interface Scale {
  readonly from: Size;
  readonly to: Size;
  /** The centres of the first and last elements stay where they are, instead of the image's edges. */
  readonly alignCorners: boolean;
  /** Elements are at their centres, instead of at their first edge. */
  readonly halfPixels: boolean;
}

/** Height and width of an image [batch, height, width, channels]. */
function scalesOf(g: OnnxEmitter, node: OnnxNode): [Scale, Scale] {
  checkSizes(node);
  const [, height, width] = sizesOf(g, input(node, 0)) as [Size, Size, Size, Size];
  const [toHeight, toWidth] = (entrySizes(g, input(node, 1)) ?? separate(g, node)) as [Size, Size];
  const flag = (name: string) => node.attrs.has(name) && node.attrs.bool(name);
  const how = { alignCorners: flag("align_corners"), halfPixels: flag("half_pixel_centers") };
  return [
    { from: height, to: toHeight, ...how },
    { from: width, to: toWidth, ...how },
  ];
}

/** Refuses what is known to be no image, or no height and width. */
function checkSizes(node: OnnxNode): void {
  const rank = input(node, 0).shape?.length ?? 4;
  const sizes = entriesOf(input(node, 1)) ?? [undefined, undefined];
  if (rank !== 4 || sizes.length !== 2 || sizes.some((size) => size !== undefined && size <= 0))
    throw new NotExpressible("no image, or no size of one");
}

/** The entries of a size input of unknown length, which the op says is 2. */
function separate(g: OnnxEmitter, node: OnnxNode): [Size, Size] {
  const long = g.cast(value(node, 1), "int64");
  return [g.op("Gather", [long, g.ints([0])]), g.op("Gather", [long, g.ints([1])])];
}

// ---- places --------------------------------------------------------------------------------------------------

function float(g: OnnxEmitter, size: Size): OnnxValue {
  return typeof size === "number" ? g.scalar("float32", size) : g.cast(size, "float32");
}

/** How much of the input one element of the output covers. */
function ratio(g: OnnxEmitter, { from, to, alignCorners }: Scale): OnnxValue {
  const whole = g.op("Div", [float(g, from), float(g, to)]);
  if (!alignCorners || to === 1) return whole;
  const between = g.op("Div", [float(g, subtract(g, from, 1)), float(g, subtract(g, to, 1))]);
  if (typeof to === "number") return between;
  return g.op("Where", [g.op("Greater", [to, g.ints([1])]), between, whole]);
}

/** Output places as numbers, moved to the elements' centres where `shift` says so. */
function outputPlaces(g: OnnxEmitter, scale: Scale, shift: number): OnnxValue {
  const places = g.cast(counted(g, scale.to), "float32");
  return shift === 0 ? places : g.op("Add", [places, g.scalar("float32", shift)]);
}

/** Places bounded to the input. */
function bounded(g: OnnxEmitter, places: OnnxValue, from: Size): OnnxValue {
  const last = vector(g, [subtract(g, from, 1)]);
  return g.op("Max", [g.op("Min", [places, last]), g.ints([0])]);
}

// ---- methods -------------------------------------------------------------------------------------------------

function bilinear(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [vertical, horizontal] = scalesOf(g, node);
  const [batch, , , channels] = sizesOf(g, input(node, 0)) as [Size, Size, Size, Size];
  const first = g.op("Transpose", [g.cast(value(node, 0), "float32")], { perm: [0, 3, 1, 2] });
  const sizes = vector(g, [batch, channels, vertical.to, horizontal.to]);
  const mode = vertical.alignCorners ? "align_corners" : vertical.halfPixels ? "half_pixel" : "asymmetric";
  const y = g.op("Resize", [first, undefined, undefined, sizes], {
    mode: "linear",
    coordinate_transformation_mode: mode,
  });
  return g.op("Transpose", [y], { perm: [0, 2, 3, 1] });
}

/** Aligned corners round to the nearest place, half away from 0; the other ways cut off. */
function nearest(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const pick = (x: OnnxValue, axis: number, scale: Scale) => {
    const places = g.op("Mul", [outputPlaces(g, scale, scale.halfPixels ? 0.5 : 0), ratio(g, scale)]);
    // In float64 the half that is added can't carry a place over to the next.
    const rounded = scale.alignCorners
      ? g.op("Floor", [g.op("Add", [g.cast(places, "float64"), g.scalar("float64", 0.5)])])
      : g.op("Floor", [places]);
    return g.op("Gather", [x, bounded(g, g.cast(rounded, "int64"), scale.from)], { axis });
  };
  const [height, width] = scalesOf(g, node);
  return pick(pick(value(node, 0), 1, height), 2, width);
}

/** Entries of TensorFlow's table of weights: places between two elements are rounded to so many steps. */
const STEPS = 1024;

/** Keys' cubic at 0 … 1 and at 1 … 2, for a parameter (-0.5 with half pixels, -0.75 without). */
function cubicTable(a: number): { near: number[]; far: number[] } {
  const steps = Array.from({ length: STEPS + 1 }, (_, i) => i / STEPS);
  const near = steps.map((x) => ((a + 2) * x - (a + 3)) * x * x + 1);
  const far = steps.map((x) => ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a);
  return { near, far };
}

/**
 * Four neighbours, weighted. Without half pixels those outside are the edge again; with them they don't count, and the
 * weights are made to add up to 1.
 */
function bicubic(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  return mixed(g, node, (scale) => {
    const table = cubicTable(scale.halfPixels ? -0.5 : -0.75);
    const half = scale.halfPixels ? 0.5 : 0;
    const scaled = g.op("Mul", [outputPlaces(g, scale, half), ratio(g, scale)]);
    const places = half === 0 ? scaled : g.op("Sub", [scaled, g.scalar("float32", half)]);
    const below = g.op("Floor", [places]);
    const between = g.op("Sub", [places, below]);
    const step = g.cast(g.op("Round", [g.op("Mul", [between, g.scalar("float32", STEPS)])]), "int64");
    const back = g.op("Sub", [g.ints([STEPS]), step]);
    const near = g.filled("float32", [STEPS + 1], table.near);
    const far = g.filled("float32", [STEPS + 1], table.far);
    const weights = [
      g.op("Gather", [far, step]),
      g.op("Gather", [near, step]),
      g.op("Gather", [near, back]),
      g.op("Gather", [far, back]),
    ];
    const neighbours = [-1, 0, 1, 2].map((offset) => g.op("Add", [g.cast(below, "int64"), g.ints([offset])]));
    const parts = neighbours.map((place, i) =>
      weightMatrix(
        g,
        scale,
        scale.halfPixels ? place : bounded(g, place, scale.from),
        weights[i] as OnnxValue,
      ),
    );
    const sum = parts.reduce((a, b) => g.op("Add", [a, b]));
    if (!scale.halfPixels) return sum;
    return g.op("Div", [sum, g.op("ReduceSum", [sum, g.ints([1])], { keepdims: 1 })]);
  });
}

/** A weight at one place of each row of [to, from]; none for a place outside. */
function weightMatrix(g: OnnxEmitter, scale: Scale, places: OnnxValue, weights: OnnxValue): OnnxValue {
  const column = (of: OnnxValue) => g.op("Unsqueeze", [of, g.ints([1])]);
  const isPlace = g.op("Equal", [column(places), counted(g, scale.from)]);
  return g.op("Where", [isPlace, column(weights), g.scalar("float32", 0)]);
}

/** Each element of the output is the mean of the area that it covers. What reaches past the edge counts for the edge. */
function area(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  return mixed(g, node, (scale) => {
    const width = ratio(g, scale);
    const column = (of: OnnxValue) => g.op("Unsqueeze", [of, g.ints([1])]);
    const start = column(g.op("Mul", [outputPlaces(g, scale, 0), width]));
    const end = column(g.op("Mul", [outputPlaces(g, scale, 1), width]));
    const lower = counted(g, scale.from);
    const isLast = g.op("Equal", [lower, vector(g, [subtract(g, scale.from, 1)])]);
    const upper = g.op("Where", [
      isLast,
      g.scalar("float32", 2 ** 30),
      g.cast(g.op("Add", [lower, g.ints([1])]), "float32"),
    ]);
    const overlap = g.op("Sub", [g.op("Min", [end, upper]), g.op("Max", [start, g.cast(lower, "float32")])]);
    return g.op("Div", [g.op("Max", [overlap, g.scalar("float32", 0)]), width]);
  });
}

/**
 * Rows and columns of an image mixed by matrices [to, from]. Lines are multiplied as one matrix: ONNX Runtime refuses a
 * product of images when there are none.
 */
function mixed(g: OnnxEmitter, node: OnnxNode, matrix: (scale: Scale) => OnnxValue): OnnxValue {
  const [vertical, horizontal] = scalesOf(g, node);
  const [batch, , , channels] = sizesOf(g, input(node, 0)) as [Size, Size, Size, Size];
  const along = (x: OnnxValue, outer: Size[], scale: Scale) => {
    const lines = reshape(g, x, [product(g, outer), scale.from]);
    const weights = g.op("Transpose", [matrix(scale)], { perm: [1, 0] });
    return reshape(g, g.op("MatMul", [lines, weights]), [...outer, scale.to]);
  };
  const columns = g.op("Transpose", [g.cast(value(node, 0), "float32")], { perm: [0, 3, 2, 1] });
  const down = along(columns, [batch, channels, horizontal.from], vertical);
  const rows = g.op("Transpose", [down], { perm: [0, 1, 3, 2] });
  const across = along(rows, [batch, channels, vertical.to], horizontal);
  return g.op("Transpose", [across], { perm: [0, 2, 3, 1] });
}

export const resizeRows: OnnxTable = {
  ResizeBilinear: { build: bilinear },
  ResizeNearestNeighbor: { build: nearest },
  ResizeBicubic: { build: bicubic },
  ResizeArea: { build: area },
};
