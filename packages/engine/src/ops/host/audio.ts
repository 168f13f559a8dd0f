/**
 * Sound: WAV files, spectrograms and mel-frequency cepstral coefficients, by the definitions of
 * tensorflow/core/kernels/{spectrogram,mfcc,mfcc_mel_filterbank,mfcc_dct}.cc and core/lib/wav/wav_io.cc.
 */
import { invalidArgument, shapeText, type Tensor } from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { newReals, type Reals, realsOf, stringsOf } from "./domains.js";
import { transformOf } from "./fourier.js";
import { compute, countOf, ensure, integerOf } from "./kernel.js";

// ---- WAV -------------------------------------------------------------------------------------------------------

interface Wav {
  readonly channels: number;
  readonly rate: number;
  /** 16-bit samples, channels interleaved. */
  readonly samples: DataView;
}

/** A RIFF file of 16-bit PCM. INVALID_ARGUMENT for anything else, or a chunk that goes past the end. */
function parseWav(bytes: Uint8Array): Wav {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  ensure(
    bytes.length >= 12 && text(0) === "RIFF" && text(8) === "WAVE",
    "Header mismatch: expected a RIFF file of type WAVE",
  );
  let format: Pick<Wav, "channels" | "rate"> | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [id, size, start] = [text(at), view.getUint32(at + 4, true), at + 8];
    ensure(
      start + size <= bytes.length,
      () => `Data too short: chunk "${id}" at byte ${at} has ${size} bytes, the file ends at ${bytes.length}`,
    );
    if (id === "fmt ") format = formatOf(view, start, size);
    if (id === "data" && format !== undefined) {
      return { ...format, samples: new DataView(bytes.buffer, bytes.byteOffset + start, size) };
    }
    at = start + size;
  }
  throw invalidArgument("no fmt chunk followed by a data chunk in WAV");
}

function formatOf(view: DataView, start: number, size: number): Pick<Wav, "channels" | "rate"> {
  ensure(size >= 16, () => `Bad chunk size for WAV: expected 16 or more bytes, got ${size}`);
  const [encoding, channels] = [view.getUint16(start, true), view.getUint16(start + 2, true)];
  const bits = view.getUint16(start + 14, true);
  ensure(
    encoding === 1 && bits === 16,
    () => `Bad audio format for WAV: expected 1 (PCM) of 16 bits, got ${encoding} of ${bits} bits`,
  );
  ensure(channels > 0, "Bad number of channels for WAV: expected at least 1, got 0");
  return { channels, rate: view.getUint32(start + 4, true) };
}

/** Samples in [-1, 1), shape [length, channels]; cut or zero-padded to what is asked for (-1: as it is). */
function decodeWav(contents: Tensor, channelsAsked: number, samplesAsked: number): Tensor[] {
  ensure(
    contents.shape.length === 0,
    () => `contents must be scalar, got shape ${shapeText(contents.shape)}`,
  );
  const { channels, rate, samples } = parseWav(stringsOf(contents)[0] as Uint8Array);
  const outChannels = channelsAsked === -1 ? channels : channelsAsked;
  const length = Math.floor(samples.byteLength / 2 / channels);
  const shape = [samplesAsked === -1 ? length : samplesAsked, outChannels];
  const data = new Float32Array(countOf(shape));
  for (let i = 0; i < data.length; i++) {
    const frame = Math.floor(i / outChannels);
    // A channel that the file lacks repeats its last one.
    const channel = Math.min(i % outChannels, channels - 1);
    if (frame < length) data[i] = samples.getInt16(2 * (frame * channels + channel), true) / 32768;
  }
  return [
    { dtype: "float32", shape, data },
    { dtype: "int32", shape: [], data: Int32Array.of(rate) },
  ];
}

// ---- spectrogram -----------------------------------------------------------------------------------------------

interface SpectrogramOptions {
  readonly window: number;
  readonly stride: number;
  readonly squared: boolean;
}

/** Magnitudes of the spectra of overlapping stretches of [samples, channels]: [channels, stretches, frequencies]. */
function spectrogram(input: Tensor, { window, stride, squared }: SpectrogramOptions): Tensor {
  ensure(input.shape.length === 2, () => `input must be 2-dimensional, got shape ${shapeText(input.shape)}`);
  const [samples, channels] = input.shape as [number, number];
  const length = 2 ** Math.ceil(Math.log2(window));
  const bins = length / 2 + 1;
  const stretches = samples < window ? 0 : 1 + Math.floor((samples - window) / stride);
  const shape = [channels, stretches, bins];
  const data = new Float32Array(countOf(shape));
  if (data.length === 0) return { dtype: "float32", shape, data };
  const values = realsOf(input);
  const taper = Float64Array.from(
    { length: window },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / window),
  );
  const transform = transformOf(length);
  let at = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let stretch = 0; stretch < stretches; stretch++) {
      const signal = { re: new Float64Array(length), im: new Float64Array(length) };
      for (let i = 0; i < window; i++) {
        signal.re[i] = (values[(stretch * stride + i) * channels + channel] as number) * (taper[i] as number);
      }
      transform(signal);
      for (let bin = 0; bin < bins; bin++) {
        const power = (signal.re[bin] as number) ** 2 + (signal.im[bin] as number) ** 2;
        data[at++] = squared ? power : Math.sqrt(power);
      }
    }
  }
  return { dtype: "float32", shape, data };
}

