/**
 * Ops on the diagonals of matrices. A diagonal is a box whose stride is one more than the row's, so all of them are
 * copies.
 *
 * Diagonal 0 is the main one, positive ones lie above it. A band of several is held as rows, the uppermost first,
 * each as long as the longest; shorter ones are aligned left or right, and padded.
 */
import {
  elementCount,
  invalidArgument,
  type Shape,
  sameShape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { copyBox, fillBox, newLike, product } from "./boxes.js";
import * as complex from "./complex.js";
import type { Complex } from "./domains.js";
import { mapped } from "./elementwise.js";
import { compute, type Dense, type DenseFunction, ensure, integerOf, integersOf, move } from "./kernel.js";
import { transpose } from "./rearranging.js";

/** Which side shorter diagonals are aligned to. */
interface Alignment {
  readonly superdiagonals: "LEFT" | "RIGHT";
  readonly subdiagonals: "LEFT" | "RIGHT";
}

const LEFT: Alignment = { superdiagonals: "LEFT", subdiagonals: "LEFT" };

/** "RIGHT_LEFT": superdiagonals to the right, subdiagonals to the left. */
function alignmentOf(text: string): Alignment {
  const [superdiagonals, subdiagonals] = text.split("_");
  const isSide = (side: string | undefined) => side === "LEFT" || side === "RIGHT";
  if (!isSide(superdiagonals) || !isSide(subdiagonals))
    throw invalidArgument(`align "${text}" is no pair of sides`);
  return { superdiagonals, subdiagonals } as Alignment;
}

interface Band {
  readonly lower: number;
  readonly upper: number;
}

/** The input k: one diagonal, or the lowest and the highest. */
function bandOf(k: Dense): Band {
  const [lower, upper = lower, ...rest] = integersOf(k);
  ensure(
    k.shape.length <= 1 && lower !== undefined && upper !== undefined && rest.length === 0,
    () => `diag_index must be a scalar or vector of one or two elements, got shape ${shapeText(k.shape)}`,
  );
  ensure(
    lower <= upper,
    () => `lower_diag_index must not be larger than upper_diag_index: ${lower} > ${upper}`,
  );
  return { lower, upper };
}

/** One diagonal of a matrix, and its place in a band. */
interface Diagonal {
  /** Of its first element, in the matrix. */
  readonly offset: number;
  readonly length: number;
  /** Of its first element, in the band. */
  readonly bandOffset: number;
}

function lengthOf(diagonal: number, rows: number, columns: number): number {
  return Math.min(rows + Math.min(diagonal, 0), columns - Math.max(diagonal, 0));
}

function longestOf({ lower, upper }: Band, rows: number, columns: number): number {
  return Math.min(rows + Math.min(upper, 0), columns - Math.max(lower, 0));
}

function diagonalsOf(band: Band, rows: number, columns: number, alignment: Alignment): Diagonal[] {
  const longest = longestOf(band, rows, columns);
  const diagonals: Diagonal[] = [];
  for (let diagonal = band.upper; diagonal >= band.lower; diagonal--) {
    const length = lengthOf(diagonal, rows, columns);
    const left =
      (diagonal >= 0 && alignment.superdiagonals === "LEFT") ||
      (diagonal <= 0 && alignment.subdiagonals === "LEFT");
    diagonals.push({
      offset: Math.max(diagonal, 0) + Math.max(-diagonal, 0) * columns,
      length,
      bandOffset: (band.upper - diagonal) * longest + (left ? 0 : longest - length),
    });
  }
  return diagonals;
}

function requireInside({ lower, upper }: Band, rows: number, columns: number): void {
  for (const index of [lower, upper]) {
    ensure(
      (-rows < index && index < columns) || index === 0,
      () => `diagonal index ${index} is out of bound. It must be between ${-rows} and ${columns}`,
    );
  }
}

/** Copies every diagonal of a band between matrices and bands, batch by batch. */
function copyDiagonals(
  direction: "into matrices" | "into bands",
  matrices: Dense,
  bands: Dense,
  band: Band,
  alignment: Alignment,
): void {
  const [rows, columns] = matrices.shape.slice(-2) as [number, number];
  const batches = product(matrices.shape.slice(0, -2));
  // Any number of diagonals without elements costs a request nothing.
  if (matrices.shape.includes(0) || bands.shape.includes(0)) return;
  const bandSize = (band.upper - band.lower + 1) * longestOf(band, rows, columns);
  for (const { offset, length, bandOffset } of diagonalsOf(band, rows, columns, alignment)) {
    const matrix = { value: matrices, offset, strides: [rows * columns, columns + 1] };
    const row = { value: bands, offset: bandOffset, strides: [bandSize, 1] };
    const [from, to] = direction === "into bands" ? [matrix, row] : [row, matrix];
    copyBox([batches, length], from, to);
  }
}

const MAIN: Band = { lower: 0, upper: 0 };

/** The shape of the bands of a batch of matrices: a single diagonal has no dimension of its own. */
function bandShape(batch: Shape, band: Band, longest: number): Shape {
  return band.lower === band.upper ? [...batch, longest] : [...batch, band.upper - band.lower + 1, longest];
}

function matrixDiag(
  diagonal: Dense,
  band: Band,
  size: { rows: number; columns: number },
  padding: Dense | undefined,
  alignment: Alignment,
): Dense {
  ensure(
    diagonal.shape.length >= 1,
    () => `diagonal must be at least 1-dim, received shape: ${shapeText(diagonal.shape)}`,
  );
  const single = band.lower === band.upper;
  ensure(
    single || (diagonal.shape.length >= 2 && diagonal.shape.at(-2) === band.upper - band.lower + 1),
    () =>
      `The number of diagonals provided in the input does not match the lower_diag_index and upper_diag_index range: shape ${shapeText(diagonal.shape)} for ${band.lower} to ${band.upper}`,
  );
  const longest = diagonal.shape.at(-1) as number;
  const { rows, columns } = matrixSize(
    longest - Math.min(band.upper, 0),
    longest + Math.max(band.lower, 0),
    size,
  );
  const batch = diagonal.shape.slice(0, single ? -1 : -2);
  const out = newLike(diagonal, [...batch, rows, columns]);
  if (padding !== undefined) fillBox([elementCount(out.shape)], padding, { value: out });
  copyDiagonals("into matrices", out, diagonal, band, alignment);
  return out;
}

/** The size asked for (-1 is any), at least what the diagonals need, and exactly that in one direction. */
function matrixSize(leastRows: number, leastColumns: number, asked: { rows: number; columns: number }) {
  ensure(
    asked.rows === -1 || asked.rows >= leastRows,
    () => `The number of rows is too small: ${asked.rows} < ${leastRows}`,
  );
  ensure(
    asked.columns === -1 || asked.columns >= leastColumns,
    () => `The number of columns is too small: ${asked.columns} < ${leastColumns}`,
  );
  const square = Math.max(leastRows, leastColumns);
  const neither = asked.rows === -1 && asked.columns === -1;
  const rows = neither ? square : asked.rows === -1 ? leastRows : asked.rows;
  const columns = neither ? square : asked.columns === -1 ? leastColumns : asked.columns;
  ensure(
    rows === leastRows || columns === leastColumns,
    () =>
      `The number of rows or columns is not consistent with the specified diagonals: ${rows} x ${columns}, at least ${leastRows} x ${leastColumns}`,
  );
  return { rows, columns };
}

function requireMatrix(x: Dense): [number, number] {
  ensure(x.shape.length >= 2, () => `input must be at least 2-dim, received shape: ${shapeText(x.shape)}`);
  return x.shape.slice(-2) as [number, number];
}

function matrixDiagPart(x: Dense, band: Band, padding: Dense | undefined, alignment: Alignment): Dense {
  const [rows, columns] = requireMatrix(x);
  requireInside(band, rows, columns);
  const out = newLike(x, bandShape(x.shape.slice(0, -2), band, longestOf(band, rows, columns)));
  if (padding !== undefined) fillBox([elementCount(out.shape)], padding, { value: out });
  copyDiagonals("into bands", x, out, band, alignment);
  return out;
}

function matrixSetDiag(x: Dense, diagonal: Dense, band: Band, alignment: Alignment): Dense {
  const [rows, columns] = requireMatrix(x);
  requireInside(band, rows, columns);
  const expected = bandShape(x.shape.slice(0, -2), band, longestOf(band, rows, columns));
  ensure(
    sameShape(diagonal.shape, expected),
    () =>
      `diagonal must have shape ${shapeText(expected)} for an input of shape ${shapeText(x.shape)}, got ${shapeText(diagonal.shape)}`,
  );
  const out = newLike(x, x.shape);
  copyBox(x.shape, { value: x }, { value: out });
  copyDiagonals("into matrices", out, diagonal, band, alignment);
  return out;
}

/** Zeros outside `lower` subdiagonals and `upper` superdiagonals; negative counts keep all. */
function bandPart(x: Dense, lowerInput: Dense, upperInput: Dense): Dense {
  const [rows, columns] = requireMatrix(x);
  const [lower, upper] = [integerOf(lowerInput, "num_lower"), integerOf(upperInput, "num_upper")];
  ensure(
    lower <= rows,
    () => `num_lower must be negative or less or equal to number of rows (${rows}) got: ${lower}`,
  );
  ensure(
    upper <= columns,
    () => `num_upper must be negative or less or equal to number of columns (${columns}) got: ${upper}`,
  );
  const out = newLike(x, x.shape);
  const batches = product(x.shape.slice(0, -2));
  if (x.shape.includes(0)) return out;
  for (let row = 0; row < rows; row++) {
    const first = lower < 0 ? 0 : Math.max(0, row - lower);
    const end = upper < 0 ? columns : Math.min(columns, row + upper + 1);
    const place = { offset: row * columns + first, strides: [rows * columns, 1] };
    if (end > first) copyBox([batches, end - first], { value: x, ...place }, { value: out, ...place });
  }
  return out;
}

/** V3 lets the node choose the alignment. */
const versionOf = (v3: boolean, make: (alignment: Alignment) => DenseFunction): HostRow =>
  move((node) => make(v3 ? alignmentOf(node.attrs.string("align")) : LEFT));

const diagRow = (v3: boolean): HostRow =>
  versionOf(
    v3,
    (alignment) => (diagonal, k, rows, columns, padding) =>
      matrixDiag(
        diagonal as Dense,
        bandOf(k as Dense),
        { rows: integerOf(rows, "num_rows"), columns: integerOf(columns, "num_cols") },
        padding,
        alignment,
      ),
  );

const diagPartRow = (v3: boolean): HostRow =>
  versionOf(
    v3,
    (alignment) => (x, k, padding) => matrixDiagPart(x as Dense, bandOf(k as Dense), padding, alignment),
  );

const setDiagRow = (v3: boolean): HostRow =>
  versionOf(
    v3,
    (alignment) => (x, diagonal, k) =>
      matrixSetDiag(x as Dense, diagonal as Dense, bandOf(k as Dense), alignment),
  );

const matrixDiagRow = move(
  () => (diagonal) => matrixDiag(diagonal, MAIN, { rows: -1, columns: -1 }, undefined, LEFT),
);
const matrixDiagPartRow = move(() => (x) => matrixDiagPart(x, MAIN, undefined, LEFT));
const matrixSetDiagRow = move(() => (x, diagonal) => matrixSetDiag(x, diagonal, MAIN, LEFT));
const bandPartRow = move(() => bandPart);

export const diagonalKernels: HostTable = {
  MatrixDiag: matrixDiagRow,
  MatrixDiagV2: diagRow(false),
  MatrixDiagV3: diagRow(true),
  MatrixDiagPart: matrixDiagPartRow,
  MatrixDiagPartV2: diagPartRow(false),
  MatrixDiagPartV3: diagPartRow(true),
  MatrixSetDiag: matrixSetDiagRow,
  MatrixSetDiagV2: setDiagRow(false),
  MatrixSetDiagV3: setDiagRow(true),
  MatrixBandPart: bandPartRow,
  BatchMatrixDiag: matrixDiagRow,
  BatchMatrixDiagPart: matrixDiagPartRow,
  BatchMatrixSetDiag: matrixSetDiagRow,
  BatchMatrixBandPart: bandPartRow,
  ConjugateTranspose: compute(() => (x, perm) => {
    const transposed = transpose(x, integersOf(perm)) as Tensor;
    return x.dtype.startsWith("complex")
      ? mapped(transposed, x.dtype, complex.conj as (x: Complex) => Complex)
      : transposed;
  }),
};
