/** Matrix products, diagonals, decompositions, Einsum and Fourier transforms. */
import type { PartialShape } from "@servable/formats";
import type { ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import { scalarEntry, vectorEntries } from "./entries.js";
import { forAll, sameAsInput } from "./families.js";
import {
  broadcastShapes,
  joined,
  mergeShapes,
  mergeSizes,
  sizeFrom,
  UNKNOWN,
  withRank,
} from "./partial-shape.js";

// ---- products ------------------------------------------------------------------------------------------------

const matMul =
  (transposeA: string, transposeB: string): ShapeRule =>
  (node) => {
    const a = withRank(node.shape(0), 2);
    const b = withRank(node.shape(1), 2);
    const rows = a[node.attrs.bool(transposeA) ? 1 : 0] as number;
    return [[rows, b[node.attrs.bool(transposeB) ? 0 : 1] as number]];
  };

const batchMatMul: ShapeRule = (node) => {
  const [a, b] = [node.shape(0), node.shape(1)];
  if (a === null || b === null || a.length < 2 || b.length < 2) return [null];
  const batch =
    node.op === "BatchMatMul"
      ? mergeShapes(a.slice(0, -2), b.slice(0, -2))
      : broadcastShapes(a.slice(0, -2), b.slice(0, -2));
  const rows = a.at(node.attrs.bool("adj_x") ? -1 : -2) as number;
  const columns = b.at(node.attrs.bool("adj_y") ? -2 : -1) as number;
  return [joined(batch, [rows, columns])];
};

/** Labels of each operand and of the result, "..." expanded by the operand's rank. */
const einsum: ShapeRule = (node) => {
  const [left = "", right] = node.attrs.string("equation").replaceAll(" ", "").split("->");
  if (right === undefined) return [null];
  const operands = left.split(",");
  const sizes = new Map<string, number>();
  let ellipsis: PartialShape = [];
  for (const [i, labels] of operands.entries()) {
    const shape = node.shape(i);
    const [before = "", after] = labels.split("...");
    if (shape === null) {
      if (after !== undefined) ellipsis = null;
      continue;
    }
    const covered = shape.length - before.length - (after?.length ?? 0);
    if (after === undefined ? covered !== 0 : covered < 0) return [null];
    note(sizes, before, shape.slice(0, before.length));
    if (after === undefined) continue;
    note(sizes, after, shape.slice(shape.length - after.length));
    ellipsis = broadcastShapes(ellipsis, shape.slice(before.length, before.length + covered));
  }
  const named = (labels: string) => [...labels].map((label) => sizes.get(label) ?? UNKNOWN);
  const [before = "", after] = right.split("...");
  return [after === undefined ? named(before) : joined(named(before), ellipsis, named(after))];
};

function note(sizes: Map<string, number>, labels: string, shape: readonly number[]): void {
  [...labels].forEach((label, i) => {
    const known = sizes.get(label) ?? UNKNOWN;
    const found = shape[i] as number;
    // A size of 1 meets any other by broadcasting.
    sizes.set(label, known === 1 || (known < 0 && found !== 1) ? found : known < 0 ? found : known);
  });
}

// ---- diagonals -----------------------------------------------------------------------------------------------

const matrixDiag: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null || input.length === 0) return [null];
  return [[...input, input.at(-1) as number]];
};

const matrixDiagPart: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null || input.length < 2) return [null];
  return [[...input.slice(0, -2), smaller(input.at(-2) as number, input.at(-1) as number)]];
};

function smaller(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  return sizeFrom([a, b], Math.min);
}

/** First and last diagonal of a band, from an input of one or two entries. */
function bandOf(node: ShapeContext, input: number): readonly [number, number] | undefined {
  const entries = node.entries(input);
  const [low, high = low] = entries ?? [];
  return low === undefined || high === undefined ? undefined : [low, high];
}

/** Diagonals [..., (count,) length] → matrices of at least the size that they need. */
const matrixDiagBand: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null || input.length === 0) return [null];
  const band = bandOf(node, 1);
  if (band === undefined) return [null];
  const [low, high] = band;
  const batch = input.slice(0, low === high ? -1 : -2);
  if (low < high && input.length < 2) return [null];
  const length = input.at(-1) as number;
  const leastRows = sizeFrom([length], (n) => n - Math.min(high, 0));
  const leastColumns = sizeFrom([length], (n) => n + Math.max(low, 0));
  const [rows, columns] = [scalarEntry(node, 2), scalarEntry(node, 3)];
  if (rows === undefined || columns === undefined) return [[...batch, UNKNOWN, UNKNOWN]];
  // -1 means the least that holds the diagonals; both being open makes the matrix square.
  if (rows === -1 && columns === -1) {
    const side = sizeFrom([leastRows, leastColumns], Math.max);
    return [[...batch, side, side]];
  }
  return [[...batch, rows === -1 ? leastRows : rows, columns === -1 ? leastColumns : columns]];
};

const matrixDiagPartBand: ShapeRule = (node) => {
  const input = node.shape(0);
  const band = bandOf(node, 1);
  if (input === null || input.length < 2 || band === undefined) return [null];
  const [low, high] = band;
  const longest = sizeFrom([input.at(-2) as number, input.at(-1) as number], (rows, columns) =>
    Math.min(rows + Math.min(high, 0), columns - Math.max(low, 0)),
  );
  const count = low === high ? [] : [high - low + 1];
  return [[...input.slice(0, -2), ...count, longest]];
};

const diag: ShapeRule = (node) => [joined(node.shape(0), node.shape(0))];

const diagPart: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null || input.length % 2 !== 0) return [null];
  return [mergeShapes(input.slice(0, input.length / 2), input.slice(input.length / 2))];
};

// ---- decompositions ------------------------------------------------------------------------------------------

