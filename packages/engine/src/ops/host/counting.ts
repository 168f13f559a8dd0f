/** Ops that count elements: into bins, or which different ones there are. */
import { elementCount, invalidArgument, shapeText, type Tensor, unimplemented } from "@servable/formats";
import { asTensor } from "../../values.js";
import type { HostRow, HostTable } from "../op-table.js";
import { aroundAxis } from "./boxes.js";
import { domainOf, elementsOf, newElements, tensorOf, tensorOfNumbers } from "./domains.js";
import { indexData, indexTensor } from "./index-data.js";
import {
  axisOf,
  compute,
  countOfObjects,
  type Dense,
  ensure,
  integerOf,
  integersOf,
  move,
  outputDtype,
} from "./kernel.js";
import { takeAlong } from "./rearranging.js";

// ---- bins ------------------------------------------------------------------------------------------------------

/** Adds up the weights (ones, when there are none) of the values 0, 1, … size - 1 of each row. */
function bincount(values: Tensor, size: number, weights: Tensor, binary: boolean): Tensor {
  ensure(size >= 0, () => `size (${size}) must be non-negative`);
  ensure(values.shape.length <= 2, () => `Shape must be at most rank 2 but is rank ${values.shape.length}`);
  const weighted = elementCount(weights.shape) > 0;
  ensure(
    !weighted || elementCount(weights.shape) === elementCount(values.shape),
    () =>
      `\`weights\` must be the same shape as \`arr\` or a length-0 \`Tensor\`, in which case it acts as all weights equal to 1. Received ${shapeText(weights.shape)}`,
  );
  const rows = values.shape.length === 2 ? (values.shape[0] as number) : 1;
  const shape = values.shape.length === 2 ? [rows, size] : [size];
  const one = domainOf(weights.dtype) === "big" ? 1n : 1;
  const weightOf = elementsOf<number>(weights);
  const bins = newElements<number>(weights.dtype, shape);
  const width = elementCount(values.shape) / rows;
  for (const [i, value] of indexData(values).entries()) {
    ensure(value >= 0, "Input arr must be non-negative!");
    if (value >= size) continue;
    const bin = Math.floor(i / width) * size + value;
    if (binary) bins[bin] = one as number;
    else bins[bin] = (bins[bin] as number) + (weighted ? (weightOf[i] as number) : (one as number));
  }
  return tensorOf(weights.dtype, shape, bins);
}

/** How many values fall into each of `bins` equal parts of [low, high]; those outside count at the ends. */
function histogram(values: Tensor, range: Tensor, bins: number, dtype: Tensor["dtype"]): Tensor {
  const [low, high] = Array.from(elementsOf<number>(range) as ArrayLike<number>, Number) as [number, number];
  ensure(
    range.shape.length === 1 && range.shape[0] === 2,
    () => `value_range should be a vector of 2 elements, got shape ${shapeText(range.shape)}`,
  );
  ensure(
    low < high,
    () => `value_range should satisfy value_range[0] < value_range[1], but got '[${low}, ${high}]'`,
  );
  ensure(bins > 0, () => `nbins should be a positive number, but got '${bins}'`);
  const counts = new Float64Array(bins);
  const step = (high - low) / bins;
  const source = elementsOf<number>(values);
  for (let i = 0; i < source.length; i++) {
    const bin = Math.floor((Number(source[i]) - low) / step);
    const inside = Math.min(Math.max(Number.isNaN(bin) ? 0 : bin, 0), bins - 1);
    counts[inside] = (counts[inside] as number) + 1;
  }
  return tensorOfNumbers(dtype, [bins], counts);
}

// ---- which different ones --------------------------------------------------------------------------------------

/** What tells an element from others in a Map: -0 equals 0 there, and a NaN is one of its kind. */
function keysOf(x: Tensor): (position: number) => unknown {
  if (domainOf(x.dtype) === "complex") throw unimplemented(`no kernel for ${x.dtype}`);
  const elements = elementsOf<unknown>(x);
  return (position) => {
    const element = elements[position];
    if (element instanceof Uint8Array)
      return Buffer.from(element.buffer, element.byteOffset, element.length).toString("latin1");
    return Number.isNaN(element) ? Symbol() : element;
  };
}

interface Distinct {
  /** Position of the first of each kind, in order of appearance. */
  readonly firsts: number[];
  /** For each position its kind. */
  readonly kinds: Float64Array;
}

