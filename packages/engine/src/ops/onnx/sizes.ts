/**
 * Arithmetic on sizes of dimensions, of which some are known at compile time and some only when the model runs.
 * Whatever is known is computed here; ONNX computes the rest on int64 vectors of one element.
 */
import type { PartialShape } from "@servable/formats";
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import type { OnnxInput } from "../op-table.js";
import { entriesOf, shapeOf } from "./node-facts.js";

/** A size: a number, or an int64 vector of one element. */
export type Size = number | OnnxValue;

/** The sizes of an input of known rank. */
export function sizesOf(g: OnnxEmitter, of: OnnxInput): Size[] {
  return shapeOf(of).map((size, axis) => (size < 0 ? sizeAt(g, of.value, axis) : size));
}

/** One size of a value, read when the model runs; a negative axis counts from the end. */
export function sizeAt(g: OnnxEmitter, of: OnnxValue, axis: number): OnnxValue {
  return g.op("Shape", [of], axis === -1 ? { start: -1 } : { start: axis, end: axis + 1 });
}

/** The entries of an integer vector input of known length as sizes; undefined when not even that is known. */
export function entrySizes(g: OnnxEmitter, of: OnnxInput): Size[] | undefined {
  return entriesOf(of)?.map((entry, i) => entry ?? g.op("Gather", [asVector(g, of), g.ints([i])]));
}

/** An integer scalar or vector as an int64 vector. */
export function asVector(g: OnnxEmitter, of: OnnxInput): OnnxValue {
  const long = g.cast(of.value, "int64");
  return of.shape?.length === 1 ? long : g.op("Reshape", [long, g.ints([-1])]);
}

type Operation = (g: OnnxEmitter, a: Size, b: Size) => Size;

const operation =
  (onnx: string, compute: (a: number, b: number) => number, neutral?: number): Operation =>
  (g, a, b) => {
    if (typeof a === "number" && typeof b === "number") return compute(a, b);
    return b === neutral ? a : g.op(onnx, [asValue(g, a), asValue(g, b)]);
  };

export const add = operation("Add", (a, b) => a + b, 0);
export const subtract = operation("Sub", (a, b) => a - b, 0);
export const multiply = operation("Mul", (a, b) => a * b, 1);
/** Of natural numbers; the divisor must be known, for ONNX Runtime does not survive 0. */
export const divide = (g: OnnxEmitter, a: Size, b: number): Size =>
  operation("Div", (x, y) => Math.trunc(x / y), 1)(g, a, b);
export const larger = operation("Max", Math.max);
export const smaller = operation("Min", Math.min);

/** The product of sizes. */
export function product(g: OnnxEmitter, sizes: readonly Size[]): Size {
  const known = sizes.filter((size) => typeof size === "number").reduce((a, b) => a * b, 1);
  const unknown = sizes.filter((size) => typeof size !== "number");
  return unknown.reduce<Size>((a, b) => multiply(g, b, a), known);
}

function asValue(g: OnnxEmitter, size: Size): OnnxValue {
  return typeof size === "number" ? g.ints([size]) : size;
}

/** Sizes as one int64 vector. */
export function vector(g: OnnxEmitter, sizes: readonly Size[]): OnnxValue {
  if (sizes.every((size) => typeof size === "number")) return g.ints(sizes);
  const parts: OnnxValue[] = [];
  let run: number[] = [];
  const flush = () => {
    if (run.length > 0) parts.push(g.ints(run));
    run = [];
  };
  for (const size of sizes) {
    if (typeof size === "number") run.push(size);
    else {
      flush();
      parts.push(size);
    }
  }
  flush();
  return parts.length === 1 ? (parts[0] as OnnxValue) : g.op("Concat", parts, { axis: 0 });
}

/**
 * Axes counted from the front, as an int64 vector: ONNX Runtime 1.30 does not reduce a tensor without elements along axes
 * that are counted from the back.
 */
export function frontAxes(
  g: OnnxEmitter,
  axes: readonly number[],
  x: { readonly value: OnnxValue; readonly shape: PartialShape },
): OnnxValue {
  if (axes.every((axis) => axis >= 0)) return g.ints(axes);
  if (x.shape !== null) {
    const rank = x.shape.length;
    return g.ints(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  }
  const rank = g.op("Size", [g.op("Shape", [x.value])]);
  const fromBack = g.ints(axes.map((axis) => (axis < 0 ? 1 : 0)));
  return g.op("Add", [g.ints(axes), g.op("Mul", [fromBack, rank])]);
}

/** The same for axes that are known only when the model runs. */
export function frontAxesOf(g: OnnxEmitter, axes: OnnxInput, x: OnnxValue): OnnxValue {
  const all = asVector(g, axes);
  const rank = g.op("Size", [g.op("Shape", [x])]);
  return g.op("Where", [g.op("Less", [all, g.ints([0])]), g.op("Add", [all, rank]), all]);
}

/** 0, 1, 2 … below a size, as an int64 vector. */
export function counted(g: OnnxEmitter, size: Size): OnnxValue {
  if (typeof size === "number") return g.ints(Array.from({ length: size }, (_, i) => i));
  const end = g.op("Squeeze", [size, g.ints([0])]);
  return g.op("Range", [g.scalar("int64", 0), end, g.scalar("int64", 1)]);
}

/** Reshape by sizes. One that is not known is left to ONNX Runtime where that is unambiguous: shapes then stay constant. */
export function reshape(g: OnnxEmitter, x: OnnxValue, sizes: readonly Size[]): OnnxValue {
  const unknown = sizes.filter((size) => typeof size !== "number").length;
  const hasZero = sizes.includes(0);
  const known =
    unknown === 1 && !hasZero ? sizes.map((size) => (typeof size === "number" ? size : -1)) : sizes;
  return g.op("Reshape", [x, vector(g, known)], hasZero || unknown > 1 ? { allowzero: 1 } : {});
}

/**
 * The input itself, which does not run with a size of 0 along some axes: some of ONNX Runtime's kernels bring the process
 * down, or never end. Where the sizes are not known, it is a reshape that nothing but a tensor without elements does not fit.
 */
export function atLeastOne(g: OnnxEmitter, x: OnnxInput, axes: readonly number[]): OnnxValue {
  const shape = shapeOf(x);
  if (axes.every((axis) => (shape[axis] as number) > 0)) return x.value;
  const sizes = sizesOf(g, x).map((size, axis) => (axes.includes(axis) ? larger(g, size, 1) : size));
  return g.op("Reshape", [x.value, vector(g, sizes)], { allowzero: 1 });
}

/**
 * A Transpose. ONNX Runtime 1.30 fuses one that moves the first dimension into a following MatMul, and that kernel does not
 * survive a tensor without elements; a reshape to the shape that it has keeps the two apart.
 * @param sizes of the input, as far as they are known
 */
export function transposed(
  g: OnnxEmitter,
  x: OnnxValue,
  perm: readonly number[],
  sizes: readonly number[] | null,
): OnnxValue {
  const y = g.op("Transpose", [x], { perm });
  const isSafe = perm[0] === 0 || perm.length < 3 || sizes?.every((size) => size > 0);
  return isSafe ? y : g.op("Reshape", [y, g.op("Shape", [y])], { allowzero: 1 });
}
