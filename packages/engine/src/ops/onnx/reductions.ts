/**
 * Reductions over axes, running sums, the places of extremes, the largest elements.
 *
 * What ONNX Runtime 1.30 does otherwise than TensorFlow, and is put right here: integer sums go through float64 and
 * saturate; extremes skip NaN and compare int64 wrongly; means and logical reductions of nothing are wrong or refused; TopK of no rows ends the process.
 */
import { type DType, tensor } from "@servable/formats";
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxInput, type OnnxNode, type OnnxRow, type OnnxTable } from "../op-table.js";
import {
  checkScalar,
  constantNumber,
  constantNumbers,
  entriesOf,
  input,
  isInteger,
  outputCarrier,
  rankOf,
  shapeOf,
  sizeOf,
  value,
} from "./node-facts.js";
import { asVector, frontAxes, frontAxesOf, sizeAt, vector } from "./sizes.js";

/** One reduction of a node: over which axes, and in which form. */
interface Reduction {
  readonly input: OnnxInput;
  /** Axes counted from the front as far as the rank is known; undefined when they are computed. */
  readonly axes: readonly number[] | undefined;
  readonly over: OnnxValue;
  readonly keepDims: boolean;
  /** Emits an ONNX reduction of any value of the input's shape. */
  readonly by: (onnx: string, x: OnnxValue) => OnnxValue;
  /** Whether there may be nothing to reduce: a size that is 0, or unknown. */
  readonly mayBeEmpty: boolean;
}

type Reducer = (g: OnnxEmitter, x: OnnxValue, reduction: Reduction) => OnnxValue;

/** TensorFlow reduces over nothing when the list of axes is empty: every element is a result of its own. */
const reduce = (
  reducer: Reducer,
  single: (g: OnnxEmitter, x: OnnxValue) => OnnxValue = (_, x) => x,
): OnnxRow => ({
  build: (g, node) => {
    const x = input(node, 0);
    const axes = knownAxes(node);
    if (axes?.length === 0) return single(g, x.value);
    const over = axes === undefined ? frontAxesOf(g, input(node, 1), x.value) : frontAxes(g, axes, x);
    const keepDims = node.attrs.bool("keep_dims");
    const sizes = axes === undefined ? x.shape : axes.map((axis) => x.shape?.at(axis) ?? -1);
    return reducer(g, x.value, {
      input: x,
      axes,
      over,
      keepDims,
      by: (onnx, of) => g.op(onnx, [of, over], { keepdims: keepDims ? 1 : 0, noop_with_empty_axes: 1 }),
      mayBeEmpty: sizes === null || sizes.some((size) => size <= 0),
    });
  },
});

function knownAxes(node: OnnxNode): number[] | undefined {
  const axes = input(node, 1);
  if (axes.tensor === undefined) return undefined;
  const rank = input(node, 0).shape?.length;
  const numbers = constantNumbers(axes, "axes");
  if (rank !== undefined && numbers.some((axis) => axis < -rank || axis >= rank))
    throw new NotExpressible("an axis that there is not");
  const counted = numbers.map((axis) => (axis < 0 ? axis + (rank ?? 0) : axis));
  if (new Set(counted).size < counted.length) throw new NotExpressible("an axis that is reduced twice");
  return counted;
}

const sum: Reducer = (g, x, { by }) => {
  if (!isInteger(x.dtype)) return by("ReduceSum", x);
  if (!x.dtype.endsWith("64")) return g.cast(by("ReduceSum", g.cast(x, "int64")), x.dtype);
  // Halves of 32 bits add up exactly in float64; putting them together wraps, as TensorFlow's sums do.
  const { low, high, shift } = halves(g, g.cast(x, "int64"));
  const total = g.op("Add", [g.op("Mul", [by("ReduceSum", high), shift]), by("ReduceSum", low)]);
  return g.cast(total, x.dtype);
};

/**
 * Integers are multiplied one by one, which wraps as TensorFlow does: ONNX Runtime's product goes through float64. That
 * serves vectors of sizes, of which models take products; others are the host's.
 */
const product: Reducer = (g, x, { input: { shape }, axes, keepDims, by }) => {
  if (!isInteger(x.dtype)) return by("ReduceProd", x);
  const length = shape?.length === 1 && axes !== undefined ? (shape[0] as number) : -1;
  if (length < 0 || length > MAX_FACTORS) throw new NotExpressible("a product of many integers");
  const factors = Array.from({ length }, (_, i) => g.op("Gather", [x, g.ints([i])]));
  const all = factors.reduce((a, b) => g.op("Mul", [a, b]), g.filled(x.dtype, [1], [1]));
  return keepDims ? all : g.op("Squeeze", [all, g.ints([0])]);
};

