/**
 * The decompositions of linear algebra, in double.
 *
 * Factors are unique but for signs and order, and clients see these. So the algorithms are the ones of Eigen, which
 * TensorFlow calls: Householder reflections as its makeHouseholder chooses them, the implicit QR iteration with
 * Wilkinson's shift, two-sided Jacobi rotations. Eigen's divide-and-conquer for SVDs of 16 columns or more is not
 * followed: there the signs of singular vectors may differ.
 */
import { type Field, realField } from "./fields.js";
import { Matrix } from "./matrices.js";

const SMALLEST = 2 ** -1022;

// ---- LU --------------------------------------------------------------------------------------------------------

export interface Lu<E> {
  /** U in the upper triangle, L (with ones on its diagonal) below. */
  readonly lu: Matrix<E>;
  /** Row i of LU is row order[i] of the matrix. */
  readonly order: number[];
  /** -1 for an odd number of swaps. */
  readonly sign: number;
  readonly singular: boolean;
}

/** With row swaps: each column's largest entry is its pivot. */
export function luDecomposition<E>(matrix: Matrix<E>): Lu<E> {
  const { field, rows: size } = matrix;
  const lu = matrix.copy();
  const order = Array.from({ length: size }, (_, i) => i);
  let [sign, singular] = [1, false];
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let i = k + 1; i < size; i++) if (field.abs(lu.at(i, k)) > field.abs(lu.at(pivot, k))) pivot = i;
    if (field.abs(lu.at(pivot, k)) === 0) {
      singular = true;
      continue;
    }
    if (pivot !== k) {
      lu.swapRows(k, pivot);
      [order[k], order[pivot]] = [order[pivot] as number, order[k] as number];
      sign = -sign;
    }
    for (let i = k + 1; i < size; i++) {
      const factor = field.div(lu.at(i, k), lu.at(k, k));
      lu.set(i, k, factor);
      for (let j = k + 1; j < size; j++) lu.set(i, j, field.sub(lu.at(i, j), field.mul(factor, lu.at(k, j))));
    }
  }
  return { lu, order, sign, singular };
}

/** The x with (LU) x = right-hand side. */
export function solveLu<E>({ lu, order }: Lu<E>, rhs: Matrix<E>): Matrix<E> {
  const permuted = rhs.map((_, i, j) => rhs.at(order[i] as number, j));
  return solveTriangular(lu, solveTriangular(lu, permuted, { lower: true, unit: true }), { lower: false });
}

/** The x with T x = right-hand side, T being one triangle of the matrix. */
export function solveTriangular<E>(
  matrix: Matrix<E>,
  rhs: Matrix<E>,
  { lower, unit = false }: { lower: boolean; unit?: boolean },
): Matrix<E> {
  const { field, rows: size } = matrix;
  const x = rhs.copy();
  for (let step = 0; step < size; step++) {
    const i = lower ? step : size - 1 - step;
    const [from, to] = lower ? [0, i] : [i + 1, size];
    for (let column = 0; column < rhs.columns; column++) {
      let rest = x.at(i, column);
      for (let j = from; j < to; j++) rest = field.sub(rest, field.mul(matrix.at(i, j), x.at(j, column)));
      x.set(i, column, unit ? rest : field.div(rest, matrix.at(i, i)));
    }
  }
  return x;
}

// ---- Cholesky --------------------------------------------------------------------------------------------------

/** The lower L with L L* = matrix, reading the lower triangle; undefined when there is none. */
export function choleskyFactor<E>(matrix: Matrix<E>): Matrix<E> | undefined {
  const { field, rows: size } = matrix;
  const l = Matrix.zeros(field, size, size);
  for (let j = 0; j < size; j++) {
    for (let i = j; i < size; i++) {
      let rest = matrix.at(i, j);
      for (let k = 0; k < j; k++) rest = field.sub(rest, field.mul(l.at(i, k), field.conj(l.at(j, k))));
      if (i === j && !(field.real(rest) > 0)) return undefined;
      l.set(
        i,
        j,
        i === j ? field.of(Math.sqrt(field.real(rest))) : field.scale(rest, 1 / field.real(l.at(j, j))),
      );
    }
  }
  return l;
}

// ---- QR --------------------------------------------------------------------------------------------------------

