/** Shapes of what takes tensors apart, puts them together and rearranges them. */
import { dtypeFromNumber, dtypeInfo } from "../../dtype.js";
import type { AttrValue } from "../../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { elementCount, type PartialShape } from "../../shape.js";
import { integers, knownSizes } from "./known-values.js";
import {
  common,
  fromFront,
  intAttr,
  intList,
  merged,
  ofRank,
  type RuleTable,
  type ShapeRule,
  shapeAttr,
  shapeOf,
  UNKNOWN_SIZE,
} from "./rule.js";

const constant: ShapeRule = ({ attrs }) => {
  const value = attrs.value?.value;
  if (value?.case !== "tensor") return [null];
  const { tensorShape } = value.value;
  return [tensorShape?.unknownRank ? null : (tensorShape?.dim ?? []).map(({ size }) => Number(size))];
};

/** One size may be -1: it follows from the others. */
const reshape: ShapeRule = ({ inputs }) => {
  const sizes = knownSizes(inputs, 1);
  const from = shapeOf(inputs, 0);
  if (sizes === undefined) return [null];
  const rest = sizes.filter((size) => size !== UNKNOWN_SIZE);
  const isKnown = from !== null && !from.includes(UNKNOWN_SIZE) && sizes.length === rest.length + 1;
  const inferred = isKnown && !rest.includes(0) ? elementCount(from) / elementCount(rest) : UNKNOWN_SIZE;
  return [sizes.map((size) => (size === UNKNOWN_SIZE && Number.isInteger(inferred) ? inferred : size))];
};

const sizesFrom =
  (input: number): ShapeRule =>
  ({ inputs }) => [knownSizes(inputs, input) ?? null];

const expandDims: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  const axes = integers(inputs, 1);
  if (shape === null || axes === undefined) return [null];
  const [axis] = fromFront(axes, shape.length + 1);
  return [axis === undefined ? null : shape.toSpliced(axis, 0, 1)];
};

const squeeze: ShapeRule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  if (shape === null) return [null];
  const axes = fromFront(intList(attrs, "squeeze_dims"), shape.length);
  if (axes.length > 0) return [shape.filter((_, axis) => !axes.includes(axis))];
  // Whether an unknown size is 1 decides the rank.
  return [shape.includes(UNKNOWN_SIZE) ? null : shape.filter((size) => size !== 1)];
};

const transpose: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  const order = integers(inputs, 1);
  if (order === undefined) return [shape && ofRank(shape.length)];
  return [order.map((axis) => shape?.[axis] ?? UNKNOWN_SIZE)];
};

const pack: ShapeRule = ({ inputs, attrs }) => {
  const shape = inputs.map((input) => input.shape).reduce(common, shapeOf(inputs, 0));
  const [axis] = shape === null ? [] : fromFront([intAttr(attrs, "axis")], shape.length + 1);
  return [shape === null || axis === undefined ? null : shape.toSpliced(axis, 0, inputs.length)];
};

const unpack: ShapeRule = ({ inputs, attrs, outputCount }) => {
  const shape = shapeOf(inputs, 0);
  const [axis] = shape === null ? [] : fromFront([intAttr(attrs, "axis")], shape.length);
  const part = shape === null || axis === undefined ? null : shape.toSpliced(axis, 1);
  return new Array<PartialShape>(outputCount).fill(part);
};

function concatenated(parts: readonly PartialShape[], axis: number | undefined): PartialShape {
  const known = parts.filter((part) => part !== null);
  const [first] = known;
  if (first === undefined) return null;
  const [along] = axis === undefined ? [] : fromFront([axis], first.length);
  if (along === undefined) return ofRank(first.length);
  return first.map((_, i) => {
    const sizes = known.map((part) => part[i] ?? UNKNOWN_SIZE);
    if (i !== along) return sizes.find((size) => size >= 0) ?? UNKNOWN_SIZE;
    const isKnown = known.length === parts.length && sizes.every((size) => size >= 0);
    return isKnown ? sizes.reduce((sum, size) => sum + size, 0) : UNKNOWN_SIZE;
  });
}

const concat: ShapeRule = ({ inputs }) => [
  concatenated(
    inputs.slice(1).map(({ shape }) => shape),
    integers(inputs, 0)?.[0],
  ),
];

