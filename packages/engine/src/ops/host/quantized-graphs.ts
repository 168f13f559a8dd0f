/**
 * Ops of graphs that TensorFlow 1's graph transforms made of float graphs: 8-bit values that travel with the range
 * they stand for, and 32-bit results that are brought back to 8 bits. Formulas:
 * tensorflow/core/kernels/quantization_utils.h.
 */
import { type DType, dtypeInfo, type Shape, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { product, reshaped } from "./boxes.js";
import { convolutionOptions, filterOf, forEachTapOfBatch } from "./convolutions.js";
import { newReals, type Reals, realsOf, realTensor, tensorOf } from "./domains.js";
import { concat } from "./joining.js";
import { axisOf, compute, countOf, ensure, integerOf, integersOf, outputDtype } from "./kernel.js";
import { broadcastNest, broadcastShape } from "./loop-nest.js";
import { forEachPlace, poolingOptionsOf, windowed } from "./pooling.js";
import { limitsOf } from "./reductions.js";
import { geometryOf, imageSizes } from "./windows.js";

const { fround } = Math;

/** The floats that the least and the largest value of a quantized type stand for. */
interface Range {
  readonly min: number;
  readonly max: number;
}

interface Quantized {
  readonly values: Reals;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly range: Range;
}

const scalar = (value: number): Tensor => ({ dtype: "float32", shape: [], data: Float32Array.of(value) });

function rangeOf(min: Tensor, max: Tensor): Range {
  ensure(
    min.data.length === 1 && max.data.length === 1,
    () => `ranges must be scalars, got shapes ${shapeText(min.shape)} and ${shapeText(max.shape)}`,
  );
  return { min: realsOf(min)[0] as number, max: realsOf(max)[0] as number };
}

function quantized(x: Tensor, min: Tensor, max: Tensor): Quantized {
  return { values: realsOf(x), shape: x.shape, dtype: x.dtype, range: rangeOf(min, max) };
}

const withRange = (x: Tensor, { min, max }: Range): Tensor[] => [x, scalar(min), scalar(max)];

const limits = (dtype: DType): { least: number; most: number } => {
  const { least, most } = limitsOf(dtype);
  return { least: Number(least), most: Number(most) };
};

const roundAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

/** What one step of the type is worth in the range. */
function stepOf(dtype: DType, { min, max }: Range): number {
  return (max - min) / (2 ** dtypeInfo(dtype).bits - 1);
}

/** A float as a value of the type, not clamped. */
function toQuantized(x: number, dtype: DType, range: Range): number {
  if (range.min === range.max) return 0;
  const step = stepOf(dtype, range);
  return roundAway(x / step) - roundAway(range.min / step) + limits(dtype).least;
}

function clampedTo(dtype: DType, value: number): number {
  const { least, most } = limits(dtype);
  return Math.min(Math.max(value, least), most);
}

function toFloat(value: number, dtype: DType, range: Range): number {
  if (range.min === range.max) return range.min;
  const step = stepOf(dtype, range);
  // TensorFlow rounds the step to float32 for the start of the range only.
  const single = fround(step);
  const start = fround(roundAway(fround(range.min / single)) * single);
  return fround(start + (value - limits(dtype).least) * step);
}

/** The range of a 32-bit product of two values. */
function productRange(a: Quantized, b: Quantized): Range {
  const { least, most } = limits("qint32");
  const level = ({ dtype, range }: Quantized): number => {
    const ends = limits(dtype);
    return fround((range.max - range.min) / (ends.most - ends.least));
  };
  const step = fround(level(a) * level(b));
  return { min: fround(step * least), max: fround(step * most) };
}

/** What stands for 0. */
const zeroOf = ({ dtype, range }: Quantized): number => toQuantized(0, dtype, range);

// ---- products --------------------------------------------------------------------------------------------------

const convolution = compute((node) => {
  const options = convolutionOptions(node.attrs);
  return (input, filterInput, minInput, maxInput, minFilter, maxFilter) => {
    const [x, w] = [quantized(input, minInput, maxInput), quantized(filterInput, minFilter, maxFilter)];
    const { batch, spatial, channels } = imageSizes(input, 2);
    const filter = filterOf(filterInput, channels, false);
    const geometry = geometryOf(spatial, filter.kernel, options.strides, options.dilations, options.padding);
    const shape = [batch, ...geometry.outSizes, filter.outputs];
    const totals = new Float64Array(countOf(shape));
    const [zeroX, zeroW] = [zeroOf(x), zeroOf(w)];
    forEachTapOfBatch(geometry, batch, channels, filter, (from, to, tap) => {
      for (let c = 0; c < channels; c++) {
        const value = (x.values[from + c] as number) - zeroX;
        for (let o = 0; o < filter.outputs; o++) {
          const weight = (w.values[tap + c * filter.outputs + o] as number) - zeroW;
          totals[to + o] = (totals[to + o] as number) + value * weight;
        }
      }
    });
    return withRange(realTensor(outputDtype(node), shape, totals), productRange(x, w));
  };
});

const matMul = compute((node) => {
  const [transposeA, transposeB] = [node.attrs.bool("transpose_a"), node.attrs.bool("transpose_b")];
  return (a, b, minA, maxA, minB, maxB) => {
    const [x, y] = [quantized(a, minA, maxA), quantized(b, minB, maxB)];
    ensure(
      a.shape.length === 2 && b.shape.length === 2,
      () => `In[0] and In[1] must be matrices, got ${shapeText(a.shape)} and ${shapeText(b.shape)}`,
    );
    const [rows, inner] = (transposeA ? [...a.shape].reverse() : a.shape) as [number, number];
    const [innerB, columns] = (transposeB ? [...b.shape].reverse() : b.shape) as [number, number];
    ensure(
      inner === innerB,
      () => `Matrix size-incompatible: In[0]: ${shapeText(a.shape)}, In[1]: ${shapeText(b.shape)}`,
    );
    const [zeroX, zeroY] = [zeroOf(x), zeroOf(y)];
    const totals = new Float64Array(countOf([rows, columns]));
    for (let at = 0; at < totals.length; at++) {
      const [i, j] = [Math.floor(at / columns), at % columns];
      for (let k = 0; k < inner; k++) {
        const left = x.values[transposeA ? k * rows + i : i * inner + k] as number;
        const right = y.values[transposeB ? j * inner + k : k * columns + j] as number;
        totals[at] = (totals[at] as number) + (left - zeroX) * (right - zeroY);
      }
    }
    return withRange(realTensor(outputDtype(node), [rows, columns], totals), productRange(x, y));
  };
});

/** f of each pair of values, broadcast. */
function pairs(x: Quantized, y: Quantized, dtype: DType, f: (a: number, b: number) => number): Tensor {
  const shape = broadcastShape(x.shape, y.shape);
  const out = newReals(dtype, shape);
  const nest = broadcastNest(shape, [x.shape, y.shape]);
  const [stepX = 0, stepY = 0] = nest.steps;
  nest.each(([i = 0, j = 0, o = 0]) => {
    for (let k = o; k < o + nest.run; k++, i += stepX, j += stepY)
      out[k] = f(x.values[i] as number, y.values[j] as number);
  });
  return tensorOf(dtype, shape, out);
}

const multiplication = compute((node) => (a, b, minA, maxA, minB, maxB) => {
  const [x, y] = [quantized(a, minA, maxA), quantized(b, minB, maxB)];
  const [zeroX, zeroY] = [zeroOf(x), zeroOf(y)];
  return withRange(
    pairs(x, y, outputDtype(node), (p, q) => (p - zeroX) * (q - zeroY)),
    productRange(x, y),
  );
});

// ---- sums ------------------------------------------------------------------------------------------------------

/** A range around zero, wide enough that sums of its values don't overflow 32 bits. */
function sumRange(a: Range, b: Range, headroom: number): Range {
  const max = fround(Math.max(a.max, -a.min, b.max, -b.min) * 2 ** headroom);
  return { min: -max, max };
}

/**
 * Both operands in one 32-bit range, added. TensorFlow's QuantizedAdd spreads the steps of 8 bits from the rounded
 * start of the range to its end, where QuantizedBiasAdd keeps their size.
 */
const addition = (headroom: number, stretched: boolean): HostRow =>
  compute((node) => (a, b, minA, maxA, minB, maxB) => {
    const [x, y] = [quantized(a, minA, maxA), quantized(b, minB, maxB)];
    const dtype = outputDtype(node);
    const range = sumRange(x.range, y.range, headroom);
    const zero = toQuantized(0, dtype, range);
    const read = stretched ? toFloatStretched : toFloat;
    const moved = (value: number, from: Quantized) =>
      toQuantized(read(value, from.dtype, from.range), dtype, range);
    return withRange(
      pairs(x, y, dtype, (p, q) => moved(p, x) + moved(q, y) - zero),
      range,
    );
  });

function toFloatStretched(value: number, dtype: DType, range: Range): number {
  const start = toFloat(limits(dtype).least, dtype, range);
  return start + (value - limits(dtype).least) * stepOf(dtype, { min: start, max: range.max });
}

// ---- one value at a time ---------------------------------------------------------------------------------------

/** Values cut off below zero, and above a limit. */
const rectifier = (limitOf: (limitInput: Tensor | undefined) => number, limitIsInput: boolean): HostRow =>
  compute(() => (features, ...rest) => {
    const [limitInput, min, max] = (limitIsInput ? rest : [undefined, ...rest]) as [
      Tensor | undefined,
      Tensor,
      Tensor,
    ];
    const x = quantized(features, min, max);
    const least = clampedTo(x.dtype, toQuantized(0, x.dtype, x.range));
    const limit = limitOf(limitInput);
    const most =
      limit === Number.POSITIVE_INFINITY ? limit : clampedTo(x.dtype, toQuantized(limit, x.dtype, x.range));
    const out = newReals(x.dtype, x.shape);
    for (let i = 0; i < out.length; i++) out[i] = Math.min(Math.max(x.values[i] as number, least), most);
    return withRange(tensorOf(x.dtype, x.shape, out), x.range);
  });

/** The part of a range that values use; zero is always in it. */
function usedRange(x: Quantized): Range {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of x.values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (x.values.length === 0) [least, most] = [0, 0];
  const float = (value: number): number => fround(toFloat(value, x.dtype, x.range));
  return { min: Math.min(0, float(least)), max: float(most) };
}

/** Values of one range as those of another type and range. */
function requantized(x: Quantized, dtype: DType, range: Range): Tensor {
  const out = newReals(dtype, x.shape);
  for (let i = 0; i < out.length; i++) {
    out[i] = clampedTo(dtype, toQuantized(toFloat(x.values[i] as number, x.dtype, x.range), dtype, range));
  }
  return tensorOf(dtype, x.shape, out);
}

const concatenation = (axisFirst: boolean): HostRow =>
  compute((node) => (...inputs) => {
    const count = (inputs.length - 1) / 3;
    const [axisInput, rest] = axisFirst
      ? [inputs[0] as Tensor, inputs.slice(1)]
      : [inputs[count] as Tensor, inputs.toSpliced(count, 1)];
    const parts = Array.from({ length: count }, (_, i) =>
      quantized(rest[i] as Tensor, rest[count + i] as Tensor, rest[2 * count + i] as Tensor),
    );
    const dtype = outputDtype(node);
    const min = Math.min(0, ...parts.map(({ range }) => range.min));
    const largest = Math.max(...parts.map(({ range }) => range.max));
    // A signed type is symmetric about zero.
    const reach = Math.max(Math.abs(min), Math.abs(largest));
    const range = dtype === "qint8" ? { min: -reach, max: reach } : { min, max: largest };
    const same = parts.every((part) => part.range.min === range.min && part.range.max === range.max);
    const tensors = same ? rest.slice(0, count) : parts.map((part) => requantized(part, dtype, range));
    const axis = axisOf(
      integerOf(axisInput, "concat_dim"),
      parts[0]?.shape.length ?? 0,
      "concatenating dimensions",
    );
    return withRange(concat(tensors, axis) as Tensor, range);
  });

// ---- pooling ---------------------------------------------------------------------------------------------------

const pooling = (average: boolean): HostRow =>
  compute((node) => {
    const options = poolingOptionsOf(node.attrs);
    return (input, min, max) => {
      const view = windowed(input, options);
      const values = realsOf(view.image);
      const totals = new Float64Array(countOf(view.shape)).fill(average ? 0 : Number.NEGATIVE_INFINITY);
      const counts = new Float64Array(totals.length);
      forEachPlace(view, (to, from) => {
        for (let c = 0; c < view.channels; c++) {
          const value = values[from + c] as number;
          totals[to + c] = average
            ? (totals[to + c] as number) + value
            : Math.max(totals[to + c] as number, value);
          counts[to + c] = (counts[to + c] as number) + 1;
        }
      });
      if (average)
        for (let i = 0; i < totals.length; i++)
          totals[i] = Math.trunc((totals[i] as number) / (counts[i] as number));
      return withRange(realTensor(input.dtype, view.shape, totals), rangeOf(min, max));
    };
  });

export const quantizedGraphKernels: HostTable = {
  QuantizedConv2D: convolution,
  QuantizedMatMul: matMul,
  QuantizedMul: multiplication,
  QuantizedAdd: addition(14, true),
  QuantizedBiasAdd: addition(17, false),
  QuantizedRelu: rectifier(() => Number.POSITIVE_INFINITY, false),
  QuantizedRelu6: rectifier(() => 6, false),
  QuantizedReluX: rectifier((limit) => realsOf(limit as Tensor)[0] as number, true),
  QuantizedMaxPool: pooling(false),
  QuantizedAvgPool: pooling(true),
  QuantizedConcat: concatenation(true),
  QuantizedConcatV2: concatenation(false),
  QuantizedReshape: compute(() => (x, shape, min, max) => {
    const sizes = integersOf(shape);
    const known = product(sizes.filter((size) => size !== -1));
    const resolved = sizes.map((size) => (size === -1 ? x.data.length / known : size));
    ensure(
      product(resolved) === x.data.length,
      () => `Input to reshape is a tensor with ${x.data.length} values, but the requested shape is ${sizes}`,
    );
    return withRange(reshaped(x, resolved) as Tensor, rangeOf(min, max));
  }),
  RequantizationRange: compute(() => (x, min, max) => {
    const used = usedRange(quantized(x, min, max));
    return [scalar(used.min), scalar(used.max)];
  }),
  Requantize: compute((node) => (x, min, max, wantedMin, wantedMax) => {
    const range = rangeOf(wantedMin, wantedMax);
    return withRange(requantized(quantized(x, min, max), outputDtype(node), range), range);
  }),
  QuantizeDownAndShrinkRange: compute((node) => (x, min, max) => {
    const source = quantized(x, min, max);
    const range = usedRange(source);
    return withRange(requantized(source, outputDtype(node), range), range);
  }),
};
