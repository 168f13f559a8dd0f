/** Rows of linear algebra over batches of matrices, computed in double. */
import {
  type DType,
  invalidArgument,
  resourceExhausted,
  type Shape,
  sameShape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { product } from "./boxes.js";
import {
  choleskyFactor,
  luDecomposition,
  qrDecomposition,
  selfAdjointEigen,
  solveLu,
  solveTriangular,
  svdDecomposition,
} from "./decompositions.js";
import { elementsOf, newElements, realsOf, tensorOf, tensorOfNumbers } from "./domains.js";
import { type Field, fieldOf } from "./fields.js";
import { compute, countOfObjects, ensure, outputDtype } from "./kernel.js";
import { broadcastShape } from "./loop-nest.js";
import { Matrix } from "./matrices.js";
import { exponential, logarithm, squareRoot } from "./matrix-functions.js";

type AnyMatrix = Matrix<unknown>;

/** Matrices of no elements, which any number of costs a request nothing. */
const MAX_EMPTY_MATRICES = 2 ** 20;

/** The matrices of a batch, row-major over the batch dimensions. */
function matricesOf(x: Tensor): AnyMatrix[] {
  ensure(x.shape.length >= 2, () => `Input tensor 0 must have rank >= 2, got shape ${shapeText(x.shape)}`);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const field = fieldOf(x.dtype);
  const entries = Array.from(elementsOf<unknown>(x) as ArrayLike<unknown>);
  const size = rows * columns;
  const count = product(x.shape.slice(0, -2));
  if (size === 0 && count > MAX_EMPTY_MATRICES)
    throw resourceExhausted(`${count} empty matrices are too many`);
  return Array.from(
    { length: count },
    (_, i) => new Matrix(field, rows, columns, entries.slice(i * size, (i + 1) * size)),
  );
}

function squareMatricesOf(x: Tensor): AnyMatrix[] {
  const matrices = matricesOf(x);
  ensure(
    x.shape.at(-1) === x.shape.at(-2),
    () => `Input matrix must be square, got shape ${shapeText(x.shape)}`,
  );
  return matrices;
}

/** A tensor of the entries of one list per batch item, each of shape `inner`. */
function batchOf(dtype: DType, batch: Shape, inner: Shape, lists: readonly (readonly unknown[])[]): Tensor {
  const shape = [...batch, ...inner];
  const out = newElements<unknown>(dtype, shape);
  let at = 0;
  for (const entries of lists) for (const entry of entries) out[at++] = entry;
  return tensorOf(dtype, shape, out);
}

const batchShape = (x: Tensor): Shape => x.shape.slice(0, -2);

/** An op from square matrices to matrices of the same size. */
const squareToSquare = (f: (matrix: AnyMatrix) => AnyMatrix): HostRow =>
  compute(() => (x) => {
    const results = squareMatricesOf(x).map((matrix) => f(matrix).entries);
    return batchOf(x.dtype, batchShape(x), x.shape.slice(-2), results);
  });

// ---- solving ---------------------------------------------------------------------------------------------------

const NOT_INVERTIBLE = "Input matrix is not invertible.";

function solved(matrix: AnyMatrix, rhs: AnyMatrix): AnyMatrix {
  const lu = luDecomposition(matrix);
  ensure(!lu.singular, NOT_INVERTIBLE);
  return solveLu(lu, rhs);
}

const inverseRow = compute((node) => {
  const adjoint = node.attrs.bool("adjoint");
  return (x) => {
    const results = squareMatricesOf(x).map(
      (matrix) =>
        solved(adjoint ? matrix.adjoint() : matrix, Matrix.identity(matrix.field, matrix.rows)).entries,
    );
    return batchOf(x.dtype, batchShape(x), x.shape.slice(-2), results);
  };
});

/** Batches of systems; where TensorFlow broadcasts them, so does this. */
function solveBatches(a: Tensor, b: Tensor, solve: (matrix: AnyMatrix, rhs: AnyMatrix) => AnyMatrix): Tensor {
  const [matrices, sides] = [squareMatricesOf(a), matricesOf(b)];
  ensure(
    a.shape.at(-1) === b.shape.at(-2),
    () => `Input matrix and rhs are incompatible: ${shapeText(a.shape)} vs. ${shapeText(b.shape)}`,
  );
  const batch = broadcastShape(batchShape(a), batchShape(b));
  const [ofMatrix, ofSide] = [a, b].map((x) => batchIndices(batchShape(x), batch)) as [number[], number[]];
  const results = ofMatrix.map(
    (at, i) => solve(matrices[at] as AnyMatrix, sides[ofSide[i] as number] as AnyMatrix).entries,
  );
  return batchOf(b.dtype, batch, b.shape.slice(-2), results);
}

/** For each position of the broadcast batch, the one of the operand's own. */
function batchIndices(from: Shape, to: Shape): number[] {
  return Array.from({ length: countOfObjects(to) }, (_, position) => {
    let [index, stride, rest] = [0, 1, position];
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const at = rest % (to[axis] as number);
      rest = Math.floor(rest / (to[axis] as number));
      const size = from[axis - to.length + from.length];
      if (size === undefined) continue;
      index += size === 1 ? 0 : at * stride;
      stride *= size;
    }
    return index;
  });
}

