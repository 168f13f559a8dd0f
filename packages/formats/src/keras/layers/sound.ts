/** Spectrograms (keras/src/layers/preprocessing): Fourier transforms as convolutions with sines and cosines. */
import type { Output } from "../../graph-builder/operation.js";
import type { Layer } from "../layer.js";
import { knownSize, numbersOf, rankOf } from "../nodes.js";
import type { LayerRow, LayerTable } from "./row.js";

const EPSILON = 1e-7;
/** The mel scale of the Hidden Markov Model Toolkit. */
const MEL_BREAK_HERTZ = 700;
const MEL_Q = 1127;
/** Entries of a kernel of sines, at most. */
const MAX_KERNEL = 2 ** 26;

/** [B, T, C] → [B, C, F, T′] with kernels of [length, 1, F], each channel by itself. */
function transformed(layer: Layer, x: Output, kernel: Output, stride: number, padding: string): Output {
  const { n } = layer;
  const channels = knownSize(x, 2, layer.where);
  const frequencies = kernel.shape?.[2] as number;
  const time = n.size(x, 1);
  const apart = n.reshape(n.transpose(x, [0, 2, 1]), [-1, 1, time, 1]);
  const attrs = { strides: [1, 1, stride, 1], padding: padding.toUpperCase() };
  const found = n.squeeze(n.op("Conv2D", [apart, n.expand(kernel, 0)], attrs), 1);
  const frames = n.size(found, 1);
  return n.reshape(n.transpose(found, [0, 2, 1]), [-1, channels, frequencies, frames]);
}

const shortTime: LayerRow = {
  call: (layer, args) => {
    const { n, config } = layer;
    const input = args.input.output;
    const mode = config.string("mode", "log");
    const length = config.number("frame_length", 256);
    const fft = config.number("fft_length", 2 ** Math.ceil(Math.log2(length)));
    const stride = config.number("frame_step", Math.floor(length / 2));
    const shape = [length, 1, Math.floor(fft / 2) + 1];
    const x = layer.isChannelsFirst ? n.transpose(input, [0, 2, 1]) : input;
    const part = (name: string) =>
      transformed(layer, x, layer.weight(name, shape), stride, config.string("padding", "valid"));
    const real = mode === "imag" ? undefined : part("real_kernel");
    const imaginary = mode === "real" ? undefined : part("imag_kernel");
    return [{ output: spectrum(layer, mode, real, imaginary) }];
  },
};

function spectrum(
  layer: Layer,
  mode: string,
  real: Output | undefined,
  imaginary: Output | undefined,
): Output {
  const { n } = layer;
  if (real === undefined || imaginary === undefined) return arranged(layer, (real ?? imaginary) as Output);
  if (mode === "angle") return arranged(layer, n.op("Atan2", [imaginary, real]));
  if (mode === "stft") return arranged(layer, n.concat([real, imaginary], 2));
  const power = n.add(n.op("Square", [real]), n.op("Square", [imaginary]));
  if (mode === "psd") {
    const widths = { dtype: "int32" as const, shape: [4, 2], data: Int32Array.of(0, 0, 0, 0, 1, 1, 0, 0) };
    return arranged(layer, n.add(power, n.op("Pad", [n.slice(power, 2, 1, -1), widths])));
  }
  const magnitude = n.op("Sqrt", [n.op("Maximum", [power, n.number(power, EPSILON)])]);
  if (mode === "magnitude") return arranged(layer, magnitude);
  if (mode !== "log") return layer.refuse(`the mode "${mode}" is not known`);
  return arranged(layer, n.op("Log", [n.op("Maximum", [magnitude, n.number(magnitude, EPSILON)])]));
}

/** [B, C, F, T] in the order that the layer is asked for. */
function arranged(layer: Layer, x: Output): Output {
  const { n, config } = layer;
  if (config.boolean("expand_dims", false)) {
    return n.transpose(x, layer.isChannelsFirst ? [0, 1, 3, 2] : [0, 3, 2, 1]);
  }
  const [channels, frequencies] = [knownSize(x, 1, layer.where), knownSize(x, 2, layer.where)];
  const flat = n.reshape(x, [-1, channels * frequencies, n.size(x, 3)]);
  return layer.isChannelsFirst ? flat : n.transpose(flat, [0, 2, 1]);
}

