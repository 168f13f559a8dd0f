/**
 * JPEG files as TensorFlow decodes them (tensorflow/core/lib/jpeg/jpeg_mem.cc): its choice of colours, its way with CMYK,
 * and what cropping does to the colours at the border of the crop.
 */
import { decodeJpegFile } from "./codec-client.js";
import type { JpegColor } from "./codec-tasks.js";
import type { Pixels } from "./image-file.js";
import { invalidJpeg, isCompleteJpeg, type JpegHeader, readJpegHeader } from "./jpeg-file.js";

export interface JpegOptions {
  /** 0 for as many as the file has. */
  readonly channels: number;
  /** Scale down by this while decoding. */
  readonly ratio: 1 | 2 | 4 | 8;
  readonly smooth: boolean;
  readonly recoverTruncated: boolean;
  readonly accurate: boolean;
}

export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Decodes a file. INVALID_ARGUMENT for what is none, is cut off, or has no such channels. */
export function decodeJpeg(file: Uint8Array, options: JpegOptions): Pixels {
  const header = readJpegHeader(file);
  if (!options.recoverTruncated && !isCompleteJpeg(file)) throw invalidJpeg(file);
  const channels = options.channels === 0 ? Math.min(header.components, 3) : options.channels;
  const read = (color: JpegColor): Pixels =>
    decodeJpegFile({
      file,
      color,
      accurate: options.accurate,
      smooth: options.smooth,
      ...(options.ratio > 1 && {
        scaled: [header.width / options.ratio, header.height / options.ratio] as const,
      }),
    });
  if (header.components === 4) {
    if (channels !== 3) throw invalidJpeg(file);
    return colorsOfInk(read("CMYK"), header.isAdobe);
  }
  if (channels === 3) return read("RGB");
  if (header.components === 1) return read("GRAY");
  return header.isRgb ? greyOf(read("RGB")) : firstChannel(read("YCbCr"));
}

/** Adobe stores ink inverted: the two forms meet in how white each value is. */
function colorsOfInk({ width, height, data }: Pixels, isAdobe: boolean): Pixels {
  const colors = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const black = data[4 * i + 3] as number;
    for (let c = 0; c < 3; c++) {
      const ink = data[4 * i + c] as number;
      colors[3 * i + c] = isAdobe ? (black * ink) / 255 : ((255 - black) * (255 - ink)) / 255;
    }
  }
  return { width, height, channels: 3, data: colors };
}

function firstChannel({ width, height, channels, data }: Pixels): Pixels {
  const first = new Uint8Array(width * height);
  for (let i = 0; i < first.length; i++) first[i] = data[i * channels] as number;
  return { width, height, channels: 1, data: first };
}

/** libjpeg's weights, scaled by 2^16. */
function greyOf({ width, height, data }: Pixels): Pixels {
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    const [r, g, b] = [data[3 * i] as number, data[3 * i + 1] as number, data[3 * i + 2] as number];
    grey[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
  }
  return { width, height, channels: 1, data: grey };
}

// ---- cropping ------------------------------------------------------------------------------------------------

/** Decodes a part of a file. INVALID_ARGUMENT when the window is empty or not within the image. */
export function decodeJpegWindow(file: Uint8Array, options: JpegOptions, window: Window): Pixels {
  const header = readJpegHeader(file);
  const [width, height] = [header.width, header.height].map((size) => Math.ceil(size / options.ratio)) as [
    number,
    number,
  ];
  const { top, left } = window;
  const isInside =
    top >= 0 &&
    left >= 0 &&
    window.height > 0 &&
    window.width > 0 &&
    top + window.height <= height &&
    left + window.width <= width;
  if (!isInside) throw invalidJpeg(file);
  const part = cropped(decodeJpeg(file, options), window);
  const hasHalfChroma =
    header.components === 3 && !header.isRgb && header.chroma[0] === 2 && header.chroma[1] <= 2;
  if (part.channels !== 3 || !hasHalfChroma || !options.smooth || options.ratio > 1) return part;
  return withBorderColors(part, file, header, options, window);
}

function cropped({ width, channels, data }: Pixels, window: Window): Pixels {
  const row = window.width * channels;
  const part = new Uint8Array(window.height * row);
  for (let y = 0; y < window.height; y++) {
    const start = ((window.top + y) * width + window.left) * channels;
    part.set(data.subarray(start, start + row), y * row);
  }
  return { width: window.width, height: window.height, channels, data: part };
}

/**
 * libjpeg decodes the crop's own columns of blocks alone: chroma is not interpolated with what lies beyond them. That
 * changes the first column of a crop that starts with a block, and the last one where a chroma sample ends with it.
 */
function withBorderColors(
  part: Pixels,
  file: Uint8Array,
  header: JpegHeader,
  { accurate }: JpegOptions,
  window: Window,
): Pixels {
  const blockWidth = 8 * header.chroma[0];
  const end = window.left + window.width;
  const startsBlock = window.left > 0 && window.left % blockWidth === 0;
  const endsSample = end < header.width && end % 2 === 0;
  if (!startsBlock && !endsSample) return part;
  // Without interpolation each pixel has the chroma sample that it lies in.
  const plain = decodeJpegFile({ file, color: "YCbCr", accurate, smooth: false });
  const data = part.data.slice();
  for (let y = 0; y < window.height; y++) {
    const row = window.top + y;
    if (startsBlock) putColumn(data, part.width, y, 0, borderColor(plain, header, window.left, row, FIRST));
    if (endsSample)
      putColumn(data, part.width, y, window.width - 1, borderColor(plain, header, end - 1, row, LAST));
  }
  return { ...part, data };
}

/** What is added before the division by 16, so that rounding has no bias (h2v2_fancy_upsample in jdsample.c). */
const FIRST = 8;
const LAST = 7;

function putColumn(data: Uint8Array, width: number, y: number, x: number, color: readonly number[]): void {
  for (const [c, value] of color.entries()) data[(y * width + x) * 3 + c] = value;
}

/** A pixel's colour with its chroma interpolated downwards alone. */
function borderColor(
  plain: Pixels,
  header: JpegHeader,
  x: number,
  y: number,
  bias: number,
): [number, number, number] {
  const at = (row: number, c: number): number => plain.data[(row * plain.width + x) * 3 + c] as number;
  const luma = at(y, 0);
  if (header.chroma[1] === 1) return colorOf(luma, at(y, 1), at(y, 2));
  // The other chroma row that is near: above for the first of two rows, below for the second.
  const other = Math.min(Math.max(y % 2 === 0 ? y - 1 : y + 1, 0), header.height - 1);
  const chroma = (c: number): number => ((3 * at(y, c) + at(other, c)) * 4 + bias) >> 4;
  return colorOf(luma, chroma(1), chroma(2));
}

/** The conversion of ITU-R BT.601 with libjpeg's rounding (jdcolor.c). */
function colorOf(luma: number, cb: number, cr: number): [number, number, number] {
  const [blue, red] = [cb - 128, cr - 128];
  return [
    clamp(luma + ((91881 * red + 32768) >> 16)),
    clamp(luma + ((-22554 * blue - 46802 * red + 32768) >> 16)),
    clamp(luma + ((116130 * blue + 32768) >> 16)),
  ];
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, value));
}
