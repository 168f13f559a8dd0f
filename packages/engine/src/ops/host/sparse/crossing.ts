/**
 * Crosses of features: every combination of one value from each column, as a joined string or as a hash
 * (tensorflow/core/kernels/{sparse_cross_op,ragged_cross_op}.cc).
 */
import { bytesOf, invalidArgument, type Tensor } from "@servable/formats";
import { concatenated, fingerprint64 } from "@servable/formats/hashing/farm-hash";
import { fromBigInt, toBigInt, type Uint64 } from "@servable/formats/hashing/uint64";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { bytesOfLatin1, latin1Of } from "../byte-strings.js";
import { tensorOver } from "../element-memory.js";
import { sipHash } from "../hashing/keyed-hash.js";
import { indexData, indexTensor, int64Tensor } from "../index-data.js";
import { compute, countOf, type TensorFunction } from "../kernel.js";
import { stringsOf } from "../strings/map-strings.js";

/** One column: the positions in `values` of each example's features. */
interface Column {
  readonly values: Tensor;
  readonly examples: number;
  /** First and past the last position of an example's values. */
  readonly range: (example: number) => readonly [start: number, end: number];
}

// ---- columns -------------------------------------------------------------------------------------------------

function sparseColumn(indices: Tensor, values: Tensor, shape: Tensor): Column {
  const examples = indexData(shape)[0] ?? 0;
  countOf([examples]);
  const rank = indices.shape[1] ?? 0;
  const coordinates = indexData(indices);
  const starts = new Float64Array(examples + 1);
  const count = indices.shape[0] ?? 0;
  if (count !== values.data.length)
    throw invalidArgument(`Expected a value for each of ${count} indices, got ${values.data.length}`);
  for (let i = 0; i < count; i++) {
    const example = coordinates[i * rank] as number;
    if (!(example >= 0 && example < examples))
      throw invalidArgument(`A sparse column names example ${example} of ${examples}`);
    starts[example + 1] = (starts[example + 1] as number) + 1;
  }
  for (let e = 0; e < examples; e++) starts[e + 1] = (starts[e + 1] as number) + (starts[e] as number);
  return columnOfSplits(values, starts);
}

function columnOfSplits(values: Tensor, splits: ArrayLike<number>): Column {
  return {
    values,
    examples: Math.max(0, splits.length - 1),
    range: (example) => [splits[example] as number, splits[example + 1] as number],
  };
}

function denseColumn(values: Tensor): Column {
  const [examples = 0, width = 1] = values.shape;
  return { values, examples, range: (example) => [example * width, (example + 1) * width] };
}

function raggedColumn(values: Tensor, splitInput: Tensor): Column {
  const splits = indexData(splitInput);
  const isOrdered = splits.every((split, i) => split >= (i === 0 ? 0 : (splits[i - 1] as number)));
  if (splits[0] !== 0 || !isOrdered || splits.at(-1) !== values.data.length) {
    throw invalidArgument("Invalid ragged splits: they must rise from 0 to the number of values");
  }
  return columnOfSplits(values, splits);
}

/** The number of examples that all columns agree on. */
function exampleCount(columns: readonly Column[]): number {
  const examples = columns[0]?.examples ?? 0;
  if (columns.some((column) => column.examples !== examples)) {
    throw invalidArgument(
      `inputs must all have the same batch dimension size: ${columns.map((column) => column.examples).join(", ")}`,
    );
  }
  return examples;
}

/** More crosses than this in one run are refused. */
const MAX_CROSSES = 2 ** 25;

/** Positions of all combinations for one example, the last column running fastest. */
function* combinations(columns: readonly Column[], example: number): Generator<readonly number[]> {
  const ranges = columns.map((column) => column.range(example));
  if (ranges.some(([start, end]) => start === end)) return;
  const positions = ranges.map(([start]) => start);
  for (;;) {
    yield positions;
    let last = positions.length - 1;
    while (last >= 0) {
      const [start, end] = ranges[last] as [number, number];
      positions[last] = (positions[last] as number) + 1;
      if ((positions[last] as number) < end) break;
      positions[last--] = start;
    }
    if (last < 0) return;
  }
}