/** The reflection I - tau v v* that turns a vector into (beta, 0, …), v being (1, rest). */
interface Reflection<E> {
  readonly vector: E[];
  readonly tau: E;
  /** Real. */
  readonly beta: number;
}

function reflectionOf<E>(field: Field<E>, [first, ...rest]: readonly E[]): Reflection<E> {
  const head = first as E;
  const tail = rest.reduce((sum, entry) => sum + field.abs(entry) ** 2, 0);
  const imaginary = field.abs(field.sub(head, field.of(field.real(head))));
  if (tail <= SMALLEST && imaginary ** 2 <= SMALLEST) {
    return { vector: [field.one, ...rest.map(() => field.zero)], tau: field.zero, beta: field.real(head) };
  }
  const length = Math.sqrt(field.abs(head) ** 2 + tail);
  const beta = field.real(head) >= 0 ? -length : length;
  const divisor = field.sub(head, field.of(beta));
  return {
    vector: [field.one, ...rest.map((entry) => field.div(entry, divisor))],
    tau: field.conj(field.scale(field.sub(field.of(beta), head), 1 / beta)),
    beta,
  };
}

/** Applies I - tau v v* from the left to the rows from `start` on, in the columns from `firstColumn` on. */
function reflectRows<E>(
  matrix: Matrix<E>,
  vector: readonly E[],
  tau: E,
  start: number,
  firstColumn: number,
): void {
  const { field } = matrix;
  for (let j = firstColumn; j < matrix.columns; j++) {
    let dot = field.zero;
    for (const [i, v] of vector.entries())
      dot = field.add(dot, field.mul(field.conj(v), matrix.at(start + i, j)));
    const factor = field.mul(tau, dot);
    for (const [i, v] of vector.entries()) {
      matrix.set(start + i, j, field.sub(matrix.at(start + i, j), field.mul(v, factor)));
    }
  }
}

export interface Qr<E> {
  /** Square. */
  readonly q: Matrix<E>;
  /** Of the matrix's shape, upper triangular. */
  readonly r: Matrix<E>;
  /** Column j of Q R is column order[j] of the matrix. */
  readonly order: number[];
}

/** By Householder reflections; with `pivoting` the column of largest remaining norm comes next. */
export function qrDecomposition<E>(matrix: Matrix<E>, pivoting = false): Qr<E> {
  const { field, rows, columns } = matrix;
  const r = matrix.copy();
  const order = Array.from({ length: columns }, (_, j) => j);
  const reflections: Reflection<E>[] = [];
  for (let k = 0; k < Math.min(rows, columns); k++) {
    if (pivoting) {
      const best = largestColumn(r, k);
      r.swapColumns(k, best);
      [order[k], order[best]] = [order[best] as number, order[k] as number];
    }
    const column = Array.from({ length: rows - k }, (_, i) => r.at(k + i, k));
    const reflection = reflectionOf(field, column);
    reflections.push(reflection);
    reflectRows(r, reflection.vector, reflection.tau, k, k + 1);
    r.set(k, k, field.of(reflection.beta));
  }
  return { q: productOf(field, reflections, rows, 0), r: r.upperTriangle(), order };
}

function largestColumn<E>(r: Matrix<E>, k: number): number {
  let [best, bestNorm] = [k, -1];
  for (let j = k; j < r.columns; j++) {
    let norm = 0;
    for (let i = k; i < r.rows; i++) norm += r.field.abs(r.at(i, j)) ** 2;
    if (norm > bestNorm) [best, bestNorm] = [j, norm];
  }
  return best;
}

/** H0* H1* …, the reflections acting from row `shift` on. */
function productOf<E>(
  field: Field<E>,
  reflections: readonly Reflection<E>[],
  size: number,
  shift: number,
): Matrix<E> {
  const q = Matrix.identity(field, size);
  for (let k = reflections.length - 1; k >= 0; k--) {
    const { vector, tau } = reflections[k] as Reflection<E>;
    reflectRows(q, vector, field.conj(tau), k + shift, 0);
  }
  return q;
}

// ---- eigenvalues of self-adjoint matrices ----------------------------------------------------------------------

export interface Eigen<E> {
  /** Ascending. */
  readonly values: number[];
  /** Eigenvectors as columns. */
  readonly vectors: Matrix<E>;
}

/**
 * Reads the lower triangle. `epsilon` is the precision of the caller's dtype: it decides when an entry counts as
 * zero, so how many steps are taken, and by that the signs.
 */