const solveRow = compute((node) => {
  const adjoint = node.attrs.bool("adjoint");
  return (a, b) => solveBatches(a, b, (matrix, rhs) => solved(adjoint ? matrix.adjoint() : matrix, rhs));
});

const triangularSolveRow = compute((node) => {
  const [lower, adjoint] = [node.attrs.bool("lower"), node.attrs.bool("adjoint")];
  return (a, b) =>
    solveBatches(a, b, (matrix, rhs) => {
      for (let i = 0; i < matrix.rows; i++) ensure(matrix.field.abs(matrix.at(i, i)) !== 0, NOT_INVERTIBLE);
      const used = adjoint ? matrix.adjoint() : matrix;
      return solveTriangular(used, rhs, { lower: lower !== adjoint });
    });
});

/** Triangular matrices of few diagonals, which are their rows: the main one first for lower, last for upper ones. */
const bandedSolveRow = compute((node) => {
  const [lower, adjoint] = [node.attrs.bool("lower"), node.attrs.bool("adjoint")];
  return (bands, b) => {
    const [count, size] = bands.shape.slice(-2) as [number, number];
    const full = matricesOf(bands).map((band) =>
      Matrix.zeros(band.field, size, size).map((zero, i, j) => {
        const below = lower ? i - j : j - i;
        if (below < 0 || below >= count) return zero;
        return lower ? band.at(below, i) : band.at(count - 1 - below, i);
      }),
    );
    const dense = batchOf(
      bands.dtype,
      batchShape(bands),
      [size, size],
      full.map((matrix) => matrix.entries),
    );
    return solveBatches(dense, b, (matrix, rhs) =>
      solveTriangular(adjoint ? matrix.adjoint() : matrix, rhs, { lower: lower !== adjoint }),
    );
  };
});

/**
 * The least squares solution, of least norm where there are many; by the normal equations if `fast` and so with a
 * regularizer.
 */
const leastSquaresRow = compute((node) => {
  const fast = node.attrs.bool("fast");
  return (a, b, regularizerInput) => {
    const [matrices, sides] = [matricesOf(a), matricesOf(b)];
    ensure(
      sameShape(batchShape(a), batchShape(b)) && a.shape.at(-2) === b.shape.at(-2),
      () => `Input matrix and rhs are incompatible: ${shapeText(a.shape)} vs. ${shapeText(b.shape)}`,
    );
    const l2 = Number(realsOf(regularizerInput)[0]);
    ensure(l2 >= 0, () => `l2_regularizer must be >= 0, got ${l2}`);
    const results = matrices.map(
      (matrix, i) => leastSquares(matrix, sides[i] as AnyMatrix, l2, fast).entries,
    );
    return batchOf(a.dtype, batchShape(a), [a.shape.at(-1) as number, b.shape.at(-1) as number], results);
  };
});

