/**
 * The graph operations that layers are written in: GraphBuilder's, with constants of the right dtype, sizes that are
 * computed where they are not known, and NumPy's way with negative axes.
 */
import { type DType, dtypeInfo } from "../dtype.js";
import { fromFloat32, isSmallFloat } from "../float16.js";
import type { GraphBuilder, OpAttrs, OpInput, OpInputs } from "../graph-builder/graph-builder.js";
import type { Operation, Output } from "../graph-builder/operation.js";
import { unimplemented } from "../status.js";
import { type Tensor, tensor } from "../tensor.js";

/** A size that is known, or a scalar int32 of the graph. */
export type Size = number | Output;

export class Nodes {
  constructor(readonly g: GraphBuilder) {}

  /** An operation with one output. */
  op(type: string, inputs: OpInputs, attrs: OpAttrs = {}): Output {
    return this.g.compute(type, inputs, attrs);
  }

  /** An operation with several outputs. */
  ops(type: string, inputs: OpInputs, attrs: OpAttrs = {}): Operation {
    return this.g.op(type, inputs, attrs);
  }

  /** A scalar of the dtype of `like`. */
  number(like: Output | DType, value: number): Tensor {
    return numbersOf(typeof like === "string" ? like : like.dtype, [], [value]);
  }

  cast(x: Output, dtype: DType): Output {
    return x.dtype === dtype ? x : this.op("Cast", [x], { DstT: dtype });
  }

  add(a: OpInput, b: OpInput): Output {
    return this.op("AddV2", [a, b]);
  }

  sub(a: OpInput, b: OpInput): Output {
    return this.op("Sub", [a, b]);
  }

  mul(a: OpInput, b: OpInput): Output {
    return this.op("Mul", [a, b]);
  }

  div(a: OpInput, b: OpInput): Output {
    return this.op("RealDiv", [a, b]);
  }

  scaled(x: Output, factor: number): Output {
    return this.mul(x, this.number(x, factor));
  }

  shifted(x: Output, term: number): Output {
    return this.add(x, this.number(x, term));
  }

  clipped(x: Output, low: number, high: number): Output {
    return this.op("Minimum", [this.op("Maximum", [x, this.number(x, low)]), this.number(x, high)]);
  }

  reduce(
    op: "Sum" | "Mean" | "Max" | "Min" | "Prod" | "All" | "Any",
    x: Output,
    axes: readonly number[],
    keep = false,
  ): Output {
    return this.op(op, [x, ints(...axes)], { keep_dims: keep });
  }

  transpose(x: Output, order: readonly number[]): Output {
    return order.every((axis, i) => axis === i) ? x : this.op("Transpose", [x, ints(...order)]);
  }

  concat(parts: readonly Output[], axis: number): Output {
    return parts.length === 1 ? (parts[0] as Output) : this.op("ConcatV2", [parts, int(axis)]);
  }

  expand(x: Output, axis: number): Output {
    return this.op("ExpandDims", [x, int(axis)]);
  }

  squeeze(x: Output, axis: number): Output {
    return this.op("Squeeze", [x], { squeeze_dims: [axis < 0 ? axis + rankOf(x) : axis] });
  }

  /** Elements [from, to) along one axis; `to` undefined for the end. */
  slice(x: Output, axis: number, from: number, to?: number): Output {
    const rank = rankOf(x);
    const at = axis < 0 ? axis + rank : axis;
    const mask = 2 ** rank - 1 - 2 ** at;
    const place = (value: number) => ints(...Array.from({ length: rank }, (_, i) => (i === at ? value : 0)));
    return this.op(
      "StridedSlice",
      [x, place(from), place(to ?? 0), ints(...new Array<number>(rank).fill(1))],
      {
        begin_mask: mask,
        end_mask: to === undefined ? mask + 2 ** at : mask,
      },
    );
  }

  /** Elements [from, to) of a vector. */
  slice1(x: Output, from: number, to?: number): Output {
    const end = to === undefined ? ints(0) : ints(to);
    return this.op("StridedSlice", [x, ints(from), end, ints(1)], { end_mask: to === undefined ? 1 : 0 });
  }

  /** The element at an index of an axis, which goes. */
  at(x: Output, axis: number, index: number): Output {
    const rank = rankOf(x);
    const at = axis < 0 ? axis + rank : axis;
    const mask = 2 ** rank - 1 - 2 ** at;
    const place = (value: number) => ints(...Array.from({ length: rank }, (_, i) => (i === at ? value : 0)));
    const isLast = index === -1;
    return this.op(
      "StridedSlice",
      [x, place(index), place(isLast ? 0 : index + 1), ints(...new Array<number>(rank).fill(1))],
      { begin_mask: mask, end_mask: isLast ? mask + 2 ** at : mask, shrink_axis_mask: 2 ** at },
    );
  }