export function selfAdjointEigen<E>(matrix: Matrix<E>, epsilon: number): Eigen<E> {
  if (matrix.rows === 0) return { values: [], vectors: matrix };
  const scale = largestEntry(matrix.lowerTriangle()) || 1;
  const { diagonal, subdiagonal, q } = tridiagonalize(matrix.lowerTriangle().scaled(1 / scale));
  diagonalize(diagonal, subdiagonal, q, epsilon);
  sortAscending(diagonal, q);
  return { values: diagonal.map((value) => value * scale), vectors: q };
}

function largestEntry<E>({ field, entries }: Matrix<E>): number {
  return entries.reduce((largest, entry) => Math.max(largest, field.abs(entry)), 0);
}

interface Tridiagonal<E> {
  readonly diagonal: number[];
  readonly subdiagonal: number[];
  readonly q: Matrix<E>;
}

/** Q* A Q tridiagonal and real, A being given by its lower triangle. */
function tridiagonalize<E>(lower: Matrix<E>): Tridiagonal<E> {
  const { field, rows: size } = lower;
  const a = lower.copy();
  const reflections: Reflection<E>[] = [];
  for (let k = 0; k + 1 < size; k++) {
    const count = size - k - 1;
    const reflection = reflectionOf(
      field,
      Array.from({ length: count }, (_, i) => a.at(k + 1 + i, k)),
    );
    const { vector, tau, beta } = reflection;
    reflections.push(reflection);
    // With p = conj(tau) A v and w = p - (conj(tau) p*v / 2) v, the reflected block is A - v w* - w v*.
    const entry = (i: number, j: number): E =>
      i >= j ? a.at(k + 1 + i, k + 1 + j) : field.conj(a.at(k + 1 + j, k + 1 + i));
    const p = vector.map((_, i) =>
      field.mul(
        field.conj(tau),
        vector.reduce((sum, v, j) => field.add(sum, field.mul(entry(i, j), v)), field.zero),
      ),
    );
    const dot = p.reduce(
      (sum, each, i) => field.add(sum, field.mul(field.conj(each), vector[i] as E)),
      field.zero,
    );
    const half = field.scale(field.mul(field.conj(tau), dot), -0.5);
    const w = p.map((each, i) => field.add(each, field.mul(half, vector[i] as E)));
    for (let i = 0; i < count; i++) {
      for (let j = 0; j <= i; j++) {
        const change = field.add(
          field.mul(vector[i] as E, field.conj(w[j] as E)),
          field.mul(w[i] as E, field.conj(vector[j] as E)),
        );
        a.set(k + 1 + i, k + 1 + j, field.sub(a.at(k + 1 + i, k + 1 + j), change));
      }
    }
    a.set(k + 1, k, field.of(beta));
  }
  return {
    diagonal: Array.from({ length: size }, (_, i) => field.real(a.at(i, i))),
    subdiagonal: Array.from({ length: size - 1 }, (_, i) => field.real(a.at(i + 1, i))),
    q: productOf(field, reflections, size, 1),
  };
}

const MAX_ITERATIONS_PER_VALUE = 30;

/** Implicit QR steps until the subdiagonal is zero; q is rotated along. */
function diagonalize<E>(diagonal: number[], subdiagonal: number[], q: Matrix<E>, epsilon: number): void {
  let end = diagonal.length - 1;
  for (let steps = 0; end > 0 && steps < MAX_ITERATIONS_PER_VALUE * diagonal.length; steps++) {
    for (let i = 0; i < end; i++) if (negligible(diagonal, subdiagonal, i, epsilon)) subdiagonal[i] = 0;
    while (end > 0 && subdiagonal[end - 1] === 0) end--;
    if (end === 0) return;
    let start = end - 1;
    while (start > 0 && subdiagonal[start - 1] !== 0) start--;
    qrStep(diagonal, subdiagonal, start, end, q);
  }
}

function negligible(
  diagonal: readonly number[],
  subdiagonal: readonly number[],
  i: number,
  epsilon: number,
): boolean {
  const entry = Math.abs(subdiagonal[i] as number);
  if (entry < SMALLEST) return true;
  const scaled = entry / epsilon;
  return scaled * scaled <= Math.abs(diagonal[i] as number) + Math.abs(diagonal[i + 1] as number);
}

