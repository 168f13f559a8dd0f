/**
 * Which elements a StridedSlice takes: the masks resolved against a shape, by the rules of
 * ValidateStridedSliceOp in tensorflow/core/util/strided_slice_op.cc.
 *
 * The specification ("a[i:j:k, ..., new_axis, 3]") is sparse: one entry per item written. Resolving makes it dense:
 * one entry per dimension of the input.
 */
import { invalidArgument, type Shape, stridesOf } from "@servable/formats";
import type { Attrs } from "../../graph/attrs.js";
import { ensure } from "./kernel.js";

export interface SliceMasks {
  readonly begin: number;
  readonly end: number;
  readonly ellipsis: number;
  readonly newAxis: number;
  readonly shrinkAxis: number;
}

export function sliceMasks(attrs: Attrs): SliceMasks {
  return {
    begin: attrs.int("begin_mask"),
    end: attrs.int("end_mask"),
    ellipsis: attrs.int("ellipsis_mask"),
    newAxis: attrs.int("new_axis_mask"),
    shrinkAxis: attrs.int("shrink_axis_mask"),
  };
}

export interface ResolvedSlice {
  /** One size per input dimension. */
  readonly sizes: Shape;
  /** With new axes put in and shrunk ones taken out; as many elements as `sizes`. */
  readonly shape: Shape;
  /** The first element's position. */
  readonly offset: number;
  /** Distance between neighbours along each input dimension. */
  readonly strides: readonly number[];
}

/** One input dimension's part of the specification. */
interface DenseItem {
  readonly begin: number;
  readonly end: number;
  readonly stride: number;
  readonly beginMasked: boolean;
  readonly endMasked: boolean;
  readonly shrink: boolean;
}

const WHOLE: DenseItem = { begin: 0, end: 0, stride: 1, beginMasked: true, endMasked: true, shrink: false };

/** INVALID_ARGUMENT on zero strides, two ellipses, too many items, or an index outside. */
export function resolveSlice(
  shape: Shape,
  begin: readonly number[],
  end: readonly number[],
  stride: readonly number[],
  masks: SliceMasks,
): ResolvedSlice {
  ensure(
    begin.length === end.length && begin.length === stride.length,
    () =>
      `Expected begin, end, and strides to be 1D equal size tensors, but got ${begin.length}, ${end.length} and ${stride.length} entries`,
  );
  const { items, outline } = densify(shape.length, begin, end, stride, masks);
  const strides = stridesOf(shape);
  let offset = 0;
  const ranges = items.map((item, axis) => {
    const range = rangeOf(item, shape[axis] as number, axis);
    offset += range.size === 0 ? 0 : range.first * (strides[axis] as number);
    return range;
  });
  return {
    sizes: ranges.map(({ size }) => size),
    shape: outline.map((axis) => (axis === NEW_AXIS ? 1 : (ranges[axis]?.size ?? 0))),
    offset,
    strides: items.map(({ stride }, axis) => stride * (strides[axis] as number)),
  };
}

const NEW_AXIS = -1;

/** An item per input dimension, and for each output dimension the input one it comes from. */
function densify(
  rank: number,
  begin: readonly number[],
  end: readonly number[],
  stride: readonly number[],
  masks: SliceMasks,
): { items: DenseItem[]; outline: number[] } {
  const count = begin.length;
  const bit = (mask: number, item: number) => item < 32 && ((mask >>> item) & 1) === 1;
  const isEllipsis = (item: number) => bit(masks.ellipsis, item);
  const isNewAxis = (item: number) => !isEllipsis(item) && bit(masks.newAxis, item);
  const specified = Array.from({ length: count }, (_, item) => item);
  const ellipses = specified.filter(isEllipsis);
  ensure(ellipses.length <= 1, "Multiple ellipses in slice spec not allowed");
  const consuming = specified.filter((item) => !isEllipsis(item) && !isNewAxis(item)).length;
  ensure(
    consuming <= rank,
    () => `Index out of range using input dim ${consuming}; input has only ${rank} dims`,
  );

  const items: DenseItem[] = [];
  const outline: number[] = [];
  const whole = (axes: number) => {
    for (let n = 0; n < axes; n++) outline.push(items.push(WHOLE) - 1);
  };
  for (const item of specified) {
    if (isEllipsis(item)) {
      whole(rank - consuming);
    } else if (isNewAxis(item)) {
      outline.push(NEW_AXIS);
    } else {
      const shrink = bit(masks.shrinkAxis, item);
      const axis =
        items.push({
          begin: begin[item] as number,
          end: end[item] as number,
          stride: stride[item] as number,
          beginMasked: bit(masks.begin, item),
          endMasked: bit(masks.end, item),
          shrink,
        }) - 1;
      if (!shrink) outline.push(axis);
    }
  }
  whole(rank - items.length);
  return { items, outline };
}

/** The first index and how many are taken along one dimension. */
function rangeOf(item: DenseItem, size: number, axis: number): { first: number; size: number } {
  const { stride } = item;
  ensure(stride !== 0, () => `strides[${axis}] must be non-zero`);
  if (item.shrink) return { first: shrunkIndex(item, size, axis), size: 1 };
  const [least, most] = stride > 0 ? [0, size] : [-1, size - 1];
  const canonical = (index: number) => Math.min(Math.max(index < 0 ? index + size : index, least), most);
  const first = item.beginMasked ? (stride > 0 ? least : most) : canonical(item.begin);
  const last = item.endMasked ? (stride > 0 ? most : least) : canonical(item.end);
  return { first, size: Math.max(0, Math.ceil((last - first) / stride)) };
}

/** A single index: the masks of a range mean nothing to it. */
function shrunkIndex({ begin, stride }: DenseItem, size: number, axis: number): number {
  ensure(stride > 0, "only stride 1 allowed on non-range indexing.");
  const index = begin < 0 ? begin + size : begin;
  if (index < 0 || index >= size)
    throw invalidArgument(`slice index ${begin} of dimension ${axis} out of bounds.`);
  return index;
}