const MAX_FACTORS = 16;

/** The mean of nothing is NaN. How many elements there are to a mean follows from the sizes before and after. */
const mean: Reducer = (g, x, { by, mayBeEmpty }) => {
  if (!mayBeEmpty || isInteger(x.dtype)) return by("ReduceMean", x);
  const total = by("ReduceSum", x);
  const means = g.op("Max", [g.op("Size", [total]), g.scalar("int64", 1)]);
  return g.op("Div", [total, g.cast(g.op("Div", [g.op("Size", [x]), means]), x.dtype)]);
};

const extreme =
  (onnx: Extreme): Reducer =>
  (g, x, reduction) => {
    if (isInteger(x.dtype)) return integerExtreme(g, x, onnx, reduction);
    const { by } = reduction;
    const found = by(onnx, x);
    const anyNaN = by("ReduceMax", g.cast(g.op("IsNaN", [x]), "uint8"));
    return g.op("Where", [g.cast(anyNaN, "bool"), g.scalar(x.dtype, Number.NaN), found]);
  };

function integerExtreme(g: OnnxEmitter, x: OnnxValue, onnx: Extreme, reduction: Reduction): OnnxValue {
  switch (x.dtype) {
    case "int64":
      return int64Extreme(g, x, onnx, reduction);
    case "uint64":
      throw new NotExpressible("an extreme of uint64");
    case "uint32":
      // With the highest bit turned, unsigned numbers are in the order of signed ones.
      return turned(g, g.cast(reduction.by(onnx, turned(g, g.cast(x, "int32"))), "int32"), "uint32");
    case "int16":
    case "uint16":
      return narrowExtreme(g, x, onnx, reduction);
    default:
      return reduction.by(onnx, x);
  }
}

type Extreme = "ReduceMax" | "ReduceMin";

function turned(g: OnnxEmitter, x: OnnxValue, to: DType = "int32"): OnnxValue {
  return g.cast(g.op("BitwiseXor", [x, g.scalar("int32", -(2 ** 31))]), to);
}

/** In int32, whose limits would then stand for the extreme of nothing. */
function narrowExtreme(g: OnnxEmitter, x: OnnxValue, onnx: Extreme, { by }: Reduction): OnnxValue {
  const [lowest, highest] = x.dtype === "int16" ? [-(2 ** 15), 2 ** 15 - 1] : [0, 2 ** 16 - 1];
  const found = by(onnx, g.cast(x, "int32"));
  const bounded = g.op("Max", [g.op("Min", [found, g.scalar("int32", highest)]), g.scalar("int32", lowest)]);
  return g.cast(bounded, x.dtype);
}

/**
 * The extreme of the upper halves, and that of the lower halves beside it: ONNX Runtime compares int64 rightly only
 * within 32 bits (see onnx/substitutes.ts).
 */
function int64Extreme(g: OnnxEmitter, x: OnnxValue, onnx: Extreme, { by, over }: Reduction): OnnxValue {
  const { low, high, shift } = halves(g, x);
  const middle = g.constant(tensor("int64", [], BigInt64Array.of(2n ** 31n)));
  const kept = g.op(onnx, [high, over], { keepdims: 1, noop_with_empty_axes: 1 });
  const least = onnx === "ReduceMax" ? -(2n ** 31n) : 2n ** 31n - 1n;
  const beside = g.op("Where", [
    g.op("Equal", [high, kept]),
    g.op("Sub", [low, middle]),
    g.constant(tensor("int64", [], BigInt64Array.of(least))),
  ]);
  const found = g.op("Add", [g.op("Mul", [by(onnx, high), shift]), g.op("Add", [by(onnx, beside), middle])]);
  const ofNothing = onnx === "ReduceMax" ? -(2n ** 63n) : 2n ** 63n - 1n;
  const isNothing = g.op("Equal", [g.op("Size", [x]), g.scalar("int64", 0)]);
  return g.op("Where", [isNothing, g.constant(tensor("int64", [], BigInt64Array.of(ofNothing))), found]);
}

/** An int64 as high · 2^32 + low, low not negative. */
function halves(g: OnnxEmitter, x: OnnxValue): { low: OnnxValue; high: OnnxValue; shift: OnnxValue } {
  const shift = g.constant(tensor("int64", [], BigInt64Array.of(2n ** 32n)));
  const low = g.op("BitwiseAnd", [x, g.constant(tensor("int64", [], BigInt64Array.of(2n ** 32n - 1n)))]);
  return { low, high: g.op("Div", [g.op("Sub", [x, low]), shift]), shift };
}

