/**
 * Moving elements between boxes of arrays, whatever the elements are: numbers, pairs, byte strings, variants.
 * All positions and strides here count elements; complex numbers take two entries each, which only this file knows.
 */
import { allocate, dtypeInfo, type Shape, stridesOf } from "@servable/formats";
import type { Variant } from "../../values.js";
import type { Elements } from "./domains.js";
import { countOf, countOfObjects, type Dense } from "./kernel.js";
import { loopNest } from "./loop-nest.js";

/** Where a box of elements lies in a value's memory. */
export interface Placement {
  readonly value: Dense;
  readonly offset?: number;
  /** Row-major strides of the box's own shape when absent. */
  readonly strides?: readonly number[];
}

/** A new value with the dtype of `like`: zeros, empty strings; variants are missing until written. */
export function newLike(like: Pick<Dense, "dtype">, shape: Shape): Dense {
  const count = like.dtype === "string" || like.dtype === "variant" ? countOfObjects(shape) : countOf(shape);
  if (like.dtype === "variant") return { dtype: "variant", shape, data: new Array<Variant>(count) };
  return { dtype: like.dtype, shape, data: allocate(like.dtype, count) } as Dense;
}

/** The same elements under another shape of equally many. */
export function reshaped(value: Dense, shape: Shape): Dense {
  return { ...value, shape };
}

/** Array entries per element. */
function lanesOf(value: Dense): number {
  return value.dtype === "variant" ? 1 : dtypeInfo(value.dtype).lanes;
}

const RUN_WORTH_A_BLOCK_COPY = 8;

/** Copies a box of elements of shape `shape`. Negative strides walk backwards, a stride of 0 repeats. */
export function copyBox(shape: Shape, from: Placement, to: Placement): void {
  const lanes = lanesOf(from.value);
  const source = from.value.data as unknown as Elements<unknown>;
  const target = to.value.data as unknown as Elements<unknown>;
  const layout = (place: Placement) => entryStrides(place.strides ?? stridesOf(shape), lanes);
  const nest = loopNest(lanes === 1 ? shape : [...shape, lanes], [layout(from), layout(to)]);
  const { run } = nest;
  const [fromStep = 0, toStep = 0] = nest.steps;
  const block = run >= RUN_WORTH_A_BLOCK_COPY && fromStep === 1 && toStep === 1 && ArrayBuffer.isView(source);
  nest.each(
    ([i = 0, o = 0]) => {
      if (block) {
        copyBlock(source as unknown as Uint8Array, i, run, target as unknown as Uint8Array, o);
        return;
      }
      for (let n = 0; n < run; n++, i += fromStep, o += toStep) target[o] = source[i];
    },
    [(from.offset ?? 0) * lanes, (to.offset ?? 0) * lanes],
  );
}

/** Both are arrays of the same type, if not this one. */
function copyBlock(source: Uint8Array, from: number, length: number, target: Uint8Array, to: number): void {
  target.set(source.subarray(from, from + length), to);
}

function entryStrides(strides: readonly number[], lanes: number): readonly number[] {
  return lanes === 1 ? strides : [...strides.map((stride) => stride * lanes), 1];
}

/** Copies `count` neighbouring elements. */
export function copyElements(
  from: Dense,
  fromOffset: number,
  count: number,
  to: Dense,
  toOffset: number,
): void {
  const lanes = lanesOf(from);
  const [source, target] = [from.data, to.data] as unknown as [Elements<unknown>, Elements<unknown>];
  const [start, length, at] = [fromOffset * lanes, count * lanes, toOffset * lanes];
  if (length >= RUN_WORTH_A_BLOCK_COPY && ArrayBuffer.isView(source)) {
    copyBlock(source as unknown as Uint8Array, start, length, target as unknown as Uint8Array, at);
    return;
  }
  for (let i = 0; i < length; i++) target[at + i] = source[start + i];
}

/** A new value of `shape` read from `value` by offset and strides. */
export function gatherBox(value: Dense, shape: Shape, offset: number, strides: readonly number[]): Dense {
  const result = newLike(value, shape);
  copyBox(shape, { value, offset, strides }, { value: result });
  return result;
}

/** Fills a box with one element of `from`. */
export function fillBox(shape: Shape, from: Dense, to: Placement, element = 0): void {
  copyBox(shape, { value: from, offset: element, strides: shape.map(() => 0) }, to);
}

/**
 * Sizes before, at and after an axis: a tensor as [outer, size, inner]. `outer` is 0 for any empty tensor: a shape
 * such as [2^40, 0] costs a request nothing, and must not be looped over.
 */
export function aroundAxis(shape: Shape, axis: number): { outer: number; size: number; inner: number } {
  return {
    outer: shape.includes(0) ? 0 : product(shape.slice(0, axis)),
    size: shape[axis] as number,
    inner: product(shape.slice(axis + 1)),
  };
}

export function product(sizes: readonly number[]): number {
  return sizes.reduce((count, size) => count * size, 1);
}
