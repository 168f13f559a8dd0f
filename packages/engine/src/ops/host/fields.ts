/** Arithmetic of the real and of the complex numbers behind one interface, for algorithms that serve both. */
import { type DType, unimplemented } from "@servable/formats";
import * as complex from "./complex.js";
import { type Complex, domainOf } from "./domains.js";

export interface Field<E> {
  readonly zero: E;
  readonly one: E;
  add(a: E, b: E): E;
  sub(a: E, b: E): E;
  mul(a: E, b: E): E;
  div(a: E, b: E): E;
  neg(a: E): E;
  conj(a: E): E;
  sqrt(a: E): E;
  log(a: E): E;
  /** Times a real number. */
  scale(a: E, by: number): E;
  /** |a|. */
  abs(a: E): number;
  /** The real part. */
  real(a: E): number;
  of(real: number): E;
}

export const realField: Field<number> = {
  zero: 0,
  one: 1,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  neg: (a) => -a,
  conj: (a) => a,
  sqrt: Math.sqrt,
  log: Math.log,
  scale: (a, by) => a * by,
  abs: Math.abs,
  real: (a) => a,
  of: (real) => real,
};

export const complexField: Field<Complex> = {
  zero: [0, 0],
  one: [1, 0],
  add: complex.add,
  sub: complex.sub,
  mul: complex.mul,
  div: complex.div,
  neg: complex.neg,
  conj: complex.conj,
  sqrt: complex.sqrt,
  log: complex.log,
  scale: complex.scale,
  abs: complex.abs,
  real: (a) => a[0],
  of: (real) => [real, 0],
};

/** The field that a float or complex dtype's numbers are computed in. */
export function fieldOf(dtype: DType): Field<unknown> {
  switch (domainOf(dtype)) {
    case "real":
      return realField as Field<unknown>;
    case "complex":
      return complexField as Field<unknown>;
    default:
      throw unimplemented(`no kernel for ${dtype}`);
  }
}