/** The eigenvalue of the last 2 × 2 block nearer to its last entry. */
function wilkinsonShift(diagonal: readonly number[], subdiagonal: readonly number[], end: number): number {
  const difference = ((diagonal[end - 1] as number) - (diagonal[end] as number)) / 2;
  const e = subdiagonal[end - 1] as number;
  const last = diagonal[end] as number;
  if (difference === 0) return last - Math.abs(e);
  const length = Math.hypot(difference, e);
  return last - e / ((difference + (difference > 0 ? length : -length)) / e);
}

function qrStep<E>(
  diagonal: number[],
  subdiagonal: number[],
  start: number,
  end: number,
  q: Matrix<E>,
): void {
  let x = (diagonal[start] as number) - wilkinsonShift(diagonal, subdiagonal, end);
  let z = subdiagonal[start] as number;
  for (let k = start; k < end && z !== 0; k++) {
    const { c, s } = givens(x, z);
    const [dk, ek, dnext] = [diagonal[k] as number, subdiagonal[k] as number, diagonal[k + 1] as number];
    const sdk = s * dk + c * ek;
    const dkp1 = s * ek + c * dnext;
    diagonal[k] = c * (c * dk - s * ek) - s * (c * ek - s * dnext);
    diagonal[k + 1] = s * sdk + c * dkp1;
    subdiagonal[k] = c * sdk - s * dkp1;
    if (k > start) subdiagonal[k - 1] = c * (subdiagonal[k - 1] as number) - s * z;
    x = subdiagonal[k] as number;
    if (k < end - 1) {
      z = -s * (subdiagonal[k + 1] as number);
      subdiagonal[k + 1] = c * (subdiagonal[k + 1] as number);
    }
    rotateColumns(q, k, k + 1, c, s);
  }
}

interface Rotation {
  readonly c: number;
  readonly s: number;
}

/** The rotation that turns (p, q) into (r, 0). */
function givens(p: number, q: number): Rotation {
  if (q === 0) return { c: p < 0 ? -1 : 1, s: 0 };
  if (p === 0) return { c: 0, s: q < 0 ? 1 : -1 };
  if (Math.abs(p) > Math.abs(q)) {
    const t = q / p;
    const u = Math.sign(p) * Math.sqrt(1 + t * t);
    return { c: 1 / u, s: -t / u };
  }
  const t = p / q;
  const u = Math.sign(q) * Math.sqrt(1 + t * t);
  return { c: t / u, s: -1 / u };
}

/** Columns (i, j) as (c x - s y, s x + c y). */
function rotateColumns<E>(matrix: Matrix<E>, i: number, j: number, c: number, s: number): void {
  const { field } = matrix;
  for (let row = 0; row < matrix.rows; row++) {
    const [x, y] = [matrix.at(row, i), matrix.at(row, j)];
    matrix.set(row, i, field.sub(field.scale(x, c), field.scale(y, s)));
    matrix.set(row, j, field.add(field.scale(x, s), field.scale(y, c)));
  }
}

function sortAscending<E>(values: number[], vectors: Matrix<E>): void {
  for (let i = 0; i + 1 < values.length; i++) {
    let least = i;
    for (let j = i + 1; j < values.length; j++)
      if ((values[j] as number) < (values[least] as number)) least = j;
    if (least === i) continue;
    [values[i], values[least]] = [values[least] as number, values[i] as number];
    vectors.swapColumns(i, least);
  }
}

// ---- singular values -------------------------------------------------------------------------------------------

export interface Svd<E> {
  /** Descending. */
  readonly values: number[];
  /** Left singular vectors as columns, at least as many as there are values. */
  readonly u: Matrix<E>;
  readonly v: Matrix<E>;
}

/** By Jacobi rotations: A = U diag(values) V*. */
export function svdDecomposition<E>(matrix: Matrix<E>): Svd<E> {
  const { field, rows, columns } = matrix;
  const scale = largestEntry(matrix) || 1;
  const scaled = matrix.scaled(1 / scale);
  const { work, u, v } =
    rows === columns
      ? { work: scaled, u: Matrix.identity(field, rows), v: Matrix.identity(field, columns) }
      : rows > columns
        ? preconditioned(scaled)
        : flipped(preconditioned(scaled.adjoint()));
  const isReal = (field as unknown) === realField;
  const values = isReal ? twoSidedJacobi(work as never, u as never, v as never) : oneSidedJacobi(work, u, v);
  sortDescending(values, u, v);
  return { values: values.map((value) => value * scale), u, v };
}

