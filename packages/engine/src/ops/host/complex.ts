/** Arithmetic and elementary functions of complex numbers, as [real, imaginary] pairs, principal branches. */
import type { Complex } from "./domains.js";

export const complexOf = (re: number, im = 0): Complex => [re, im];

export const add = (x: Complex, y: Complex): Complex => [x[0] + y[0], x[1] + y[1]];
export const sub = (x: Complex, y: Complex): Complex => [x[0] - y[0], x[1] - y[1]];
export const mul = (x: Complex, y: Complex): Complex => [
  x[0] * y[0] - x[1] * y[1],
  x[0] * y[1] + x[1] * y[0],
];
export const scale = (x: Complex, factor: number): Complex => [x[0] * factor, x[1] * factor];
export const conj = (x: Complex): Complex => [x[0], -x[1]];
export const neg = (x: Complex): Complex => [-x[0], -x[1]];
export const abs = (x: Complex): number => Math.hypot(x[0], x[1]);
export const angle = (x: Complex): number => Math.atan2(x[1], x[0]);
export const isZero = (x: Complex): boolean => x[0] === 0 && x[1] === 0;
export const equal = (x: Complex, y: Complex): boolean => x[0] === y[0] && x[1] === y[1];

/** Smith's method: the larger part of the divisor goes into a ratio, so that squares don't overflow. */
export function div(x: Complex, y: Complex): Complex {
  if (Math.abs(y[0]) >= Math.abs(y[1])) {
    const ratio = y[1] / y[0];
    const divisor = y[0] + y[1] * ratio;
    return [(x[0] + x[1] * ratio) / divisor, (x[1] - x[0] * ratio) / divisor];
  }
  const ratio = y[0] / y[1];
  const divisor = y[0] * ratio + y[1];
  return [(x[0] * ratio + x[1]) / divisor, (x[1] * ratio - x[0]) / divisor];
}

export const reciprocal = (x: Complex): Complex => div([1, 0], x);
export const square = (x: Complex): Complex => mul(x, x);

export function sqrt(x: Complex): Complex {
  const size = abs(x);
  if (size === 0) return [0, x[1]];
  const half = Math.sqrt((size + Math.abs(x[0])) / 2);
  const other = Math.abs(x[1]) / (2 * half);
  const sign = x[1] < 0 || Object.is(x[1], -0) ? -1 : 1;
  return x[0] >= 0 ? [half, sign * other] : [other, sign * half];
}

export function exp(x: Complex): Complex {
  const size = Math.exp(x[0]);
  return x[1] === 0 ? [size, x[1]] : [size * Math.cos(x[1]), size * Math.sin(x[1])];
}

export const log = (x: Complex): Complex => [Math.log(abs(x)), angle(x)];

/** As std::pow: 0 to the power of 0 is 1, to any other power of positive real part 0. */
export function pow(x: Complex, y: Complex): Complex {
  if (isZero(y)) return [1, 0];
  if (isZero(x)) return y[0] > 0 ? [0, 0] : [Number.NaN, Number.NaN];
  return exp(mul(y, log(x)));
}

export const expm1 = (x: Complex): Complex => {
  // exp(a)cos(b) - 1 = expm1(a)cos(b) - 2 sin²(b/2), which does not cancel near 0.
  const sinHalf = Math.sin(x[1] / 2);
  return [Math.expm1(x[0]) * Math.cos(x[1]) - 2 * sinHalf * sinHalf, Math.exp(x[0]) * Math.sin(x[1])];
};

export const log1p = (x: Complex): Complex => {
  const size = 2 * x[0] + x[0] * x[0] + x[1] * x[1];
  return [Math.log1p(size) / 2, Math.atan2(x[1], 1 + x[0])];
};

/** i·x and -i·x: between circular and hyperbolic functions. */
const timesI = (x: Complex): Complex => [-x[1], x[0]];
const timesMinusI = (x: Complex): Complex => [x[1], -x[0]];

export const sinh = (x: Complex): Complex => [
  Math.sinh(x[0]) * Math.cos(x[1]),
  Math.cosh(x[0]) * Math.sin(x[1]),
];
export const cosh = (x: Complex): Complex => [
  Math.cosh(x[0]) * Math.cos(x[1]),
  Math.sinh(x[0]) * Math.sin(x[1]),
];
export function tanh(x: Complex): Complex {
  // sinh and cosh overflow where tanh is ±1.
  if (Math.abs(x[0]) > 300) return [Math.sign(x[0]), 0];
  const divisor = Math.cosh(2 * x[0]) + Math.cos(2 * x[1]);
  return [Math.sinh(2 * x[0]) / divisor, Math.sin(2 * x[1]) / divisor];
}
export const sin = (x: Complex): Complex => timesMinusI(sinh(timesI(x)));
export const cos = (x: Complex): Complex => cosh(timesI(x));
export const tan = (x: Complex): Complex => timesMinusI(tanh(timesI(x)));

/** log(x + sqrt(x² + 1)), of the half plane where the sum does not cancel. */
export function asinh(x: Complex): Complex {
  if (x[0] < 0) return neg(asinh(neg(x)));
  return log(add(x, sqrt(add(square(x), [1, 0]))));
}
export const acosh = (x: Complex): Complex => log(add(x, mul(sqrt(sub(x, [1, 0])), sqrt(add(x, [1, 0])))));
export const atanh = (x: Complex): Complex => scale(sub(log1p(x), log1p(neg(x))), 0.5);
export const asin = (x: Complex): Complex => timesMinusI(asinh(timesI(x)));
export const acos = (x: Complex): Complex => sub([Math.PI / 2, 0], asin(x));
export const atan = (x: Complex): Complex => timesMinusI(atanh(timesI(x)));

export const sigmoid = (x: Complex): Complex => reciprocal(add([1, 0], exp(neg(x))));

/** x / |x|, and 0 for 0. */
export const sign = (x: Complex): Complex => (isZero(x) ? [0, 0] : scale(x, 1 / abs(x)));