  split(x: Output, parts: number, axis: number): readonly Output[] {
    return parts === 1 ? [x] : this.ops("Split", [int(axis), x], { num_split: parts }).outputs;
  }

  /** The size of an axis: a number when it is known. */
  size(x: Output, axis: number): Size {
    const shape = x.shape;
    const known = shape?.at(axis);
    if (known !== undefined && known >= 0) return known;
    const sizes = this.op("Shape", [x]);
    const at = axis < 0 ? axis + rankOf(x) : axis;
    return this.op("StridedSlice", [sizes, ints(at), ints(at + 1), ints(1)], { shrink_axis_mask: 1 });
  }

  sizes(x: Output): Size[] {
    return Array.from({ length: rankOf(x) }, (_, axis) => this.size(x, axis));
  }

  /** Sizes as a vector int32. */
  shapeVector(sizes: readonly Size[]): OpInput {
    if (sizes.every((size) => typeof size === "number")) return ints(...sizes);
    return this.op("Pack", [sizes.map((size) => (typeof size === "number" ? int(size) : size))]);
  }

  /** One size may be -1; where just one is computed, it is left to TensorFlow. */
  reshape(x: Output, sizes: readonly Size[]): Output {
    const computed = sizes.filter((size) => typeof size !== "number");
    const hasInferred = sizes.includes(-1);
    const target =
      computed.length === 1 && !hasInferred && !sizes.includes(0)
        ? sizes.map((size) => (typeof size === "number" ? size : -1))
        : sizes;
    return this.op("Reshape", [x, this.shapeVector(target)]);
  }

  fill(sizes: readonly Size[], dtype: DType, value: number): Output {
    return this.op("Fill", [this.shapeVector(sizes), this.number(dtype, value)]);
  }

  where(condition: OpInput, a: OpInput, b: OpInput): Output {
    return this.op("SelectV2", [condition, a, b]);
  }

  /** x · w over the last axis of x and the first of w. */
  dense(x: Output, w: Output): Output {
    if (rankOf(x) === 2) return this.op("MatMul", [x, w]);
    const sizes = this.sizes(x);
    const [inputs, units] = w.shape as readonly [number, number];
    const rows = this.op("Reshape", [x, ints(-1, inputs)]);
    return this.reshape(this.op("MatMul", [rows, w]), [...sizes.slice(0, -1), units]);
  }

  einsum(equation: string, ...inputs: readonly Output[]): Output {
    return this.op("Einsum", [inputs], { equation });
  }
}

/** int32 vector. */
export function ints(...values: readonly number[]): Tensor {
  return tensor("int32", [values.length], Int32Array.from(values));
}

/** int32 scalar. */
export function int(value: number): Tensor {
  return tensor("int32", [], Int32Array.of(value));
}

/** Numbers as a tensor of any numeric dtype. */
export function numbersOf(dtype: DType, shape: readonly number[], values: readonly number[]): Tensor {
  if (isSmallFloat(dtype)) {
    return { dtype, shape, data: fromFloat32(dtype as "float16", Float32Array.from(values)) } as Tensor;
  }
  const { array, kind } = dtypeInfo(dtype);
  if (array === undefined) throw unimplemented(`a constant of dtype ${dtype}`);
  if (dtype === "int64" || dtype === "uint64") {
    const whole = values.map((value) => BigInt(Math.trunc(value)));
    return {
      dtype,
      shape,
      data: dtype === "int64" ? BigInt64Array.from(whole) : BigUint64Array.from(whole),
    } as Tensor;
  }
  const plain = kind === "bool" ? values.map((value) => (value === 0 ? 0 : 1)) : values;
  return { dtype, shape, data: (array as Float32ArrayConstructor).from(plain) } as unknown as Tensor;
}

/** The rank of a tensor. UNIMPLEMENTED when it is not known. */
export function rankOf(x: Output): number {
  return dimsOf(x).length;
}

/** The sizes of a tensor, -1 for those that are not known. UNIMPLEMENTED when the rank is not known. */
export function dimsOf(x: Output): readonly number[] {
  if (x.shape === null) throw unimplemented(`the shape of "${x.name}" can't be told, which a layer needs`);
  return x.shape;
}

/** The size of an axis, which must be known: it decides the shape of weights. */
export function knownSize(x: Output, axis: number, where: string): number {
  const size = dimsOf(x).at(axis);
  if (size === undefined || size < 0) {
    throw unimplemented(
      `${where}: the size of axis ${axis} of the input must be known, the shape is [${dimsOf(x).join(",")}]`,
    );
  }
  return size;
}

/** An axis counted from the front. */
export function frontAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Axes from the front, ascending. */
export function frontAxes(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => frontAxis(axis, rank)).sort((a, b) => a - b);
}
