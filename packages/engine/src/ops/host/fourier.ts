/**
 * Discrete Fourier transforms of any length, along one to any number of axes.
 *
 * Lengths that are powers of two use Cooley and Tukey's algorithm in place, others Bluestein's: the transform as a
 * convolution, done by transforms of a power of two. Everything is computed in double.
 */
import { type DType, elementCount, shapeText, stridesOf, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { aroundAxis, copyBox, newLike } from "./boxes.js";
import { newReals, realsOf, tensorOf } from "./domains.js";
import { axisOf, compute, countOf, ensure, integersOf, outputDtype, vectorOf } from "./kernel.js";

// ---- one dimension ---------------------------------------------------------------------------------------------

/** Real and imaginary parts. */
export interface Signal {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Transforms signals of one length in place, without scaling. */
export type Transform = (signal: Signal) => void;

const newSignal = (length: number): Signal => ({
  re: new Float64Array(length),
  im: new Float64Array(length),
});

/** The transform of signals of a length. */
export function transformOf(length: number): Transform {
  if (length <= 1) return () => {};
  return (length & (length - 1)) === 0 ? powerOfTwo(length) : bluestein(length);
}

function powerOfTwo(length: number): Transform {
  const cos = Float64Array.from({ length: length / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / length));
  const sin = Float64Array.from({ length: length / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / length));
  const reversed = bitReversal(length);
  return ({ re, im }) => {
    for (let i = 0; i < length; i++) {
      const j = reversed[i] as number;
      if (j > i) {
        [re[i], re[j]] = [re[j] as number, re[i] as number];
        [im[i], im[j]] = [im[j] as number, im[i] as number];
      }
    }
    for (let half = 1; half < length; half *= 2) {
      const stride = length / (2 * half);
      for (let start = 0; start < length; start += 2 * half) {
        for (let k = 0; k < half; k++)
          butterfly(re, im, start + k, half, cos[k * stride] as number, sin[k * stride] as number);
      }
    }
  };
}

function butterfly(
  re: Float64Array,
  im: Float64Array,
  at: number,
  half: number,
  cos: number,
  sin: number,
): void {
  const oddRe = re[at + half] as number;
  const oddIm = im[at + half] as number;
  const turnedRe = oddRe * cos - oddIm * sin;
  const turnedIm = oddRe * sin + oddIm * cos;
  const evenRe = re[at] as number;
  const evenIm = im[at] as number;
  re[at] = evenRe + turnedRe;
  im[at] = evenIm + turnedIm;
  re[at + half] = evenRe - turnedRe;
  im[at + half] = evenIm - turnedIm;
}

function bitReversal(length: number): Uint32Array {
  const reversed = new Uint32Array(length);
  for (let i = 1; i < length; i++)
    reversed[i] = ((reversed[i >> 1] as number) >> 1) | (i & 1 ? length >> 1 : 0);
  return reversed;
}

/** nk = (n² + k² - (k-n)²) / 2 turns the sum into a convolution with a chirp. */
function bluestein(length: number): Transform {
  let padded = 1;
  while (padded < 2 * length - 1) padded *= 2;
  const inner = powerOfTwo(padded);
  // The square modulo 2n, lest the angle lose its precision.
  const angles = Array.from({ length }, (_, i) => (Math.PI * ((i * i) % (2 * length))) / length);
  const chirp: Signal = { re: Float64Array.from(angles, Math.cos), im: Float64Array.from(angles, Math.sin) };
  const filter = newSignal(padded);
  for (let i = 0; i < length; i++) {
    for (const at of i === 0 ? [0] : [i, padded - i]) {
      filter.re[at] = chirp.re[i] as number;
      filter.im[at] = chirp.im[i] as number;
    }
  }
  inner(filter);
  return ({ re, im }) => {
    const work = newSignal(padded);
    multiply({ re, im }, chirp, work, length, -1);
    inner(work);
    multiply(work, filter, work, padded, 1);
    // The inverse transform is the transform of the conjugate, conjugated and scaled.
    for (let i = 0; i < padded; i++) work.im[i] = -(work.im[i] as number);
    inner(work);
    for (let i = 0; i < padded; i++) work.im[i] = -(work.im[i] as number);
    multiply(work, chirp, { re, im }, length, -1);
    for (let i = 0; i < length; i++) {
      re[i] = (re[i] as number) / padded;
      im[i] = (im[i] as number) / padded;
    }
  };
}

/** out = a × b, b conjugated for a sign of -1. */
function multiply(a: Signal, b: Signal, out: Signal, length: number, sign: 1 | -1): void {
  for (let i = 0; i < length; i++) {
    const [aRe, aIm, bRe, bIm] = [
      a.re[i] as number,
      a.im[i] as number,
      b.re[i] as number,
      sign * (b.im[i] as number),
    ];
    out.re[i] = aRe * bRe - aIm * bIm;
    out.im[i] = aRe * bIm + aIm * bRe;
  }
}

// ---- any number of dimensions ----------------------------------------------------------------------------------

/** Complex numbers under transformation: row-major, with a shape that changes as axes are cut or padded. */
interface Grid extends Signal {
  readonly shape: readonly number[];
}

function gridOf(x: Tensor): Grid {
  const complex = x.dtype.startsWith("complex");
  const values = complex ? (x.data as Float32Array | Float64Array) : realsOf(x);
  const lanes = complex ? 2 : 1;
  const count = elementCount(x.shape);
  const grid = { ...newSignal(count), shape: x.shape };
  for (let i = 0; i < count; i++) {
    grid.re[i] = values[i * lanes] as number;
    if (complex) grid.im[i] = values[i * lanes + 1] as number;
  }
  return grid;
}

function complexTensor(grid: Grid, dtype: DType): Tensor {
  const out = newLike({ dtype }, grid.shape) as Tensor;
  const lanes = out.data as Float32Array | Float64Array;
  for (let i = 0; i < grid.re.length; i++) {
    lanes[2 * i] = grid.re[i] as number;
    lanes[2 * i + 1] = grid.im[i] as number;
  }
  return out;
}

function realTensor(grid: Grid, dtype: DType): Tensor {
  const out = newReals(dtype, grid.shape);
  for (let i = 0; i < out.length; i++) out[i] = grid.re[i] as number;
  return tensorOf(dtype, grid.shape, out);
}

/** The grid with an axis cut or zero-padded to a length. */
function resized(grid: Grid, axis: number, length: number): Grid {
  if (grid.shape[axis] === length) return grid;
  const shape = grid.shape.with(axis, length);
  const kept = grid.shape.with(axis, Math.min(length, grid.shape[axis] as number));
  countOf(shape);
  const part = (data: Float64Array): Float64Array => {
    const [from, to] = [
      { dtype: "float64", shape: grid.shape, data } as const,
      newLike({ dtype: "float64" }, shape),
    ];
    copyBox(kept, { value: from, strides: stridesOf(grid.shape) }, { value: to, strides: stridesOf(shape) });
    return to.data as Float64Array;
  };
  return { shape, re: part(grid.re), im: part(grid.im) };
}

/** Transforms along an axis in place; the inverse one divides by the length. */
function transformAxis(grid: Grid, axis: number, inverse: boolean): void {
  const { outer, size, inner } = aroundAxis(grid.shape, axis);
  const transform = transformOf(size);
  const line = newSignal(size);
  const sign = inverse ? -1 : 1;
  const scale = inverse ? 1 / size : 1;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const start = o * size * inner + i;
      for (let n = 0; n < size; n++) {
        line.re[n] = grid.re[start + n * inner] as number;
        line.im[n] = sign * (grid.im[start + n * inner] as number);
      }
      transform(line);
      for (let n = 0; n < size; n++) {
        grid.re[start + n * inner] = (line.re[n] as number) * scale;
        grid.im[start + n * inner] = (line.im[n] as number) * scale * sign;
      }
    }
  }
}