interface Preconditioned<E> {
  /** Square: the matrix is u work v*. */
  readonly work: Matrix<E>;
  readonly u: Matrix<E>;
  readonly v: Matrix<E>;
}

/** Of more rows than columns: the square factor of a pivoted QR decomposition. */
function preconditioned<E>(matrix: Matrix<E>): Preconditioned<E> {
  const { q, r, order } = qrDecomposition(matrix, true);
  const { field, columns } = matrix;
  const v = Matrix.zeros(field, columns, columns);
  for (const [j, from] of order.entries()) v.set(from, j, field.one);
  return { work: r.corner(columns, columns), u: q, v };
}

function flipped<E>({ work, u, v }: Preconditioned<E>): Preconditioned<E> {
  return { work: work.adjoint(), u: v, v: u };
}

const MAX_SWEEPS = 60;

/** Makes the square work matrix diagonal, p-q block by p-q block; returns the diagonal's magnitudes. */
function twoSidedJacobi(work: Matrix<number>, u: Matrix<number>, v: Matrix<number>): number[] {
  const size = work.rows;
  for (let sweep = 0, finished = false; !finished && sweep < MAX_SWEEPS; sweep++) {
    finished = true;
    for (let p = 1; p < size; p++) {
      for (let q = 0; q < p; q++) {
        if (offDiagonal(work, p, q) <= threshold(work)) continue;
        finished = false;
        rotateBlock(work, u, v, p, q);
      }
    }
  }
  return Array.from({ length: size }, (_, i) => {
    const value = work.at(i, i);
    if (value < 0) for (let row = 0; row < u.rows; row++) u.set(row, i, -u.at(row, i));
    return Math.abs(value);
  });
}

const offDiagonal = (work: Matrix<number>, p: number, q: number): number =>
  Math.max(Math.abs(work.at(p, q)), Math.abs(work.at(q, p)));

function threshold(work: Matrix<number>): number {
  let largest = 0;
  for (let i = 0; i < work.rows; i++) largest = Math.max(largest, Math.abs(work.at(i, i)));
  return Math.max(2 * SMALLEST, 2 * Number.EPSILON * largest);
}

function rotateBlock(work: Matrix<number>, u: Matrix<number>, v: Matrix<number>, p: number, q: number): void {
  const [a, b, c, d] = [work.at(p, p), work.at(p, q), work.at(q, p), work.at(q, q)];
  const symmetrizing = symmetrizer(a, b, c, d);
  // The block after the symmetrizing rotation of its rows.
  const { c: cos, s: sin } = symmetrizing;
  const right = jacobi(cos * a + sin * c, cos * b + sin * d, -sin * b + cos * d);
  const left = { c: cos * right.c + sin * right.s, s: sin * right.c - cos * right.s };
  for (let j = 0; j < work.columns; j++) {
    const [x, y] = [work.at(p, j), work.at(q, j)];
    work.set(p, j, left.c * x + left.s * y);
    work.set(q, j, -left.s * x + left.c * y);
  }
  rotateColumns(u, p, q, left.c, -left.s);
  rotateColumns(work, p, q, right.c, right.s);
  rotateColumns(v, p, q, right.c, right.s);
}

/** The rotation of rows that makes [[a, b], [c, d]] symmetric. */
function symmetrizer(a: number, b: number, c: number, d: number): Rotation {
  const [trace, difference] = [a + d, c - b];
  if (Math.abs(difference) < SMALLEST) return { c: 1, s: 0 };
  const ratio = trace / difference;
  const length = Math.sqrt(1 + ratio * ratio);
  return { c: ratio / length, s: 1 / length };
}

/** The rotation that makes the symmetric [[x, y], [y, z]] diagonal. */
function jacobi(x: number, y: number, z: number): Rotation {
  const divisor = 2 * Math.abs(y);
  if (divisor < SMALLEST) return { c: 1, s: 0 };
  const tau = (x - z) / divisor;
  const width = Math.sqrt(tau * tau + 1);
  const t = tau > 0 ? 1 / (tau + width) : 1 / (tau - width);
  const n = 1 / Math.sqrt(t * t + 1);
  return { c: n, s: -Math.sign(t) * Math.sign(y) * Math.abs(t) * n };
}

