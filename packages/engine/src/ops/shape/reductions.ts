/** Reductions over axes, arg-reductions, running totals, and reductions by segment. */
import type { PartialShape } from "@servable/formats";
import type { ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import { type Entries, scalarEntry, vectorEntries, withEntries } from "./entries.js";
import { forAll, sameAsInput } from "./families.js";
import { joined, normalAxis, UNKNOWN, unknownOfRank } from "./partial-shape.js";

/** Input 0 reduced over the axes that input 1 holds, as a scalar or vector. */
export function reducedShape(node: ShapeContext): PartialShape {
  return reducedShapeOf(node.shape(0), axesOf(node), node.attrs.bool("keep_dims"));
}

function axesOf(node: ShapeContext): Entries | undefined {
  return node.shape(1)?.length === 0 ? [node.entries(1)?.[0]] : vectorEntries(node, 1);
}

/** A shape without the axes (or with ones in their place); as much as can be said where the axes are not known. */
export function reducedShapeOf(
  shape: PartialShape,
  axes: Entries | undefined,
  keepDims: boolean,
): PartialShape {
  if (shape === null) return null;
  const rank = shape.length;
  if (axes === undefined || axes.includes(undefined)) {
    if (axes?.length === 0) return shape;
    if (keepDims) return unknownOfRank(rank);
    // Axes are distinct, so each takes one away.
    return axes !== undefined && axes.length <= rank ? unknownOfRank(rank - axes.length) : null;
  }
  const reduced = new Set(axes.map((axis) => normalAxis(axis as number, rank)));
  if (keepDims) return shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  return shape.filter((_, axis) => !reduced.has(axis));
}

const reduce: ShapeRule = (node) => [reducedShape(node)];

/** A reduction that sizes and element counts are made with: a vector's known entries are folded too. */
const reduceWith =
  (fold: (entries: readonly number[]) => number): ShapeRule =>
  (node) => {
    const shape = reducedShape(node);
    const entries = node.entries(0);
    const axes = axesOf(node);
    const wholeVector = node.shape(0)?.length === 1 && axes?.length === 1 && axes[0] !== undefined;
    const known = wholeVector && entries?.every((entry): entry is number => entry !== undefined);
    return [withEntries(node.outputTypes[0], shape, known ? [fold(entries as number[])] : undefined)];
  };

/** Input 0 without the axis that input 1 holds. */
const argReduce: ShapeRule = (node) => {
  const shape = node.shape(0);
  if (shape === null) return [null];
  // TensorFlow lets a scalar pass as it is.
  if (shape.length <= 1) return [[]];
  const axis = scalarEntry(node, 1);
  const normal = axis === undefined ? undefined : normalAxis(axis, shape.length);
  return [normal === undefined ? unknownOfRank(shape.length - 1) : shape.filter((_, i) => i !== normal)];
};

/** Rows of input 0 gathered into as many segments as the ids, known only at run time, say. */
const bySortedSegment: ShapeRule = (node) => {
  const shape = node.shape(0);
  return [shape === null || shape.length === 0 ? null : [UNKNOWN, ...shape.slice(1)]];
};

/** The same with the number of segments in input 3. */
const bySparseSegmentCount: ShapeRule = (node) => {
  const shape = node.shape(0);
  return [shape === null || shape.length === 0 ? null : [scalarEntry(node, 3) ?? UNKNOWN, ...shape.slice(1)]];
};

/** Ids of the leading axes of input 0 replaced by one axis of that many segments. */
const byUnsortedSegment: ShapeRule = (node) => {
  const data = node.shape(0);
  const ids = node.shape(1);
  if (data === null || ids === null) return [null];
  return [joined([scalarEntry(node, 2) ?? UNKNOWN], data.slice(ids.length))];
};

export const reductionShapes: ShapeTable = {
  ...forAll(["All", "Any", "EuclideanNorm", "Mean", "ReduceJoin"], reduce),
  Sum: reduceWith((entries) => entries.reduce((sum, entry) => sum + entry, 0)),
  Prod: reduceWith((entries) => entries.reduce((product, entry) => product * entry, 1)),
  Max: reduceWith((entries) => Math.max(...entries)),
  Min: reduceWith((entries) => Math.min(...entries)),
  ...forAll(["ArgMax", "ArgMin"], argReduce),
  ...forAll(["Cumsum", "Cumprod", "CumulativeLogsumexp"], sameAsInput),
  ...forAll(
    ["SegmentSum", "SegmentMean", "SegmentProd", "SegmentMin", "SegmentMax"].concat([
      "SparseSegmentSum",
      "SparseSegmentMean",
      "SparseSegmentSqrtN",
    ]),
    bySortedSegment,
  ),
  ...forAll(
    [
      "SparseSegmentSumWithNumSegments",
      "SparseSegmentMeanWithNumSegments",
      "SparseSegmentSqrtNWithNumSegments",
    ],
    bySparseSegmentCount,
  ),
  ...forAll(
    ["UnsortedSegmentSum", "UnsortedSegmentProd", "UnsortedSegmentMax", "UnsortedSegmentMin"].concat([
      "UnsortedSegmentJoin",
    ]),
    byUnsortedSegment,
  ),
};
