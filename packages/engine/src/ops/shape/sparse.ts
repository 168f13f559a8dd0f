/** Sparse tensors (indices, values, dense shape), ragged tensors (row splits, values), sets and counts. */
import type { PartialShape } from "@servable/formats";
import type { ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import { scalarEntry, shapeFromInput, vectorEntries } from "./entries.js";
import { fixed, forAll } from "./families.js";
import {
  knownElementCount,
  mergeShapes,
  mergeSizes,
  sizeFrom,
  UNKNOWN,
  unknownOfRank,
  withRank,
} from "./partial-shape.js";
import { reducedShapeOf } from "./reductions.js";

/** Rank of a sparse tensor from the inputs that hold its indices and its dense shape. */
function sparseRank(node: ShapeContext, indices: number, denseShape: number): number {
  return mergeSizes(
    withRank(node.shape(indices), 2)[1] as number,
    withRank(node.shape(denseShape), 1)[0] as number,
  );
}

/** Entries of a sparse tensor from the inputs that hold its indices and its values. */
function sparseCount(node: ShapeContext, indices: number, values: number): number {
  return mergeSizes(
    withRank(node.shape(indices), 2)[0] as number,
    withRank(node.shape(values), 1)[0] as number,
  );
}

/** Shapes of a sparse triple. */
const triple = (count: number, rank: number) => [[count, rank], [count], [rank]];

const sparseReshape: ShapeRule = (node) => [
  [withRank(node.shape(0), 2)[0] as number, withRank(node.shape(2), 1)[0] as number],
  [withRank(node.shape(2), 1)[0] as number],
];

const sparseConcat: ShapeRule = (node) => {
  const count = node.attrs.int("N");
  let entries = 0;
  let rank = UNKNOWN;
  for (let i = 0; i < count; i++) {
    const found = sparseCount(node, i, count + i);
    entries = entries < 0 || found < 0 ? UNKNOWN : entries + found;
    rank = mergeSizes(rank, sparseRank(node, i, 2 * count + i));
  }
  return triple(entries, rank);
};

const sparseSplit: ShapeRule = (node) => {
  const count = node.attrs.int("num_split");
  const rank = sparseRank(node, 1, 3);
  const each = (shape: readonly number[]) => Array.from({ length: count }, () => shape);
  return [...each([UNKNOWN, rank]), ...each([UNKNOWN]), ...each([rank])];
};

/** Without one row at least the entries are those of the input. */
const fillEmptyRows: ShapeRule = (node) => {
  const rank = sparseRank(node, 0, 2);
  const [rows] = shapeFromInput(node, 2) ?? [];
  return [[UNKNOWN, rank], [UNKNOWN], [rows ?? UNKNOWN], [sparseCount(node, 0, 1)]];
};

const sparseReorder: ShapeRule = (node) => {
  const count = sparseCount(node, 0, 1);
  return [[count, sparseRank(node, 0, 2)], [count]];
};

const sparseMatMul: ShapeRule = (node) => {
  const shape = shapeFromInput(node, 2);
  const a = withRank(shape, 2);
  const b = withRank(node.shape(3), 2);
  const rows = a[node.attrs.bool("adjoint_a") ? 1 : 0] as number;
  return [[rows, b[node.attrs.bool("adjoint_b") ? 0 : 1] as number]];
};

/** Values where the dense operand is looked up at the sparse one's entries. */
const onSparseValues: ShapeRule = (node) => [[sparseCount(node, 0, 1)]];

const sparseReduce: ShapeRule = (node) => [
  reducedShapeOf(shapeFromInput(node, 2), vectorEntries(node, 3), node.attrs.bool("keep_dims")),
];

/** Rows of a set operation, on sets that are the innermost axis. */
const setOperation: ShapeRule = (node) => {
  const dense = node.op === "DenseToDenseSetOperation";
  const sparseFirst = node.op === "SparseToSparseSetOperation";
  const first = sparseFirst ? shapeRank(node.shape(2)) : (node.shape(0)?.length ?? UNKNOWN);
  const second = dense ? (node.shape(1)?.length ?? UNKNOWN) : shapeRank(node.shape(sparseFirst ? 5 : 3));
  return triple(UNKNOWN, mergeSizes(first, second));
};

/** Rank of a tensor whose shape is a vector of that shape. */
function shapeRank(vector: PartialShape): number {
  return withRank(vector, 1)[0] as number;
}

/** Crosses are pairs of row and number. */
const crossed = triple(UNKNOWN, 2);

// ---- counts --------------------------------------------------------------------------------------------------

const binsOf = (node: ShapeContext, input: number): number => scalarEntry(node, input) ?? UNKNOWN;

const denseBincount: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null) return [null];
  return [input.length === 2 ? [input[0] as number, binsOf(node, 1)] : [binsOf(node, 1)]];
};

const raggedBincount: ShapeRule = (node) => {
  const [splits = UNKNOWN] = node.shape(0) ?? [];
  return [[splits < 0 ? UNKNOWN : splits - 1, binsOf(node, 2)]];
};

const sparseCounts: ShapeRule = (node) => {
  const rank =
    node.op === "DenseCountSparseOutput" ? (node.shape(0)?.length ?? UNKNOWN) : shapeRank(node.shape(2));
  return node.op === "RaggedCountSparseOutput" ? triple(UNKNOWN, 2) : triple(UNKNOWN, rank);
};

// ---- ragged --------------------------------------------------------------------------------------------------

const raggedToSparse: ShapeRule = (node) => {
  const nested = node.attrs.int("RAGGED_RANK");
  const values = node.shape(nested);
  const count = knownElementCount(values);
  const rank = values === null ? UNKNOWN : nested + values.length;
  return triple(count, rank);
};