/** Rotates columns of the work matrix until they are orthogonal: their norms are the singular values. */
function oneSidedJacobi<E>(work: Matrix<E>, u: Matrix<E>, v: Matrix<E>): number[] {
  const { field, rows: size } = work;
  for (let sweep = 0, finished = false; !finished && sweep < MAX_SWEEPS; sweep++) {
    finished = true;
    for (let p = 1; p < size; p++) {
      for (let q = 0; q < p; q++) if (orthogonalize(work, v, p, q)) finished = false;
    }
  }
  const norms = Array.from({ length: size }, (_, j) =>
    Math.sqrt(columnDot(work, j, j, (e) => field.abs(e) ** 2)),
  );
  const left = work.map((entry, _, j) =>
    norms[j] === 0 ? field.zero : field.scale(entry, 1 / (norms[j] as number)),
  );
  completeBasis(left, norms);
  const rotated = u.corner(u.rows, size).times(left);
  for (let i = 0; i < u.rows; i++) for (let j = 0; j < size; j++) u.set(i, j, rotated.at(i, j));
  return norms;
}

function columnDot<E>(work: Matrix<E>, p: number, q: number, f: (a: E, b: E) => number): number {
  let sum = 0;
  for (let i = 0; i < work.rows; i++) sum += f(work.at(i, p), work.at(i, q));
  return sum;
}

/** Whether columns p and q had to be rotated. */
function orthogonalize<E>(work: Matrix<E>, v: Matrix<E>, p: number, q: number): boolean {
  const { field } = work;
  const [alpha, beta] = [p, q].map((j) => columnDot(work, j, j, (e) => field.abs(e) ** 2)) as [
    number,
    number,
  ];
  let gamma = field.zero;
  for (let i = 0; i < work.rows; i++)
    gamma = field.add(gamma, field.mul(field.conj(work.at(i, p)), work.at(i, q)));
  const size = field.abs(gamma);
  if (size <= Number.EPSILON * Math.sqrt(alpha * beta) || size < SMALLEST) return false;
  // The phase makes the product real; then it is the real rotation.
  const phase = field.scale(gamma, 1 / size);
  const { c, s } = jacobi(alpha, size, beta);
  for (const matrix of [work, v]) {
    for (let i = 0; i < matrix.rows; i++) {
      matrix.set(i, q, field.mul(matrix.at(i, q), field.conj(phase)));
    }
    rotateColumns(matrix, p, q, c, s);
  }
  return true;
}

/** Columns of norm zero become unit vectors orthogonal to the others. */
function completeBasis<E>(basis: Matrix<E>, norms: readonly number[]): void {
  const { field, rows: size } = basis;
  for (const [j, norm] of norms.entries()) {
    if (norm !== 0) continue;
    for (let candidate = 0; candidate < size; candidate++) {
      for (let i = 0; i < size; i++) basis.set(i, j, i === candidate ? field.one : field.zero);
      if (orthonormalize(basis, j)) break;
    }
  }
}

/** Subtracts from column j its projections on the others; false when little is left. */
function orthonormalize<E>(basis: Matrix<E>, j: number): boolean {
  const { field, rows: size } = basis;
  for (let k = 0; k < basis.columns; k++) {
    if (k === j) continue;
    let dot = field.zero;
    for (let i = 0; i < size; i++)
      dot = field.add(dot, field.mul(field.conj(basis.at(i, k)), basis.at(i, j)));
    for (let i = 0; i < size; i++) basis.set(i, j, field.sub(basis.at(i, j), field.mul(dot, basis.at(i, k))));
  }
  const norm = Math.sqrt(columnDot(basis, j, j, (e) => field.abs(e) ** 2));
  for (let i = 0; i < size; i++)
    basis.set(i, j, norm === 0 ? field.zero : field.scale(basis.at(i, j), 1 / norm));
  return norm > 0.1;
}

function sortDescending<E>(values: number[], u: Matrix<E>, v: Matrix<E>): void {
  for (let i = 0; i < values.length; i++) {
    let most = i;
    for (let j = i + 1; j < values.length; j++)
      if ((values[j] as number) > (values[most] as number)) most = j;
    if (most === i) continue;
    [values[i], values[most]] = [values[most] as number, values[i] as number];
    u.swapColumns(i, most);
    v.swapColumns(i, most);
  }
}