/** A batch of square matrices. */
const square: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null || input.length < 2) return [null];
  const side = mergeSizes(input.at(-2) as number, input.at(-1) as number);
  return [[...input.slice(0, -2), side, side]];
};

/** One scalar per matrix, twice for sign and logarithm. */
const determinant: ShapeRule = (node) => {
  const shape = node.shape(0)?.slice(0, -2) ?? null;
  return node.outputTypes.map(() => shape);
};

const matrixSolve: ShapeRule = (node) => {
  const [matrix, rhs] = [node.shape(0), node.shape(1)];
  if (matrix === null || rhs === null || matrix.length < 2 || rhs.length < 2) return [null];
  const batch =
    node.op === "MatrixTriangularSolve"
      ? broadcastShapes(matrix.slice(0, -2), rhs.slice(0, -2))
      : mergeShapes(matrix.slice(0, -2), rhs.slice(0, -2));
  const side = mergeSizes(matrix.at(-2) as number, matrix.at(-1) as number);
  return [joined(batch, [mergeSizes(side, rhs.at(-2) as number), rhs.at(-1) as number])];
};

const leastSquares: ShapeRule = (node) => {
  const [matrix, rhs] = [node.shape(0), node.shape(1)];
  if (matrix === null || rhs === null || matrix.length < 2 || rhs.length < 2) return [null];
  const batch = mergeShapes(matrix.slice(0, -2), rhs.slice(0, -2));
  return [joined(batch, [matrix.at(-1) as number, rhs.at(-1) as number])];
};

const qr: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null || input.length < 2) return [null, null];
  const [rows, columns] = input.slice(-2) as [number, number];
  const batch = input.slice(0, -2);
  const least = smaller(rows, columns);
  if (node.attrs.bool("full_matrices"))
    return [
      [...batch, rows, rows],
      [...batch, rows, columns],
    ];
  return [
    [...batch, rows, least],
    [...batch, least, columns],
  ];
};

const svd: ShapeRule = (node) => {
  const input = node.shape(0);
  if (input === null || input.length < 2) return [null, null, null];
  const [rows, columns] = input.slice(-2) as [number, number];
  const batch = input.slice(0, -2);
  const least = smaller(rows, columns);
  // Without vectors the other outputs hold nothing that anyone may use.
  if (!node.attrs.bool("compute_uv")) return [[...batch, least], null, null];
  const full = node.attrs.bool("full_matrices");
  return [
    [...batch, least],
    [...batch, rows, full ? rows : least],
    [...batch, columns, full ? columns : least],
  ];
};

const eigen: ShapeRule = (node) => {
  const [matrix = null] = square(node) as PartialShape[];
  if (matrix === null) return [null, null];
  return [matrix.slice(0, -1), node.attrs.bool("compute_v") ? matrix : null];
};

const lu: ShapeRule = (node) => {
  const [matrix = null] = square(node) as PartialShape[];
  return matrix === null ? [null, null] : [matrix, matrix.slice(0, -1)];
};

// ---- Fourier transforms --------------------------------------------------------------------------------------

/** The innermost axes get the lengths asked for; of a real transform's spectrum only half is kept. */
const realTransform =
  (axes: number, inverse: boolean): ShapeRule =>
  (node) => {
    const input = node.shape(0);
    if (input === null || input.length < axes) return [null];
    const lengths = vectorEntries(node, 1) ?? [];
    const first = input.length - axes;
    return [
      input.map((size, axis) => {
        if (axis < first) return size;
        const length = lengths[axis - first] ?? UNKNOWN;
        const halved = !inverse && axis === input.length - 1;
        return halved ? sizeFrom([length], (n) => (n === 0 ? 0 : Math.floor(n / 2) + 1)) : length;
      }),
    ];
  };

// biome-ignore format: a list of names
const sameShape = [
  "FFT", "FFT2D", "FFT3D", "FFTND", "IFFT", "IFFT2D", "IFFT3D", "IFFTND", "BatchFFT", "BatchIFFT", "MatrixBandPart",
  "MatrixSetDiag", "MatrixSetDiagV2", "MatrixSetDiagV3", "TridiagonalMatMul",
];

export const matrixShapes: ShapeTable = {
  ...forAll(sameShape, sameAsInput),
  MatMul: matMul("transpose_a", "transpose_b"),
  SparseMatMul: matMul("transpose_a", "transpose_b"),
  ...forAll(["BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"], batchMatMul),
  Einsum: einsum,
  Cross: (node) => [mergeShapes(node.shape(0), node.shape(1))],
  Diag: diag,
  DiagPart: diagPart,
  MatrixDiag: matrixDiag,
  MatrixDiagPart: matrixDiagPart,
  ...forAll(["MatrixDiagV2", "MatrixDiagV3"], matrixDiagBand),
  ...forAll(["MatrixDiagPartV2", "MatrixDiagPartV3"], matrixDiagPartBand),
  ...forAll(
    ["Cholesky", "MatrixExponential", "MatrixInverse", "MatrixLogarithm", "MatrixSquareRoot"],
    square,
  ),
  ...forAll(["MatrixDeterminant", "LogMatrixDeterminant"], determinant),
  ...forAll(["MatrixSolve", "MatrixTriangularSolve"], matrixSolve),
  MatrixSolveLs: leastSquares,
  TridiagonalSolve: (node) => [node.shape(1)],
  Qr: qr,
  Svd: svd,
  ...forAll(["SelfAdjointEigV2", "Eig"], eigen),
  Lu: lu,
  RFFT: realTransform(1, false),
  RFFT2D: realTransform(2, false),
  RFFT3D: realTransform(3, false),
  IRFFT: realTransform(1, true),
  IRFFT2D: realTransform(2, true),
  IRFFT3D: realTransform(3, true),
};