const concatV2: ShapeRule = ({ inputs }) => [
  concatenated(
    inputs.slice(0, -1).map(({ shape }) => shape),
    integers(inputs, inputs.length - 1)?.[0],
  ),
];

const split: ShapeRule = ({ inputs, outputCount }) => {
  const shape = shapeOf(inputs, 1);
  const axes = integers(inputs, 0);
  if (shape === null) return [];
  const [axis] = axes === undefined ? [] : fromFront(axes, shape.length);
  const part =
    axis === undefined
      ? ofRank(shape.length)
      : shape.map((size, i) => (i === axis && size >= 0 ? Math.floor(size / outputCount) : size));
  return new Array<PartialShape>(outputCount).fill(part);
};

const splitV: ShapeRule = ({ inputs, outputCount }) => {
  const shape = shapeOf(inputs, 0);
  const [sizes, axes] = [integers(inputs, 1), integers(inputs, 2)];
  if (shape === null) return [];
  const [axis] = axes === undefined ? [] : fromFront(axes, shape.length);
  if (axis === undefined) return new Array<PartialShape>(outputCount).fill(ofRank(shape.length));
  const total = shape[axis] as number;
  const given = (sizes ?? []).reduce((sum, size) => sum + Math.max(size, 0), 0);
  return Array.from({ length: outputCount }, (_, i) => {
    const size = sizes?.[i] ?? UNKNOWN_SIZE;
    return shape.with(axis, size < 0 && total >= 0 && sizes !== undefined ? total - given : size);
  });
};

const pad: ShapeRule = ({ inputs }) => {
  const [shape, paddings] = [shapeOf(inputs, 0), integers(inputs, 1)];
  if (paddings === undefined) {
    const rank = shape?.length ?? shapeOf(inputs, 1)?.[0] ?? UNKNOWN_SIZE;
    return [ofRank(rank)];
  }
  if (shape === null) return [ofRank(paddings.length / 2)];
  return [
    shape.map((size, axis) =>
      size < 0 ? size : size + (paddings[2 * axis] ?? 0) + (paddings[2 * axis + 1] ?? 0),
    ),
  ];
};

const tile: ShapeRule = ({ inputs }) => {
  const [shape, multiples] = [shapeOf(inputs, 0), knownSizes(inputs, 1)];
  if (shape === null) return [multiples === undefined ? null : ofRank(multiples.length)];
  return [
    shape.map((size, axis) => {
      const times = multiples?.[axis] ?? UNKNOWN_SIZE;
      return size < 0 || times < 0 ? UNKNOWN_SIZE : size * times;
    }),
  ];
};

const slice: ShapeRule = ({ inputs }) => {
  const [shape, begin, sizes] = [shapeOf(inputs, 0), integers(inputs, 1), knownSizes(inputs, 2)];
  const rank = shape?.length ?? sizes?.length ?? shapeOf(inputs, 2)?.[0];
  if (rank === undefined || rank < 0) return [null];
  if (sizes === undefined || inputs[2]?.constant === undefined) return [ofRank(rank)];
  return [
    sizes.map((size, axis) => {
      const [all = UNKNOWN_SIZE, from] = [shape?.[axis], begin?.[axis]];
      if (size >= 0) return size;
      return all < 0 || from === undefined ? UNKNOWN_SIZE : all - from;
    }),
  ];
};

/** After ValidateStridedSliceOp in tensorflow/core/util/strided_slice_op.cc. */
const stridedSlice: ShapeRule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  const [begin, end, strides] = [integers(inputs, 1), integers(inputs, 2), integers(inputs, 3)];
  const count = strides?.length ?? begin?.length ?? end?.length;
  if (shape === null || count === undefined) return [null];
  const isSet = (mask: string, i: number) => ((intAttr(attrs, mask) >> i) & 1) === 1;
  const result: number[] = [];
  const taken = Array.from({ length: count }, (_, i) => i).filter(
    (i) => !isSet("ellipsis_mask", i) && !isSet("new_axis_mask", i),
  ).length;
  let axis = 0;
  for (let i = 0; i < count; i++) {
    if (isSet("ellipsis_mask", i)) {
      for (const stop = axis + shape.length - taken; axis < stop; axis++) result.push(shape[axis] as number);
    } else if (isSet("new_axis_mask", i)) {
      result.push(1);
    } else {
      const size = shape[axis++];
      if (size === undefined) return [null];
      if (isSet("shrink_axis_mask", i)) continue;
      const from = isSet("begin_mask", i) ? undefined : (begin?.[i] ?? null);
      const to = isSet("end_mask", i) ? undefined : (end?.[i] ?? null);
      result.push(stridedSize(size, from, to, strides?.[i]));
    }
  }
  return [[...result, ...shape.slice(axis)]];
};

