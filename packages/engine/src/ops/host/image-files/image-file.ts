/**
 * What a file's first bytes say of the image in it: its format and size, before anything is decoded.
 *
 * Sizes are checked here, for a header of a few bytes can announce gigabytes.
 */
import { invalidArgument } from "@servable/formats";

export type ImageFormat = "JPEG" | "PNG" | "GIF" | "BMP" | "WebP";

const signatures: readonly (readonly [ImageFormat, readonly number[], offset: number])[] = [
  ["JPEG", [0xff, 0xd8, 0xff], 0],
  ["PNG", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], 0],
  ["GIF", [0x47, 0x49, 0x46, 0x38], 0],
  ["BMP", [0x42, 0x4d], 0],
  ["WebP", [0x57, 0x45, 0x42, 0x50], 8],
];

/** The format that a file's signature names; undefined when it is none that we decode. */
export function imageFormat(file: Uint8Array): ImageFormat | undefined {
  return signatures.find(([, bytes, offset]) => bytes.every((byte, i) => file[offset + i] === byte))?.[0];
}

/** More pixels than this in one file, all frames together, are refused. */
const MAX_PIXELS = 2 ** 27;

/** INVALID_ARGUMENT when an image is empty or larger than we decode. */
export function checkSize(format: ImageFormat, width: number, height: number, frames = 1): void {
  if (width > 0 && height > 0 && width * height * frames <= MAX_PIXELS) return;
  throw invalidArgument(
    `${format} of ${width} x ${height} pixels${frames === 1 ? "" : ` in ${frames} frames`}: ` +
      `must have at least one and at most ${MAX_PIXELS} pixels`,
  );
}

/** An image as decoded: interleaved channels, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}
