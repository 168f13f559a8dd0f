/**
 * Functions of one tensor's elements, activations among them: the semantics of tensorflow/core/kernels/cwise_ops.h.
 */
import { dtypeInfo } from "@servable/formats";
import type { HostTable } from "../op-table.js";
import * as complex from "./complex.js";
import type { Complex } from "./domains.js";
import { both, mapped, unary } from "./elementwise.js";
import { compute, outputDtype } from "./kernel.js";

/** Half to even, as TensorFlow's Round and Rint. */
export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

const integersAsTheyAre = both((x: number) => x);

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

const relu = (x: number): number => Math.max(x, 0);
const relu6 = (x: number): number => Math.min(Math.max(x, 0), 6);
const bigRelu = (x: bigint): bigint => (x > 0n ? x : 0n);
const bigRelu6 = (x: bigint): bigint => (x > 6n ? 6n : bigRelu(x));
const elu = (x: number): number => (x < 0 ? Math.expm1(x) : x);
const selu = (x: number): number => SELU_SCALE * (x < 0 ? SELU_ALPHA * Math.expm1(x) : x);
/** log(1 + exp(x)) without overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Bits of an integer that are set; negative ones in two's complement of their own width. */
function populationCount(x: number, bits: number): number {
  let count = 0;
  for (let rest = bits === 32 ? x >>> 0 : x & (2 ** bits - 1); rest !== 0; rest &= rest - 1) count++;
  return count;
}

function bigPopulationCount(x: bigint): number {
  const word = BigInt.asUintN(64, x);
  return populationCount(Number(word >> 32n), 32) + populationCount(Number(word & 0xffffffffn), 32);
}

const square = {
  float: (x: number) => x * x,
  int: (x: number) => Math.imul(x, x),
  big: (x: bigint) => x * x,
};
const reciprocal = unary({ float: (x) => 1 / x, complex: complex.reciprocal });

export const elementwiseUnaryKernels: HostTable = {
  Abs: unary({ float: Math.abs, int: Math.abs, big: (x) => (x < 0n ? -x : x) }),
  Neg: unary({ float: (x) => -x, ...both((x: number) => -x), complex: complex.neg }),
  Sign: unary({
    float: Math.sign,
    int: Math.sign,
    big: (x) => BigInt(Number(x > 0n) - Number(x < 0n)),
    complex: complex.sign,
  }),
  Square: unary({ ...square, complex: complex.square }),
  Sqrt: unary({ float: Math.sqrt, complex: complex.sqrt }),
  Rsqrt: unary({ float: (x) => 1 / Math.sqrt(x), complex: (x) => complex.reciprocal(complex.sqrt(x)) }),
  Reciprocal: reciprocal,
  Inv: reciprocal,
  Exp: unary({ float: Math.exp, complex: complex.exp }),
  Expm1: unary({ float: Math.expm1, complex: complex.expm1 }),
  Log: unary({ float: Math.log, complex: complex.log }),
  Log1p: unary({ float: Math.log1p, complex: complex.log1p }),
  Sin: unary({ float: Math.sin, complex: complex.sin }),
  Cos: unary({ float: Math.cos, complex: complex.cos }),
  Tan: unary({ float: Math.tan, complex: complex.tan }),
  Asin: unary({ float: Math.asin, complex: complex.asin }),
  Acos: unary({ float: Math.acos, complex: complex.acos }),
  Atan: unary({ float: Math.atan, complex: complex.atan }),
  Sinh: unary({ float: Math.sinh, complex: complex.sinh }),
  Cosh: unary({ float: Math.cosh, complex: complex.cosh }),
  Tanh: unary({ float: Math.tanh, complex: complex.tanh }),
  Asinh: unary({ float: Math.asinh, complex: complex.asinh }),
  Acosh: unary({ float: Math.acosh, complex: complex.acosh }),
  Atanh: unary({ float: Math.atanh, complex: complex.atanh }),

  Ceil: unary({ float: Math.ceil }),
  Floor: unary({ float: Math.floor }),
  Round: unary({ float: roundHalfToEven, ...integersAsTheyAre }),
  Rint: unary({ float: roundHalfToEven }),
  IsNan: unary({ float: Number.isNaN }),
  IsInf: unary({ float: (x) => Math.abs(x) === Number.POSITIVE_INFINITY }),
  IsFinite: unary({ float: Number.isFinite }),

  Sigmoid: unary({ float: sigmoid, complex: complex.sigmoid }),
  Relu: unary({ float: relu, int: relu, big: bigRelu }),
  Relu6: unary({ float: relu6, int: relu6, big: bigRelu6 }),
  Elu: unary({ float: elu }),
  Selu: unary({ float: selu }),
  Softplus: unary({ float: softplus }),
  Softsign: unary({ float: (x) => x / (1 + Math.abs(x)) }),
  LeakyRelu: compute((node) => {
    const alpha = node.attrs.float("alpha");
    return (x) => mapped(x, x.dtype, (value: number) => (value > 0 ? value : value * alpha));
  }),

  Invert: unary(both((x: number) => ~x)),
  PopulationCount: compute((node) => (x) => {
    const { bits } = dtypeInfo(x.dtype);
    const count = bits === 64 ? bigPopulationCount : (value: number) => populationCount(value, bits);
    return mapped(x, outputDtype(node), count as (x: never) => number);
  }),

  Conj: unary({ complex: complex.conj }),
  Real: unary({ complex: (x: Complex) => x[0] }),
  Imag: unary({ complex: (x: Complex) => x[1] }),
  Angle: unary({ complex: complex.angle }),
  ComplexAbs: unary({ complex: complex.abs }),
};