function leastSquares(matrix: AnyMatrix, rhs: AnyMatrix, l2: number, fast: boolean): AnyMatrix {
  if (!fast) return pseudoSolve(matrix, rhs);
  const { field, rows, columns } = matrix;
  const adjoint = matrix.adjoint();
  const tall = rows >= columns;
  const gram = tall ? adjoint.times(matrix) : matrix.times(adjoint);
  const factor = choleskyFactor(gram.plus(Matrix.identity(field, gram.rows).scaled(l2)));
  if (factor === undefined)
    throw invalidArgument(
      "Input matrix was rank deficient or ill-conditioned. Try setting fast=False or provide a larger l2_regularizer > 0.",
    );
  const solve = (side: AnyMatrix) =>
    solveTriangular(factor.adjoint(), solveTriangular(factor, side, { lower: true }), { lower: false });
  return tall ? solve(adjoint.times(rhs)) : adjoint.times(solve(rhs));
}

/** By singular values, of which those that are zero but for rounding are left out. */
function pseudoSolve(matrix: AnyMatrix, rhs: AnyMatrix): AnyMatrix {
  const { field, rows, columns } = matrix;
  const { values, u, v } = svdDecomposition(matrix);
  const floor = (values[0] ?? 0) * Math.max(rows, columns) * Number.EPSILON;
  const rank = Math.min(rows, columns);
  const projected = u.corner(rows, rank).adjoint().times(rhs);
  const divided = projected.map((entry, i) =>
    (values[i] as number) <= floor ? field.zero : field.scale(entry, 1 / (values[i] as number)),
  );
  return v.corner(columns, rank).times(divided);
}

// ---- tridiagonal -----------------------------------------------------------------------------------------------

/**
 * Diagonals as three rows, upper to lower, each of the matrix's size: the last of the first and the first of the last
 * unused.
 */
const tridiagonalSolveRow = compute((node) => {
  const pivoting = node.attrs.bool("partial_pivoting");
  return (diagonals, b) => {
    const [three, size] = diagonals.shape.slice(-2);
    ensure(three === 3, () => `Expected diagonals to have 3 rows, got shape ${shapeText(diagonals.shape)}`);
    ensure(
      b.shape.at(-2) === size,
      () => `The length of diagonals and the rows of rhs must agree: ${size} vs. ${b.shape.at(-2)}`,
    );
    const sides = matricesOf(b);
    const results = matricesOf(diagonals).map((rows, i) => {
      const full = Matrix.zeros(rows.field, rows.columns, rows.columns).map((zero, r, c) =>
        Math.abs(r - c) <= 1 ? rows.at(r - c + 1, r) : zero,
      );
      return (pivoting ? solved(full, sides[i] as AnyMatrix) : thomas(full, sides[i] as AnyMatrix)).entries;
    });
    return batchOf(b.dtype, batchShape(b), b.shape.slice(-2), results);
  };
});

/** Elimination without swaps. */
function thomas(matrix: AnyMatrix, rhs: AnyMatrix): AnyMatrix {
  const { field, rows: size } = matrix;
  const [a, x] = [matrix.copy(), rhs.copy()];
  for (let i = 0; i < size; i++) {
    ensure(
      field.abs(a.at(i, i)) !== 0,
      "The first element of diagonals is zero or elimination met a zero pivot.",
    );
    if (i + 1 === size) break;
    const factor = field.div(a.at(i + 1, i), a.at(i, i));
    a.set(i + 1, i + 1, field.sub(a.at(i + 1, i + 1), field.mul(factor, a.at(i, i + 1))));
    for (let j = 0; j < x.columns; j++)
      x.set(i + 1, j, field.sub(x.at(i + 1, j), field.mul(factor, x.at(i, j))));
  }
  return solveTriangular(a, x, { lower: false });
}