/** The other half of a real signal's transform along the last transformed axis: conjugates, mirrored in all axes. */
function completed(grid: Grid, axes: readonly number[], length: number): Grid {
  const last = axes.at(-1) as number;
  const full = resized(grid, last, length);
  const { outer, size, inner } = aroundAxis(full.shape, last);
  // The axes before have been transformed back by now: only the last one mirrors.
  for (let o = 0; o < outer; o++) {
    for (let n = Math.floor(length / 2) + 1; n < size; n++) {
      for (let i = 0; i < inner; i++) {
        const [to, from] = [(o * size + n) * inner + i, (o * size + (length - n)) * inner + i];
        full.re[to] = full.re[from] as number;
        full.im[to] = -(full.im[from] as number);
      }
    }
  }
  return full;
}

/** The axes of an op of a fixed rank: the last ones. */
function lastAxes(x: Tensor, rank: number): number[] {
  ensure(
    x.shape.length >= rank,
    () => `Input must have rank of at least ${rank} but got: ${shapeText(x.shape)}`,
  );
  return Array.from({ length: rank }, (_, i) => x.shape.length - rank + i);
}

function lengthsOf(fftLength: Tensor, rank: number): number[] {
  const lengths = vectorOf(fftLength, "fft_length");
  ensure(lengths.length === rank, () => `fft_length must have shape [${rank}]`);
  for (const length of lengths) ensure(length >= 0, () => `fft_length must be >= 0, but got: ${length}`);
  return lengths;
}

