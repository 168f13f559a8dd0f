/** Slices: by begin and size, or by begin, end and stride with masks, as `x[1:, ..., None, -1]` in Python. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxInput, type OnnxNode, type OnnxTable } from "../op-table.js";
import { constantNumbers, entriesOf, input, TO_END, value } from "./node-facts.js";
import { asVector } from "./sizes.js";

/** A size of -1 is all that is left. */
function slice(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, begin, size] = [input(node, 0), input(node, 1), input(node, 2)];
  const [begins, sizes] = [entriesOf(begin), entriesOf(size)];
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

/** What one entry of the specification does, in order of precedence. */
type Entry = "ellipsis" | "new axis" | "index" | "range";

interface Spec {
  /** Entries with their position in begin, end and strides. */
  readonly entries: readonly { readonly kind: Entry; readonly at: number }[];
  readonly ellipsis: number;
}

/** Masks are bit sets over the entries. Without an ellipsis there is one at the end. */
function specOf(node: OnnxNode, length: number): Spec {
  const bit = (mask: string, at: number) => ((node.attrs.int(mask) >> at) & 1) === 1;
  const entries = Array.from({ length }, (_, at) => {
    const kind: Entry = bit("ellipsis_mask", at)
      ? "ellipsis"
      : bit("new_axis_mask", at)
        ? "new axis"
        : bit("shrink_axis_mask", at)
          ? "index"
          : "range";
    return { kind, at };
  });
  const ellipses = entries.filter(({ kind }) => kind === "ellipsis");
  if (ellipses.length > 1) throw new NotExpressible("several ellipses");
  return { entries, ellipsis: ellipses[0]?.at ?? length };
}

/** Dimensions that an entry takes from the input, and that it gives to the output. */
const takes = (kind: Entry): boolean => kind === "index" || kind === "range";
const gives = (kind: Entry): boolean => kind === "new axis" || kind === "range";

/**
 * The dimension of each entry, counted over the entries that `counts`: from the front before the ellipsis, from the
 * back after it, so that the rank need not be known.
 */
function axesOf(spec: Spec, counts: (kind: Entry) => boolean): Map<number, number> {
  const counted = spec.entries.filter(({ kind }) => counts(kind));
  const front = counted.filter(({ at }) => at < spec.ellipsis);
  const back = counted.filter(({ at }) => at > spec.ellipsis);
  return new Map([
    ...front.map(({ at }, i) => [at, i] as const),
    ...back.map(({ at }, i) => [at, i - back.length] as const),
  ]);
}

function stridedSlice(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const strides = constantNumbers(input(node, 3), "the strides");
  const spec = specOf(node, strides.length);
  const inputAxes = axesOf(spec, takes);
  const ranges = spec.entries.filter(({ kind, at }) => takes(kind) && !isWhole(node, kind, at, strides));
  const only = ranges.length === 1 ? ranges[0] : undefined;
  let y = value(node, 0);
  if (only?.kind === "index" && spec.entries.every(({ kind }) => kind !== "new axis")) {
    // One index is a Gather: it fails outside of the dimension, as TensorFlow does.
    const index = g.op("Squeeze", [bound(g, input(node, 1), only.at), g.ints([0])]);
    return g.op("Gather", [y, index], { axis: inputAxes.get(only.at) as number });
  }
  if (ranges.length > 0) {
    const axes = ranges.map(({ at }) => inputAxes.get(at) as number);
    const bounds = ranges.map(({ kind, at }) => boundsOf(g, node, kind, at, strides[at] as number));
    const steps = ranges.map(({ kind, at }) => (kind === "index" ? 1 : (strides[at] as number)));
    y = g.op("Slice", [
      y,
      joined(
        g,
        bounds.map(({ begin }) => begin),
      ),
      joined(
        g,
        bounds.map(({ end }) => end),
      ),
      g.ints(axes),
      g.ints(steps),
    ]);
  }
  return reshapeAxes(g, y, spec, inputAxes);
}

/** A range without begin and end keeps its dimension as it is. */
function isWhole(node: OnnxNode, kind: Entry, at: number, strides: readonly number[]): boolean {
  const masked = (mask: string) => ((node.attrs.int(mask) >> at) & 1) === 1;
  return kind === "range" && strides[at] === 1 && masked("begin_mask") && masked("end_mask");
}

/** Drops the dimensions of indices, adds the new ones. */
function reshapeAxes(
  g: OnnxEmitter,
  x: OnnxValue,
  spec: Spec,
  inputAxes: ReadonlyMap<number, number>,
): OnnxValue {
  const dropped = spec.entries
    .filter(({ kind }) => kind === "index")
    .map(({ at }) => inputAxes.get(at) as number);
  const outputAxes = axesOf(spec, gives);
  const added = spec.entries
    .filter(({ kind }) => kind === "new axis")
    .map(({ at }) => outputAxes.get(at) as number);
  const y = dropped.length === 0 ? x : g.op("Squeeze", [x, g.ints(dropped)]);
  if (added.length > 0) return g.op("Unsqueeze", [y, g.ints(added)]);
  return y;
}

interface Bounds {
  readonly begin: number | OnnxValue;
  readonly end: number | OnnxValue;
}

function boundsOf(g: OnnxEmitter, node: OnnxNode, kind: Entry, at: number, stride: number): Bounds {
  const masked = (mask: string) => ((node.attrs.int(mask) >> at) & 1) === 1;
  const begin = entriesOf(input(node, 1))?.[at] ?? bound(g, input(node, 1), at);
  if (kind === "index") return { begin, end: afterIndex(g, begin) };
  const first = stride > 0 ? 0 : TO_END;
  const last = stride > 0 ? TO_END : -TO_END;
  return {
    begin: masked("begin_mask") ? first : begin,
    end: masked("end_mask") ? last : (entriesOf(input(node, 2))?.[at] ?? bound(g, input(node, 2), at)),
  };
}

/** The end of a slice of one element; that of the last, -1, is no number. */
function afterIndex(g: OnnxEmitter, begin: number | OnnxValue): number | OnnxValue {
  if (typeof begin === "number") return begin === -1 ? TO_END : begin + 1;
  const isLast = g.op("Equal", [begin, g.ints([-1])]);
  return g.op("Where", [isLast, g.ints([TO_END]), g.op("Add", [begin, g.ints([1])])]);
}

/** One entry of begin or end as an int64 vector of one element. */
function bound(g: OnnxEmitter, of: OnnxInput, at: number): OnnxValue {
  const known = entriesOf(of)?.[at];
  return known === undefined ? g.op("Gather", [asVector(g, of), g.ints([at])]) : g.ints([known]);
}

function joined(g: OnnxEmitter, parts: readonly (number | OnnxValue)[]): OnnxValue {
  if (parts.every((part) => typeof part === "number")) return g.ints(parts);
  const vectors = parts.map((part) => (typeof part === "number" ? g.ints([part]) : part));
  return vectors.length === 1 ? (vectors[0] as OnnxValue) : g.op("Concat", vectors, { axis: 0 });
}

export const slicingRows: OnnxTable = {
  Slice: { build: slice },
  StridedSlice: { build: stridedSlice },
};
