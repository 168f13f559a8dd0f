/**
 * Constants that store only some of their elements: SparsityParameters of
 * tensorflow/compiler/mlir/lite/schema/schema.fbs. A tensor, perhaps cut into blocks, is walked in some order of its
 * dimensions; each dimension lists all of its indices, or those that hold anything (as in compressed sparse rows).
 */
import { elementCount, type Shape, stridesOf } from "../shape.js";
import { dataLoss, unimplemented } from "../status.js";
import type { FlatTable } from "./flatbuffer.js";

export interface TfliteSparsity {
  /** Which dimension is walked at each level: those of the tensor, then those within blocks. */
  readonly traversalOrder: readonly number[];
  /** The dimension of the tensor that each dimension within blocks cuts. */
  readonly blockMap: readonly number[];
  /** In the order of the walk. */
  readonly dimensions: readonly SparseDimension[];
}

type SparseDimension =
  | { readonly size: number }
  | {
      /** Where the indices below each parent begin. */
      readonly segments: readonly number[];
      readonly indices: readonly number[];
    };

/** Dimensions of any tensor, and of blocks in it. */
const MAX_LEVELS = 16;
/** Each element is a step at every level; levels without elements below them cost steps, too. */
const STEPS_PER_ELEMENT = 2 * MAX_LEVELS;

/** DATA_LOSS for a dimension without what its kind needs; UNIMPLEMENTED for more than 16 of them. */
export function readSparsity(table: FlatTable, what: string): TfliteSparsity {
  const dimensions = table.tables(2).map((each) => dimension(each, what));
  const traversalOrder = table.int32s(0) ?? [];
  if (dimensions.length > MAX_LEVELS)
    throw unimplemented(`${what}: ${dimensions.length} dimensions in a sparse tensor`);
  const levels = new Set(traversalOrder);
  if (
    traversalOrder.length !== dimensions.length ||
    levels.size !== dimensions.length ||
    traversalOrder.some((level) => level < 0 || level >= dimensions.length)
  ) {
    throw dataLoss(`${what}: [${traversalOrder}] is no order of ${dimensions.length} sparse dimensions`);
  }
  return { traversalOrder, blockMap: table.int32s(1) ?? [], dimensions };
}

function dimension(table: FlatTable, what: string): SparseDimension {
  if (table.int8(0) === 0) return { size: table.int32(1) };
  const segments = indexVector(table, 2);
  const indices = indexVector(table, 4);
  if (segments === undefined || indices === undefined)
    throw dataLoss(`${what}: a sparse dimension has no indices`);
  return { segments, indices };
}

/** A union of vectors of 32, 16 and 8 bits. */
function indexVector(table: FlatTable, field: number): readonly number[] | undefined {
  const vector = table.table(field + 1);
  switch (table.uint8(field)) {
    case 1:
      return vector?.int32s(0);
    case 2:
      return vector?.uint16s(0);
    case 3:
      return vector?.uint8s(0);
    default:
      return undefined;
  }
}

/**
 * Where each stored element belongs in the dense tensor: an index for each of `count` elements, in their order.
 * DATA_LOSS when the walk meets more or fewer elements, or one outside of the shape.
 */
export function densePositions(
  { traversalOrder, blockMap, dimensions }: TfliteSparsity,
  shape: Shape,
  count: number,
  what: string,
): Int32Array {
  const blockSizes = sizesOfBlocks(traversalOrder, blockMap, dimensions, shape, what);
  const strides = stridesOf(shape);
  const positions = new Int32Array(count);
  const index = new Array<number>(dimensions.length).fill(0);
  let found = 0;
  let steps = STEPS_PER_ELEMENT * (elementCount(shape) + dimensions.length);
  const walk = (level: number, parent: number): void => {
    if (--steps < 0) throw dataLoss(`${what}: a sparse tensor whose indices lead nowhere`);
    if (level === dimensions.length) {
      if (found < count) positions[found] = positionOf(index, blockMap, blockSizes, shape, strides, what);
      found++;
      if (found > count)
        throw dataLoss(`${what}: a sparse tensor with more elements than the ${count} stored`);
      return;
    }
    const each = dimensions[level] as SparseDimension;
    const axis = traversalOrder[level] as number;
    if ("size" in each) {
      for (let i = 0; i < each.size; i++) {
        index[axis] = i;
        walk(level + 1, parent * each.size + i);
      }
      return;
    }
    const [from = 0, to = 0] = [each.segments[parent], each.segments[parent + 1]];
    for (let i = from; i < to; i++) {
      index[axis] = each.indices[i] ?? -1;
      walk(level + 1, i);
    }
  };
  if (elementCount(shape) > 0) walk(0, 0);
  if (found !== count)
    throw dataLoss(`${what}: a sparse tensor of ${found} elements, but ${count} are stored`);
  return positions;
}

/** For each dimension within blocks, how long it is. Blocks are dense. */
function sizesOfBlocks(
  order: readonly number[],
  blockMap: readonly number[],
  dimensions: readonly SparseDimension[],
  shape: Shape,
  what: string,
): number[] {
  if (shape.length + blockMap.length !== dimensions.length)
    throw dataLoss(`${what}: ${dimensions.length} sparse dimensions for shape [${shape}]`);
  return blockMap.map((axis, i) => {
    const block = dimensions[order.indexOf(shape.length + i)];
    if (block === undefined || !("size" in block) || axis < 0 || axis >= shape.length)
      throw dataLoss(`${what}: a block of a sparse tensor has no size`);
    return block.size;
  });
}

function positionOf(
  index: readonly number[],
  blockMap: readonly number[],
  blockSizes: readonly number[],
  shape: Shape,
  strides: readonly number[],
  what: string,
): number {
  let position = 0;
  for (const [axis, size] of shape.entries()) {
    let at = index[axis] as number;
    for (const [i, blocked] of blockMap.entries()) {
      if (blocked === axis) at = at * (blockSizes[i] as number) + (index[shape.length + i] as number);
    }
    if (at < 0 || at >= size) throw dataLoss(`${what}: a sparse element is outside of shape [${shape}]`);
    position += at * (strides[axis] as number);
  }
  return position;
}
