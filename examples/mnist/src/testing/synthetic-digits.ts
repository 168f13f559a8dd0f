/** A tiny data set in the form of MNIST: the drawn digits, moved about and noisy. Easy to learn, made in no time. */

import { uniform } from "@servable/example-kit/random";
import { CLASSES, type DataSet, IMAGE_SIZE, PIXELS } from "../data-set.js";
import { drawDigit } from "../drawn-digit.js";

const NOISE = 40;

/** `count` images; the digits come one after the other, so that each occurs as often. */
export function syntheticDigits(count: number, seed: number): DataSet {
  const random = uniform(seed);
  const drawn = Array.from({ length: CLASSES }, (_, digit) => drawDigit(digit));
  const images = new Uint8Array(count * PIXELS);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES);
  labels.forEach((label, i) => {
    const shift = Math.floor(3 * random() - 1) + IMAGE_SIZE * Math.floor(3 * random() - 1);
    for (let p = 0; p < PIXELS; p++) {
      const value = 200 * (drawn[label]?.[p + shift] ?? 0) + NOISE * random();
      images[i * PIXELS + p] = value;
    }
  });
  return { count, images, labels };
}

/** An IDX file of unsigned bytes. */
export function idxBytes(shape: readonly number[], data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0800 + shape.length);
  shape.forEach((size, axis) => {
    view.setUint32(4 + 4 * axis, size);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}
