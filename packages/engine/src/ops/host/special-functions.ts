/**
 * Special functions of real numbers in double precision: gamma and its relatives, the error function and its inverse,
 * Bessel functions, integrals. Each uses the expansion that converges fast where the argument lies; the formulas are
 * those of Abramowitz and Stegun's handbook (AS) and the NIST handbook of mathematical functions (DLMF).
 */

const SQRT_PI = Math.sqrt(Math.PI);
const EULER_GAMMA = 0.5772156649015329;
const EPSILON = Number.EPSILON;
/** Stands in for 0 in continued fractions. */
const TINY = 1e-300;
const MAX_TERMS = 10_000;

/** The sum of terms, `first` and then each from the one before, until they no longer matter. */
function series(first: number, next: (term: number, n: number) => number): number {
  let [term, sum] = [first, first];
  for (let n = 1; n < MAX_TERMS; n++) {
    term = next(term, n);
    sum += term;
    if (Math.abs(term) <= EPSILON * Math.abs(sum)) break;
  }
  return sum;
}

/** b0 + a1 / (b1 + a2 / (b2 + …)), by Lentz's method (DLMF 3.10). */
function continuedFraction(b0: number, a: (n: number) => number, b: (n: number) => number): number {
  const nonZero = (x: number) => (x === 0 ? TINY : x);
  let value = nonZero(b0);
  let [c, d] = [value, 0];
  for (let n = 1; n < MAX_TERMS; n++) {
    d = 1 / nonZero(b(n) + a(n) * d);
    c = nonZero(b(n) + a(n) / c);
    value *= c * d;
    if (Math.abs(c * d - 1) <= EPSILON) break;
  }
  return value;
}

/**
 * The integral over all of [0, to] by the trapezoid rule, which is exact to the last digit for what it is used on.
 */
function trapezoid(f: (t: number) => number, to: number, intervals: number): number {
  const step = to / intervals;
  let sum = (f(0) + f(to)) / 2;
  for (let i = 1; i < intervals; i++) sum += f(i * step);
  return sum * step;
}

// ---- gamma ---------------------------------------------------------------------------------------------------

/** B(2k), the Bernoulli numbers from k = 1. */
const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798];
/** From here on the asymptotic expansions of gamma's relatives hold to double precision. */
const ASYMPTOTIC = 12;

