/**
 * Partly known values. Graphs compute shapes at run time (Shape → StridedSlice → Pack → Reshape), so the entries of
 * small integer vectors are followed here one by one, undefined where unknown.
 */
import type { PartialShape } from "@servable/formats";
import type { ValueType } from "../../graph/graph.js";
import type { Inferred, ShapeContext } from "../op-table.js";
import { UNKNOWN } from "./partial-shape.js";

export type Entry = number | undefined;
export type Entries = readonly Entry[];

/** Longer vectors are data, not shapes. */
export const MAX_ENTRIES = 1024;

/** Types whose entries are followed, with the largest magnitude that stays exact. */
const limits: Partial<Record<ValueType, number>> = {
  int32: 2 ** 31 - 1,
  int64: Number.MAX_SAFE_INTEGER,
};

/**
 * A shape with the entries of the value, where these are known at all, belong to a followed type and fit the shape.
 */
export function withEntries(type: ValueType | undefined, shape: PartialShape, entries?: Entries): Inferred {
  const limit = type === undefined ? undefined : limits[type];
  if (limit === undefined || entries === undefined || entries.length > MAX_ENTRIES) return shape;
  if (shape === null || shape.length > 1 || !entries.some((entry) => entry !== undefined)) return shape;
  const [size = 1] = shape;
  if (size >= 0 && size !== entries.length) return shape;
  // One entry may stand for as many as something of unknown size makes of it.
  if (size < 0 && entries.length === 1) return shape;
  const exact = entries.map((entry) => (isExact(entry, limit) ? entry : undefined));
  return { shape: shape.length === 0 ? [] : [entries.length], partial: exact };
}

function isExact(entry: Entry, limit: number): boolean {
  return Number.isInteger(entry) && Math.abs(entry as number) <= limit;
}

/** Constants of 64 bits may be past what a number holds exactly. */
function isSafe(entry: Entry): entry is number {
  return entry !== undefined && Math.abs(entry) <= Number.MAX_SAFE_INTEGER;
}

/** The value of an integer scalar (or vector of one) input; undefined when unknown. */
export function scalarEntry(node: ShapeContext, input: number): Entry {
  const entries = node.entries(input);
  return entries?.length === 1 ? entries[0] : undefined;
}

/** The entries of an input: all undefined when only its length is known, undefined when not even that. */
export function vectorEntries(node: ShapeContext, input: number): Entries | undefined {
  const entries = node.entries(input);
  if (entries !== undefined) return entries;
  const shape = node.shape(input);
  const [length] = shape ?? [];
  if (shape?.length !== 1 || length === undefined || length < 0 || length > MAX_ENTRIES) return undefined;
  return new Array<Entry>(length).fill(undefined);
}

/** The shape that an input holds as a vector of sizes; -1 in it is an unknown size, as an entry not known is. */
export function shapeFromInput(node: ShapeContext, input: number): PartialShape {
  const entries = vectorEntries(node, input);
  return entries?.map((entry) => (entry === undefined || entry < 0 ? UNKNOWN : entry)) ?? null;
}

/** The sizes of a shape as entries. */
export function entriesOf(shape: readonly number[]): Entries {
  return shape.map((size) => (size < 0 ? undefined : size));
}

/** Applies an operation entry by entry, a scalar or vector of one meeting every entry of the other. */
export function combineEntries(
  a: Entries | undefined,
  b: Entries | undefined,
  combine: (x: number, y: number) => number,
): Entries | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return undefined;
  const length = a.length === 1 ? b.length : a.length;
  return Array.from({ length }, (_, i) => {
    const x = a[a.length === 1 ? 0 : i];
    const y = b[b.length === 1 ? 0 : i];
    return isSafe(x) && isSafe(y) ? combine(x, y) : undefined;
  });
}