/** TensorFlow cuts what is longer than asked for, but pads only what is empty. */
function requireLongEnough(x: Tensor, axes: readonly number[], least: readonly number[]): void {
  for (const [i, axis] of axes.entries()) {
    const size = x.shape[axis] as number;
    const needed = least[i] as number;
    ensure(
      size === 0 || size >= needed,
      () => `Input dimension ${axis} must have length of at least ${needed} but got: ${size}`,
    );
  }
}

function complexTransform(
  x: Tensor,
  axes: readonly number[],
  lengths: readonly number[],
  inverse: boolean,
  dtype: DType,
): Tensor {
  let grid = gridOf(x);
  for (const [i, axis] of axes.entries()) {
    grid = resized(grid, axis, lengths[i] as number);
    transformAxis(grid, axis, inverse);
  }
  return complexTensor(grid, dtype);
}

/** A real signal's transform, of which the last axis keeps n/2 + 1 entries. */
function realTransform(x: Tensor, axes: readonly number[], lengths: readonly number[], dtype: DType): Tensor {
  requireLongEnough(x, axes, lengths);
  let grid = gridOf(x);
  for (const [i, axis] of axes.entries()) grid = resized(grid, axis, lengths[i] as number);
  for (const axis of axes) transformAxis(grid, axis, false);
  const last = axes.at(-1) as number;
  const length = lengths.at(-1) as number;
  return complexTensor(resized(grid, last, length === 0 ? 0 : Math.floor(length / 2) + 1), dtype);
}

function inverseRealTransform(
  x: Tensor,
  axes: readonly number[],
  lengths: readonly number[],
  dtype: DType,
): Tensor {
  const last = axes.at(-1) as number;
  const length = lengths.at(-1) as number;
  const half = length === 0 ? 0 : Math.floor(length / 2) + 1;
  requireLongEnough(x, axes, lengths.with(-1, half));
  let grid = resized(gridOf(x), last, half);
  for (const [i, axis] of axes.entries()) {
    if (axis === last) continue;
    grid = resized(grid, axis, lengths[i] as number);
    transformAxis(grid, axis, true);
  }
  grid = completed(grid, axes, length);
  transformAxis(grid, last, true);
  return realTensor(grid, dtype);
}

const sizesAt = (x: Tensor, axes: readonly number[]): number[] => axes.map((axis) => x.shape[axis] as number);

const complexRow = (rank: number, inverse: boolean): HostRow =>
  compute((node) => (x) => {
    const axes = lastAxes(x, rank);
    return complexTransform(x, axes, sizesAt(x, axes), inverse, outputDtype(node));
  });

type RealTransform = typeof realTransform;

const realRow = (rank: number, transform: RealTransform): HostRow =>
  compute((node) => (x, fftLength) => {
    return transform(x, lastAxes(x, rank), lengthsOf(fftLength, rank), outputDtype(node));
  });

/** Ops whose axes are an input. */
const anyRank = (transform: RealTransform): HostRow =>
  compute((node) => (x, fftLength, axesInput) => {
    const axes = integersOf(axesInput).map((axis) => axisOf(axis, x.shape.length));
    return transform(x, axes, lengthsOf(fftLength, axes.length), outputDtype(node));
  });

const complexN =
  (inverse: boolean): RealTransform =>
  (x, axes, lengths, dtype) =>
    complexTransform(x, axes, lengths, inverse, dtype);

export const fourierKernels: HostTable = {
  FFT: complexRow(1, false),
  FFT2D: complexRow(2, false),
  FFT3D: complexRow(3, false),
  FFTND: anyRank(complexN(false)),
  IFFT: complexRow(1, true),
  IFFT2D: complexRow(2, true),
  IFFT3D: complexRow(3, true),
  IFFTND: anyRank(complexN(true)),
  RFFT: realRow(1, realTransform),
  RFFT2D: realRow(2, realTransform),
  RFFT3D: realRow(3, realTransform),
  RFFTND: anyRank(realTransform),
  IRFFT: realRow(1, inverseRealTransform),
  IRFFT2D: realRow(2, inverseRealTransform),
  IRFFT3D: realRow(3, inverseRealTransform),
  IRFFTND: anyRank(inverseRealTransform),
  BatchFFT: complexRow(1, false),
  BatchFFT2D: complexRow(2, false),
  BatchFFT3D: complexRow(3, false),
  BatchIFFT: complexRow(1, true),
  BatchIFFT2D: complexRow(2, true),
  BatchIFFT3D: complexRow(3, true),
};