/** Starts, limits and steps: scalars serve every row. */
const raggedRange: ShapeRule = (node) => {
  const rows = node.inputs.reduce((known, _, i) => {
    const shape = node.shape(i);
    return shape?.length === 1 ? mergeSizes(known, shape[0] as number) : known;
  }, UNKNOWN);
  // All scalars make one row.
  const single = node.inputs.every((_, i) => node.shape(i)?.length === 0);
  return [[single ? 2 : sizeFrom([rows], (n) => n + 1)], [UNKNOWN]];
};

/** As many rows as any of the inputs: ragged ones tell by their splits, dense ones by their leading size. */
const raggedCross: ShapeRule = (node) => {
  const ragged = node.attrs.typeNumbers("ragged_values_types").length;
  const dense = node.attrs.typeNumbers("dense_types").length;
  const splits = Array.from({ length: ragged }, (_, i) => withRank(node.shape(ragged + i), 1)[0] as number);
  const rows = Array.from({ length: dense }, (_, i) => {
    const [size = UNKNOWN] = node.shape(node.inputs.length - dense + i) ?? [];
    return sizeFrom([size], (n) => n + 1);
  });
  return [[UNKNOWN], [[...splits, ...rows].reduce(mergeSizes, UNKNOWN)]];
};

const raggedGather: ShapeRule = (node) => {
  const values = node.shape(node.attrs.int("PARAMS_RAGGED_RANK"));
  const splits = node.outputTypes.slice(1).map(() => [UNKNOWN]);
  return [...splits, values === null ? null : [UNKNOWN, ...values.slice(1)]];
};

/** Dense tensor of a ragged one: the shape asked for, with the inner axes of the values. */
const raggedToTensor: ShapeRule = (node) => {
  const types = node.attrs.strings("row_partition_types");
  // The first partition only says how many rows there are.
  const nested = types[0] === "FIRST_DIM_SIZE" ? types.length - 1 : types.length;
  const values = node.shape(1);
  const wanted = shapeFromInput(node, 0);
  const fromValues = values === null ? null : [...unknownOfRank(nested + 1), ...values.slice(1)];
  // A scalar -1 asks for nothing.
  return [node.shape(0)?.length === 0 ? fromValues : mergeShapes(wanted, fromValues)];
};

const raggedFromVariant: ShapeRule = (node) => [...node.outputTypes.slice(1).map(() => [UNKNOWN]), null];

const raggedToVariant: ShapeRule = (node) => {
  const splits = node.attrs.int("RAGGED_RANK");
  if (!node.attrs.bool("batched_input")) return [[]];
  const [rows = UNKNOWN] = node.shape(0) ?? [];
  const batch = rows < 0 ? UNKNOWN : splits > 0 ? rows - 1 : rows;
  return [[batch]];
};

export const sparseShapes: ShapeTable = {
  SparseReshape: sparseReshape,
  SparseConcat: sparseConcat,
  SparseSplit: sparseSplit,
  SparseFillEmptyRows: fillEmptyRows,
  SparseReorder: sparseReorder,
  SparseTensorDenseMatMul: sparseMatMul,
  SparseTensorDenseAdd: (node) => [node.shape(3)],
  SparseSoftmax: onSparseValues,
  ...forAll(["SparseDenseCwiseAdd", "SparseDenseCwiseDiv", "SparseDenseCwiseMul"], onSparseValues),
  ...forAll(["SparseReduceMax", "SparseReduceSum"], sparseReduce),
  ...forAll(
    ["SparseReduceMaxSparse", "SparseReduceSumSparse"],
    fixed([UNKNOWN, UNKNOWN], [UNKNOWN], [UNKNOWN]),
  ),
  SparseAdd: (node) => triple(UNKNOWN, mergeSizes(sparseRank(node, 0, 2), sparseRank(node, 3, 5))),
  SparseSlice: (node) => triple(UNKNOWN, sparseRank(node, 0, 2)),
  ...forAll(["SparseSparseMaximum", "SparseSparseMinimum"], (node) => [
    [UNKNOWN, mergeSizes(sparseRank(node, 0, 2), sparseRank(node, 3, 5))],
    [UNKNOWN],
  ]),
  ...forAll(["SparseCross", "SparseCrossHashed", "SparseCrossV2"], () => crossed),
  RaggedCross: raggedCross,
  ...forAll(
    ["DenseToDenseSetOperation", "DenseToSparseSetOperation", "SparseToSparseSetOperation"],
    setOperation,
  ),
  SetSize: (node) => [shapeFromInput(node, 2)?.slice(0, -1) ?? null],
  DenseBincount: denseBincount,
  Bincount: (node) => [[binsOf(node, 1)]],
  SparseBincount: (node) => {
    const rank = shapeRank(node.shape(2));
    const [rows = UNKNOWN] = shapeFromInput(node, 2) ?? [];
    if (rank < 0) return [null];
    return [rank === 2 ? [rows, binsOf(node, 3)] : [binsOf(node, 3)]];
  },
  RaggedBincount: raggedBincount,
  ...forAll(["DenseCountSparseOutput", "RaggedCountSparseOutput", "SparseCountSparseOutput"], sparseCounts),
  HistogramFixedWidth: (node) => [[binsOf(node, 2)]],
  RaggedTensorToSparse: raggedToSparse,
  RaggedTensorToTensor: raggedToTensor,
  RaggedGather: raggedGather,
  RaggedRange: raggedRange,
  RaggedTensorFromVariant: raggedFromVariant,
  RaggedTensorToVariant: raggedToVariant,
};