// ---- what a cross is -----------------------------------------------------------------------------------------

interface Crosser {
  readonly dtype: "string" | "int64";
  cross(positions: readonly number[]): Uint8Array | bigint;
}

/** Values as text with a separator between them. */
function joiner(columns: readonly Column[], separator: string): Crosser {
  const texts = columns.map(({ values }) =>
    values.dtype === "string"
      ? (position: number) => latin1Of(values.data[position] as Uint8Array)
      : (position: number) => String(values.data[position]),
  );
  return {
    dtype: "string",
    cross: (positions) => bytesOfLatin1(texts.map((text, c) => text(positions[c] as number)).join(separator)),
  };
}

/** A value's fingerprint; integers stand for themselves. */
function fingerprints({ values }: Column): (position: number) => Uint64 {
  if (values.dtype === "string") return (position) => fingerprint64(values.data[position] as Uint8Array);
  return (position) => fromBigInt(BigInt(values.data[position] as bigint));
}

interface Buckets {
  /** 0 for as many as there are int64s. */
  readonly count: bigint;
  /** Put before the values' fingerprints; undefined for none. */
  readonly seed?: Uint64;
}

const MAX_INT64 = 2n ** 63n - 1n;

function hasher(hashes: readonly ((position: number) => Uint64)[], { count, seed }: Buckets): Crosser {
  const divisor = count > 0n ? count : MAX_INT64;
  return {
    dtype: "int64",
    cross(positions) {
      let hash = seed;
      for (const [c, hashOf] of hashes.entries()) {
        const next = hashOf(positions[c] as number);
        hash = hash === undefined ? next : concatenated(hash, next);
      }
      return toBigInt(hash as Uint64) % divisor;
    },
  };
}

/** The crosses of every example, and where those of each begin. */
function crossed(columns: readonly Column[], crosser: Crosser): { crosses: Tensor; splits: number[] } {
  const crosses: (Uint8Array | bigint)[] = [];
  const splits = [0];
  const examples = exampleCount(columns);
  for (let example = 0; example < examples; example++) {
    for (const positions of combinations(columns, example)) {
      if (crosses.length >= MAX_CROSSES)
        throw invalidArgument(`More than ${MAX_CROSSES} crosses of features in one batch`);
      crosses.push(crosser.cross(positions));
    }
    splits.push(crosses.length);
  }
  const data =
    crosser.dtype === "int64" ? BigInt64Array.from(crosses as bigint[]) : (crosses as Uint8Array[]);
  return { crosses: tensorOver(crosser.dtype, [crosses.length], data), splits };
}

/** Crosses as a sparse matrix, a row for each example. */
function asSparse({ crosses, splits }: { crosses: Tensor; splits: readonly number[] }): Tensor[] {
  const count = crosses.data.length;
  const indices = new Float64Array(2 * count);
  let widest = 0;
  for (let example = 0; example + 1 < splits.length; example++) {
    const [start, end] = [splits[example] as number, splits[example + 1] as number];
    widest = Math.max(widest, end - start);
    for (let i = start; i < end; i++) {
      indices[2 * i] = example;
      indices[2 * i + 1] = i - start;
    }
  }
  return [int64Tensor([count, 2], indices), crosses, int64Tensor([2], [splits.length - 1, widest])];
}

// ---- rows ----------------------------------------------------------------------------------------------------

/** The sparse columns, then the dense ones. `inputs` starts with the indices of all sparse ones. */
function sparseCrossColumns({ attrs }: NodeFacts, inputs: readonly Tensor[]): Column[] {
  const sparse = attrs.int("N");
  const dense = attrs.typeNumbers("dense_types").length;
  return [
    ...Array.from({ length: sparse }, (_, i) =>
      sparseColumn(inputs[i] as Tensor, inputs[sparse + i] as Tensor, inputs[2 * sparse + i] as Tensor),
    ),
    ...inputs.slice(3 * sparse, 3 * sparse + dense).map(denseColumn),
  ];
}

