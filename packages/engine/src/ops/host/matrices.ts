/** Matrices of real or complex numbers: what the decompositions of linear algebra are written with. */
import type { Field } from "./fields.js";

export class Matrix<E> {
  constructor(
    readonly field: Field<E>,
    readonly rows: number,
    readonly columns: number,
    /** Row-major. */
    readonly entries: E[],
  ) {}

  static zeros<E>(field: Field<E>, rows: number, columns: number): Matrix<E> {
    return new Matrix(field, rows, columns, new Array<E>(rows * columns).fill(field.zero));
  }

  static identity<E>(field: Field<E>, size: number, columns = size): Matrix<E> {
    const matrix = Matrix.zeros(field, size, columns);
    for (let i = 0; i < Math.min(size, columns); i++) matrix.set(i, i, field.one);
    return matrix;
  }

  at(row: number, column: number): E {
    return this.entries[row * this.columns + column] as E;
  }

  set(row: number, column: number, entry: E): void {
    this.entries[row * this.columns + column] = entry;
  }

  copy(): Matrix<E> {
    return new Matrix(this.field, this.rows, this.columns, [...this.entries]);
  }

  map(f: (entry: E, row: number, column: number) => E): Matrix<E> {
    const entries = this.entries.map((entry, i) => f(entry, Math.floor(i / this.columns), i % this.columns));
    return new Matrix(this.field, this.rows, this.columns, entries);
  }

  /** The leading `rows` × `columns`. */
  corner(rows: number, columns: number): Matrix<E> {
    return Matrix.zeros(this.field, rows, columns).map((_, i, j) => this.at(i, j));
  }

  /** Conjugate transpose. */
  adjoint(): Matrix<E> {
    return Matrix.zeros(this.field, this.columns, this.rows).map((_, i, j) => this.field.conj(this.at(j, i)));
  }

  /** Entries below the diagonal as zeros. */
  upperTriangle(): Matrix<E> {
    return this.map((entry, i, j) => (j >= i ? entry : this.field.zero));
  }

  lowerTriangle(): Matrix<E> {
    return this.map((entry, i, j) => (j <= i ? entry : this.field.zero));
  }

  plus(other: Matrix<E>): Matrix<E> {
    return this.map((entry, i, j) => this.field.add(entry, other.at(i, j)));
  }

  minus(other: Matrix<E>): Matrix<E> {
    return this.map((entry, i, j) => this.field.sub(entry, other.at(i, j)));
  }

  scaled(by: number): Matrix<E> {
    return this.map((entry) => this.field.scale(entry, by));
  }

  times(other: Matrix<E>): Matrix<E> {
    const { add, mul } = this.field;
    const result = Matrix.zeros(this.field, this.rows, other.columns);
    for (let i = 0; i < this.rows; i++) {
      for (let k = 0; k < this.columns; k++) {
        const factor = this.at(i, k);
        for (let j = 0; j < other.columns; j++)
          result.set(i, j, add(result.at(i, j), mul(factor, other.at(k, j))));
      }
    }
    return result;
  }

  swapRows(a: number, b: number): void {
    for (let j = 0; a !== b && j < this.columns; j++) {
      const entry = this.at(a, j);
      this.set(a, j, this.at(b, j));
      this.set(b, j, entry);
    }
  }

  swapColumns(a: number, b: number): void {
    for (let i = 0; a !== b && i < this.rows; i++) {
      const entry = this.at(i, a);
      this.set(i, a, this.at(i, b));
      this.set(i, b, entry);
    }
  }

  /** The largest sum of magnitudes of a column. */
  norm1(): number {
    let largest = 0;
    for (let j = 0; j < this.columns; j++) {
      let sum = 0;
      for (let i = 0; i < this.rows; i++) sum += this.field.abs(this.at(i, j));
      largest = Math.max(largest, sum);
    }
    return largest;
  }
}
