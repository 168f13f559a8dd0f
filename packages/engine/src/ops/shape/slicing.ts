/** Slices, gathers and scatters. */
import type { PartialShape } from "@servable/formats";
import type { ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import {
  type Entries,
  type Entry,
  scalarEntry,
  shapeFromInput,
  vectorEntries,
  withEntries,
} from "./entries.js";
import { forAll, sameAsInput } from "./families.js";
import {
  joined,
  mergeShapes,
  normalAxis,
  sizeFrom,
  UNKNOWN,
  unknownOfRank,
  withRank,
} from "./partial-shape.js";

// ---- Slice ---------------------------------------------------------------------------------------------------

const slice: ShapeRule = (node) => {
  const begin = vectorEntries(node, 1);
  const sizes = vectorEntries(node, 2);
  const rank = node.shape(0)?.length ?? begin?.length ?? sizes?.length;
  if (rank === undefined) return [null];
  const input = withRank(node.shape(0), rank);
  const shape = input.map((size, axis) => slicedSize(size, begin?.[axis], sizes?.[axis]));
  const from = begin?.[0];
  const [length = UNKNOWN] = shape;
  const piece =
    rank === 1 && from !== undefined && length >= 0 ? node.entries(0)?.slice(from, from + length) : undefined;
  return [withEntries(node.outputTypes[0], shape, piece)];
};

/** A length of -1 takes what is left. */
function slicedSize(size: number, begin: Entry, length: Entry): number {
  if (length !== undefined && length >= 0) return length;
  if (length === undefined || begin === undefined) return UNKNOWN;
  return sizeFrom([size], (n) => n - begin);
}

// ---- StridedSlice --------------------------------------------------------------------------------------------

/** What one place of the slice's specification does to its axis. */
type Place =
  | { readonly kind: "keep" }
  | { readonly kind: "new" }
  | { readonly kind: "index"; readonly at: Entry }
  | { readonly kind: "range"; readonly begin: Bound; readonly end: Bound; readonly stride: Entry };

/** A bound; "open" when the mask says that it is as far as the stride goes. */
type Bound = Entry | "open";

const stridedSlice: ShapeRule = (node) => {
  const places = slicePlaces(node);
  const input = node.shape(0);
  const axes = places === undefined ? undefined : alongAxes(places, input?.length);
  if (axes === undefined) return [null];
  const shape = axes.flatMap((place) => {
    if (place.kind === "index") return [];
    if (place.kind === "new") return [1];
    const size = place.axis === undefined ? UNKNOWN : (input?.[place.axis] ?? UNKNOWN);
    return [place.kind === "keep" ? size : rangeSize(size, place)];
  });
  return [withEntries(node.outputTypes[0], shape, slicedEntries(node, axes))];
};

function slicePlaces(node: ShapeContext): Place[] | undefined {
  const [begin, end, strides] = [1, 2, 3].map((input) => vectorEntries(node, input));
  const count = begin?.length ?? end?.length ?? strides?.length;
  // Masks have 32 bits.
  if (count === undefined || count > 32) return undefined;
  const mask = (name: string) => node.attrs.int(name);
  const [begins, ends, ellipsis] = [mask("begin_mask"), mask("end_mask"), mask("ellipsis_mask")];
  const [fresh, shrink] = [mask("new_axis_mask"), mask("shrink_axis_mask")];
  return Array.from({ length: count }, (_, i): Place => {
    const set = (bits: number) => ((bits >> i) & 1) === 1;
    if (set(ellipsis)) return { kind: "keep" };
    if (set(fresh)) return { kind: "new" };
    if (set(shrink)) return { kind: "index", at: begin?.[i] };
    return {
      kind: "range",
      begin: set(begins) ? "open" : begin?.[i],
      end: set(ends) ? "open" : end?.[i],
      stride: strides?.[i],
    };
  });
}

type PlaceOnAxis = Place & { readonly axis?: number };

/**
 * The places with the axes that they are about: an ellipsis stands for as many axes as the others leave, and what
 * nobody names is kept. Undefined when the input's rank is unknown and decides the result's.
 */
function alongAxes(places: readonly Place[], rank: number | undefined): PlaceOnAxis[] | undefined {
  if (rank === undefined) return undefined;
  const named = places.filter((place) => place.kind === "index" || place.kind === "range").length;
  const left = rank - named;
  if (left < 0) return undefined;
  const ellipsis = places.findIndex((place) => place.kind === "keep");
  let axis = 0;
  const keep = (): PlaceOnAxis[] =>
    Array.from({ length: left }, () => ({ kind: "keep" as const, axis: axis++ }));
  const result = places.flatMap((place, i): PlaceOnAxis[] => {
    if (place.kind === "new") return [place];
    // Only the first ellipsis expands; TensorFlow refuses a second.
    if (place.kind === "keep") return i === ellipsis ? keep() : [];
    return [{ ...place, axis: axis++ }];
  });
  return ellipsis < 0 ? [...result, ...keep()] : result;
}

/** How many elements begin:end:stride takes from an axis. */
function rangeSize(size: number, place: Place & { kind: "range" }): number {
  const { begin, end, stride } = place;
  if (stride === undefined || stride === 0 || begin === undefined || end === undefined) return UNKNOWN;
  if (size < 0) return sizeWhateverTheAxis(begin, end, stride);
  const from = clamped(begin, size, stride, true);
  const to = clamped(end, size, stride, false);
  return Math.max(0, Math.ceil((to - from) / stride));
}

/** The length of a range on an axis of unknown size, where it is empty however long the axis is, or keeps all of it. */
function sizeWhateverTheAxis(begin: Bound, end: Bound, stride: number): number {
  if (typeof begin !== "number" || typeof end !== "number") return UNKNOWN;
  const sameSide = begin >= 0 === end >= 0;
  return sameSide && (end - begin) * stride <= 0 ? 0 : UNKNOWN;
}

function clamped(bound: number | "open", size: number, stride: number, isBegin: boolean): number {
  const [lowest, highest] = stride > 0 ? [0, size] : [-1, size - 1];
  if (bound === "open") return isBegin === stride > 0 ? lowest : highest;
  return Math.min(Math.max(bound < 0 ? bound + size : bound, lowest), highest);
}

/** The entries that a slice of a vector takes. */
function slicedEntries(node: ShapeContext, axes: readonly PlaceOnAxis[]): Entries | undefined {
  const entries = node.entries(0);
  const place = axes.find((candidate) => candidate.axis === 0);
  if (entries === undefined || node.shape(0)?.length !== 1 || place === undefined) return undefined;
  if (place.kind === "keep") return entries;
  if (place.kind === "index") return place.at === undefined ? undefined : [entries.at(place.at)];
  if (place.kind !== "range") return undefined;
  const length = rangeSize(entries.length, place);
  if (length < 0) return undefined;
  const stride = place.stride as number;
  const from = clamped(place.begin as number | "open", entries.length, stride, true);
  return Array.from({ length }, (_, i) => entries[from + i * stride]);
}

// ---- gathers -------------------------------------------------------------------------------------------------

/** Params with the axis replaced by the indices' axes past the shared batch. */
export function gathered(
  params: PartialShape,
  indices: PartialShape,
  axis: Entry,
  batchDims: number,
): PartialShape {
  if (params === null || indices === null) return null;
  const batch = batchDims < 0 ? batchDims + indices.length : batchDims;
  if (batch < 0 || batch > indices.length || params.length === 0) return null;
  const normal = axis === undefined ? undefined : normalAxis(axis, params.length);
  if (normal === undefined) return unknownOfRank(Math.max(0, params.length + indices.length - 1 - batch));
  const shared = mergeShapes(params.slice(0, batch), indices.slice(0, batch));
  return joined(shared, params.slice(batch, normal), indices.slice(batch), params.slice(normal + 1));
}

const gather: ShapeRule = (node) => {
  const axis = node.inputs.length > 2 ? scalarEntry(node, 2) : 0;
  const batchDims = node.attrs.has("batch_dims") ? node.attrs.int("batch_dims") : 0;
  const shape = gathered(node.shape(0), node.shape(1), axis, batchDims);
  return [withEntries(node.outputTypes[0], shape, gatheredEntries(node))];
};

function gatheredEntries(node: ShapeContext): Entries | undefined {
  const params = node.entries(0);
  if (params === undefined || node.shape(0)?.length !== 1) return undefined;
  return vectorEntries(node, 1)?.map((index) => (index === undefined ? undefined : params[index]));
}

/** Params with as many leading axes as an index has entries replaced by the axes of the indices. */
export function gatheredNd(params: PartialShape, indices: PartialShape): PartialShape {
  const depth = indices?.at(-1) ?? UNKNOWN;
  if (params === null || indices === null || depth < 0 || depth > params.length) return null;
  return joined(indices.slice(0, -1), params.slice(depth));
}

const gatherNd: ShapeRule = (node) => [gatheredNd(node.shape(0), node.shape(1))];

// ---- scatters and stitches -------------------------------------------------------------------------------------

const dynamicPartition: ShapeRule = (node) => {
  const data = node.shape(0);
  const partitions = node.shape(1);
  const shape =
    data === null || partitions === null ? null : joined([UNKNOWN], data.slice(partitions.length));
  return node.outputTypes.map(() => shape);
};

const dynamicStitch: ShapeRule = (node) => {
  const count = node.inputs.length / 2;
  const indices = Array.from({ length: count }, (_, i) => i);
  const rest = indices.reduce<PartialShape>((merged, i) => {
    const [index, data] = [node.shape(i), node.shape(count + i)];
    return mergeShapes(merged, index === null || data === null ? null : data.slice(index.length));
  }, null);
  const all = indices.map((i) => node.tensor(i));
  let rows = 0;
  for (const tensor of all) {
    if (tensor?.dtype !== "int32") return [joined([UNKNOWN], rest)];
    rows = tensor.data.reduce((most, index) => Math.max(most, index + 1), rows);
  }
  return [joined([rows], rest)];
};

export const slicingShapes: ShapeTable = {
  Slice: slice,
  StridedSlice: stridedSlice,
  StridedSliceGrad: (node) => [shapeFromInput(node, 0)],
  ...forAll(["Gather", "GatherV2"], gather),
  GatherNd: gatherNd,
  ScatterNd: (node) => [shapeFromInput(node, 2)],
  SparseToDense: (node) => [shapeFromInput(node, 1)],
  ...forAll(
    [
      "TensorScatterUpdate",
      "TensorScatterAdd",
      "TensorScatterSub",
      "TensorScatterMax",
      "TensorScatterMin",
    ].concat([
      "ScatterNdNonAliasingAdd",
      "TensorStridedSliceUpdate",
      "InplaceAdd",
      "InplaceSub",
      "InplaceUpdate",
    ]),
    sameAsInput,
  ),
  DynamicPartition: dynamicPartition,
  ...forAll(["DynamicStitch", "ParallelDynamicStitch"], dynamicStitch),
};
