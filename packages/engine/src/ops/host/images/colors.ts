/** Colours: contrast, hue, saturation, and the conversion between RGB and HSV (all three in [0, 1]). */
import { failedPrecondition, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../../op-table.js";
import { newReals, realsOf, tensorOf } from "../domains.js";
import { compute, ensure, outputDtype } from "../kernel.js";

type Pixel = readonly [number, number, number];

/** Applies a function to each pixel of three channels. */
function mapPixels(x: Tensor, f: (pixel: Pixel) => Pixel): Tensor {
  ensure(x.shape.length >= 1, "input must be at least 1D");
  if (x.shape.at(-1) !== 3)
    throw failedPrecondition(`input must have 3 channels but input only has ${x.shape.at(-1)} channels.`);
  const values = realsOf(x);
  const out = newReals(x.dtype, x.shape);
  for (let i = 0; i < values.length; i += 3) {
    out.set(f([values[i] as number, values[i + 1] as number, values[i + 2] as number]), i);
  }
  return tensorOf(x.dtype, x.shape, out);
}

function hsvOf([r, g, b]: Pixel): Pixel {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  const saturation = value > 0 ? range / value : 0;
  if (range <= 0) return [0, saturation, value];
  const sixth = 1 / (6 * range);
  const hue = r === value ? sixth * (g - b) : g === value ? sixth * (b - r) + 2 / 6 : sixth * (r - g) + 4 / 6;
  return [hue < 0 ? hue + 1 : hue, saturation, value];
}

const unit = (x: number): number => Math.min(Math.max(x, 0), 1);

function rgbOf([hue, saturation, value]: Pixel): Pixel {
  const place = hue * 6;
  const channel = (strength: number): number => (1 - saturation + saturation * unit(strength)) * value;
  return [
    channel(Math.abs(place - 3) - 1),
    channel(2 - Math.abs(place - 2)),
    channel(2 - Math.abs(place - 4)),
  ];
}

function turned(pixel: Pixel, delta: number): Pixel {
  const [hue, saturation, value] = hsvOf(pixel);
  const moved = hue + delta;
  return rgbOf([moved - Math.floor(moved), saturation, value]);
}

function saturated(pixel: Pixel, scale: number): Pixel {
  const [hue, saturation, value] = hsvOf(pixel);
  return rgbOf([hue, unit(saturation * scale), value]);
}

/** Ops of one pixel and one factor. */
const byFactor = (f: (pixel: Pixel, factor: number) => Pixel): HostRow =>
  compute(() => (x, factorInput) => {
    ensure(x.shape.length >= 3, () => `input must be at least 3-D, got shape ${shapeText(x.shape)}`);
    ensure(
      x.shape.at(-1) === 3,
      () => `input must have 3 channels but instead has ${x.shape.at(-1)} channels.`,
    );
    const factor = factorOf(factorInput);
    return mapPixels(x, (pixel) => f(pixel, factor));
  });

function factorOf(input: Tensor): number {
  ensure(input.shape.length === 0, () => `the factor must be a scalar, got shape ${shapeText(input.shape)}`);
  return realsOf(input)[0] as number;
}

/** Distances from the mean of each channel of each image, scaled. */
function contrasted(x: Tensor, factor: number, dtype: Tensor["dtype"]): Tensor {
  ensure(x.shape.length >= 3, () => `input must be at least 3-D, got shape ${shapeText(x.shape)}`);
  const [height, width, channels] = x.shape.slice(-3) as [number, number, number];
  const values = realsOf(x);
  const pixels = height * width;
  const out = newReals(dtype, x.shape);
  for (let start = 0; start < values.length; start += pixels * channels) {
    for (let c = 0; c < channels; c++) {
      let mean = 0;
      for (let p = 0; p < pixels; p++) mean += (values[start + p * channels + c] as number) / pixels;
      for (let p = 0; p < pixels; p++) {
        const at = start + p * channels + c;
        out[at] = ((values[at] as number) - mean) * factor + mean;
      }
    }
  }
  return tensorOf(dtype, x.shape, out);
}

export const colorKernels: HostTable = {
  RGBToHSV: compute(() => (x) => mapPixels(x, hsvOf)),
  HSVToRGB: compute(() => (x) => mapPixels(x, rgbOf)),
  AdjustHue: byFactor(turned),
  AdjustSaturation: byFactor(saturated),
  AdjustContrastv2: compute(() => (x, factor) => contrasted(x, factorOf(factor), x.dtype)),
  AdjustContrast: compute((node) => (x, factor, minInput, maxInput) => {
    const { shape, data } = contrasted(x, factorOf(factor), outputDtype(node));
    const [min, max] = [factorOf(minInput), factorOf(maxInput)];
    return {
      dtype: "float32",
      shape,
      data: (data as Float32Array).map((value) => Math.max(Math.min(value, max), min)),
    };
  }),
};
