/** What the codec thread is asked for and what it answers. */
import type { Pixels } from "./image-file.js";

/** How the components of a JPEG come back. */
export type JpegColor =
  /** Red, green, blue; grey three times. */
  | "RGB"
  /** The grey of a grey image. */
  | "GRAY"
  /** Luma and chroma, before they become colours. */
  | "YCbCr"
  /** As stored, 255 for no ink where Adobe wrote it. */
  | "CMYK";

export interface DecodeJpegTask {
  readonly kind: "decode JPEG";
  readonly file: Uint8Array;
  readonly color: JpegColor;
  /** The accurate integer transform rather than the fast one. */
  readonly accurate: boolean;
  /** Interpolate chroma rather than repeat it. */
  readonly smooth: boolean;
  /** Width and height to be scaled down to while decoding; the file's own otherwise. */
  readonly scaled?: readonly [width: number, height: number];
}

export interface DecodeFramesTask {
  readonly kind: "decode frames";
  readonly format: "GIF" | "WEBP";
  readonly file: Uint8Array;
}

export interface EncodeJpegTask {
  readonly kind: "encode JPEG";
  readonly pixels: Pixels;
  readonly quality: number;
  readonly progressive: boolean;
  readonly optimize: boolean;
  readonly downsampleChroma: boolean;
  readonly density: { readonly x: number; readonly y: number; readonly perCentimeter: boolean };
}

export type CodecTask = DecodeJpegTask | DecodeFramesTask | EncodeJpegTask;

/** One picture of an animation, RGBA, with its place on the canvas. */
export interface Frame extends Pixels {
  readonly left: number;
  readonly top: number;
  readonly hasAlpha: boolean;
}

export type CodecAnswer =
  | { readonly kind: "pixels"; readonly pixels: Pixels }
  | { readonly kind: "frames"; readonly frames: readonly Frame[] }
  | { readonly kind: "file"; readonly file: Uint8Array };
