/** Slices: by begin and size, or by begin, end and stride with masks, as `x[1:, ..., None, -1]` in Python. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxInput, type OnnxNode, type OnnxTable } from "../op-table.js";
import { checkSameShape, constantNumbers, entriesOf, input, TO_END, value } from "./node-facts.js";
import { asVector, type Size, vector } from "./sizes.js";

/** A size of -1 is all that is left. */
function slice(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, begin, size] = [input(node, 0), input(node, 1), input(node, 2)];
  const [begins, sizes] = [entriesOf(begin), entriesOf(size)];
  if (x.shape !== null && begins !== undefined && begins.length !== x.shape.length)
    throw new NotExpressible("a slice of another rank");
  if (begins?.length === 0) return g.op("Identity", [x.value]);
  if (isKnown(begins) && isKnown(sizes)) {
    checkInside(x, begins, sizes);
    const ends = begins.map((start, i) => (sizes[i] === -1 ? TO_END : start + (sizes[i] as number)));
    return g.op("Slice", [x.value, g.ints(begins), g.ints(ends)]);
  }
  const start = asVector(g, begin);
  const length = asVector(g, size);
  const end = g.op("Add", [start, length]);
  const isRest = g.op("Less", [length, g.ints([0])]);
  return g.op("Slice", [x.value, start, g.op("Where", [isRest, g.ints([TO_END]), end])]);
}

function isKnown(entries: readonly (number | undefined)[] | undefined): entries is readonly number[] {
  return entries?.every((entry) => entry !== undefined) ?? false;
}

/** ONNX cuts off what is outside, TensorFlow refuses it. */
function checkInside(x: OnnxInput, begins: readonly number[], sizes: readonly number[]): void {
  begins.forEach((begin, axis) => {
    const size = x.shape?.[axis] ?? -1;
    const end = begin + Math.max(sizes[axis] as number, 0);
    if (begin < 0 || (size >= 0 && end > size)) throw new NotExpressible("a slice outside of the tensor");
  });
}

// ---- strided slices ------------------------------------------------------------------------------------------

/** One entry of begin, end and strides. Masks say what it does; an ellipsis wins over a new axis, that over an index. */
interface Entry {
  readonly kind: "ellipsis" | "new axis" | "index" | "range";
  /** Its place in begin, end and strides. */
  readonly at: number;
  readonly stride: number;
  /** Without a begin or end of its own: from or to the edge. */
  readonly fromEdge: boolean;
  readonly toEdge: boolean;
}

function entriesOfSlice(node: OnnxNode): Entry[] {
  const masks = ["ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "begin_mask", "end_mask"].map((mask) =>
    node.attrs.int(mask),
  );
  checkSameShape(node.inputs.slice(1));
  const entries = constantNumbers(input(node, 3), "the strides").map((stride, at): Entry => {
    const [ellipsis, newAxis, index, fromEdge, toEdge] = masks.map((mask) => ((mask >> at) & 1) === 1);
    const kind = ellipsis ? "ellipsis" : newAxis ? "new axis" : index ? "index" : "range";
    if (kind === "index" && stride <= 0) throw new NotExpressible("an index with a negative stride");
    return { kind, at, stride: index ? 1 : stride, fromEdge: fromEdge === true, toEdge: toEdge === true };
  });
  if (entries.filter(({ kind }) => kind === "ellipsis").length > 1)
    throw new NotExpressible("several ellipses");
  return entries;
}

/** Entries that take a dimension from the input, and those that give one to the output. */
const takes = ({ kind }: Entry): boolean => kind === "index" || kind === "range";
const gives = ({ kind }: Entry): boolean => kind === "new axis" || kind === "range";

/**
 * The dimension of each entry, counted over the entries that `counts`: from the front before the ellipsis, from the
 * back after it, so that the rank need not be known. Without an ellipsis there is one at the end.
 */
