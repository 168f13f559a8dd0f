/**
 * Floats as integers of few bits and back. TensorFlow computes these in float32; so that a value at the edge between
 * two steps falls on the same side, each operation here is rounded as there.
 */
import { type DType, invalidArgument, type Shape, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { aroundAxis } from "./boxes.js";
import { newReals, type Reals, realsOf, roundingOf, tensorOf } from "./domains.js";
import { roundHalfToEven } from "./elementwise-unary.js";
import { compute, ensure, integerOf, outputDtype } from "./kernel.js";
import { limitsOf } from "./reductions.js";

const { fround } = Math;
const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127;

/** As C's round: halves away from zero. */
const roundAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
const roundUp = (x: number): number => Math.floor(x + 0.5);

const clamp = (x: number, low: number, high: number): number => Math.max(Math.min(x, high), low);

const floatScalar = (value: number): Tensor => ({
  dtype: "float32",
  shape: [],
  data: Float32Array.of(value),
});

/** Visits elements with their positions. */
type EachElement = (visit: (value: number, position: number) => void) => void;

function eachOfChannel(
  values: Reals,
  outer: number,
  size: number,
  inner: number,
  channel: number,
): EachElement {
  return (visit) => {
    for (let o = 0; o < outer; o++) {
      const start = (o * size + channel) * inner;
      for (let i = start; i < start + inner; i++) visit(values[i] as number, i);
    }
  };
}

/** Applies a function made for each channel of `axis` (-1: one for all) to its elements. */
function byChannel(
  x: Tensor,
  dtype: DType,
  axis: number,
  make: (channel: number, each: EachElement) => (value: number) => number,
): Tensor {
  const values = realsOf(x);
  const { outer, size, inner } =
    axis < 0 ? { outer: 1, size: 1, inner: values.length } : aroundAxis(x.shape, axis);
  const out = newReals(dtype, x.shape);
  for (let channel = 0; channel < size && values.length > 0; channel++) {
    const own = eachOfChannel(values, outer, size, inner, channel);
    const f = make(channel, own);
    own((value, i) => {
      out[i] = f(value);
    });
  }
  return tensorOf(dtype, x.shape, out);
}

// ---- fake quantization -----------------------------------------------------------------------------------------

/** The range moved a little so that 0 is one of its steps, and the size of a step. */
function nudged(min: number, max: number, least: number, most: number) {
  const scale = fround(fround(max - min) / (most - least));
  const zeroFromMin = fround(least - fround(min / scale));
  const zero = zeroFromMin < least ? least : zeroFromMin > most ? most : roundAway(zeroFromMin);
  return { min: fround((least - zero) * scale), max: fround((most - zero) * scale), scale };
}

/** How TensorFlow's kernels count steps: that for two scalars divides by their size, the others multiply. */
type Counting = "divide" | "multiply";

/** Rounds values to the steps of a range. */
function fakeQuantizer(
  [min, max]: readonly [number, number],
  bits: number,
  narrow: boolean,
  counting: Counting,
): (x: number) => number {
  if (min === 0 && max === 0) return () => 0;
  const [least, most] = [narrow ? 1 : 0, 2 ** bits - 1];
  const range = nudged(min, max, least, most);
  const perUnit = fround((most - least) / fround(max - min));
  const zero = Math.floor(fround(fround(-range.min * fround(1 / range.scale)) + 0.5));
  return (x) => {
    const shifted = fround(clamp(x, range.min, range.max) - range.min);
    const steps = fround(counting === "divide" ? shifted / range.scale : shifted * perUnit);
    return Math.floor(fround(fround(steps - zero) + 0.5)) * range.scale;
  };
}

function requireBits(bits: number): void {
  ensure(bits >= 2 && bits <= 16, () => `num_bits must be between 2 and 16, inclusive, got ${bits}`);
}

const fakeQuantArgs = compute((node) => {
  const { attrs } = node;
  const [min, max, bits] = [attrs.float("min"), attrs.float("max"), attrs.int("num_bits")];
  requireBits(bits);
  ensure(min < max, () => `min has to be smaller than max, was: ${min} >= ${max}`);
  const quantize = fakeQuantizer([min, max], bits, attrs.bool("narrow_range"), "multiply");
  return (x) => byChannel(x, "float32", -1, () => quantize);
});

const fakeQuantVars = (perChannel: boolean): HostRow =>
  compute((node) => {
    const [bits, narrow] = [node.attrs.int("num_bits"), node.attrs.bool("narrow_range")];
    requireBits(bits);
    return (x, minInput, maxInput) => {
      const axis = perChannel ? x.shape.length - 1 : -1;
      const channels = perChannel ? (x.shape[axis] as number) : 1;
      const [min, max] = [realsOf(minInput), realsOf(maxInput)];
      ensure(
        min.length === channels && max.length === channels,
        () =>
          `min and max must have ${channels} elements, got shapes ${shapeText(minInput.shape)} and ${shapeText(maxInput.shape)}`,
      );
      return byChannel(x, "float32", axis, (c) =>
        fakeQuantizer([min[c] as number, max[c] as number], bits, narrow, perChannel ? "multiply" : "divide"),
      );
    };
  });

// ---- quantize and dequantize at once ---------------------------------------------------------------------------

interface RoundTrip {
  readonly signed: boolean;
  readonly narrow: boolean;
  readonly rangeGiven: boolean;
  readonly axis: number;
  readonly round: (x: number) => number;
}

/** Rounds to integers of `bits` after scaling by what keeps the range inside them and 0 where it is. */
function roundTrip(x: Tensor, lowInput: Tensor, highInput: Tensor, bits: number, options: RoundTrip): Tensor {
  ensure(
    bits > 0 && bits < (options.signed ? 62 : 63),
    () => `num_bits is out of range: ${bits} with signed_input ${options.signed}`,
  );
  const toDtype = roundingOf(x.dtype);
  const [low, high] = [realsOf(lowInput), realsOf(highInput)];
  const least = options.signed ? -(2 ** (bits - 1)) + (options.narrow ? 1 : 0) : 0;
  const most = options.signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  return byChannel(x, x.dtype, options.axis, (channel, each) => {
    const [min, max] = options.rangeGiven ? [low[channel] as number, high[channel] as number] : rangeOf(each);
    ensure(min <= max, () => `Invalid range: input_min ${min} > input_max ${max}`);
    const fit = fitted(min, max, least, most, toDtype);
    const scaled = (value: number) => toDtype(options.round(toDtype(value * fit.scale)) * fit.inverse);
    return options.rangeGiven ? (value) => scaled(clamp(value, fit.min, fit.max)) : scaled;
  });
}

function rangeOf(each: EachElement): [number, number] {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  each((value) => {
    if (value < min) min = value;
    if (value > max) max = value;
  });
  return [min, max];
}

/** The larger scale that neither end of the range forbids, and the range that then fills the integers. */
function fitted(min: number, max: number, least: number, most: number, toDtype: (x: number) => number) {
  const fromMin = least * min > 0 ? toDtype(least / min) : LARGEST_FLOAT;
  const fromMax = most * max > 0 ? toDtype(most / max) : LARGEST_FLOAT;
  if (fromMin < fromMax) {
    const inverse = toDtype(min / least);
    return { scale: fromMin, inverse, min, max: toDtype(most * inverse) };
  }
  const inverse = toDtype(max / most);
  return { scale: fromMax, inverse, min: toDtype(least * inverse), max };
}

const roundTripRow = (bitsAreInput: boolean): HostRow =>
  compute(({ attrs }) => {
    const options: RoundTrip = {
      signed: attrs.bool("signed_input"),
      narrow: attrs.bool("narrow_range"),
      rangeGiven: attrs.bool("range_given"),
      axis: attrs.int("axis"),
      round: !bitsAreInput && attrs.string("round_mode") === "HALF_UP" ? roundUp : roundHalfToEven,
    };
    const bits = bitsAreInput ? 0 : attrs.int("num_bits");
    return (x, low, high, bitsInput) =>
      roundTrip(x, low, high, bitsAreInput ? integerOf(bitsInput, "num_bits") : bits, options);
  });

// ---- quantized types -------------------------------------------------------------------------------------------

interface QuantizedType {
  readonly least: number;
  readonly most: number;
}

function quantizedType(dtype: DType): QuantizedType {
  const { least, most } = limitsOf(dtype);
  return { least: Number(least), most: Number(most) };
}

interface Range {
  readonly min: number;
  readonly max: number;
}

/** How a mode maps floats to the type: the function, and the range that it stands for. */
interface Mapping {
  readonly range: Range;
  readonly map: (x: number) => number;
}

interface QuantizeOptions {
  readonly mode: string;
  readonly narrow: boolean;
  readonly halfToEven: boolean;
  readonly least: number;
  readonly most: number;
}

function quantizer(range: Range, { mode, narrow, halfToEven, least, most }: QuantizeOptions): Mapping {
  const { min, max } = range;
  if (mode === "MIN_COMBINED") {
    const scale = fround((most - least) / fround(max - min));
    const half = least < 0 ? (most - least + 1) / 2 : 0;
    return { range, map: (x) => roundAway(fround(fround(fround(clamp(x, min, max) - min) * scale) - half)) };
  }
  if (mode === "MIN_FIRST") {
    const scale = max === min ? 0 : fround((most - least) / fround(max - min));
    const offset = roundAway(fround(min * scale)) - least;
    return { range, map: (x) => clamp(fround(roundAway(fround(x * scale)) - offset), least, most) };
  }
  const lowest = least + (narrow ? 1 : 0);
  const fromMin = lowest * min > 0 ? fround(lowest / min) : LARGEST_FLOAT;
  const fromMax = most * max > 0 ? fround(most / max) : LARGEST_FLOAT;
  const scale = Math.min(fromMin, fromMax);
  const filled = { min: fround(lowest / scale), max: fround(most / scale) };
  const round = halfToEven ? roundHalfToEven : roundAway;
  return { range: filled, map: (x) => round(fround(clamp(x, filled.min, filled.max) * scale)) };
}

/** The range with 0 in it, and wide enough to divide by. */
function widened(min: number, max: number, leastWidth: number): Range {
  ensure(!(max < min), "max_range must be larger than min_range.");
  const low = Math.min(0, min);
  const epsilon = fround(Math.max(1, Math.abs(min), Math.abs(max)) * leastWidth);
  return { min: low, max: Math.max(0, max, fround(low + epsilon)) };
}

const quantizeRow = compute((node) => {
  const { attrs } = node;
  const dtype = outputDtype(node);
  const options: QuantizeOptions = {
    mode: modeOf(attrs.string("mode")),
    narrow: attrs.bool("narrow_range"),
    halfToEven: attrs.string("round_mode") === "HALF_TO_EVEN",
    ...quantizedType(dtype),
  };
  const [axis, leastWidth] = [attrs.int("axis"), attrs.float("ensure_minimum_range")];
  return (x, minInput, maxInput) => {
    const [mins, maxes] = rangesOf(x.shape, axis, minInput, maxInput);
    const ranges: Range[] = [];
    const quantized = byChannel(x, dtype, axis, (c) => {
      const { range, map } = quantizer(widened(mins[c] as number, maxes[c] as number, leastWidth), options);
      ranges[c] = range;
      return map;
    });
    return [quantized, ...rangeTensors(axis, ranges)];
  };
});

function modeOf(mode: string): string {
  if (mode === "MIN_COMBINED" || mode === "MIN_FIRST" || mode === "SCALED") return mode;
  throw invalidArgument(`Mode string must be 'MIN_COMBINED', 'MIN_FIRST', or 'SCALED', is '${mode}'`);
}

/** A pair of ends for each channel, or one. */
function rangesOf(shape: Shape, axis: number, minInput: Tensor, maxInput: Tensor): [Reals, Reals] {
  const channels = axis < 0 ? 1 : (shape[axis] ?? 0);
  const [mins, maxes] = [realsOf(minInput), realsOf(maxInput)];
  ensure(
    mins.length === channels && maxes.length === channels,
    () =>
      `min_range and max_range must have ${channels} elements, got shapes ${shapeText(minInput.shape)} and ${shapeText(maxInput.shape)}`,
  );
  return [mins, maxes];
}

function rangeTensors(axis: number, ranges: readonly Range[]): [Tensor, Tensor] {
  const [first] = ranges;
  if (axis < 0) return [floatScalar(first?.min ?? 0), floatScalar(first?.max ?? 0)];
  const vector = (values: number[]): Tensor => ({
    dtype: "float32",
    shape: [values.length],
    data: Float32Array.from(values),
  });
  return [vector(ranges.map(({ min }) => min)), vector(ranges.map(({ max }) => max))];
}

function dequantizer(
  { min, max }: Range,
  { mode, narrow, least, most }: Omit<QuantizeOptions, "halfToEven">,
): (x: number) => number {
  if (mode === "MIN_COMBINED") {
    const scale = fround(fround(max - min) / (most - least));
    const half = least < 0 ? (most - least + 1) / 2 : 0;
    return (x) => fround(fround((x + half) * scale) + min);
  }
  if (mode === "MIN_FIRST") {
    const scale = fround(fround(max - min) / (most - least));
    const first = max === min ? min : fround(roundAway(fround(min / scale)) * scale);
    const zero = fround(first - fround(least * scale));
    return (x) => fround(zero + fround(x * scale));
  }
  const lowest = least + (narrow ? 1 : 0);
  const scale = lowest === 0 ? fround(max / most) : Math.max(fround(min / lowest), fround(max / most));
  return (x) => x * scale;
}

const dequantizeRow = compute((node) => {
  const { attrs } = node;
  const [mode, narrow, axis] = [modeOf(attrs.string("mode")), attrs.bool("narrow_range"), attrs.int("axis")];
  return (x, minInput, maxInput) => {
    const [mins, maxes] = rangesOf(x.shape, axis, minInput, maxInput);
    const type = quantizedType(x.dtype);
    return byChannel(x, outputDtype(node), axis, (c) =>
      dequantizer({ min: mins[c] as number, max: maxes[c] as number }, { mode, narrow, ...type }),
    );
  };
});

// ---- uniform quantization --------------------------------------------------------------------------------------

const uniformRow = (
  make: (scale: number, zero: number, least: number, most: number) => (x: number) => number,
): HostRow =>
  compute((node) => {
    const axis = node.attrs.int("quantization_axis");
    const [least, most] = [node.attrs.int("quantization_min_val"), node.attrs.int("quantization_max_val")];
    return (x, scales, zeros) => {
      const [scale, zero] = rangesOf(x.shape, axis, scales, zeros);
      return byChannel(x, outputDtype(node), axis, (c) =>
        make(scale[c] as number, zero[c] as number, least, most),
      );
    };
  });

export const quantizationKernels: HostTable = {
  FakeQuantWithMinMaxArgs: fakeQuantArgs,
  FakeQuantWithMinMaxVars: fakeQuantVars(false),
  FakeQuantWithMinMaxVarsPerChannel: fakeQuantVars(true),
  QuantizeAndDequantize: compute(({ attrs }) => {
    const rangeGiven = attrs.bool("range_given");
    const options = {
      signed: attrs.bool("signed_input"),
      narrow: false,
      rangeGiven,
      axis: -1,
      round: roundHalfToEven,
    };
    const [low, high] = [floatScalar(attrs.float("input_min")), floatScalar(attrs.float("input_max"))];
    const bits = attrs.int("num_bits");
    return (x) => roundTrip(x, low, high, bits, options);
  }),
  QuantizeAndDequantizeV2: roundTripRow(false),
  QuantizeAndDequantizeV3: roundTripRow(true),
  QuantizeAndDequantizeV4: roundTripRow(false),
  QuantizeV2: quantizeRow,
  Dequantize: dequantizeRow,
  UniformQuantize: uniformRow((scale, zero, least, most) => {
    const inverse = fround(1 / scale);
    return (x) => clamp(roundUp(fround(x * inverse)) + zero, least, most);
  }),
  UniformDequantize: uniformRow((scale, zero) => (x) => fround((x - zero) * scale)),
};
