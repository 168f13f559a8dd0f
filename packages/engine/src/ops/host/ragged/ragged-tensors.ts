/** Ragged tensors: ranges, gathering of rows, and their dense and sparse forms. */
import {
  allocate,
  dtypeInfo,
  elementCount,
  invalidArgument,
  isSmallFloat,
  type NumericTensor,
  type Shape,
  shapeText,
  smallFloatsOf,
  type Tensor,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { computableZeros, fromComputable } from "../arithmetic.js";
import { copyEntries, gatherRows, tensorOver } from "../element-memory.js";
import { type IndexData, indexData, indexTensor, int64Tensor } from "../index-data.js";
import { compute, countOf, type TensorFunction } from "../kernel.js";
import { nestedSplits, rowSplits, uniformSplits } from "./splits.js";

// ---- RaggedRange ---------------------------------------------------------------------------------------------

/** Rows start, start + delta … up to limit; scalars serve every row. */
function raggedRange({ outputTypes }: NodeFacts): TensorFunction {
  const splitsDtype = outputTypes[0] as "int32" | "int64";
  return (...inputs) => {
    const operands = inputs.map((tensor) => {
      if (tensor.shape.length > 1)
        throw invalidArgument(
          `starts, limits and deltas must be scalars or vectors, got ${shapeText(tensor.shape)}`,
        );
      return { values: numbersOf(tensor as NumericTensor), isScalar: tensor.shape.length === 0 };
    });
    const lengths = operands.filter(({ isScalar }) => !isScalar).map(({ values }) => values.length);
    if (lengths.some((length) => length !== lengths[0])) {
      throw invalidArgument("starts, limits, and deltas must have the same shape");
    }
    const rows = lengths[0] ?? 1;
    const [start, limit, delta] = operands.map(
      ({ values, isScalar }) =>
        (row: number) =>
          values[isScalar ? 0 : row],
    );
    const { dtype } = inputs[0] as NumericTensor;
    const isInteger = dtypeInfo(dtype).kind === "int";
    const splits = [0];
    for (let row = 0; row < rows; row++) {
      const size = rangeSize(Number(start?.(row)), Number(limit?.(row)), Number(delta?.(row)), isInteger);
      splits.push((splits[row] as number) + size);
    }
    const total = countOf([splits[rows] as number]);
    const values = computableZeros(dtype, total) as unknown as (number | bigint)[];
    for (let row = 0; row < rows; row++) {
      const [from, to] = [splits[row] as number, splits[row + 1] as number];
      const [first, step] = [start?.(row), delta?.(row)] as [number, number];
      // Added up at the precision of the dtype, as the array rounds.
      for (let i = from; i < to; i++) values[i] = i === from ? first : (values[i - 1] as number) + step;
    }
    const data = values as unknown as Float32Array;
    return [indexTensor(splitsDtype, [rows + 1], splits), fromComputable(dtype, [total], data)];
  };
}

/** The elements as JavaScript computes with them: int64 as bigints. */
function numbersOf(tensor: NumericTensor): ArrayLike<number | bigint> {
  return isSmallFloat(tensor.dtype) ? smallFloatsOf(tensor) : tensor.data;
}

const MAX_RANGE = 2 ** 31 - 1;

function rangeSize(start: number, limit: number, delta: number, isInteger: boolean): number {
  if (delta === 0) throw invalidArgument("Requires delta != 0");
  if ((delta > 0 && limit < start) || (delta < 0 && limit > start)) return 0;
  const exact = Math.abs((limit - start) / delta);
  const size = isInteger ? Math.ceil(exact) : Math.ceil(Math.fround(exact));
  if (!(size <= MAX_RANGE)) throw invalidArgument(`Requires ((limit - start) / delta) <= ${MAX_RANGE}`);
  return size;
}

// ---- RaggedGather --------------------------------------------------------------------------------------------

/** Rows of a ragged tensor; the indices' own dimensions become uniform ragged ones. */
function raggedGather({ attrs, outputTypes }: NodeFacts): TensorFunction {
  const rank = attrs.int("PARAMS_RAGGED_RANK");
  const splitsDtype = outputTypes[0] as "int32" | "int64";
  return (...inputs) => {
    const values = inputs[rank] as Tensor;
    const indices = inputs[rank + 1] as Tensor;
    if (values.shape.length === 0) throw invalidArgument("Ragged params must have rank>=1");
    const splits = inputs.slice(0, rank).map((tensor) => indexData(tensor));
    checkNested(splits, values.shape[0] as number);
    // The ranges of values that are taken at each level, one for each row there.
    let ranges = [...indexData(indices)].map((row, i) => {
      const limit = (splits[0] as IndexData).length - 1;
      if (row < 0 || row >= limit) throw invalidArgument(`indices[${i}] = ${row} is not in [0, ${limit})`);
      return [row, row + 1] as const;
    });
    const out: Float64Array[] = indexSplits(indices.shape);
    for (const level of splits) {
      const rows = ranges.flatMap(([from, to]) => rowsBetween(level, from, to));
      out.push(totals(rows.map(([from, to]) => to - from)));
      ranges = ranges.map(([from, to]) => [level[from] as number, level[to] as number] as const);
    }
    const taken = ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
    const rowShape = values.shape.slice(1);
    const data = gatherRows(values.dtype, values.data, taken, elementCount(rowShape));
    return [
      ...out.map((level) => indexTensor(splitsDtype, [level.length], level)),
      tensorOver(values.dtype, [taken.length, ...rowShape], data),
    ];
  };
}

function checkNested(splits: readonly IndexData[], count: number): void {
  for (const [i, level] of splits.entries()) {
    const limit = i + 1 < splits.length ? (splits[i + 1] as IndexData).length - 1 : count;
    if (level.length === 0) throw invalidArgument("Ragged splits may not be empty");
    if (level.some((split, row) => split < (row === 0 ? 0 : (level[row - 1] as number)))) {
      throw invalidArgument("Ragged splits must be sorted and not negative");
    }
    if ((level.at(-1) as number) > limit) throw invalidArgument("Ragged splits must not point past values");
  }
}

/** Splits for all dimensions of the indices but the last. */
function indexSplits(shape: Shape): Float64Array[] {
  let rows = 1;
  return shape.slice(1).map((size, axis) => {
    rows *= shape[axis] as number;
    return uniformSplits(rows, size);
  });
}

function rowsBetween(splits: IndexData, from: number, to: number): [number, number][] {
  return Array.from({ length: to - from }, (_, i) => [
    splits[from + i] as number,
    splits[from + i + 1] as number,
  ]);
}

function totals(lengths: readonly number[]): Float64Array {
  const splits = new Float64Array(lengths.length + 1);
  for (const [i, length] of lengths.entries()) splits[i + 1] = (splits[i] as number) + length;
  return splits;
}

// ---- RaggedTensorToTensor ------------------------------------------------------------------------------------

/** How the values of one level are divided into rows: for each value, its row. */
interface Partition {
  readonly rowOf: IndexData;
  /** Rows, where the partition knows: splits do, row ids don't. */
  readonly rows: number | undefined;
}

function partitionOf(type: string, tensor: Tensor): Partition {
  if (type === "ROW_SPLITS") {
    const splits = rowSplits(tensor);
    const rowOf = new Float64Array(countOf([splits.at(-1) as number]));
    for (let row = 0; row + 1 < splits.length; row++) rowOf.fill(row, splits[row], splits[row + 1]);
    return { rowOf, rows: splits.length - 1 };
  }
  if (type === "VALUE_ROWIDS") return { rowOf: indexData(tensor), rows: undefined };
  throw invalidArgument(`Unsupported partition type: ${type}`);
}

function raggedToTensor({ attrs }: NodeFacts): TensorFunction {
  const types = attrs.strings("row_partition_types");
  return (shapeInput, values, fallback, ...parts) => {
    const tensor = values as Tensor;
    const hasCount = types[0] === "FIRST_DIM_SIZE";
    if (types[0] === "VALUE_ROWIDS") throw invalidArgument("Cannot handle VALUE_ROWIDS in first dimension.");
    const partitions = types
      .slice(hasCount ? 1 : 0)
      .map((type, i) => partitionOf(type, parts[hasCount ? i + 1 : i] as Tensor));
    const rows = hasCount ? (indexData(parts[0])[0] as number) : (partitions[0]?.rows ?? 0);
    checkPartitions(partitions, rows, tensor);
    const shape = denseShape(shapeInput as Tensor, partitions, rows, tensor.shape.slice(1));
    return placed(tensor, fallback as Tensor, partitions, rows, shape);
  };
}

function checkPartitions(partitions: readonly Partition[], rows: number, values: Tensor): void {
  let parents = rows;
  for (const { rowOf, rows: own } of partitions) {
    if (own !== undefined && own !== parents)
      throw invalidArgument(`Invalid row split size: ${own} rows where ${parents} are expected`);
    if (rowOf.some((row) => !(row >= 0 && row < parents))) {
      throw invalidArgument(`Row ids must lie in [0, ${parents})`);
    }
    parents = rowOf.length;
  }
  if (parents !== values.shape[0]) {
    throw invalidArgument(
      `The row partitions are of ${parents} values, but there are ${values.shape[0] ?? "none"}`,
    );
  }
}

/** The sizes asked for, or those that fit everything. */
function denseShape(
  shapeInput: Tensor,
  partitions: readonly Partition[],
  rows: number,
  inner: Shape,
): number[] {
  const wanted = shapeInput.shape.length === 0 ? [] : [...indexData(shapeInput)];
  const fitting = [rows, ...partitions.map(({ rowOf }) => widest(rowOf)), ...inner];
  if (wanted.length > 0 && wanted.length !== fitting.length) {
    throw invalidArgument(`shape must have ${fitting.length} entries, got ${wanted.length}`);
  }
  return fitting.map((size, axis) => {
    const asked = wanted[axis] ?? -1;
    if (asked >= 0 && axis > partitions.length && asked !== size) {
      throw invalidArgument(
        `Inconsistent shapes: the values' inner size is ${size}, shape asks for ${asked}`,
      );
    }
    return asked < 0 ? size : asked;
  });
}

function widest(rowOf: IndexData): number {
  let [most, run] = [0, 0];
  for (let i = 0; i < rowOf.length; i++) {
    run = i > 0 && rowOf[i] === rowOf[i - 1] ? run + 1 : 1;
    most = Math.max(most, run);
  }
  return most;
}

/** Fills the dense shape with the default and puts each value that fits in its place. */
function placed(
  values: Tensor,
  fallback: Tensor,
  partitions: readonly Partition[],
  rows: number,
  shape: readonly number[],
): Tensor {
  const inner = shape.slice(partitions.length + 1);
  const { lanes } = dtypeInfo(values.dtype);
  const width = elementCount(inner) * lanes;
  const data = allocate(values.dtype, countOf(shape));
  fillDefault(data, fallback, inner, width);
  const places = placesOf(partitions, rows, shape);
  for (const [i, place] of places.entries()) {
    if (place >= 0) copyEntries(data, place * width, values.data, i * width, width);
  }
  return tensorOver(values.dtype, shape, data);
}

/** The default may be one element, or broadcast to one row of values. */
function fillDefault(data: Tensor["data"], fallback: Tensor, inner: Shape, width: number): void {
  const missing = inner.length - fallback.shape.length;
  const fits =
    missing >= 0 && fallback.shape.every((size, axis) => size === 1 || size === inner[axis + missing]);
  if (!fits) {
    throw invalidArgument(
      `default_value of shape ${shapeText(fallback.shape)} does not broadcast to ${shapeText(inner)}`,
    );
  }
  const lanes = fallback.data.length / Math.max(1, elementCount(fallback.shape));
  const row = broadcastRow(fallback, inner);
  for (let at = 0; at < data.length; at += width) {
    for (const [i, source] of row.entries())
      copyEntries(data, at + i * lanes, fallback.data, source * lanes, lanes);
  }
}

/** Which element of a tensor each element of a row is. */
function broadcastRow(tensor: Tensor, inner: Shape): number[] {
  const missing = inner.length - tensor.shape.length;
  let positions = [0];
  for (const [axis, size] of inner.entries()) {
    const own = axis < missing ? 1 : (tensor.shape[axis - missing] as number);
    positions = positions.flatMap((position) =>
      Array.from({ length: size }, (_, i) => position * own + (own === 1 ? 0 : i)),
    );
  }
  return positions;
}

/** The row of the dense tensor that each value goes to, -1 where it is cut off. */
function placesOf(partitions: readonly Partition[], rows: number, shape: readonly number[]): Float64Array {
  let places = Float64Array.from({ length: rows }, (_, row) => (row < (shape[0] as number) ? row : -1));
  for (const [level, { rowOf }] of partitions.entries()) {
    const size = shape[level + 1] as number;
    const next = new Float64Array(rowOf.length);
    let column = 0;
    for (let i = 0; i < rowOf.length; i++) {
      column = i > 0 && rowOf[i] === rowOf[i - 1] ? column + 1 : 0;
      const parent = places[rowOf[i] as number] as number;
      next[i] = parent < 0 || column >= size ? -1 : parent * size + column;
    }
    places = next;
  }
  return places;
}

// ---- RaggedTensorToSparse ------------------------------------------------------------------------------------

/** One entry for each value; inner dimensions of the values are coordinates too. */
function raggedToSparse({ attrs }: NodeFacts): TensorFunction {
  const rank = attrs.int("RAGGED_RANK");
  return (...inputs) => {
    const values = inputs[rank] as Tensor;
    const splits = nestedSplits(inputs.slice(0, rank), values.shape[0] ?? 0);
    const inner = values.shape.slice(1);
    const width = elementCount(inner);
    const depth = rank + 1 + inner.length;
    const total = countOf([values.shape[0] ?? 0, ...inner]);
    const indices = new Float64Array(total * depth);
    const strides = inner.map((_, axis) => elementCount(inner.slice(axis + 1)));
    let [at, row] = [0, 0];
    for (const outer of coordinatesOf(splits)) {
      for (let i = 0; i < width; i++) {
        indices.set(outer, at);
        at += outer.length;
        for (const [axis, stride] of strides.entries())
          indices[at++] = Math.floor(i / stride) % (inner[axis] as number);
      }
      row++;
    }
    const widths = splits.map(longestRow);
    const shape = [(splits[0] as IndexData).length - 1, ...widths, ...inner];
    const data = tensorOver(values.dtype, [row * width], values.data);
    return [int64Tensor([total, depth], indices), data, int64Tensor([shape.length], shape)];
  };
}

function longestRow(splits: IndexData): number {
  let longest = 0;
  for (let row = 0; row + 1 < splits.length; row++) {
    longest = Math.max(longest, (splits[row + 1] as number) - (splits[row] as number));
  }
  return longest;
}

/** The coordinates of each value in the ragged dimensions, in order; the array is used again. */
function* coordinatesOf(splits: readonly IndexData[]): Generator<number[]> {
  const coordinates = new Array<number>(splits.length + 1).fill(0);
  function* walk(level: number, row: number): Generator<number[]> {
    if (level === splits.length) {
      yield coordinates;
      return;
    }
    const own = splits[level] as IndexData;
    const [from, to] = [own[row] as number, own[row + 1] as number];
    for (let child = from; child < to; child++) {
      coordinates[level + 1] = child - from;
      yield* walk(level + 1, child);
    }
  }
  const rows = (splits[0] as IndexData).length - 1;
  for (let row = 0; row < rows; row++) {
    coordinates[0] = row;
    yield* walk(0, row);
  }
}

export const raggedTensorKernels: HostTable = {
  RaggedRange: compute(raggedRange),
  RaggedGather: compute(raggedGather),
  RaggedTensorToTensor: compute(raggedToTensor),
  RaggedTensorToSparse: compute(raggedToSparse),
};
