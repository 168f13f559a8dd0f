/**
 * Arithmetic on partly known shapes: null is unknown rank, -1 an unknown size. What contradicts itself becomes
 * unknown, for the op itself says best what is wrong when it runs.
 */
import type { PartialShape } from "@servable/formats";

/** An unknown size. */
export const UNKNOWN = -1;

export function unknownOfRank(rank: number): number[] {
  return new Array<number>(rank).fill(UNKNOWN);
}

export function isFullyKnown(shape: PartialShape): shape is readonly number[] {
  return shape?.every((size) => size >= 0) ?? false;
}

/** A computed size: unknown when an operand is, or when the result is no size. */
export function sizeFrom(operands: readonly number[], compute: (...known: number[]) => number): number {
  if (operands.some((operand) => operand < 0)) return UNKNOWN;
  const size = compute(...operands);
  return Number.isSafeInteger(size) && size >= 0 ? size : UNKNOWN;
}

/** Number of elements, unknown when any size is, unless another is 0. */
export function knownElementCount(shape: PartialShape): number {
  if (shape === null) return UNKNOWN;
  if (shape.includes(0)) return 0;
  return sizeFrom(shape, (...sizes) => sizes.reduce((product, size) => product * size, 1));
}

/** What two statements about one size say together. */
export function mergeSizes(a: number, b: number): number {
  if (a < 0) return b;
  return b < 0 || a === b ? a : UNKNOWN;
}

/** What two statements about one shape say together. */
export function mergeShapes(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null) return b;
  if (b === null) return a;
  return a.length === b.length ? a.map((size, axis) => mergeSizes(size, b[axis] as number)) : null;
}

/** The shape, or as many unknown sizes where the rank is unknown or another. */
export function withRank(shape: PartialShape, rank: number): readonly number[] {
  return shape?.length === rank ? shape : unknownOfRank(rank);
}

/** What holds for either of two shapes: sizes on which they agree. */
export function commonShape(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null || a.length !== b.length) return null;
  return a.map((size, axis) => (size === b[axis] ? size : UNKNOWN));
}

/** The shape of an elementwise operation on two operands. */
export function broadcastShapes(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null) return null;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) =>
    broadcastSizes(sizeOrOne(a, axis - rank), sizeOrOne(b, axis - rank)),
  );
}

function sizeOrOne(shape: readonly number[], axisFromEnd: number): number {
  return shape.at(axisFromEnd) === undefined || -axisFromEnd > shape.length
    ? 1
    : (shape.at(axisFromEnd) as number);
}

function broadcastSizes(a: number, b: number): number {
  if (a === 1) return b;
  if (b === 1 || a === b) return a;
  // An unknown size beside one above 1 must be 1 or the same, or the op fails.
  if (a < 0) return b > 1 ? b : UNKNOWN;
  if (b < 0) return a > 1 ? a : UNKNOWN;
  return UNKNOWN;
}

/** The axis counted from the front; undefined when it is not an axis of that rank. */
export function normalAxis(axis: number, rank: number): number | undefined {
  const normal = axis < 0 ? axis + rank : axis;
  return normal >= 0 && normal < rank ? normal : undefined;
}

/** The shape with one size replaced. */
export function withSize(shape: readonly number[], axis: number, size: number): number[] {
  return shape.map((old, i) => (i === axis ? size : old));
}

/** Two shapes after one another. */
export function joined(...shapes: readonly PartialShape[]): PartialShape {
  const all: number[] = [];
  for (const shape of shapes) {
    if (shape === null) return null;
    all.push(...shape);
  }
  return all;
}
