/** Isotonic regression: tensorflow/core/kernels/isotonic_regression_op.cc. */
import { shapeText, type Tensor } from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { newReals, realsOf, tensorOf, tensorOfNumbers } from "./domains.js";
import { compute, ensure, outputDtype } from "./kernel.js";

/** A run of elements that share their mean. */
interface Segment {
  readonly sum: number;
  readonly size: number;
}

const mean = ({ sum, size }: Segment): number => sum / size;

/** The means of a row that never rise and are closest to it: neighbours that would rise are pooled. */
function pooled(row: ArrayLike<number>): Segment[] {
  const segments: Segment[] = [];
  for (let i = 0; i < row.length; i++) {
    let last: Segment = { sum: row[i] as number, size: 1 };
    for (let before = segments.at(-1); before !== undefined && mean(before) <= mean(last); ) {
      last = { sum: before.sum + last.sum, size: before.size + last.size };
      segments.pop();
      before = segments.at(-1);
    }
    segments.push(last);
  }
  return segments;
}

/** Each row of a matrix as the closest one that never rises, and which of its runs each element is in. */
const isotonicRegression = compute((node) => (x: Tensor) => {
  ensure(x.shape.length === 2, () => `input must be a matrix, got shape ${shapeText(x.shape)}`);
  const width = x.shape[1] as number;
  const values = realsOf(x);
  const out = newReals(outputDtype(node), x.shape);
  const runs = new Int32Array(values.length);
  for (let start = 0; start < values.length; start += width) {
    let at = start;
    for (const [run, segment] of pooled(values.subarray(start, start + width)).entries()) {
      out.fill(mean(segment), at, at + segment.size);
      runs.fill(run, at, at + segment.size);
      at += segment.size;
    }
  }
  return [tensorOf(outputDtype(node), x.shape, out), tensorOfNumbers("int32", x.shape, runs)];
});

export const regressionKernels: HostTable = { IsotonicRegression: isotonicRegression };
