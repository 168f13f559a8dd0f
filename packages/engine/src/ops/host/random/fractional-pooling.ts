/**
 * Pooling over regions of uneven, random size (B. Graham, "Fractional max-pooling", 2014), with the sequences that
 * tensorflow/core/kernels/fractional_pool_common.cc makes from the same seeds.
 */
import { randomBytes } from "node:crypto";
import { shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../../op-table.js";
import { type Elements, elementsOf, newElements, tensorOf, tensorOfNumbers } from "../domains.js";
import { compute, countOfObjects, ensure } from "../kernel.js";
import { uniformDouble } from "./distributions.js";
import { Philox, Words } from "./philox.js";
import { shuffle } from "./shuffle.js";

/** Ends of the regions along one axis: 0, …, inSize. */
function poolingSequence(inSize: number, outSize: number, generator: Philox, pseudo: boolean): number[] {
  const widths =
    inSize % outSize === 0
      ? new Array<number>(outSize).fill(inSize / outSize)
      : pseudo
        ? pseudoRandomWidths(inSize, outSize, generator)
        : randomWidths(inSize, outSize, generator);
  const ends = [0];
  for (const width of widths) ends.push((ends.at(-1) as number) + width);
  return ends;
}

/** Widths as even as possible, in random order. */
function randomWidths(inSize: number, outSize: number, generator: Philox): number[] {
  const wider = inSize % outSize;
  const widths = Array.from(
    { length: outSize },
    (_, i) => Math.floor(inSize / outSize) + (i < wider ? 1 : 0),
  );
  const words = new Words(generator.fork());
  generator.skip(Math.ceil(outSize / 4));
  return shuffle(widths, words);
}

/** Widths of a regular sequence with a random start. */
function pseudoRandomWidths(inSize: number, outSize: number, generator: Philox): number[] {
  const alpha = inSize / outSize;
  const whole = Math.floor(alpha);
  const most = Math.min((whole + 2) / alpha - 1, (inSize + 1 - whole) / alpha - (outSize - 1));
  const words = new Words(generator.fork());
  generator.skip(1);
  const start = uniformDouble(words.next(), words.next()) * most;
  const ends = Array.from({ length: outSize + 1 }, (_, i) =>
    i === 0 ? 1 : i === outSize ? inSize + 1 : Math.ceil(alpha * (i + start)),
  );
  return ends.slice(1).map((end, i) => end - (ends[i] as number));
}

/** What becomes of a region: a running total and its end. */
interface Pooling {
  readonly start: number;
  readonly step: (total: number, x: number) => number;
  readonly finish: (total: number, count: number) => number;
}

function pool(
  x: Tensor,
  rows: readonly number[],
  columns: readonly number[],
  overlapping: boolean,
  how: Pooling,
): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const shape = [batch, rows.length - 1, columns.length - 1, channels];
  const values: Elements<number> = elementsOf(x);
  const out = newElements<number>(x.dtype, shape);
  const end = (ends: readonly number[], i: number, size: number): number =>
    Math.min((ends[i + 1] as number) + (overlapping ? 1 : 0), size);
  let at = 0;
  for (let n = 0; n < batch && out.length > 0; n++) {
    for (let r = 0; r + 1 < rows.length; r++) {
      for (let c = 0; c + 1 < columns.length; c++) {
        const [bottom, right] = [end(rows, r, height), end(columns, c, width)];
        for (let channel = 0; channel < channels; channel++) {
          let [total, count] = [how.start, 0];
          for (let y = rows[r] as number; y < bottom; y++) {
            for (let col = columns[c] as number; col < right; col++, count++) {
              total = how.step(total, Number(values[((n * height + y) * width + col) * channels + channel]));
            }
          }
          out[at++] = how.finish(total, count);
        }
      }
    }
  }
  return tensorOf(x.dtype, shape, out);
}

const fractional = (how: Pooling): HostRow =>
  compute((node) => {
    const { attrs } = node;
    const ratios = attrs.floats("pooling_ratio");
    const [pseudo, overlapping] = [attrs.bool("pseudo_random"), attrs.bool("overlapping")];
    const [seed, seed2] = [attrs.int("seed"), attrs.int("seed2")];
    return (x) => {
      ensure(x.shape.length === 4, () => `value must be 4-dimensional, got shape ${shapeText(x.shape)}`);
      const chance = randomBytes(16);
      const generator =
        seed === 0 && seed2 === 0
          ? Philox.ofWords(chance.readBigUInt64LE(0), 0n, chance.readBigUInt64LE(8))
          : Philox.ofWords(BigInt(seed), 0n, BigInt(seed2));
      const [rows, columns] = [1, 2].map((axis) => {
        const size = countOfObjects([x.shape[axis] as number]);
        const outSize = Math.floor(size / (ratios[axis] as number));
        ensure(
          outSize > 0,
          () => `pooling_ratio cannot be larger than the size of axis ${axis}, which is ${size}`,
        );
        return poolingSequence(size, outSize, generator, pseudo);
      }) as [number[], number[]];
      return [
        pool(x, rows, columns, overlapping, how),
        tensorOfNumbers("int64", [rows.length], rows),
        tensorOfNumbers("int64", [columns.length], columns),
      ];
    };
  }, "random");

export const fractionalPoolingKernels: HostTable = {
  FractionalAvgPool: fractional({
    start: 0,
    step: (total, x) => total + x,
    finish: (total, count) => total / count,
  }),
  FractionalMaxPool: fractional({
    start: Number.NEGATIVE_INFINITY,
    step: Math.max,
    finish: (total) => total,
  }),
};