/** An integer attribute without rounding. */
function exactInt(attrs: NodeFacts["attrs"], name: string): bigint {
  const value = attrs.raw(name)?.value;
  return value?.case === "i" ? value.value : 0n;
}

function sparseCross(node: NodeFacts): TensorFunction {
  const { attrs, outputTypes } = node;
  const buckets = { count: exactInt(attrs, "num_buckets"), seed: fromBigInt(exactInt(attrs, "hash_key")) };
  // Not hashed_output, which TensorFlow does not look at.
  const isHashed = outputTypes[1] === "int64";
  return (...inputs) => {
    const columns = sparseCrossColumns(node, inputs);
    const crosser = isHashed ? hasher(columns.map(fingerprints), buckets) : joiner(columns, "_X_");
    return asSparse(crossed(columns, crosser));
  };
}

function sparseCrossV2(node: NodeFacts): TensorFunction {
  return (...inputs) => {
    const columns = sparseCrossColumns(node, inputs);
    const separator = latin1Of(stringsOf(inputs.at(-1)).data[0] as Uint8Array);
    return asSparse(crossed(columns, joiner(columns, separator)));
  };
}

function sparseCrossHashed(node: NodeFacts): TensorFunction {
  return (...inputs) => {
    const columns = sparseCrossColumns(node, inputs);
    const [bucketInput, strongInput, saltInput] = inputs.slice(-3) as [Tensor, Tensor, Tensor];
    const salt = saltInput.data as BigInt64Array;
    if (salt.length !== 2) throw invalidArgument(`salt must be a vector of 2 elements, got ${salt.length}`);
    const key = [fromBigInt(salt[0] as bigint), fromBigInt(salt[1] as bigint)] as const;
    const hash = strongInput.data[0] === 1 ? (bytes: Uint8Array) => sipHash(key, bytes) : fingerprint64;
    const hashes = columns.map(({ values }) => {
      const bytesAt = hashedBytes(values);
      return (position: number) => hash(bytesAt(position));
    });
    return asSparse(crossed(columns, hasher(hashes, { count: bucketInput.data[0] as bigint })));
  };
}

/** What TensorFlow hashes of a value here: a string's bytes, but of an int64 the lower four alone. */
function hashedBytes(values: Tensor): (position: number) => Uint8Array {
  if (values.dtype === "string") return (position) => values.data[position] as Uint8Array;
  const bytes = bytesOf(values.data as BigInt64Array);
  return (position) => bytes.subarray(8 * position, 8 * position + 4);
}

function raggedCross({ attrs, outputTypes }: NodeFacts): TensorFunction {
  const ragged = attrs.typeNumbers("ragged_values_types").length;
  const sparse = attrs.int("Nsparse");
  const order = attrs.string("input_order");
  const buckets = { count: exactInt(attrs, "num_buckets"), seed: fromBigInt(exactInt(attrs, "hash_key")) };
  const isHashed = outputTypes[0] === "int64";
  return (...inputs) => {
    const at = (index: number): Tensor => inputs[index] as Tensor;
    const start = 2 * ragged;
    const queues: Record<string, Column[]> = {
      R: Array.from({ length: ragged }, (_, i) => raggedColumn(at(i), at(ragged + i))),
      S: Array.from({ length: sparse }, (_, i) =>
        sparseColumn(at(start + i), at(start + sparse + i), at(start + 2 * sparse + i)),
      ),
      D: inputs.slice(start + 3 * sparse).map(denseColumn),
    };
    const columns = [...order].map((kind) => {
      const column = queues[kind]?.shift();
      if (column === undefined) throw invalidArgument(`input_order "${order}" does not fit the inputs`);
      return column;
    });
    const crosser = isHashed ? hasher(columns.map(fingerprints), buckets) : joiner(columns, "_X_");
    const { crosses, splits } = crossed(columns, crosser);
    return [crosses, indexTensor(outputTypes[1] as "int32" | "int64", [splits.length], splits)];
  };
}

export const crossingKernels: HostTable = {
  SparseCross: compute(sparseCross),
  SparseCrossV2: compute(sparseCrossV2),
  SparseCrossHashed: compute(sparseCrossHashed),
  RaggedCross: compute(raggedCross),
};
