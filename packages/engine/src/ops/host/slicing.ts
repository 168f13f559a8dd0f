/** Slice and StridedSlice, and ops that write into a slice. */
import { sameShape, shapeText, stridesOf } from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { copyBox, gatherBox, newLike, reshaped } from "./boxes.js";
import { type Dense, ensure, integersOf, move, vectorOf } from "./kernel.js";
import { broadcastShape, broadcastStrides } from "./loop-nest.js";
import { resolveSlice, type SliceMasks, sliceMasks } from "./strided-slice.js";

function slice(x: Dense, beginInput: Dense, sizeInput: Dense): Dense {
  const [begin, sizes] = [vectorOf(beginInput, "begin"), vectorOf(sizeInput, "size")];
  const { shape } = x;
  ensure(
    begin.length === shape.length && sizes.length === shape.length,
    () =>
      `Expected begin and size arguments to be 1-D tensors of size ${shape.length}, but got ${begin.length} and ${sizes.length} entries`,
  );
  const taken = shape.map((full, axis) => {
    const [start, size] = [begin[axis] as number, sizes[axis] as number];
    ensure(start >= 0 && start <= full, () => `Expected begin[${axis}] in [0, ${full}], but got ${start}`);
    if (size === -1) return full - start;
    ensure(
      size >= 0 && start + size <= full,
      () => `Expected size[${axis}] in [0, ${full - start}], but got ${size}`,
    );
    return size;
  });
  const strides = stridesOf(shape);
  const offset = begin.reduce((sum, start, axis) => sum + start * (strides[axis] as number), 0);
  return gatherBox(x, taken, offset, strides);
}

const stridedSlice = move((node) => {
  const masks = sliceMasks(node.attrs);
  return (x, begin, end, strides) => {
    const taken = resolveSlice(x.shape, integersOf(begin), integersOf(end), integersOf(strides), masks);
    return reshaped(gatherBox(x, taken.sizes, taken.offset, taken.strides), taken.shape);
  };
});

/** Zeros of the shape in the first input, with the last input where the slice is. */
const stridedSliceGrad = move((node) => {
  const masks = sliceMasks(node.attrs);
  return (shape, begin, end, strides, dy) => {
    const x = newLike(dy as Dense, vectorOf(shape, "shape"));
    return withSlice(x, [begin, end, strides] as [Dense, Dense, Dense], dy as Dense, masks);
  };
});

const stridedSliceUpdate = move((node) => {
  const masks = sliceMasks(node.attrs);
  return (x, begin, end, strides, value) => {
    const copy = newLike(x, x.shape);
    copyBox(x.shape, { value: x }, { value: copy });
    return withSlice(copy, [begin, end, strides] as [Dense, Dense, Dense], value as Dense, masks);
  };
});

/** Writes `value` into a slice of `target`, which is the caller's own. */
export function withSlice(
  target: Dense,
  [begin, end, strides]: readonly [Dense, Dense, Dense],
  value: Dense,
  masks: SliceMasks,
): Dense {
  const taken = resolveSlice(target.shape, integersOf(begin), integersOf(end), integersOf(strides), masks);
  const shape = broadcastShape(taken.shape, value.shape);
  ensure(
    sameShape(shape, taken.shape),
    () => `shape of the value, ${shapeText(value.shape)}, does not fit the slice, ${shapeText(taken.shape)}`,
  );
  const kept = taken.shape;
  const full = gatherBox(value, kept, 0, broadcastStrides(value.shape, kept));
  copyBox(taken.sizes, { value: full }, { value: target, offset: taken.offset, strides: taken.strides });
  return target;
}

export const slicingKernels: HostTable = {
  Slice: move(() => slice),
  StridedSlice: stridedSlice,
  StridedSliceGrad: stridedSliceGrad,
  TensorStridedSliceUpdate: stridedSliceUpdate,
};