function axesOf(entries: readonly Entry[], counts: (entry: Entry) => boolean): Map<Entry, number> {
  const ellipsis = entries.findIndex(({ kind }) => kind === "ellipsis");
  const isBefore = ({ at }: Entry) => ellipsis < 0 || at < ellipsis;
  const front = entries.filter((entry) => counts(entry) && isBefore(entry));
  const back = entries.filter((entry) => counts(entry) && !isBefore(entry));
  return new Map([
    ...front.map((entry, i) => [entry, i] as const),
    ...back.map((entry, i) => [entry, i - back.length] as const),
  ]);
}

function stridedSlice(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const entries = entriesOfSlice(node);
  const from = axesOf(entries, takes);
  const to = axesOf(entries, gives);
  const cutting = entries.filter((entry) => takes(entry) && !isWhole(entry));
  const added = entries.filter(({ kind }) => kind === "new axis");
  const [only, ...more] = cutting;
  if (only?.kind === "index" && more.length === 0 && added.length === 0) return element(g, node, only, from);
  const cut = cutting.length === 0 ? value(node, 0) : sliced(g, node, cutting, from);
  const dropped = cutting.filter(({ kind }) => kind === "index");
  const axes = (of: readonly Entry[], map: ReadonlyMap<Entry, number>) =>
    g.ints(of.map((entry) => map.get(entry) as number));
  const squeezed = dropped.length === 0 ? cut : g.op("Squeeze", [cut, axes(dropped, from)]);
  return added.length === 0 ? squeezed : g.op("Unsqueeze", [squeezed, axes(added, to)]);
}

/** A range without begin and end keeps its dimension as it is. */
function isWhole({ kind, stride, fromEdge, toEdge }: Entry): boolean {
  return kind === "range" && stride === 1 && fromEdge && toEdge;
}

/** One index along one dimension. Outside of the dimension it fails, as in TensorFlow. */
function element(g: OnnxEmitter, node: OnnxNode, index: Entry, axes: ReadonlyMap<Entry, number>): OnnxValue {
  const place = vector(g, [entryOf(g, node, 1, index.at)]);
  return g.op("Gather", [value(node, 0), g.op("Squeeze", [place, g.ints([0])])], {
    axis: axes.get(index) as number,
  });
}

function sliced(
  g: OnnxEmitter,
  node: OnnxNode,
  entries: readonly Entry[],
  axes: ReadonlyMap<Entry, number>,
): OnnxValue {
  const begins = entries.map((entry) => beginOf(g, node, entry));
  const ends = entries.map((entry, i) => endOf(g, node, entry, begins[i] as Size));
  return g.op("Slice", [
    value(node, 0),
    vector(g, begins),
    vector(g, ends),
    g.ints(entries.map((entry) => axes.get(entry) as number)),
    g.ints(entries.map(({ stride }) => stride)),
  ]);
}

/** An index has a begin whatever the mask says. */
function beginOf(g: OnnxEmitter, node: OnnxNode, { kind, at, stride, fromEdge }: Entry): Size {
  if (kind === "range" && fromEdge) return stride > 0 ? 0 : TO_END;
  return entryOf(g, node, 1, at);
}

function endOf(g: OnnxEmitter, node: OnnxNode, { kind, at, stride, toEdge }: Entry, begin: Size): Size {
  if (kind === "index") return afterIndex(g, begin);
  if (toEdge) return stride > 0 ? TO_END : -TO_END;
  return entryOf(g, node, 2, at);
}

/** The end of a slice of one element; that of the last, -1, is no number. */
function afterIndex(g: OnnxEmitter, begin: Size): Size {
  if (typeof begin === "number") return begin === -1 ? TO_END : begin + 1;
  const isLast = g.op("Equal", [begin, g.ints([-1])]);
  return g.op("Where", [isLast, g.ints([TO_END]), g.op("Add", [begin, g.ints([1])])]);
}

/** One entry of begin (input 1) or end (input 2). */
function entryOf(g: OnnxEmitter, node: OnnxNode, at: number, index: number): Size {
  const of = input(node, at);
  return entriesOf(of)?.[index] ?? g.op("Gather", [asVector(g, of), g.ints([index])]);
}

export const slicingRows: OnnxTable = {
  Slice: { build: slice },
  StridedSlice: { build: stridedSlice },
};
