/**
 * The ops that decode and encode images (tensorflow/core/kernels/image/decode_image_op.cc). All decoders look at the file
 * rather than at their name: DecodeJpeg decodes a PNG. What each refuses is TensorFlow's.
 */
import { type DType, encodeText, invalidArgument, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { indexData, indexTensor } from "../index-data.js";
import { compute, integerOf, type TensorFunction } from "../kernel.js";
import { stringsOf } from "../strings/map-strings.js";
import { type Animation, decodeGif, decodeWebp } from "./animation.js";
import { decodeBmp } from "./bmp.js";
import { encodeJpegFile, prepareCodecs } from "./codec-client.js";
import { type ImageFormat, imageFormat, type Pixels } from "./image-file.js";
import { decodeJpeg, decodeJpegWindow, type JpegOptions } from "./jpeg.js";
import { readJpegHeader } from "./jpeg-file.js";
import { decodePng, encodePng, type PngImage } from "./png.js";

// ---- decoding ------------------------------------------------------------------------------------------------

interface DecodeOptions {
  readonly op: string;
  readonly channels: number;
  readonly dtype: DType;
  readonly expandAnimations: boolean;
  readonly jpeg: JpegOptions;
}

function decodeOptions({ op, attrs, outputTypes }: NodeFacts): DecodeOptions {
  const channels = op === "DecodeGif" ? 3 : attrs.int("channels");
  if (![0, 1, 3, 4].includes(channels)) {
    throw invalidArgument(`\`channels\` must be 0, 1, 3 or 4 but got ${channels}`);
  }
  return {
    op,
    channels,
    dtype: outputTypes[0] as DType,
    expandAnimations: attrs.has("expand_animations") ? attrs.bool("expand_animations") : op === "DecodeGif",
    jpeg: jpegOptions(attrs, channels),
  };
}

/** The other decoders have the defaults of these attributes. */
function jpegOptions(attrs: NodeFacts["attrs"], channels: number): JpegOptions {
  if (!attrs.has("dct_method")) {
    return { channels, ratio: 1, smooth: true, recoverTruncated: false, accurate: false };
  }
  const [ratio, method] = [attrs.int("ratio"), attrs.string("dct_method")];
  if (ratio !== 1 && ratio !== 2 && ratio !== 4 && ratio !== 8) {
    throw invalidArgument(`ratio must be 1, 2, 4, or 8, got ${ratio}`);
  }
  if (!["", "INTEGER_FAST", "INTEGER_ACCURATE"].includes(method)) {
    throw invalidArgument("dct_method must be one of {'', 'INTEGER_FAST', 'INTEGER_ACCURATE'}");
  }
  return {
    channels,
    ratio,
    smooth: attrs.bool("fancy_upscaling"),
    recoverTruncated: attrs.bool("try_recover_truncated"),
    accurate: method === "INTEGER_ACCURATE",
  };
}

/** The bytes of a file, and its format. INVALID_ARGUMENT unless there is one file of a format that we know. */
function fileOf(contents: Tensor | undefined): { file: Uint8Array; format: ImageFormat } {
  const { shape, data } = stringsOf(contents);
  const [file] = data;
  if (shape.length > 0 || file === undefined) {
    throw invalidArgument(`\`contents\` must be scalar but got shape ${shapeText(shape)}`);
  }
  if (file.length === 0) throw invalidArgument("Input is empty.");
  const format = imageFormat(file);
  if (format === undefined) {
    throw invalidArgument("Unknown image file format. One of JPEG, PNG, GIF, BMP, WebP required.");
  }
  return { file, format };
}

function decodeRow(): HostRow {
  return compute((node) => {
    const options = decodeOptions(node);
    prepareCodecs();
    return (contents) => {
      const { file, format } = fileOf(contents);
      return decoders[format](file, options);
    };
  });
}

const decoders: Readonly<Record<ImageFormat, (file: Uint8Array, options: DecodeOptions) => Tensor>> = {
  JPEG(file, options) {
    if (options.channels === 4) throw invalidArgument("JPEG does not support 4 channels");
    refuseBmpOp("JPEG", "decode_jpeg", options);
    return imageTensor(decodeJpeg(file, options.jpeg), options);
  },
  PNG(file, options) {
    refuseBmpOp("PNG", "decode_png", options);
    const image = decodePng(file, options.channels, options.dtype === "uint8" ? 8 : 16);
    return pngTensor(image, options);
  },
  GIF(file, options) {
    if (options.channels !== 0 && options.channels !== 3) {
      throw invalidArgument(`channels must be 0 or 3 for GIF, got ${options.channels}`);
    }
    refuseBmpOp("GIF", "decode_gif", options);
    const takesAll = options.op === "DecodeGif" || options.op === "DecodeImage";
    const animation = decodeGif(file, options.op === "DecodeImage" && !options.expandAnimations);
    if (animation.frames > 1 && !takesAll) {
      throw invalidArgument(
        `Got ${animation.frames} frames, but animated gifs can only be decoded by tf.io.decode_gif or tf.io.decode_image`,
      );
    }
    return framesTensor(animation, options, takesAll && options.expandAnimations);
  },
  BMP(file, options) {
    if (options.channels === 1) throw invalidArgument("`channels` must be 0, 3 or 4 for BMP, but got 1");
    if (options.op !== "DecodeBmp" && options.op !== "DecodeImage") {
      throw invalidArgument(
        `Trying to decode BMP format using a wrong op. Use \`decode_bmp\` or \`decode_image\` instead. Op used: ${options.op}`,
      );
    }
    return imageTensor(decodeBmp(file, options.channels), options);
  },
  WebP(file, options) {
    if (options.dtype !== "uint8") throw invalidArgument("WebP only supports uint8 for dtype");
    return framesTensor(
      decodeWebp(file, options.channels),
      options,
      options.op !== "DecodeImage" || options.expandAnimations,
    );
  },
};

function refuseBmpOp(format: ImageFormat, instead: string, { op }: DecodeOptions): void {
  if (op !== "DecodeBmp") return;
  throw invalidArgument(
    `Trying to decode ${format} format using DecodeBmp op. Use \`${instead}\` or \`decode_image\` instead.`,
  );
}

// ---- tensors -------------------------------------------------------------------------------------------------

/** DecodeGif has a batch of frames even for a file with a single picture. */
function imageTensor({ width, height, channels, data }: Pixels, { op, dtype }: DecodeOptions): Tensor {
  const shape = [...(op === "DecodeGif" ? [1] : []), height, width, channels];
  return tensorOver(dtype, shape, fromBytes(data, dtype));
}

function framesTensor(animation: Animation, { dtype }: DecodeOptions, withFrames: boolean): Tensor {
  const { frames, width, height, channels, data } = animation;
  const shape = withFrames ? [frames, height, width, channels] : [height, width, channels];
  const kept = withFrames ? data : data.subarray(0, height * width * channels);
  return tensorOver(dtype, shape, fromBytes(kept, dtype));
}

/** Values of 8 bits as another dtype: 16 bits by a shift, floats in [0, 1]. */
function fromBytes(data: Uint8Array, dtype: DType): Tensor["data"] {
  if (dtype === "uint8") return data;
  if (dtype === "uint16") return Uint16Array.from(data, (value) => value << 8);
  const scale = Math.fround(1 / 255);
  return Float32Array.from(data, (value) => value * scale);
}

function pngTensor({ width, height, channels, data }: PngImage, { op, dtype }: DecodeOptions): Tensor {
  const shape = [...(op === "DecodeGif" ? [1] : []), height, width, channels];
  if (dtype !== "float32") return tensorOver(dtype, shape, data);
  const scale = Math.fround(1 / 65535);
  return tensorOver(
    dtype,
    shape,
    Float32Array.from(data, (value) => value * scale),
  );
}

// ---- the other decoders --------------------------------------------------------------------------------------

function decodeAndCrop(): HostRow {
  return compute((node) => {
    const options = decodeOptions(node);
    prepareCodecs();
    return (contents, windowInput) => {
      const { file, format } = fileOf(contents);
      if (format === "WebP") return decoders.WebP(file, options);
      if (format !== "JPEG") {
        throw invalidArgument(`DecodeAndCropJpeg operation can run on JPEG only, but detected ${format}.`);
      }
      if (options.channels === 4) throw invalidArgument("JPEG does not support 4 channels");
      const entries = indexData(windowInput);
      if (entries.length !== 4)
        throw invalidArgument(`crop_window must have four elements, got ${entries.length}`);
      const [top, left, height, width] = entries as unknown as [number, number, number, number];
      return imageTensor(decodeJpegWindow(file, options.jpeg, { top, left, height, width }), options);
    };
  });
}

function extractJpegShape({ outputTypes }: NodeFacts): TensorFunction {
  const dtype = outputTypes[0] as "int32" | "int64";
  return (contents) => {
    const file = stringsOf(contents).data[0] ?? new Uint8Array(0);
    if (imageFormat(file) !== "JPEG") throw invalidArgument(`Invalid JPEG data, size ${file.length}`);
    const { width, height, components } = readJpegHeader(file);
    return indexTensor(dtype, [3], [height, width, components]);
  };
}

// ---- encoding ----------------------------------------------------------------------------------------------

/** An image's height, width and channels. INVALID_ARGUMENT for other ranks. */
function imageShape(image: Tensor, op: string): [height: number, width: number, channels: number] {
  const { shape } = image;
  if (shape.length !== 3)
    throw invalidArgument(`${op}: image must be 3-dimensional, got shape ${shapeText(shape)}`);
  return shape as unknown as [number, number, number];
}

/** The quality is an attribute, or an input where it varies. */
function encodeJpeg({ op, attrs }: NodeFacts): TensorFunction {
  prepareCodecs();
  const has = (name: string): boolean => attrs.has(name);
  const format = has("format") ? attrs.string("format") : "";
  const xmp = has("xmp_metadata") ? attrs.bytes("xmp_metadata") : new Uint8Array(0);
  return (image, qualityInput) => {
    const [height, width, channels] = imageShape(image as Tensor, op);
    const quality = qualityInput === undefined ? attrs.int("quality") : integerOf(qualityInput, "quality");
    checkJpeg(width, height, channels, quality, format);
    const file = encodeJpegFile({
      pixels: { width, height, channels, data: (image as Tensor).data as Uint8Array },
      quality,
      progressive: has("progressive") && attrs.bool("progressive"),
      optimize: has("optimize_size") && attrs.bool("optimize_size"),
      downsampleChroma: !has("chroma_downsampling") || attrs.bool("chroma_downsampling"),
      density: {
        x: has("x_density") ? attrs.int("x_density") : 300,
        y: has("y_density") ? attrs.int("y_density") : 300,
        perCentimeter: has("density_unit") && attrs.string("density_unit") === "cm",
      },
    });
    return tensorOver("string", [], [withXmp(file, xmp)]);
  };
}

function checkJpeg(width: number, height: number, channels: number, quality: number, format: string): void {
  if (channels !== 1 && channels !== 3)
    throw invalidArgument(`image must have 1 or 3 channels, got ${channels}`);
  if (format === "grayscale" && channels !== 1) throw invalidArgument("format 'grayscale' expects 1 channel");
  if (format === "rgb" && channels !== 3) throw invalidArgument("format 'rgb' expects 3 channels");
  if (quality < 0 || quality > 100) throw invalidArgument(`quality must be in [0,100], got ${quality}`);
  if (width < 1 || height < 1 || width > MAX_JPEG_SIZE || height > MAX_JPEG_SIZE) {
    throw invalidArgument(`JPEG encoding failed: ${width} x ${height} pixels`);
  }
}

/** Sizes have 16 bits; libjpeg stops a little earlier. */
const MAX_JPEG_SIZE = 65500;

const XMP_HEADER = encodeText("http://ns.adobe.com/xap/1.0/\0");
/** Where the segments after the start of the image and JFIF's 16 bytes begin. */
const AFTER_JFIF = 20;

/** The file with metadata in a segment of its own, where TensorFlow puts it. */
function withXmp(file: Uint8Array, xmp: Uint8Array): Uint8Array {
  if (xmp.length === 0) return file;
  const length = XMP_HEADER.length + xmp.length + 2;
  if (length > 0xffff) throw invalidArgument(`xmp_metadata of ${xmp.length} bytes does not fit a segment`);
  const head = Uint8Array.of(0xff, 0xe1, length >> 8, length & 0xff);
  const parts = [file.subarray(0, AFTER_JFIF), head, XMP_HEADER, xmp, file.subarray(AFTER_JFIF)];
  return Uint8Array.from(Buffer.concat(parts));
}

/** A file for each image of a batch of any rank. */
function encodePngKernel({ op, attrs }: NodeFacts): TensorFunction {
  const level = attrs.int("compression");
  if (level < -1 || level > 9) throw invalidArgument(`compression should be in [-1,9], got ${level}`);
  return (input) => {
    const image = input as Tensor;
    if (image.shape.length < 3)
      throw invalidArgument(
        `${op}: image must have at least 3 dimensions, got shape ${shapeText(image.shape)}`,
      );
    const [height, width, channels] = image.shape.slice(-3) as [number, number, number];
    if (channels < 1 || channels > 4)
      throw invalidArgument(`image must have 1, 2, 3, or 4 channels, got ${channels}`);
    if (width < 1 || height < 1)
      throw invalidArgument(`cannot encode an image of ${width} x ${height} pixels`);
    const size = height * width * channels;
    const pixels = image.data as Uint8Array | Uint16Array;
    const files = Array.from({ length: pixels.length / size }, (_, i) =>
      encodePng({ width, height, channels, data: pixels.subarray(i * size, (i + 1) * size) }, level),
    );
    return tensorOver("string", image.shape.slice(0, -3), files);
  };
}

export const imageKernels: HostTable = {
  DecodeJpeg: decodeRow(),
  DecodePng: decodeRow(),
  DecodeGif: decodeRow(),
  DecodeBmp: decodeRow(),
  DecodeWebP: decodeRow(),
  DecodeImage: decodeRow(),
  DecodeAndCropJpeg: decodeAndCrop(),
  ExtractJpegShape: compute(extractJpegShape),
  EncodeJpeg: compute(encodeJpeg),
  EncodeJpegVariableQuality: compute(encodeJpeg),
  EncodePng: compute(encodePngKernel),
};