const mel: LayerRow = {
  call: (layer, args) => {
    const { n, config } = layer;
    const input = args.input.output;
    const isSingle = rankOf(input) === 1;
    const x = isSingle ? n.expand(input, 0) : input;
    const fft = config.number("fft_length", 2048);
    const half = Math.floor(fft / 2);
    const widths = { dtype: "int32" as const, shape: [2, 2], data: Int32Array.of(0, 0, half, half) };
    const padded = n.expand(n.op("MirrorPad", [x, widths], { mode: "REFLECT" }), 2);
    const stride = config.number("sequence_stride", 512);
    const [cosines, sines] = fourierKernels(layer, fft);
    const power = [cosines, sines].map((kernel) =>
      n.op("Square", [transformed(layer, padded, kernel, stride, "valid")]),
    ) as [Output, Output];
    const magnitude = n.squeeze(n.op("Sqrt", [n.add(...power)]), 1);
    const raised = n.op("Pow", [magnitude, n.number(magnitude, config.number("mag_exp", 2))]);
    const bands = n.dense(n.transpose(raised, [0, 2, 1]), melMatrix(layer, half + 1));
    const result = n.transpose(
      config.boolean("power_to_db", true) ? decibels(layer, bands) : bands,
      [0, 2, 1],
    );
    return [{ output: isSingle ? n.squeeze(result, 0) : result }];
  },
};

/** cos and sin of all frequencies under the window, which lies in the middle of the transform. */
function fourierKernels(layer: Layer, fft: number): [Output, Output] {
  const { config } = layer;
  const length = config.number("sequence_length", fft);
  const frequencies = Math.floor(fft / 2) + 1;
  if (fft < 1 || length > fft || fft * frequencies > MAX_KERNEL)
    layer.refuse(`a transform of ${fft} samples`);
  const window = windowOf(layer, length);
  const before = Math.floor((fft - length) / 2);
  const kernel = (wave: (angle: number) => number) => {
    const values = new Array<number>(fft * frequencies).fill(0);
    for (let t = 0; t < length; t++) {
      for (let f = 0; f < frequencies; f++) {
        const place = before + t;
        values[place * frequencies + f] =
          (window[t] as number) * wave((2 * Math.PI * ((f * place) % fft)) / fft);
      }
    }
    return layer.n.g.constant(numbersOf(layer.dtype, [fft, 1, frequencies], values));
  };
  return [kernel(Math.cos), kernel(Math.sin)];
}

function windowOf(layer: Layer, length: number): number[] {
  const name = layer.config.get("window");
  const periodic = Array.from({ length }, (_, t) => Math.cos((2 * Math.PI * t) / length));
  if (name === null) return periodic.map(() => 1);
  if (name === "hann") return periodic.map((cosine) => 0.5 - 0.5 * cosine);
  if (name === "hamming") return periodic.map((cosine) => 0.54 - 0.46 * cosine);
  return layer.refuse(`the window ${JSON.stringify(name)} is not supported`);
}

/** Triangles that overlap by half, evenly spaced on the mel scale; the lowest frequency is left out. */
function melMatrix(layer: Layer, frequencies: number): Output {
  const { config } = layer;
  const bands = config.number("num_mel_bins", 128);
  layer.bounded("num_mel_bins", bands * frequencies, MAX_KERNEL);
  const rate = config.number("sampling_rate", 16000);
  const toMel = (hertz: number) => MEL_Q * Math.log(1 + hertz / MEL_BREAK_HERTZ);
  const [low, high] = [toMel(config.number("min_freq", 20)), toMel(config.number("max_freq", rate / 2))];
  const edge = (i: number) => low + ((high - low) * i) / (bands + 1);
  const values: number[] = [];
  for (let f = 0; f < frequencies; f++) {
    const place = toMel((rate / 2) * (f / (frequencies - 1)));
    for (let band = 0; band < bands; band++) {
      const rising = (place - edge(band)) / (edge(band + 1) - edge(band));
      const falling = (edge(band + 2) - place) / (edge(band + 2) - edge(band + 1));
      values.push(f === 0 ? 0 : Math.max(0, Math.min(rising, falling)));
    }
  }
  return layer.n.g.constant(numbersOf(layer.dtype, [frequencies, bands], values));
}

function decibels(layer: Layer, x: Output): Output {
  const { n, config } = layer;
  const least = config.number("min_power", 1e-10);
  const logarithm = n.scaled(n.op("Log", [n.op("Maximum", [x, n.number(x, least)])]), 10 * Math.LOG10E);
  const reference = 10 * Math.log10(Math.max(Math.abs(config.number("ref_power", 1)), least));
  const shifted = n.shifted(logarithm, -reference);
  const all = Array.from({ length: rankOf(shifted) }, (_, axis) => axis);
  const floor = n.shifted(n.reduce("Max", shifted, all), -config.number("top_db", 80));
  return n.op("Maximum", [shifted, floor]);
}

export const soundRows: LayerTable = { STFTSpectrogram: shortTime, MelSpectrogram: mel };