const tridiagonalMatMulRow = compute(() => (superdiagonal, main, subdiagonal, rhs) => {
  const [upper, middle, lower] = [superdiagonal, main, subdiagonal].map((x) => matricesOf(x)) as [
    AnyMatrix[],
    AnyMatrix[],
    AnyMatrix[],
  ];
  const results = matricesOf(rhs).map((side, n) => {
    const { field } = side;
    return side.map((entry, i, j) => {
      let sum = field.mul(middle[n]?.at(0, i), entry);
      if (i > 0) sum = field.add(sum, field.mul(lower[n]?.at(0, i), side.at(i - 1, j)));
      if (i + 1 < side.rows) sum = field.add(sum, field.mul(upper[n]?.at(0, i), side.at(i + 1, j)));
      return sum;
    }).entries;
  });
  return batchOf(rhs.dtype, batchShape(rhs), rhs.shape.slice(-2), results);
});

// ---- decompositions --------------------------------------------------------------------------------------------

/** A matrix that is not positive definite has no factor: TensorFlow answers NaN. */
const choleskyRow = squareToSquare((matrix) => {
  const { field } = matrix;
  return choleskyFactor(matrix) ?? matrix.map((_, i, j) => (j <= i ? field.of(Number.NaN) : field.zero));
});

const qrRow = compute((node) => {
  const full = node.attrs.bool("full_matrices");
  return (x) => {
    const [rows, columns] = x.shape.slice(-2) as [number, number];
    const inner = full ? rows : Math.min(rows, columns);
    const factors = matricesOf(x).map((matrix) => qrDecomposition(matrix));
    return [
      batchOf(
        x.dtype,
        batchShape(x),
        [rows, inner],
        factors.map(({ q }) => q.corner(rows, inner).entries),
      ),
      batchOf(
        x.dtype,
        batchShape(x),
        [inner, columns],
        factors.map(({ r }) => r.corner(inner, columns).entries),
      ),
    ];
  };
});

const luRow = compute((node) => (x) => {
  const factors = squareMatricesOf(x).map(luDecomposition);
  ensure(!factors.some(({ singular }) => singular), NOT_INVERTIBLE);
  const size = x.shape.at(-1) as number;
  return [
    batchOf(
      x.dtype,
      batchShape(x),
      [size, size],
      factors.map(({ lu }) => lu.entries),
    ),
    tensorOfNumbers(
      outputDtype(node, 1),
      x.shape.slice(0, -1),
      factors.flatMap(({ order }) => order),
    ),
  ];
});

/** An output that the node's attributes leave out: TensorFlow gives a scalar without meaning. */
function unasked(dtype: DType): Tensor {
  return tensorOf(dtype, [], newElements<unknown>(dtype, []));
}

/** The distance from 1 to the next number. */
function epsilonOf(dtype: DType): number {
  return dtype === "float64" || dtype === "complex128" ? Number.EPSILON : 2 ** -23;
}

const svdRow = compute((node) => {
  const [withVectors, full] = [node.attrs.bool("compute_uv"), node.attrs.bool("full_matrices")];
  return (x) => {
    const [rows, columns] = x.shape.slice(-2) as [number, number];
    const count = Math.min(rows, columns);
    const { field } = Matrix.zeros(fieldOf(x.dtype), 0, 0);
    const factors = matricesOf(x).map((matrix) => svdDecomposition(matrix));
    const values = batchOf(
      x.dtype,
      batchShape(x),
      [count],
      factors.map((factor) => factor.values.map((value) => field.of(value))),
    );
    if (!withVectors) return [values, unasked(x.dtype), unasked(x.dtype)];
    const [left, right] = full ? [rows, columns] : [count, count];
    return [
      values,
      batchOf(
        x.dtype,
        batchShape(x),
        [rows, left],
        factors.map(({ u }) => u.corner(rows, left).entries),
      ),
      batchOf(
        x.dtype,
        batchShape(x),
        [columns, right],
        factors.map(({ v }) => v.corner(columns, right).entries),
      ),
    ];
  };
});

