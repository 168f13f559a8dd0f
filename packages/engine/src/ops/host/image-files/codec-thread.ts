/**
 * The thread that decodes and encodes JPEG, GIF and WebP, with ImageMagick's WebAssembly build: the libjpeg-turbo in it
 * gives the very pixels and bytes that TensorFlow's gives, for every choice of transform, interpolation and scale.
 *
 * A thread, because its start is asynchronous and kernels are not, and because a picture that crashes a codec then
 * takes nothing else with it. codec-client.ts is its only caller. Nothing here may be imported from anywhere else.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  ColorSpace,
  Density,
  DensityUnit,
  type IMagickImage,
  Interlace,
  initializeImageMagick,
  MagickFormat,
  MagickImage,
  MagickImageCollection,
  MagickReadSettings,
} from "@imagemagick/magick-wasm";
import { answerTasks, isTrap } from "@servable/formats/threads/task-loop";
import type { ThreadError } from "@servable/formats/threads/thread-protocol";
import type {
  CodecAnswer,
  CodecTask,
  DecodeFramesTask,
  DecodeJpegTask,
  EncodeJpegTask,
  Frame,
} from "./codec-tasks.js";

async function start(): Promise<void> {
  const file = createRequire(import.meta.url).resolve("@imagemagick/magick-wasm/magick.wasm");
  await initializeImageMagick(readFileSync(file));
}

function answer(task: CodecTask): CodecAnswer {
  switch (task.kind) {
    case "decode JPEG":
      return decodeJpeg(task);
    case "decode frames":
      return decodeFrames(task);
    case "encode JPEG":
      return encodeJpeg(task);
  }
}

// ---- JPEG ----------------------------------------------------------------------------------------------------

function decodeJpeg({ file, color, accurate, smooth, scaled }: DecodeJpegTask): CodecAnswer {
  const settings = new MagickReadSettings({ format: MagickFormat.Jpeg });
  if (color === "YCbCr") settings.colorSpace = ColorSpace.YCbCr;
  settings.setDefine(MagickFormat.Jpeg, "dct-method", accurate ? "islow" : "ifast");
  settings.setDefine(MagickFormat.Jpeg, "fancy-upsampling", smooth ? "on" : "off");
  if (scaled !== undefined) settings.setDefine(MagickFormat.Jpeg, "size", scaled.join("x"));
  const image = MagickImage.create(file, settings);
  try {
    const { width, height } = image;
    // Of a YCbCr image the channels that are called red, green and blue hold luma and chroma.
    const map = { RGB: "RGB", GRAY: "R", YCbCr: "RGB", CMYK: "CMYK" }[color];
    const data = pixelsOf(image, map);
    // ImageMagick counts ink, libjpeg what is left of white.
    if (color === "CMYK") for (let i = 0; i < data.length; i++) data[i] = 255 - (data[i] as number);
    return { kind: "pixels", pixels: { width, height, channels: map.length, data } };
  } finally {
    image.dispose();
  }
}

/** Interleaved channels in memory of their own. */
function pixelsOf(image: IMagickImage, map: string): Uint8Array {
  const { width, height } = image;
  const data = image.getPixels((pixels) => pixels.toByteArray(0, 0, width, height, map));
  if (data === null) throw new Error("no pixels");
  return data.slice();
}

function encodeJpeg(task: EncodeJpegTask): CodecAnswer {
  const { width, height, channels, data } = task.pixels;
  const format = channels === 1 ? MagickFormat.Gray : MagickFormat.Rgb;
  const image = MagickImage.create(data, new MagickReadSettings({ format, width, height, depth: 8 }));
  try {
    const { x, y, perCentimeter } = task.density;
    image.quality = task.quality;
    image.density = new Density(
      x,
      y,
      perCentimeter ? DensityUnit.PixelsPerCentimeter : DensityUnit.PixelsPerInch,
    );
    image.settings.interlace = task.progressive ? Interlace.Jpeg : Interlace.NoInterlace;
    const downsample = task.downsampleChroma && channels > 1;
    image.settings.setDefine(MagickFormat.Jpeg, "sampling-factor", downsample ? "2x2" : "1x1");
    image.settings.setDefine(MagickFormat.Jpeg, "optimize-coding", task.optimize);
    image.settings.setDefine(MagickFormat.Jpeg, "dct-method", "islow");
    return { kind: "file", file: image.write(MagickFormat.Jpeg, (bytes) => bytes.slice()) };
  } finally {
    image.dispose();
  }
}

// ---- animations ----------------------------------------------------------------------------------------------

function decodeFrames({ file, format }: DecodeFramesTask): CodecAnswer {
  const images = MagickImageCollection.create();
  try {
    images.read(
      file,
      new MagickReadSettings({ format: format === "GIF" ? MagickFormat.Gif : MagickFormat.WebP }),
    );
    return { kind: "frames", frames: images.map(frameOf) };
  } finally {
    images.dispose();
  }
}

function frameOf(image: IMagickImage): Frame {
  const { width, height, page, hasAlpha } = image;
  return { width, height, channels: 4, data: pixelsOf(image, "RGBA"), left: page.x, top: page.y, hasAlpha };
}

// ---- the thread ----------------------------------------------------------------------------------------------

function failure(error: unknown): ThreadError {
  const message = error instanceof Error ? error.message : String(error);
  const isBroken = isTrap(error);
  return { kind: "error", code: isBroken ? "RESOURCE_EXHAUSTED" : "INVALID_ARGUMENT", message, isBroken };
}

/** The memory that an answer hands over. */
function buffersOf(given: CodecAnswer): ArrayBufferLike[] {
  switch (given.kind) {
    case "pixels":
      return [given.pixels.data.buffer];
    case "frames":
      return given.frames.map((frame) => frame.data.buffer);
    case "file":
      return [given.file.buffer];
  }
}

answerTasks<CodecTask, CodecAnswer>({ ready: start(), answer, failure, buffersOf });
