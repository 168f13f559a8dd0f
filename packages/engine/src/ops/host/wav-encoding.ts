/** EncodeWav: sound as a WAV file of 16-bit samples. audio.ts reads such files. */
import { encodeText, invalidArgument, shapeText, type Tensor } from "@servable/formats";
import type { HostTable } from "../op-table.js";
import { tensorOver } from "./element-memory.js";
import { compute, integerOf, type TensorFunction } from "./kernel.js";

const HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;

/** A WAV file of 16-bit samples from floats in [-1, 1], time by channel; what is louder is cut off. */
const encodeWav: TensorFunction = (audioInput, rateInput) => {
  const audio = audioInput as Tensor;
  if (audio.shape.length !== 2) throw invalidArgument(`audio must be 2-dimensional${shapeText(audio.shape)}`);
  if ((rateInput as Tensor).shape.length > 0) {
    throw invalidArgument(
      `Input sample_rate should be a scalar tensor, got ${shapeText((rateInput as Tensor).shape)} instead.`,
    );
  }
  const [samples, channels] = audio.shape as [number, number];
  const rate = integerOf(rateInput, "sample_rate");
  if (channels === 0) throw invalidArgument("audio must have at least one channel");
  const size = samples * channels * SAMPLE_BYTES;
  const file = new Uint8Array(HEADER_BYTES + size);
  const view = new DataView(file.buffer);
  writeHeader(file, view, channels, rate, size);
  const data = audio.data as Float32Array;
  for (const [i, value] of data.entries()) {
    const scaled = value * 32768;
    // Half a step is rounded away from zero.
    const rounded = Math.sign(scaled) * Math.round(Math.abs(scaled));
    const sample = Math.max(-32768, Math.min(32767, rounded));
    view.setInt16(HEADER_BYTES + SAMPLE_BYTES * i, sample, true);
  }
  return tensorOver("string", [], [file]);
};

/** The chunks of a PCM file, up to its samples. */
function writeHeader(file: Uint8Array, view: DataView, channels: number, rate: number, size: number): void {
  file.set(encodeText("RIFF"), 0);
  view.setUint32(4, HEADER_BYTES - 8 + size, true);
  file.set(encodeText("WAVEfmt "), 8);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * SAMPLE_BYTES, true);
  view.setUint16(32, channels * SAMPLE_BYTES, true);
  view.setUint16(34, 8 * SAMPLE_BYTES, true);
  file.set(encodeText("data"), 36);
  view.setUint32(40, size, true);
}

export const wavEncodingKernels: HostTable = {
  EncodeWav: compute(() => encodeWav),
};
