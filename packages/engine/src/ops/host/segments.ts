/** Ops that combine the rows of a tensor which share a segment id. */
import { type DType, invalidArgument, sameShape, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { product } from "./boxes.js";
import { domainOf, type Elements, elementsOf, isFloat, newElements, tensorOf } from "./domains.js";
import { type IndexData, indexData } from "./index-data.js";
import { indexText } from "./index-rows.js";
import { compute, countOf, ensure, integerOf } from "./kernel.js";
import { type Folds, foldFor, largest, limitsOf, products, smallest, sums } from "./reductions.js";

/** What rows are combined by, and what a segment without rows holds. */
interface Combination {
  readonly folds: Folds;
  readonly empty: (dtype: DType) => number | bigint;
  /** For means: sums are divided by what this makes of the number of rows. */
  readonly divisor?: (count: number) => number;
}

const zero = (): number => 0;
const one = (): number => 1;

/** The limits that TensorFlow fills in; of floats the largest finite numbers. */
const largestFinite: Partial<Record<DType, number>> = {
  float64: Number.MAX_VALUE,
  float32: (2 - 2 ** -23) * 2 ** 127,
  bfloat16: (2 - 2 ** -7) * 2 ** 127,
  float16: 65504,
};
const least = (dtype: DType): number | bigint =>
  isFloat(dtype) ? -(largestFinite[dtype] ?? 0) : limitsOf(dtype).least;
const most = (dtype: DType): number | bigint =>
  isFloat(dtype) ? (largestFinite[dtype] ?? 0) : limitsOf(dtype).most;

/**
 * Which rows of data go to which segment: row `rows[i]` (i itself when absent) to `segments[i]`, or nowhere if
 * negative.
 */
interface Assignment {
  readonly rows?: IndexData;
  readonly segments: IndexData;
  /** Number of segments. */
  readonly count: number;
  /** Leading dimensions of data that `segments` covers. */
  readonly prefix: number;
}

function combine(data: Tensor, { rows, segments, count, prefix }: Assignment, how: Combination): Tensor {
  const { dtype } = data;
  const inner = data.shape.slice(prefix);
  const shape = [count, ...inner];
  const size = product(inner);
  const { start, step } = foldFor(how.folds, dtype);
  const first = start(dtype);
  const source = elementsOf<unknown>(data);
  const totals: Elements<unknown> = isFloat(dtype)
    ? new Float64Array(countOf(shape))
    : newElements(dtype, shape);
  if (totals.length === 0) return tensorOf(dtype, shape, newElements(dtype, shape));
  const members = new Uint32Array(count);
  for (const [i, segment] of segments.entries()) {
    if (segment < 0) continue;
    const from = (rows?.[i] ?? i) * size;
    const to = segment * size;
    const isFirst = members[segment] === 0;
    for (let k = 0; k < size; k++) totals[to + k] = step(isFirst ? first : totals[to + k], source[from + k]);
    members[segment] = (members[segment] as number) + 1;
  }
  finish(totals, members, size, dtype, how);
  const out = isFloat(dtype) ? newElements<unknown>(dtype, shape) : totals;
  if (out !== totals) for (let i = 0; i < out.length; i++) out[i] = totals[i];
  return tensorOf(dtype, shape, out);
}

function finish(
  totals: Elements<unknown>,
  members: Uint32Array,
  size: number,
  dtype: DType,
  how: Combination,
): void {
  const domain = domainOf(dtype);
  const plain = how.empty(dtype);
  const empty = domain === "big" ? BigInt(plain) : domain === "complex" ? [Number(plain), 0] : Number(plain);
  for (const [segment, count] of members.entries()) {
    for (let k = segment * size; k < (segment + 1) * size; k++) {
      if (count === 0) totals[k] = empty;
      else if (how.divisor !== undefined) totals[k] = divided(totals[k], how.divisor(count));
    }
  }
}

function divided(total: unknown, by: number): unknown {
  if (typeof total === "bigint") return total / BigInt(by);
  return Array.isArray(total) ? total.map((part: number) => part / by) : (total as number) / by;
}

/** Sorted segment ids: as many segments as the last says, or as `count` does. */
function sortedSegments(ids: Tensor, rows: number, count?: number): { segments: IndexData; count: number } {
  ensure(ids.shape.length === 1, "segment_ids should be a vector.");
  ensure(
    ids.shape[0] === rows,
    () => `segment_ids should be the same size as dimension 0 of input: ${ids.shape[0]} vs. ${rows}`,
  );
  const segments = indexData(ids);
  for (let i = 0; i < segments.length; i++) {
    ensure((segments[i] as number) >= 0, "segment ids must be >= 0");
    ensure(
      i === 0 || (segments[i - 1] as number) <= (segments[i] as number),
      "segment ids are not increasing",
    );
  }
  const found = segments.length === 0 ? 0 : (segments.at(-1) as number) + 1;
  ensure(
    count === undefined || found <= count,
    () => `segment id ${found - 1} is out of range [0, ${count})`,
  );
  return { segments, count: count ?? found };
}

const sorted = (how: Combination): HostRow =>
  compute(() => (data, ids, countInput) => {
    ensure(data.shape.length >= 1, "input must be at least rank 1");
    const given = countInput === undefined ? undefined : integerOf(countInput, "num_segments");
    const { segments, count } = sortedSegments(ids, data.shape[0] as number, given);
    return combine(data, { segments, count, prefix: 1 }, how);
  });

const unsorted = (how: Combination): HostRow =>
  compute(() => (data, ids, countInput) => {
    const count = integerOf(countInput, "num_segments");
    ensure(count >= 0, () => `num_segments must be >= 0, got ${count}`);
    const prefix = ids.shape.length;
    ensure(
      sameShape(data.shape.slice(0, prefix), ids.shape),
      () =>
        `data.shape = ${shapeText(data.shape)} does not start with segment_ids.shape = ${shapeText(ids.shape)}`,
    );
    const segments = indexData(ids);
    const outside = segments.findIndex((id) => id >= count);
    if (outside >= 0) {
      const where = indexText(outside, ids.shape);
      throw invalidArgument(`segment_ids[${where}] = ${segments[outside]} is out of range [0, ${count})`);
    }
    return combine(data, { segments, count, prefix }, how);
  });

/** Rows that `indices` pick, combined by sorted segment ids. */
const sparse = (how: Combination): HostRow =>
  compute(() => (data, indices, ids, countInput) => {
    ensure(data.shape.length >= 1, "data must be at least rank 1");
    ensure(indices.shape.length === 1, "indices should be a vector.");
    const given = countInput === undefined ? undefined : integerOf(countInput, "num_segments");
    const rows = indexData(indices);
    const limit = data.shape[0] as number;
    const outside = rows.findIndex((row) => !(row >= 0 && row < limit));
    ensure(outside < 0, () => `indices[${outside}] == ${rows[outside]} out of range [0, ${limit})`);
    return combine(data, { rows, ...sortedSegments(ids, rows.length, given), prefix: 1 }, how);
  });

const sum: Combination = { folds: sums, empty: zero };
const mean: Combination = { ...sum, divisor: (count) => count };
const sqrtN: Combination = { ...sum, divisor: Math.sqrt };

export const segmentKernels: HostTable = {
  SegmentSum: sorted(sum),
  SegmentMean: sorted(mean),
  SegmentProd: sorted({ folds: products, empty: one }),
  SegmentMin: sorted({ folds: smallest, empty: zero }),
  SegmentMax: sorted({ folds: largest, empty: zero }),
  SegmentSumV2: sorted(sum),
  SegmentProdV2: sorted({ folds: products, empty: one }),
  SegmentMinV2: sorted({ folds: smallest, empty: most }),
  SegmentMaxV2: sorted({ folds: largest, empty: least }),
  UnsortedSegmentSum: unsorted(sum),
  UnsortedSegmentProd: unsorted({ folds: products, empty: one }),
  UnsortedSegmentMin: unsorted({ folds: smallest, empty: most }),
  UnsortedSegmentMax: unsorted({ folds: largest, empty: least }),
  SparseSegmentSum: sparse(sum),
  SparseSegmentMean: sparse(mean),
  SparseSegmentSqrtN: sparse(sqrtN),
  SparseSegmentSumWithNumSegments: sparse(sum),
  SparseSegmentMeanWithNumSegments: sparse(mean),
  SparseSegmentSqrtNWithNumSegments: sparse(sqrtN),
};
