/**
 * Reductions over axes, running sums, the places of extremes, the largest elements.
 *
 * What ONNX Runtime 1.30 does otherwise than TensorFlow, and is put right here: integer sums go through float64 and
 * saturate; extremes skip NaN; means and logical reductions of nothing are wrong or refused; TopK of no rows ends the process.
 */
import { tensor } from "@servable/formats";
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import type { OnnxNode, OnnxRow, OnnxTable } from "../op-table.js";
import {
  constantNumber,
  constantNumbers,
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
    const axes = input(node, 1);
    const known = axes.tensor === undefined ? undefined : constantNumbers(axes, "axes");
    if (known?.length === 0) return single(g, value(node, 0));
    const over =
      known === undefined ? frontAxesOf(g, axes, value(node, 0)) : frontAxes(g, known, input(node, 0));
    const keepdims = node.attrs.bool("keep_dims") ? 1 : 0;
    const { shape } = input(node, 0);
    const reduced = known === undefined ? shape : known.map((axis) => shape?.at(axis) ?? -1);
    return reducer(g, value(node, 0), {
      by: (onnx, x) => g.op(onnx, [x, over], { keepdims, noop_with_empty_axes: 1 }),
      mayBeEmpty: reduced === null || reduced.some((size) => size <= 0),
    });
  },
});

const plain =
  (onnx: string): Reducer =>
  (_, x, { by }) =>
    by(onnx, x);

const sum: Reducer = (g, x, { by }) => {
  if (!isInteger(x.dtype)) return by("ReduceSum", x);
  if (!x.dtype.endsWith("64")) return g.cast(by("ReduceSum", g.cast(x, "int64")), x.dtype);
  // Halves of 32 bits add up exactly in float64; putting them together wraps, as TensorFlow's sums do.
  const whole = g.cast(x, "int64");
  const shift = g.constant(tensor("int64", [], BigInt64Array.of(2n ** 32n)));
  const low = g.op("BitwiseAnd", [whole, g.constant(tensor("int64", [], BigInt64Array.of(2n ** 32n - 1n)))]);
  const high = g.op("Div", [g.op("Sub", [whole, low]), shift]);
  const total = g.op("Add", [g.op("Mul", [by("ReduceSum", high), shift]), by("ReduceSum", low)]);
  return g.cast(total, x.dtype);
};

/** Through int64: exact as long as the product is below 2^53, as sizes are. */
const product: Reducer = (g, x, { by }) =>
  isInteger(x.dtype) ? g.cast(by("ReduceProd", g.cast(x, "int64")), x.dtype) : by("ReduceProd", x);

/** The mean of nothing is NaN. How many elements there are to a mean follows from the sizes before and after. */
const mean: Reducer = (g, x, { by, mayBeEmpty }) => {
  if (!mayBeEmpty || isInteger(x.dtype)) return by("ReduceMean", x);
  const total = by("ReduceSum", x);
  const means = g.op("Max", [g.op("Size", [total]), g.scalar("int64", 1)]);
  return g.op("Div", [total, g.cast(g.op("Div", [g.op("Size", [x]), means]), x.dtype)]);
};

const extreme =
  (onnx: "ReduceMax" | "ReduceMin"): Reducer =>
  (g, x, { by }) => {
    const found = by(onnx, x);
    if (isInteger(x.dtype)) return found;
    const anyNaN = by("ReduceMax", g.cast(g.op("IsNaN", [x]), "uint8"));
    return g.op("Where", [g.cast(anyNaN, "bool"), g.scalar(x.dtype, Number.NaN), found]);
  };

const logical =
  (onnx: "ReduceMax" | "ReduceMin"): Reducer =>
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
  return g.op("CumSum", [value(node, 0), value(node, 1)], {
    exclusive: node.attrs.bool("exclusive") ? 1 : 0,
    reverse: node.attrs.bool("reverse") ? 1 : 0,
  });
}

/** TopK reads k from an attribute, TopKV2 from an input. Equal elements come in the order of their places. */
function topK(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const x = input(node, 0);
  const k = node.inputs.length > 1 ? asVector(g, input(node, 1)) : g.ints([node.attrs.int("k")]);
  const sizes = shapeOf(x).slice(0, -1);
  const [top, places] = sizes.every((size) => size > 0) ? topOf(g, x.value, k) : topOfRows(g, node, k);
  return [top, g.cast(places, outputCarrier(node, 1))];
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
  EuclideanNorm: reduce(plain("ReduceL2"), (g, x) => g.op("Abs", [x])),
  ArgMax: placeOf("ArgMax"),
  ArgMin: placeOf("ArgMin"),
  Cumsum: { build: cumulativeSum },
  TopK: { build: topK },
  TopKV2: { build: topK },
};