// ---- cepstrum --------------------------------------------------------------------------------------------------

const melOf = (frequency: number): number => 1127 * Math.log1p(frequency / 700);
const FILTERBANK_FLOOR = 1e-12;
const MAX_FILTERS = 1 << 16;

interface MfccOptions {
  readonly lowest: number;
  readonly highest: number;
  readonly filters: number;
  readonly coefficients: number;
}

/** From squared magnitudes to the responses of triangular filters, evenly spaced on the mel scale. */
function melFilterbank(bins: number, rate: number, { lowest, highest, filters }: MfccOptions) {
  const [low, high] = [melOf(lowest), melOf(highest)];
  const centers = Array.from(
    { length: filters + 1 },
    (_, i) => low + ((high - low) / (filters + 1)) * (i + 1),
  );
  const width = (0.5 * rate) / (bins - 1);
  const [first, last] = [Math.trunc(1.5 + lowest / width), Math.min(Math.trunc(highest / width), bins - 1)];
  return (powers: Reals): Float64Array => {
    const responses = new Float64Array(filters);
    for (let [bin, filter] = [first, 0]; bin <= last; bin++) {
      const mel = melOf(bin * width);
      while (filter < filters && (centers[filter] as number) < mel) filter++;
      const [below, above] = [
        filter === 0 ? low : (centers[filter - 1] as number),
        centers[filter] as number,
      ];
      const magnitude = Math.sqrt(powers[bin] as number);
      const falling = magnitude * ((above - mel) / (above - below));
      if (filter > 0) responses[filter - 1] = (responses[filter - 1] as number) + falling;
      if (filter < filters) responses[filter] = (responses[filter] as number) + magnitude - falling;
    }
    return responses;
  };
}

function cosineTransform(values: Float64Array, count: number): number[] {
  const { length } = values;
  return Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < length; j++)
      sum += Math.cos((i * Math.PI * (j + 0.5)) / length) * (values[j] as number);
    return sum * Math.sqrt(2 / length);
  });
}

function mfcc(input: Tensor, rate: number, options: MfccOptions): Tensor {
  ensure(
    input.shape.length === 3,
    () => `spectrogram must be 3-dimensional, got shape ${shapeText(input.shape)}`,
  );
  const [channels, stretches, bins] = input.shape as [number, number, number];
  ensure(
    bins >= 2 && rate > 0,
    () => `spectrogram and sample rate don't make frequencies: ${bins} bins at ${rate} Hz`,
  );
  const shape = [channels, stretches, options.coefficients];
  const out = newReals("float32", shape) as Float32Array<ArrayBuffer>;
  const filterbank = melFilterbank(bins, rate, options);
  const values = realsOf(input);
  for (let row = 0; row < channels * stretches; row++) {
    const responses = filterbank(values.subarray(row * bins, (row + 1) * bins) as Reals);
    const logs = responses.map((response) => Math.log(Math.max(response, FILTERBANK_FLOOR)));
    out.set(cosineTransform(logs, options.coefficients), row * options.coefficients);
  }
  return { dtype: "float32", shape, data: out };
}

export const audioKernels: HostTable = {
  DecodeWav: compute((node) => {
    const [channels, samples] = [node.attrs.int("desired_channels"), node.attrs.int("desired_samples")];
    return (contents) => decodeWav(contents, channels, samples);
  }),
  AudioSpectrogram: compute((node) => {
    const options = {
      window: node.attrs.int("window_size"),
      stride: node.attrs.int("stride"),
      squared: node.attrs.bool("magnitude_squared"),
    };
    ensure(
      options.window >= 2 && options.stride >= 1,
      () => `window_size must be >= 2 and stride >= 1, got ${options.window} and ${options.stride}`,
    );
    return (input) => spectrogram(input, options);
  }),
  Mfcc: compute(({ attrs }) => {
    const options: MfccOptions = {
      lowest: attrs.float("lower_frequency_limit"),
      highest: attrs.float("upper_frequency_limit"),
      filters: attrs.int("filterbank_channel_count"),
      coefficients: attrs.int("dct_coefficient_count"),
    };
    const { filters, coefficients } = options;
    ensure(
      filters >= 1 && filters <= MAX_FILTERS && coefficients >= 1 && coefficients <= filters,
      () =>
        `filterbank_channel_count must be in [1, ${MAX_FILTERS}] and dct_coefficient_count no more, got ${filters} and ${coefficients}`,
    );
    return (input, rate) => mfcc(input, integerOf(rate, "sample_rate"), options);
  }),
};