/** log |Γ(x)|. Infinite at 0, -1, -2 …. */
export function lgamma(x: number): number {
  if (Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Number.POSITIVE_INFINITY;
  if (x <= 0) {
    // Reflection, AS 6.1.17.
    const sine = Math.sin(Math.PI * (x % 2));
    return Number.isInteger(x)
      ? Number.POSITIVE_INFINITY
      : Math.log(Math.PI / Math.abs(sine)) - lgamma(1 - x);
  }
  if (x === 1 || x === 2) return 0;
  let [shifted, product] = [x, 1];
  for (; shifted < ASYMPTOTIC; shifted++) product *= shifted;
  return stirling(shifted) - Math.log(product);
}

/** log Γ(x) for large x, AS 6.1.41. */
function stirling(x: number): number {
  let sum = (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2;
  for (const [i, bernoulli] of BERNOULLI.entries()) {
    const k = 2 * (i + 1);
    sum += bernoulli / (k * (k - 1) * x ** (k - 1));
  }
  return sum;
}

/** The logarithmic derivative of Γ. */
export function digamma(x: number): number {
  if (x === 0) return Object.is(x, -0) ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  if (x < 0) return Number.isInteger(x) ? Number.NaN : digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
  let [shifted, sum] = [x, 0];
  for (; shifted < ASYMPTOTIC; shifted++) sum -= 1 / shifted;
  sum += Math.log(shifted) - 1 / (2 * shifted);
  for (const [i, bernoulli] of BERNOULLI.entries()) {
    const k = 2 * (i + 1);
    sum -= bernoulli / (k * shifted ** k);
  }
  return sum;
}

/** Hurwitz's zeta function Σ (q + k)^-x, by the Euler-Maclaurin formula (DLMF 25.11.5). */
export function zeta(x: number, q: number): number {
  if (Number.isNaN(x) || Number.isNaN(q)) return Number.NaN;
  if (x === 1) return Number.POSITIVE_INFINITY;
  if (x < 1) return Number.NaN;
  if (q <= 0) {
    if (Number.isInteger(q))
      return x % 2 === 0 || !Number.isInteger(x) ? Number.POSITIVE_INFINITY : Number.NaN;
    if (!Number.isInteger(x)) return Number.NaN;
  }
  let [sum, shifted] = [0, q];
  for (; shifted < ASYMPTOTIC; shifted++) sum += shifted ** -x;
  sum += shifted ** (1 - x) / (x - 1) + shifted ** -x / 2;
  // Rising factorial x (x+1) … (x+2k-2) over (2k)!.
  let factor = x / 2;
  for (const [i, bernoulli] of BERNOULLI.entries()) {
    const k = i + 1;
    sum += bernoulli * factor * shifted ** (1 - x - 2 * k);
    factor *= ((x + 2 * k - 1) * (x + 2 * k)) / ((2 * k + 1) * (2 * k + 2));
  }
  return sum;
}

/** The n-th derivative of digamma; NaN unless n is a natural number. */
export function polygamma(n: number, x: number): number {
  if (!(n >= 0) || !Number.isInteger(n)) return Number.NaN;
  if (n === 0) return digamma(x);
  return (n % 2 === 0 ? -1 : 1) * Math.exp(lgamma(n + 1)) * zeta(n + 1, x);
}

/** Regularised lower incomplete gamma function P(a, x). */
export function igamma(a: number, x: number): number {
  if (!(x >= 0) || !(a > 0)) return Number.NaN;
  if (x === 0) return 0;
  if (x === Number.POSITIVE_INFINITY) return a === Number.POSITIVE_INFINITY ? Number.NaN : 1;
  if (a === Number.POSITIVE_INFINITY) return 0;
  return x > 1 && x > a ? 1 - upperGammaFraction(a, x) : lowerGammaSeries(a, x);
}

/** Regularised upper incomplete gamma function Q(a, x). */
export function igammac(a: number, x: number): number {
  if (!(x >= 0) || !(a > 0)) return Number.NaN;
  if (x === 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return a === Number.POSITIVE_INFINITY ? Number.NaN : 0;
  if (a === Number.POSITIVE_INFINITY) return 1;
  return x > 1 && x > a ? upperGammaFraction(a, x) : 1 - lowerGammaSeries(a, x);
}

const gammaFactor = (a: number, x: number): number => Math.exp(a * Math.log(x) - x - lgamma(a));

/** AS 6.5.29. */
const lowerGammaSeries = (a: number, x: number): number =>
  gammaFactor(a, x) * series(1 / a, (term, n) => (term * x) / (a + n));

/** AS 6.5.31, contracted. */
const upperGammaFraction = (a: number, x: number): number =>
  gammaFactor(a, x) /
  continuedFraction(
    x + 1 - a,
    (n) => -n * (n - a),
    (n) => x + 2 * n + 1 - a,
  );

/** Regularised incomplete beta function I_x(a, b). */
export function betainc(a: number, b: number, x: number): number {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return Number.NaN;
  if (x === 0 || x === 1) return x;
  if (x > (a + 1) / (a + b + 2)) return 1 - betainc(b, a, 1 - x);
  const factor = Math.exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // DLMF 8.17.22: coefficients of odd and even places.
  const coefficient = (n: number): number => {
    const m = Math.floor(n / 2);
    return n % 2 === 0
      ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
      : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
  };
  return factor / a / continuedFraction(1, coefficient, () => 1);
}

// ---- error function ------------------------------------------------------------------------------------------

/** AS 7.1.6: terms of one sign only. */
const erfSeries = (x: number): number =>
  ((2 * x) / SQRT_PI) * Math.exp(-x * x) * series(1, (term, n) => (term * 2 * x * x) / (2 * n + 1));

/** AS 7.1.14, for positive x. */
const erfcFraction = (x: number): number =>
  Math.exp(-x * x) /
  SQRT_PI /
  continuedFraction(
    x,
    (n) => n / 2,
    () => x,
  );

export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  return Math.abs(x) < 2.5 ? erfSeries(x) : Math.sign(x) * (1 - erfcFraction(Math.abs(x)));
}

export function erfc(x: number): number {
  if (x > 28) return 0;
  return x < 1 ? 1 - erf(x) : erfcFraction(x);
}

/** The x with erf(x) = y. */
export function erfinv(y: number): number {
  if (!(Math.abs(y) < 1)) return Math.abs(y) === 1 ? y * Number.POSITIVE_INFINITY : Number.NaN;
  return y === 0 ? y : Math.sign(y) * erfcinv(1 - Math.abs(y), Math.abs(y));
}

/** The x with erfc(x) = q, 0 < q ≤ 1, given 1 - q as well for it may cancel. */
function erfcinv(q: number, complement: number): number {
  if (complement === 0) return 0;
  // Winitzki's approximation, good to 2e-3, then Halley's method.
  const log = Math.log(q * (2 - q));
  const half = 2 / (Math.PI * 0.147) + log / 2;
  let x = Math.sqrt(Math.sqrt(half * half - log / 0.147) - half);
  for (let i = 0; i < 4; i++) {
    const excess = q < 0.5 ? erfc(x) - q : complement - erf(x);
    const newton = (excess * SQRT_PI * Math.exp(x * x)) / 2;
    x += newton / (1 + x * newton);
  }
  return x;
}

/** Quantiles of the normal distribution: the x below which a share p of it lies. */
export function ndtri(p: number): number {
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  if (!(p > 0 && p < 1)) return Number.NaN;
  return p < 0.5 ? -Math.SQRT2 * erfcinv(2 * p, 1 - 2 * p) : Math.SQRT2 * erfcinv(2 * (1 - p), 2 * p - 1);
}

/** Dawson's integral, by Rybicki's sum over odd n of e^(-(x - nh)²) / n. */
export function dawson(x: number): number {
  const step = 0.2;
  const middle = Math.round(x / step / 2) * 2 + 1;
  let sum = 0;
  for (let n = middle - 60; n <= middle + 60; n += 2) sum += Math.exp(-((x - n * step) ** 2)) / n;
  return sum / SQRT_PI;
}

// ---- Bessel functions ----------------------------------------------------------------------------------------

/** e^-|x| I_n(x) = 1/π ∫ e^(|x| (cos t - 1)) cos(nt) dt; of AS 9.7.1 for large x. */
export function besselIScaled(order: 0 | 1, x: number): number {
  const size = Math.abs(x);
  const sign = order === 1 ? Math.sign(x) : 1;
  if (size > 700) return (sign * hankelSum(order, size, -1)) / Math.sqrt(2 * Math.PI * size);
  const integral = trapezoid((t) => Math.exp(size * (Math.cos(t) - 1)) * Math.cos(order * t), Math.PI, 200);
  return (sign * integral) / Math.PI;
}

/** Σ ∏ (4n² - (2k-1)²) / (k! (8x)^k), signs as given: AS 9.7.1 and 9.7.2. */
function hankelSum(order: number, x: number, sign: 1 | -1): number {
  return series(1, (term, k) => (sign * term * (4 * order * order - (2 * k - 1) ** 2)) / (8 * k * x));
}

/** e^x K_n(x) = ∫ e^(-x (cosh t - 1)) cosh(nt) dt (DLMF 10.32.9), for x > 0; infinite below, as TensorFlow has it. */
export function besselKScaled(order: 0 | 1, x: number): number {
  if (x <= 0) return Number.POSITIVE_INFINITY;
  if (Number.isNaN(x)) return x;
  if (x === Number.POSITIVE_INFINITY) return 0;
  const to = Math.acosh(1 + 750 / x);
  return trapezoid((t) => Math.exp(-x * (Math.cosh(t) - 1)) * Math.cosh(order * t), to, 500);
}

export const besselI = (order: 0 | 1, x: number): number => besselIScaled(order, x) * Math.exp(Math.abs(x));
export const besselK = (order: 0 | 1, x: number): number => besselKScaled(order, x) * Math.exp(-x);

/** From here on Hankel's asymptotic expansions of J and Y hold. */
const OSCILLATING = 25;

export function besselJ(order: 0 | 1, x: number): number {
  const size = Math.abs(x);
  const sign = order === 1 && x < 0 ? -1 : 1;
  if (size === Number.POSITIVE_INFINITY) return 0;
  if (size > OSCILLATING) return sign * oscillation(order, size, 0);
  return sign * (besselSequence(size)[order] as number);
}

/** Y_n(x) for x > 0, from the J by Neumann's expansions (AS 9.1.88); infinite below, as TensorFlow has it. */
export function besselY(order: 0 | 1, x: number): number {
  if (x <= 0) return Number.NEGATIVE_INFINITY;
  if (Number.isNaN(x)) return x;
  if (x === Number.POSITIVE_INFINITY) return 0;
  if (x > OSCILLATING) return oscillation(order, x, -Math.PI / 2);
  const js = besselSequence(x);
  const log = Math.log(x / 2) + EULER_GAMMA;
  let sum = 0;
  for (let k = 1; 2 * k + order < js.length; k++) {
    const weight = order === 0 ? 1 / k : (2 * k + 1) / (k * (k + 1));
    sum += (k % 2 === 0 ? 1 : -1) * weight * (js[2 * k + order] as number);
  }
  const logarithmic = order === 0 ? log * (js[0] as number) : (log - 1) * (js[1] as number);
  const pole = order === 0 ? 0 : (-2 * (js[0] as number)) / (Math.PI * x);
  return pole + (2 / Math.PI) * (logarithmic - (order === 0 ? 2 : 1) * sum);
}

/** J_0(x), J_1(x), … by Miller's backward recurrence, scaled so that J_0 + 2 Σ J_2k = 1. */
function besselSequence(x: number): number[] {
  if (x === 0) return [1, 0];
  const start = 2 * Math.ceil((x + 40) / 2);
  const js = new Array<number>(start + 2).fill(0);
  js[start] = TINY;
  for (let n = start; n >= 1; n--) {
    js[n - 1] = ((2 * n) / x) * (js[n] as number) - (js[n + 1] as number);
    if (Math.abs(js[n - 1] as number) > 1e200)
      for (let k = n - 1; k <= start; k++) js[k] = (js[k] as number) * 1e-200;
  }
  const norm = js.reduce((sum, j, n) => sum + (n === 0 ? j : n % 2 === 0 ? 2 * j : 0), 0);
  return js.map((j) => j / norm);
}

/** sqrt(2/πx) (P cos χ - Q sin χ), χ = x - (n/2 + 1/4)π + shift: AS 9.2.5 and, shifted by a quarter turn, 9.2.6. */
function oscillation(order: number, x: number, shift: number): number {
  let [p, q, term] = [0, 0, 1];
  for (let k = 0; k < 30; k++) {
    if (k % 2 === 0) p += (k % 4 === 0 ? 1 : -1) * term;
    else q += (k % 4 === 1 ? 1 : -1) * term;
    term *= (4 * order * order - (2 * k + 1) ** 2) / (8 * (k + 1) * x);
  }
  const angle = x - (order / 2 + 0.25) * Math.PI + shift;
  return Math.sqrt(2 / (Math.PI * x)) * (p * Math.cos(angle) - q * Math.sin(angle));
}

// ---- integrals -----------------------------------------------------------------------------------------------

/** Ei(x), the principal value of ∫ e^t / t up to x; TensorFlow knows it for positive x only. */
export function expint(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!(x > 0)) return Number.NaN;
  if (x > 40) return (Math.exp(x) / x) * asymptotic((term, n) => (term * n) / x);
  // AS 5.1.10: Σ x^k / (k k!).
  return EULER_GAMMA + Math.log(Math.abs(x)) + series(x, (term, n) => (term * x * n) / (n + 1) ** 2);
}

/** 1 + terms of a divergent series, up to its smallest. */
function asymptotic(next: (term: number, n: number) => number): number {
  let [sum, term] = [1, 1];
  for (let n = 1; ; n++) {
    const following = next(term, n);
    if (Math.abs(following) >= Math.abs(term) || Math.abs(following) < EPSILON) return sum + following;
    term = following;
    sum += term;
  }
}

/** Fresnel's integrals of cos and sin of πt²/2 up to x. */
export function fresnel(x: number): { cos: number; sin: number } {
  const size = Math.abs(x);
  const { cos, sin } = size < 2 ? fresnelSeries(size) : fresnelAsymptotic(size);
  return x < 0 ? { cos: -cos, sin: -sin } : { cos, sin };
}

/** AS 7.3.11 and 7.3.13 in one: the terms alternate between the two. */
function fresnelSeries(x: number): { cos: number; sin: number } {
  const angle = (Math.PI / 2) * x * x;
  let [cos, sin, power] = [0, 0, x];
  for (let n = 0; n < 80; n++) {
    const term = power / (2 * n + 1);
    const sign = n % 4 < 2 ? 1 : -1;
    if (n % 2 === 0) cos += sign * term;
    else sin += sign * term;
    power *= angle / (n + 1);
  }
  return { cos, sin };
}

/**
 * By the complementary error function of z = x √π (1 - i) / 2, whose continued fraction is that of erfc:
 * C + iS = (1 + i)/2 (1 - erfc(z)).
 */
function fresnelAsymptotic(x: number): { cos: number; sin: number } {
  if (x === Number.POSITIVE_INFINITY) return { cos: 0.5, sin: 0.5 };
  const z: readonly [number, number] = [(x * SQRT_PI) / 2, (-x * SQRT_PI) / 2];
  // K = z + (1/2)/(z + 1/(z + (3/2)/(z + …))), from its far end.
  let [re, im] = z;
  for (let n = 200; n >= 1; n--) {
    const size = re * re + im * im;
    [re, im] = [z[0] + ((n / 2) * re) / size, z[1] - ((n / 2) * im) / size];
  }
  // erfc(z) = e^(-z²) / (√π K), and -z² = iπx²/2.
  const [cos, sin] = [Math.cos((Math.PI / 2) * x * x), Math.sin((Math.PI / 2) * x * x)];
  const size = SQRT_PI * (re * re + im * im);
  const [erfcRe, erfcIm] = [(cos * re + sin * im) / size, (sin * re - cos * im) / size];
  const [restRe, restIm] = [1 - erfcRe, -erfcIm];
  return { cos: (restRe - restIm) / 2, sin: (restRe + restIm) / 2 };
}

/** Spence's function ∫ log t / (1 - t) from 1 to x, which is the dilogarithm of 1 - x. */
export function spence(x: number): number {
  if (!(x >= 0)) return Number.NaN;
  return dilogarithm(1 - x);
}

/** Li2(z) for z ≤ 1, brought to |z| ≤ 1/2 by AS 27.7.3 to 27.7.6. */
function dilogarithm(z: number): number {
  const zeta2 = Math.PI ** 2 / 6;
  if (z === 1) return zeta2;
  if (z < -1) return -zeta2 - Math.log(-z) ** 2 / 2 - dilogarithm(1 / z);
  if (z < -0.5) return -dilogarithm(z / (z - 1)) - Math.log1p(-z) ** 2 / 2;
  if (z > 0.5) return zeta2 - Math.log(z) * Math.log1p(-z) - dilogarithm(1 - z);
  let power = z;
  return series(z, (_, n) => {
    power *= z;
    return power / (n + 1) ** 2;
  });
}

// ---- neighbours ----------------------------------------------------------------------------------------------

const float = new Float32Array(1);
const floatBits = new Int32Array(float.buffer);
const double = new Float64Array(1);
const doubleBits = new BigInt64Array(double.buffer);

/** The next float32 or float64 after x in the direction of y. */
export function nextAfter(isSingle: boolean): (x: number, y: number) => number {
  return (x, y) => {
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
    if (x === y) return y;
    if (x === 0) return Math.sign(y) * (isSingle ? 2 ** -149 : Number.MIN_VALUE);
    // Away from zero the bits, read as an integer, count up.
    const step = y > x === x > 0 ? 1 : -1;
    if (isSingle) {
      float[0] = x;
      floatBits[0] = (floatBits[0] as number) + step;
      return float[0];
    }
    double[0] = x;
    doubleBits[0] = (doubleBits[0] as bigint) + BigInt(step);
    return double[0];
  };
}