/** Of integers TensorFlow takes the root of a sum that has wrapped. */
const norm = (g: OnnxEmitter, x: OnnxValue, reduction?: Reduction): OnnxValue => {
  if (isInteger(x.dtype)) throw new NotExpressible("a norm of integers");
  return reduction === undefined ? g.op("Abs", [x]) : reduction.by("ReduceL2", x);
};

const logical =
  (onnx: Extreme): Reducer =>
  (g, x, { by, mayBeEmpty }) =>
    mayBeEmpty ? g.cast(by(onnx, g.cast(x, "uint8")), "bool") : by(onnx, x);

/** NaN is never the largest or smallest for TensorFlow; the first of equal elements is. */
const placeOf = (onnx: "ArgMax" | "ArgMin"): OnnxRow => ({
  build: (g, node) => {
    const dimension = constantNumber(input(node, 1), "the dimension");
    const axis = dimension < 0 ? dimension + rankOf(input(node, 0)) : dimension;
    const x = value(node, 0);
    const never = g.scalar("float32", onnx === "ArgMax" ? -Infinity : Infinity);
    const ranked =
      isInteger(x.dtype) || x.dtype === "bool"
        ? x
        : g.op("Where", [g.op("IsNaN", [x]), g.cast(never, x.dtype), x]);
    return g.cast(g.op(onnx, [ranked], { axis, keepdims: 0 }), outputCarrier(node));
  },
});

function cumulativeSum(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  checkScalar(node, 1, "the axis");
  return g.op("CumSum", [value(node, 0), value(node, 1)], {
    exclusive: node.attrs.bool("exclusive") ? 1 : 0,
    reverse: node.attrs.bool("reverse") ? 1 : 0,
  });
}

/**
 * TopK reads k from an attribute, TopKV2 from an input. Equal elements come in the order of their places. Without
 * "sorted" the elements come as TensorFlow's heap leaves them, which the host knows.
 */
function topK(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const x = input(node, 0);
  if (!node.attrs.bool("sorted") && !isSortedAnyway(node)) throw new NotExpressible("in no order");
  if (node.inputs.length > 1) checkScalar(node, 1, "k");
  const k = node.inputs.length > 1 ? asVector(g, input(node, 1)) : g.ints([node.attrs.int("k")]);
  const sizes = shapeOf(x).slice(0, -1);
  const [top, places] = sizes.every((size) => size > 0) ? topOf(g, x.value, k) : topOfRows(g, node, k);
  return [top, g.cast(places, outputCarrier(node, 1))];
}

/** One element, or all of them. */
function isSortedAnyway(node: OnnxNode): boolean {
  const k = node.inputs.length > 1 ? entriesOf(input(node, 1))?.[0] : node.attrs.int("k");
  return k !== undefined && (k === 1 || k === sizeOf(input(node, 0), -1));
}

function topOf(g: OnnxEmitter, x: OnnxValue, k: OnnxValue): [OnnxValue, OnnxValue] {
  return g.opWithOutputs("TopK", 2, [x, k], { axis: -1 }) as [OnnxValue, OnnxValue];
}

/** With one more row, so that there is one, which is cut off afterwards. */
function topOfRows(g: OnnxEmitter, node: OnnxNode, k: OnnxValue): [OnnxValue, OnnxValue] {
  const x = input(node, 0);
  const width = sizeOf(x, -1) ?? sizeAt(g, x.value, -1);
  const rank = rankOf(x);
  const rows = rank === 2 ? x.value : g.op("Reshape", [x.value, vector(g, [-1, width])]);
  const spare = g.op("Expand", [g.scalar(x.value.dtype, 0), vector(g, [1, width])]);
  const found = topOf(g, g.op("Concat", [rows, spare], { axis: 0 }), k);
  const shape =
    rank === 2 ? undefined : g.op("Concat", [g.op("Shape", [x.value], { end: -1 }), k], { axis: 0 });
  return found.map((each) => {
    const cut = g.op("Slice", [each, g.ints([0]), g.ints([-1]), g.ints([0])]);
    return shape === undefined ? cut : g.op("Reshape", [cut, shape], { allowzero: 1 });
  }) as [OnnxValue, OnnxValue];
}

export const reductionRows: OnnxTable = {
  Sum: reduce(sum),
  Mean: reduce(mean),
  Max: reduce(extreme("ReduceMax")),
  Min: reduce(extreme("ReduceMin")),
  Prod: reduce(product),
  All: reduce(logical("ReduceMin")),
  Any: reduce(logical("ReduceMax")),
  EuclideanNorm: reduce(norm, norm),
  ArgMax: placeOf("ArgMax"),
  ArgMin: placeOf("ArgMin"),
  Cumsum: { build: cumulativeSum },
  TopK: { build: topK },
  TopKV2: { build: topK },
};
