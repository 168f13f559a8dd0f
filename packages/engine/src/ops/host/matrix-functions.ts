/** Functions of square matrices: exponential, square root, logarithm (N. Higham, Functions of Matrices, 2008). */
import { luDecomposition, solveLu } from "./decompositions.js";
import { Matrix } from "./matrices.js";

export function inverse<E>(matrix: Matrix<E>): Matrix<E> {
  return solveLu(luDecomposition(matrix), Matrix.identity(matrix.field, matrix.rows));
}

/** Scaling and squaring around a Taylor sum of a matrix of small norm. */
export function exponential<E>(matrix: Matrix<E>): Matrix<E> {
  const squarings = Math.max(0, Math.ceil(Math.log2(matrix.norm1() || 1)) + 2);
  const scaled = matrix.scaled(2 ** -squarings);
  let sum = Matrix.identity(matrix.field, matrix.rows);
  let term = sum;
  for (let k = 1; k <= 20; k++) {
    term = term.times(scaled).scaled(1 / k);
    sum = sum.plus(term);
  }
  for (let i = 0; i < squarings; i++) sum = sum.times(sum);
  return sum;
}

const MAX_ITERATIONS = 100;

/** The principal square root by Denman and Beavers's iteration; of matrices without negative real eigenvalues. */
export function squareRoot<E>(matrix: Matrix<E>): Matrix<E> {
  let [y, z] = [matrix, Matrix.identity(matrix.field, matrix.rows)];
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    const next = y.plus(inverse(z)).scaled(0.5);
    z = z.plus(inverse(y)).scaled(0.5);
    const change = next.minus(y).norm1();
    y = next;
    if (!(change > 1e-14 * y.norm1())) break;
  }
  return y;
}

/** By square roots until near the identity, then the series of 2 artanh((A - I)(A + I)^-1). */
export function logarithm<E>(matrix: Matrix<E>): Matrix<E> {
  const identity = Matrix.identity(matrix.field, matrix.rows);
  let root = matrix;
  let roots = 0;
  for (; root.minus(identity).norm1() > 0.1 && roots < MAX_ITERATIONS; roots++) root = squareRoot(root);
  const x = root.minus(identity).times(inverse(root.plus(identity)));
  const square = x.times(x);
  let [sum, power] = [x, x];
  for (let k = 3; k <= 31; k += 2) {
    power = power.times(square);
    sum = sum.plus(power.scaled(1 / k));
  }
  return sum.scaled(2 * 2 ** roots);
}
