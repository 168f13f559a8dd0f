/**
 * GIF and WebP files as frames. TensorFlow paints a GIF's frames one over another on a black canvas, whatever the file
 * says of disposal (tensorflow/core/lib/gif/gif_io.cc).
 */
import { invalidArgument } from "@servable/formats";
import { decodeFrames } from "./codec-client.js";
import type { Frame } from "./codec-tasks.js";
import { checkSize } from "./image-file.js";

export interface Animation {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

// ---- GIF -----------------------------------------------------------------------------------------------------

/** Decodes the frames of a file, or the first alone. */
export function decodeGif(file: Uint8Array, firstOnly = false): Animation {
  const { width, height, count } = gifExtent(file);
  checkSize("GIF", width, height, count);
  const frames = decodeFrames({ file, format: "GIF" }).slice(0, firstOnly ? 1 : undefined);
  const size = width * height * 3;
  const data = new Uint8Array(size * frames.length);
  const canvas = new Uint8Array(size);
  for (const [i, frame] of frames.entries()) {
    paint(frame, canvas, width, height);
    data.set(canvas, i * size);
  }
  return { frames: frames.length, width, height, channels: 3, data };
}

/** Transparent pixels leave what was there. */
function paint(frame: Frame, canvas: Uint8Array, width: number, height: number): void {
  for (let y = 0; y < frame.height && frame.top + y < height; y++) {
    for (let x = 0; x < frame.width && frame.left + x < width; x++) {
      const from = (y * frame.width + x) * 4;
      if (frame.data[from + 3] === 0) continue;
      const to = ((frame.top + y) * width + frame.left + x) * 3;
      for (let c = 0; c < 3; c++) canvas[to + c] = frame.data[from + c] as number;
    }
  }
}

const IMAGE = 0x2c;
const EXTENSION = 0x21;
const TRAILER = 0x3b;

/** The number of frames and the largest width and height of any, which TensorFlow takes for the canvas. */
export function gifExtent(file: Uint8Array): { width: number; height: number; count: number } {
  const sixteen = (at: number): number => (file[at] ?? 0) | ((file[at + 1] ?? 0) << 8);
  const tableBytes = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  let [width, height, count] = [0, 0, 0];
  let at = 13 + tableBytes(file[10] ?? 0);
  while (at < file.length && file[at] !== TRAILER) {
    if (file[at] === EXTENSION) at = afterBlocks(file, at + 2);
    else if (file[at] === IMAGE) {
      width = Math.max(width, sixteen(at + 5));
      height = Math.max(height, sixteen(at + 7));
      count++;
      at = afterBlocks(file, at + 11 + tableBytes(file[at + 9] ?? 0));
    } else break;
  }
  if (count === 0)
    throw invalidArgument(`Invalid GIF data (size ${file.length}), gif file does not contain any image`);
  return { width, height, count };
}

/** Past a chain of blocks, each behind its length, that ends with an empty one. */
function afterBlocks(file: Uint8Array, from: number): number {
  let at = from;
  while (at < file.length && file[at] !== 0) at += (file[at] as number) + 1;
  return at + 1;
}

// ---- WebP ----------------------------------------------------------------------------------------------------

/** Decodes a file; `channels` 0 for those of the file, which must be as many otherwise. */
export function decodeWebp(file: Uint8Array, channels: number): Animation {
  const { width, height, count } = webpExtent(file);
  checkSize("WebP", width, height, count);
  if (channels !== 0 && channels !== 3 && channels !== 4)
    throw invalidArgument("WebP only supports 3 or 4 channels");
  const frames = decodeFrames({ file, format: "WEBP" });
  // TensorFlow takes animations to have alpha, be there one or not.
  const own = frames.length > 1 || frames.some(({ hasAlpha }) => hasAlpha) ? 4 : 3;
  if (channels !== 0 && channels !== own) {
    throw invalidArgument("Number of channels requested does not match input");
  }
  const size = width * height;
  const data = new Uint8Array(size * own * frames.length);
  for (const [f, frame] of frames.entries()) {
    if (frame.width !== width || frame.height !== height)
      throw invalidArgument("WebP frames of different sizes");
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < own; c++) data[(f * size + i) * own + c] = frame.data[4 * i + c] as number;
    }
  }
  return { frames: frames.length, width, height, channels: own, data };
}

/** Canvas and number of frames from the RIFF chunks (RFC 9649). */
export function webpExtent(file: Uint8Array): { width: number; height: number; count: number } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const kind = String.fromCharCode(...file.subarray(12, 16));
  if (file.length < 30) throw invalidArgument(`Invalid WebP data, size ${file.length}`);
  if (kind === "VP8 ")
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff, count: 1 };
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, count: 1 };
  }
  if (kind !== "VP8X") throw invalidArgument(`Invalid WebP data, size ${file.length}`);
  const twentyFour = (at: number): number => view.getUint16(at, true) | ((file[at + 2] as number) << 16);
  let count = 0;
  for (let at = 12; at + 8 <= file.length; at += 8 + Math.ceil(view.getUint32(at + 4, true) / 2) * 2) {
    if (String.fromCharCode(...file.subarray(at, at + 4)) === "ANMF") count++;
  }
  return { width: twentyFour(24) + 1, height: twentyFour(27) + 1, count: Math.max(1, count) };
}
