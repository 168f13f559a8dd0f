/** The size of the image in a file, by its header alone: for those who refuse a file before it takes their memory. */
import { invalidArgument } from "@servable/formats";
import { gifExtent, webpExtent } from "./animation.js";
import { bmpSize } from "./bmp.js";
import { checkSize, type ImageFormat, imageFormat } from "./image-file.js";
import { readJpegHeader } from "./jpeg-file.js";
import { pngSize } from "./png.js";

export interface ImageSize {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

const readers: Readonly<Record<ImageFormat, (file: Uint8Array) => ImageSize>> = {
  JPEG: readJpegHeader,
  PNG: pngSize,
  BMP: bmpSize,
  GIF: (file) => checked("GIF", gifExtent(file)),
  WebP: (file) => checked("WebP", webpExtent(file)),
};

function checked(format: ImageFormat, size: ImageSize & { readonly count: number }): ImageSize {
  checkSize(format, size.width, size.height, size.count);
  return size;
}

/**
 * The size of the image in a file, or of one frame of an animation, without decoding it.
 *
 * INVALID_ARGUMENT for a file that is no JPEG, PNG, GIF, BMP or WebP, whose header is damaged, or whose image is
 * larger than what the ops decode.
 */
export function imageSize(file: Uint8Array): ImageSize {
  const format = imageFormat(file);
  if (format === undefined) {
    throw invalidArgument("Unknown image file format. One of JPEG, PNG, GIF, BMP, WebP required.");
  }
  const { width, height } = readers[format](file);
  return { width, height };
}
