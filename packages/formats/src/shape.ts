/** Shapes of tensors with values. Partially known shapes are a matter of signatures and of the compiler. */
import { invalidArgument } from "./status.js";

/** Sizes of each dimension, outermost first; empty for a scalar. */
export type Shape = readonly number[];

/** A shape of which some or all may be unknown: null is unknown rank, -1 an unknown size. */
export type PartialShape = readonly number[] | null;

/** More elements than this cannot be held in one JavaScript array. */
const MAX_ELEMENTS = 2 ** 32 - 2;
/** Sizes whose product passes this on the way make no shape in TensorFlow, whatever follows: it multiplies int64. */
const MAX_PRODUCT = 2 ** 63;

/**
 * How many elements a shape holds: 1 for a scalar, 0 when any size is 0.
 * INVALID_ARGUMENT on a negative size, or when the product passes 2^32, or 2^63 before a size of 0 ends it.
 *
 * @example
 * assert.equal(elementCount([2, 3]), 6);
 * assert.equal(elementCount([]), 1);
 */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) {
    if (!(size >= 0) || !Number.isInteger(size)) {
      throw invalidArgument(`Shape ${shapeText(shape)} has a size that is not a natural number`);
    }
    count *= size;
    if (count >= MAX_PRODUCT) break;
  }
  if (count > MAX_ELEMENTS) throw invalidArgument(`Shape ${shapeText(shape)} has too many elements`);
  return count;
}

/**
 * "[2,3]", "[?,3]" for an unknown size, "<unknown>" for an unknown rank: as TensorFlow prints shapes.
 *
 * @example
 * assert.deepEqual([shapeText([2, -1]), shapeText(null)], ["[2,?]", "<unknown>"]);
 */
export function shapeText(shape: PartialShape): string {
  return shape === null ? "<unknown>" : `[${shape.map((size) => (size < 0 ? "?" : String(size))).join(",")}]`;
}

/**
 * Whether two shapes have the same sizes.
 *
 * @example
 * assert.equal(sameShape([2, 3], [2, 3]), true);
 */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * Whether a shape has the rank and the sizes that another one leaves no choice of.
 *
 * @example
 * assert.equal(fitsShape([5, 3], [-1, 3]), true);
 */
export function fitsShape(shape: Shape, declared: PartialShape): boolean {
  if (declared === null) return true;
  return declared.length === shape.length && declared.every((size, axis) => size < 0 || size === shape[axis]);
}

/**
 * Distance in elements between neighbours along each dimension, row-major.
 *
 * @example
 * assert.deepEqual(stridesOf([2, 3, 4]), [12, 4, 1]);
 */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}