/** `from` and `to` undefined for all of the axis, null where only a run tells. */
function stridedSize(
  size: number,
  from: number | null | undefined,
  to: number | null | undefined,
  stride: number | undefined,
): number {
  if (stride === undefined || stride === 0 || from === null || to === null) return UNKNOWN_SIZE;
  if (size < 0) return sizeOfOpenSlice(from, to, stride);
  const [low, high] = stride > 0 ? [0, size] : [-1, size - 1];
  const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + size : value, low), high);
  const start = from === undefined ? (stride > 0 ? low : high) : clamp(from);
  const stop = to === undefined ? (stride > 0 ? high : low) : clamp(to);
  return Math.max(0, Math.ceil((stop - start) / stride));
}

/** Of an axis of unknown size at least nothing is an empty slice. */
function sizeOfOpenSlice(from: number | undefined, to: number | undefined, stride: number): number {
  const isEmpty = stride > 0 && to === 0 && (from === undefined || from >= 0);
  return isEmpty ? 0 : UNKNOWN_SIZE;
}

const gather: ShapeRule = ({ inputs }) => {
  const [params, indices] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  return [params && indices && [...indices, ...params.slice(1)]];
};

const gatherV2: ShapeRule = ({ inputs, attrs }) => {
  const [params, indices, axes] = [shapeOf(inputs, 0), shapeOf(inputs, 1), integers(inputs, 2)];
  if (params === null || indices === null || axes === undefined) return [null];
  const [axis] = fromFront(axes, params.length);
  if (axis === undefined) return [null];
  const batch = intAttr(attrs, "batch_dims");
  const from = batch < 0 ? batch + indices.length : batch;
  return [[...params.slice(0, axis), ...indices.slice(from), ...params.slice(axis + 1)]];
};

const gatherNd: ShapeRule = ({ inputs }) => {
  const [params, indices] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  const depth = indices?.at(-1) ?? UNKNOWN_SIZE;
  if (params === null || indices === null || depth < 0) return [null];
  return [[...indices.slice(0, -1), ...params.slice(depth)]];
};

const oneHot: ShapeRule = ({ inputs, attrs }) => {
  const indices = shapeOf(inputs, 0);
  if (indices === null) return [null];
  const axis = intAttr(attrs, "axis", -1);
  return [indices.toSpliced(axis < 0 ? indices.length : axis, 0, integers(inputs, 1)?.[0] ?? UNKNOWN_SIZE)];
};

const select: ShapeRule = ({ inputs }) => [shapeOf(inputs, 1) ?? shapeOf(inputs, 2)];

const spaceToBatch: ShapeRule = ({ inputs }) => {
  const [shape, block, paddings] = [shapeOf(inputs, 0), integers(inputs, 1), integers(inputs, 2)];
  if (shape === null || block === undefined) return [shape && ofRank(shape.length)];
  const product = block.reduce((all, size) => all * size, 1);
  return [
    shape.map((size, axis) => {
      if (axis === 0) return size < 0 ? size : size * product;
      const by = block[axis - 1];
      if (by === undefined) return size;
      if (size < 0 || paddings === undefined) return UNKNOWN_SIZE;
      return (size + (paddings[2 * axis - 2] ?? 0) + (paddings[2 * axis - 1] ?? 0)) / by;
    }),
  ];
};

