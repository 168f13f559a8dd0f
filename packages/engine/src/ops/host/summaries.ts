/**
 * Summaries for TensorBoard, which some exported graphs still hold: serialized Summary messages
 * (tensorflow/core/framework/summary.proto), histograms with the buckets of tensorflow/core/lib/histogram.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  elementCount,
  encodeText,
  invalidArgument,
  sameShape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { type Elements, elementsOf, stringsOf } from "./domains.js";
import { compute, ensure } from "./kernel.js";

/** Field numbers of Summary, Summary.Value and HistogramProto. */
const VALUE = 1;
const TAG = 1;
const SIMPLE_VALUE = 2;
const HISTOGRAM = 5;
const BUCKET_LIMITS = 6;
const BUCKETS = 7;

const scalarString = (bytes: Uint8Array): Tensor => ({ dtype: "string", shape: [], data: [bytes] });

/** Ends of buckets that widen by a tenth from 1e-12 to 1e20, mirrored below zero. */
const bucketLimits: readonly number[] = (() => {
  const positive: number[] = [];
  for (let limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push(limit);
  positive.push(Number.MAX_VALUE);
  return [...positive.map((limit) => -limit).reverse(), 0, ...positive];
})();

interface Histogram {
  readonly counts: Float64Array;
  min: number;
  max: number;
  count: number;
  sum: number;
  squares: number;
}

function histogramOf(values: Elements<number>, tag: string): Histogram {
  const histogram: Histogram = {
    counts: new Float64Array(bucketLimits.length),
    min: Number.MAX_VALUE,
    max: -Number.MAX_VALUE,
    count: 0,
    sum: 0,
    squares: 0,
  };
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (Number.isNaN(value)) throw invalidArgument(`Nan in summary histogram for: ${tag}`);
    if (!Number.isFinite(value)) throw invalidArgument(`Infinity in summary histogram for: ${tag}`);
    const bucket = bucketOf(value);
    histogram.counts[bucket] = (histogram.counts[bucket] as number) + 1;
    histogram.min = Math.min(histogram.min, value);
    histogram.max = Math.max(histogram.max, value);
    histogram.count++;
    histogram.sum += value;
    histogram.squares += value * value;
  }
  return histogram;
}

/** The first bucket whose end is above the value. */
function bucketOf(value: number): number {
  let [low, high] = [0, bucketLimits.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bucketLimits[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Runs of empty buckets are written as one. */
function writtenBuckets({ counts }: Histogram): { limits: number[]; counts: number[] } {
  const limits: number[] = [];
  const kept: number[] = [];
  for (const [i, count] of counts.entries()) {
    if (count === 0 && kept.at(-1) === 0) limits[limits.length - 1] = bucketLimits[i] as number;
    else {
      limits.push(bucketLimits[i] as number);
      kept.push(count);
    }
  }
  return { limits, counts: kept };
}

function writeHistogram(writer: BinaryWriter, histogram: Histogram): void {
  const { min, max, count, sum, squares } = histogram;
  for (const [i, value] of [min, max, count, sum, squares].entries()) {
    if (value !== 0) writer.tag(i + 1, 1).double(value);
  }
  const written = writtenBuckets(histogram);
  for (const [field, values] of [
    [BUCKET_LIMITS, written.limits],
    [BUCKETS, written.counts],
  ] as const) {
    writer.tag(field, 2).fork();
    for (const value of values) writer.double(value);
    writer.join();
  }
}

function writeValue(writer: BinaryWriter, tag: Uint8Array, write: () => void): void {
  writer.tag(VALUE, 2).fork().tag(TAG, 2).bytes(tag);
  write();
  writer.join();
}

function histogramSummary(tag: Tensor, values: Tensor): Tensor {
  const [name = encodeText("")] = stringsOf(tag);
  const histogram = histogramOf(elementsOf(values), new TextDecoder().decode(name));
  const writer = new BinaryWriter();
  writeValue(writer, name, () => {
    writer.tag(HISTOGRAM, 2).fork();
    writeHistogram(writer, histogram);
    writer.join();
  });
  return scalarString(writer.finish());
}

function scalarSummary(tags: Tensor, values: Tensor): Tensor {
  ensure(
    sameShape(tags.shape, values.shape) ||
      (elementCount(tags.shape) === 1 && elementCount(values.shape) === 1),
    () => `tags and values are not the same shape: ${shapeText(tags.shape)} != ${shapeText(values.shape)}`,
  );
  const numbers: Elements<number> = elementsOf(values);
  const writer = new BinaryWriter();
  for (const [i, tag] of stringsOf(tags).entries()) {
    writeValue(writer, tag, () => writer.tag(SIMPLE_VALUE, 5).float(Number(numbers[i])));
  }
  return scalarString(writer.finish());
}

export const summaryKernels: HostTable = {
  HistogramSummary: compute(() => histogramSummary),
  ScalarSummary: compute(() => scalarSummary),
  // The values of a Summary are repeated: messages one after the other are one with the values of all.
  MergeSummary: compute(
    () =>
      (...inputs) =>
        scalarString(Buffer.concat(inputs.flatMap(stringsOf))),
  ),
};