const eigenRow = compute((node) => {
  const withVectors = node.attrs.bool("compute_v");
  return (x) => {
    const field = fieldOf(x.dtype);
    const systems = squareMatricesOf(x).map((matrix) => selfAdjointEigen(matrix, epsilonOf(x.dtype)));
    const size = x.shape.at(-1) as number;
    const values = batchOf(
      x.dtype,
      batchShape(x),
      [size],
      systems.map((system) => system.values.map((value) => field.of(value))),
    );
    const vectors = withVectors
      ? batchOf(
          x.dtype,
          batchShape(x),
          [size, size],
          systems.map((system) => system.vectors.entries),
        )
      : unasked(x.dtype);
    return [values, vectors];
  };
});

/** SelfAdjointEig of old: the values as a row above the vectors. */
const packedEigenRow = compute(() => (x) => {
  const field = fieldOf(x.dtype);
  const size = x.shape.at(-1) as number;
  const results = squareMatricesOf(x).map((matrix) => {
    const { values, vectors } = selfAdjointEigen(matrix, epsilonOf(x.dtype));
    return [...values.map((value) => field.of(value)), ...vectors.entries];
  });
  return batchOf(x.dtype, batchShape(x), [size + 1, size], results);
});

// ---- determinants ----------------------------------------------------------------------------------------------

/** The diagonal of U, and the sign of the row swaps. */
function pivots<E>(matrix: Matrix<E>): { entries: E[]; sign: number } {
  const { lu, sign } = luDecomposition(matrix);
  return { entries: Array.from({ length: matrix.rows }, (_, i) => lu.at(i, i)), sign };
}

function determinant<E>(matrix: Matrix<E>): E {
  const { field } = matrix;
  const { entries, sign } = pivots(matrix);
  return entries.reduce((product, entry) => field.mul(product, entry), field.of(sign));
}

/** The determinant's direction (±1 or on the unit circle) and the logarithm of its size. */
function logDeterminant<E>(matrix: Matrix<E>): { direction: E; log: E } {
  const field: Field<E> = matrix.field;
  const { entries, sign } = pivots(matrix);
  let [direction, log] = [field.of(sign), 0];
  for (const entry of entries) {
    const size = field.abs(entry);
    log += Math.log(size);
    direction = size === 0 ? field.zero : field.mul(direction, field.scale(entry, 1 / size));
  }
  return { direction, log: field.of(log) };
}

const determinantRow = compute(
  () => (x) => batchOf(x.dtype, batchShape(x), [], [squareMatricesOf(x).map(determinant)]),
);

const logDeterminantRow = compute(() => (x) => {
  const found = squareMatricesOf(x).map(logDeterminant);
  return [
    batchOf(x.dtype, batchShape(x), [], [found.map(({ direction }) => direction)]),
    batchOf(x.dtype, batchShape(x), [], [found.map(({ log }) => log)]),
  ];
});

export const linearAlgebraKernels: HostTable = {
  Cholesky: choleskyRow,
  Qr: qrRow,
  Lu: luRow,
  Svd: svdRow,
  SelfAdjointEig: packedEigenRow,
  SelfAdjointEigV2: eigenRow,
  MatrixInverse: inverseRow,
  MatrixSolve: solveRow,
  MatrixSolveLs: leastSquaresRow,
  MatrixTriangularSolve: triangularSolveRow,
  BandedTriangularSolve: bandedSolveRow,
  TridiagonalSolve: tridiagonalSolveRow,
  TridiagonalMatMul: tridiagonalMatMulRow,
  MatrixDeterminant: determinantRow,
  LogMatrixDeterminant: logDeterminantRow,
  MatrixExponential: squareToSquare(exponential),
  MatrixSquareRoot: squareToSquare(squareRoot),
  MatrixLogarithm: squareToSquare(logarithm),
  BatchCholesky: choleskyRow,
  BatchMatrixDeterminant: determinantRow,
  BatchMatrixInverse: inverseRow,
  BatchMatrixSolve: solveRow,
  BatchMatrixSolveLs: leastSquaresRow,
  BatchMatrixTriangularSolve: triangularSolveRow,
  BatchSelfAdjointEig: packedEigenRow,
  BatchSelfAdjointEigV2: eigenRow,
  BatchSvd: svdRow,
};