function distinct(count: number, key: (position: number) => unknown): Distinct {
  const known = new Map<unknown, number>();
  const firsts: number[] = [];
  const kinds = Float64Array.from({ length: count }, (_, position) => {
    const own = key(position);
    const found = known.get(own);
    if (found !== undefined) return found;
    known.set(own, firsts.length);
    return firsts.push(position) - 1;
  });
  return { firsts, kinds };
}

/**
 * The different slices along an axis, and for each slice which one it is; with `counted` how many there are of each.
 */
function unique(x: Tensor, axis: number, idxDtype: "int32" | "int64", counted: boolean): readonly Dense[] {
  const { outer, size, inner } = aroundAxis(x.shape, axis);
  countOfObjects([size]);
  const key = keysOf(x);
  const sliceKey =
    outer * inner === 1
      ? key
      : (n: number) => {
          const parts: string[] = [];
          for (let o = 0; o < outer; o++) {
            for (let i = 0; i < inner; i++)
              parts.push(JSON.stringify(String(key((o * size + n) * inner + i))));
          }
          return parts.join();
        };
  const { firsts, kinds } = distinct(size, sliceKey);
  const outputs = [takeAlong(x, axis, firsts), indexTensor(idxDtype, [size], kinds)];
  return counted
    ? [...outputs, indexTensor(idxDtype, [firsts.length], counts(firsts.length, kinds))]
    : outputs;
}

function counts(kinds: number, of: Float64Array): Float64Array {
  const counted = new Float64Array(kinds);
  for (const kind of of) counted[kind] = (counted[kind] as number) + 1;
  return counted;
}

const uniqueRow = (counted: boolean): HostRow =>
  move((node) => {
    const dtype = outputDtype(node, 1) as "int32" | "int64";
    return (input, axisInput) => {
      const x = asTensor(input);
      if (axisInput === undefined) {
        ensure(x.shape.length === 1, () => `unique expects a 1D vector, got shape ${shapeText(x.shape)}`);
        return unique(x, 0, dtype, counted);
      }
      return unique(x, uniqueAxis(axisInput, x.shape.length), dtype, counted);
    };
  });

/** UniqueV2's axis is a vector: empty for a vector input. */
function uniqueAxis(axisInput: Dense, rank: number): number {
  const axes = integersOf(axisInput);
  ensure(
    axes.length <= 1,
    () => `axis does not support input tensors larger than 1 elements, got ${axes.length}`,
  );
  if (axes.length === 1) return axisOf(axes[0] as number, rank);
  if (rank !== 1) throw invalidArgument(`unique expects a 1D vector, got rank ${rank}`);
  return 0;
}

/** The elements of x that y lacks, and where they are in x. */
function listDiff(x: Tensor, y: Tensor, idxDtype: "int32" | "int64"): readonly Dense[] {
  ensure(x.shape.length === 1 && y.shape.length === 1, "x and y should be 1D vectors.");
  const [keyX, keyY] = [keysOf(x), keysOf(y)];
  const excluded = new Set(Array.from({ length: elementCount(y.shape) }, (_, i) => keyY(i)));
  const kept = Array.from({ length: elementCount(x.shape) }, (_, i) => i).filter(
    (i) => !excluded.has(keyX(i)),
  );
  return [takeAlong(x, 0, kept), indexTensor(idxDtype, [kept.length], kept)];
}

export const countingKernels: HostTable = {
  Bincount: compute(
    () => (values, size, weights) => bincount(values, integerOf(size, "size"), weights, false),
  ),
  DenseBincount: compute((node) => {
    const binary = node.attrs.bool("binary_output");
    return (values, size, weights) => bincount(values, integerOf(size, "size"), weights, binary);
  }),
  HistogramFixedWidth: compute(
    (node) => (values, range, bins) => histogram(values, range, integerOf(bins, "nbins"), outputDtype(node)),
  ),
  Unique: uniqueRow(false),
  UniqueV2: uniqueRow(false),
  UniqueWithCounts: uniqueRow(true),
  UniqueWithCountsV2: uniqueRow(true),
  ListDiff: move((node) => {
    const dtype = outputDtype(node, 1) as "int32" | "int64";
    return (x, y) => listDiff(asTensor(x), asTensor(y), dtype);
  }),
};