const batchToSpace: ShapeRule = ({ inputs }) => {
  const [shape, block, crops] = [shapeOf(inputs, 0), integers(inputs, 1), integers(inputs, 2)];
  if (shape === null || block === undefined) return [shape && ofRank(shape.length)];
  const product = block.reduce((all, size) => all * size, 1);
  return [
    shape.map((size, axis) => {
      if (axis === 0) return size < 0 ? size : Math.floor(size / product);
      const by = block[axis - 1];
      if (by === undefined) return size;
      if (size < 0 || crops === undefined) return UNKNOWN_SIZE;
      return size * by - (crops[2 * axis - 2] ?? 0) - (crops[2 * axis - 1] ?? 0);
    }),
  ];
};

const scatterNd: ShapeRule = sizesFrom(2);

const where: ShapeRule = ({ inputs }) => [[UNKNOWN_SIZE, shapeOf(inputs, 0)?.length ?? UNKNOWN_SIZE]];

const unique: ShapeRule = ({ inputs }) => [[UNKNOWN_SIZE], shapeOf(inputs, 0), [UNKNOWN_SIZE]];

const shapeN: ShapeRule = ({ inputs }) => inputs.map(({ shape }) => [shape?.length ?? UNKNOWN_SIZE]);

/** Larger elements take the last axis in, smaller ones add one. */
const bitcast: ShapeRule = ({ inputs, attrs }) => {
  const [from, to] = [bytesOfType(attrs.T), bytesOfType(attrs.type)];
  const shape = shapeOf(inputs, 0);
  if (shape === null || from === 0 || to === 0) return [null];
  if (from === to) return [shape];
  return [from < to ? shape.slice(0, -1) : [...shape, from / to]];
};

function bytesOfType(attr: AttrValue | undefined): number {
  const dtype = attr?.value.case === "type" ? dtypeFromNumber(attr.value.value) : undefined;
  return dtype === undefined ? 0 : dtypeInfo(dtype).size;
}

const ensureShape: ShapeRule = ({ inputs, attrs }) => [merged(shapeOf(inputs, 0), shapeAttr(attrs, "shape"))];

/** String joins take scalars beside tensors of one shape. */
const stringJoin: ShapeRule = ({ inputs }) => {
  const shapes = inputs.map(({ shape }) => shape);
  return [shapes.includes(null) ? null : (shapes.find((shape) => shape?.length !== 0) ?? [])];
};

export const arrayRules: RuleTable = [
  [
    ({ attrs }) => [shapeAttr(attrs, "shape")],
    "Placeholder PlaceholderV2 PlaceholderWithDefault ImmutableConst",
  ],
  [ensureShape, "EnsureShape"],
  [constant, "Const HostConst"],
  [reshape, "Reshape"],
  [sizesFrom(0), "Fill Empty RandomUniform RandomStandardNormal TruncatedNormal RandomUniformInt"],
  [
    sizesFrom(0),
    `StatelessRandomUniform StatelessRandomNormal StatelessTruncatedNormal StatelessRandomUniformInt
     StatelessRandomUniformV2 StatelessRandomNormalV2 StatelessRandomUniformIntV2 StatelessTruncatedNormalV2
     StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2`,
  ],
  [sizesFrom(1), "BroadcastTo"],
  [({ inputs }) => [[shapeOf(inputs, 0)?.length ?? UNKNOWN_SIZE]], "Shape"],
  [shapeN, "ShapeN"],
  [expandDims, "ExpandDims"],
  [squeeze, "Squeeze"],
  [transpose, "Transpose ConjugateTranspose"],
  [pack, "Pack"],
  [unpack, "Unpack"],
  [concat, "Concat"],
  [concatV2, "ConcatV2"],
  [split, "Split"],
  [splitV, "SplitV"],
  [pad, "Pad PadV2 MirrorPad"],
  [tile, "Tile"],
  [slice, "Slice"],
  [stridedSlice, "StridedSlice"],
  [gather, "Gather"],
  [gatherV2, "GatherV2"],
  [gatherNd, "GatherNd"],
  [oneHot, "OneHot"],
  [select, "Select"],
  [spaceToBatch, "SpaceToBatchND"],
  [batchToSpace, "BatchToSpaceND"],
  [scatterNd, "ScatterNd"],
  [where, "Where"],
  [unique, "Unique UniqueWithCounts"],
  [bitcast, "Bitcast"],
  [stringJoin, "StringJoin"],
  [({ inputs }) => [knownSizes(inputs, 1) ?? null], "SparseToDense"],
  [() => [[]], "StringFormat"],
];
