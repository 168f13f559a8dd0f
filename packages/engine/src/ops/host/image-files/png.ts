/**
 * PNG files (W3C PNG, third edition) as TensorFlow reads and writes them through libpng.
 *
 * The compression is zlib's; what is left is small, and doing it here bounds what a file may inflate to, which
 * none of the packages does, and keeps 16 bits and the file's own colour type. Colour conversion follows
 * tensorflow/core/lib/png/png_io.cc. Checksums are not compared: zlib has its own.
 */
import { deflateSync, inflateSync } from "node:zlib";
import { invalidArgument } from "@servable/formats";
import { crc32Of } from "./crc32.js";
import { checkSize } from "./image-file.js";

/** Channels by colour type. */
const GREY = 0;
const RGB = 2;
const PALETTE = 3;
const GREY_ALPHA = 4;
const RGBA = 6;
const channelCounts: Readonly<Record<number, number>> = {
  [GREY]: 1,
  [RGB]: 3,
  [PALETTE]: 1,
  [GREY_ALPHA]: 2,
  [RGBA]: 4,
};
const depths: Readonly<Record<number, readonly number[]>> = {
  [GREY]: [1, 2, 4, 8, 16],
  [RGB]: [8, 16],
  [PALETTE]: [1, 2, 4, 8],
  [GREY_ALPHA]: [8, 16],
  [RGBA]: [8, 16],
};

export interface PngImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array | Uint16Array;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colorType: number;
  readonly interlaced: boolean;
}

interface Chunks {
  readonly header: Header;
  readonly palette: Uint8Array | undefined;
  /** Of a palette: an alpha for each entry; otherwise the colour that is transparent. */
  readonly transparency: Uint8Array | undefined;
  readonly data: readonly Uint8Array[];
}

function invalidPng(file: Uint8Array, why: string): Error {
  return invalidArgument(`Invalid PNG data, size ${file.length}: ${why}`);
}

const SIGNATURE_BYTES = 8;

function readChunks(file: Uint8Array): Chunks {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let header: Header | undefined;
  let palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined;
  const data: Uint8Array[] = [];
  for (let at = SIGNATURE_BYTES; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const end = at + 8 + length;
    if (end + 4 > file.length) throw invalidPng(file, "a chunk is cut off");
    const content = file.subarray(at + 8, end);
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    if (type === "IHDR") header = readHeader(content, file);
    else if (type === "PLTE") palette = content;
    else if (type === "tRNS") transparency = content;
    else if (type === "IDAT") data.push(content);
    else if (type === "IEND") break;
    at = end + 4;
  }
  if (header === undefined || data.length === 0) throw invalidPng(file, "header or pixels are missing");
  if (header.colorType === PALETTE && palette === undefined) throw invalidPng(file, "the palette is missing");
  return { header, palette, transparency, data };
}

/** Width and height as the header has them. INVALID_ARGUMENT for what is no PNG file, or has too many pixels. */
export function pngSize(file: Uint8Array): { readonly width: number; readonly height: number } {
  return readChunks(file).header;
}

function readHeader(content: Uint8Array, file: Uint8Array): Header {
  if (content.length < 13) throw invalidPng(file, "the header is too short");
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [depth, colorType] = [content[8] as number, content[9] as number];
  if (!depths[colorType]?.includes(depth))
    throw invalidPng(file, `no colour type ${colorType} has depth ${depth}`);
  const header = {
    width: view.getUint32(0),
    height: view.getUint32(4),
    depth,
    colorType,
    interlaced: content[12] === 1,
  };
  checkSize("PNG", header.width, header.height);
  return header;
}

// ---- samples -------------------------------------------------------------------------------------------------

/** Adam7: where each pass starts and how far its pixels are apart. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
const wholePass = [[0, 0, 1, 1]] as const;

/** The samples of all pixels, row by row, each as its number. */
function readSamples({ header, data }: Chunks, file: Uint8Array): Uint8Array | Uint16Array {
  const { width, height, depth, colorType, interlaced } = header;
  const channels = channelCounts[colorType] as number;
  const samples =
    depth === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  const parts = (interlaced ? passes : wholePass).map(([x, y, dx, dy]) => {
    const [columns, rows] = [Math.ceil((width - x) / dx), Math.ceil((height - y) / dy)];
    const rowBytes = columns <= 0 || rows <= 0 ? 0 : Math.ceil((columns * channels * depth) / 8);
    return { x, y, dx, dy, columns, rows, rowBytes };
  });
  const expected = parts.reduce(
    (sum, { rows, rowBytes }) => sum + (rowBytes === 0 ? 0 : rows * (rowBytes + 1)),
    0,
  );
  const bytes = inflated(data, expected, file);
  const pixelBytes = Math.max(1, (channels * depth) / 8);
  let at = 0;
  for (const { x, y, dx, dy, columns, rows, rowBytes } of parts) {
    if (rowBytes === 0) continue;
    unfilter(bytes.subarray(at, at + rows * (rowBytes + 1)), rows, rowBytes, pixelBytes, file);
    for (let row = 0; row < rows; row++) {
      const line = bytes.subarray(at + row * (rowBytes + 1) + 1, at + (row + 1) * (rowBytes + 1));
      const start = ((y + row * dy) * width + x) * channels;
      putLine(line, columns * channels, depth, samples, start, channels, dx);
    }
    at += rows * (rowBytes + 1);
  }
  return samples;
}

function inflated(data: readonly Uint8Array[], expected: number, file: Uint8Array): Uint8Array {
  try {
    // One byte more would show a file that has too much; libpng ignores what is too much.
    const bytes = inflateSync(Buffer.concat(data), { maxOutputLength: expected + MAX_SURPLUS });
    if (bytes.length >= expected) return bytes;
  } catch (error) {
    throw invalidPng(file, (error as Error).message);
  }
  throw invalidPng(file, "there are too few pixels");
}

/** Bytes after the last pixel that are put up with. */
const MAX_SURPLUS = 1 << 16;

/** Undoes the filter of every line in place. */
function unfilter(
  bytes: Uint8Array,
  rows: number,
  rowBytes: number,
  pixelBytes: number,
  file: Uint8Array,
): void {
  const stride = rowBytes + 1;
  let above: Uint8Array = new Uint8Array(rowBytes);
  for (let row = 0; row < rows; row++) {
    const filter = bytes[row * stride] as number;
    const line = bytes.subarray(row * stride + 1, (row + 1) * stride);
    if (filter > 4) throw invalidPng(file, `no filter ${filter}`);
    unfilterLine(filter, line, above, pixelBytes);
    above = line;
  }
}

/** One loop for each filter: this is where the time goes. */
function unfilterLine(filter: number, line: Uint8Array, above: Uint8Array, distance: number): void {
  const { length } = line;
  switch (filter) {
    case SUB:
      for (let i = distance; i < length; i++) line[i] = (line[i] as number) + (line[i - distance] as number);
      break;
    case UP:
      for (let i = 0; i < length; i++) line[i] = (line[i] as number) + (above[i] as number);
      break;
    case AVERAGE:
      for (let i = 0; i < length; i++) {
        const left = i < distance ? 0 : (line[i - distance] as number);
        line[i] = (line[i] as number) + ((left + (above[i] as number)) >> 1);
      }
      break;
    case PAETH:
      for (let i = 0; i < distance; i++) line[i] = (line[i] as number) + (above[i] as number);
      for (let i = distance; i < length; i++) {
        const left = line[i - distance] as number;
        line[i] = (line[i] as number) + paeth(left, above[i] as number, above[i - distance] as number);
      }
      break;
  }
}

const SUB = 1;
const UP = 2;
const AVERAGE = 3;
const PAETH = 4;

/** What a filter takes a byte to be. */
function predicted(filter: number, left: number, above: number, corner: number): number {
  switch (filter) {
    case SUB:
      return left;
    case UP:
      return above;
    case AVERAGE:
      return (left + above) >> 1;
    case PAETH:
      return paeth(left, above, corner);
    default:
      return 0;
  }
}

/** The neighbour that is nearest to left + above - corner. */
function paeth(left: number, above: number, corner: number): number {
  const estimate = left + above - corner;
  const toLeft = Math.abs(estimate - left);
  const toAbove = Math.abs(estimate - above);
  const toCorner = Math.abs(estimate - corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** Writes the samples of a line; pixels of `channels` samples are `distance` apart. */
function putLine(
  line: Uint8Array,
  count: number,
  depth: number,
  samples: Uint8Array | Uint16Array,
  start: number,
  channels: number,
  distance: number,
): void {
  if (depth === 8 && distance === 1) {
    (samples as Uint8Array).set(line.subarray(0, count), start);
    return;
  }
  for (let i = 0; i < count; i++) {
    const at = start + Math.floor(i / channels) * channels * distance + (i % channels);
    samples[at] = sampleAt(line, i, depth);
  }
}

function sampleAt(line: Uint8Array, i: number, depth: number): number {
  if (depth === 16) return ((line[2 * i] as number) << 8) | (line[2 * i + 1] as number);
  if (depth === 8) return line[i] as number;
  const bit = i * depth;
  return ((line[bit >> 3] as number) >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
}

// ---- colours -------------------------------------------------------------------------------------------------

/**
 * Decodes a file to samples of 8 or 16 bits.
 * @param channels 1 to 4; 0 for those of the file
 */
export function decodePng(file: Uint8Array, channels: number, bits: 8 | 16): PngImage {
  const chunks = readChunks(file);
  const { width, height, depth } = chunks.header;
  const samples = readSamples(chunks, file);
  const wanted = channels === 0 ? ownChannels(chunks) : channels;
  if (isPlain(chunks, wanted, bits)) return { width, height, channels: wanted, data: samples };
  const pixels = pixelReader(chunks, samples);
  const data =
    bits === 16 ? new Uint16Array(width * height * wanted) : new Uint8Array(width * height * wanted);
  const convert = converter(depth, bits);
  const pixel = new Uint16Array(4);
  const most = depth === 16 ? 0xffff : 0xff;
  for (let i = 0; i < width * height; i++) {
    pixels(i, pixel);
    putPixel(pixel, wanted, most, data, i * wanted, convert);
  }
  return { width, height, channels: wanted, data };
}

/** Whether the samples are the pixels as they are. */
function isPlain({ header, transparency }: Chunks, channels: number, bits: 8 | 16): boolean {
  const { colorType, depth } = header;
  return (
    depth === bits &&
    colorType !== PALETTE &&
    transparency === undefined &&
    channelCounts[colorType] === channels
  );
}

function ownChannels({ header, transparency }: Chunks): number {
  if (header.colorType === PALETTE) return transparency === undefined ? 3 : 4;
  return channelCounts[header.colorType] as number;
}

/** Samples of up to 8 bits become 16 by repetition; of 16 bits the upper half is kept. */
function converter(depth: number, bits: 8 | 16): (sample: number) => number {
  if (depth === 16) return bits === 16 ? (sample) => sample : (sample) => sample >> 8;
  return bits === 16 ? (sample) => sample * 257 : (sample) => sample;
}

/** Reads pixel `i` as red, green, blue and alpha, of 16 bits where the file has so many, of 8 otherwise. */
function pixelReader({ header, palette, transparency }: Chunks, samples: Uint8Array | Uint16Array) {
  const { colorType, depth } = header;
  // Where there is no alpha TensorFlow puts the largest number that the file's depth has, be it 1 of 255.
  const opaque = (1 << depth) - 1;
  if (colorType === PALETTE) {
    return (i: number, pixel: Uint16Array): void => {
      const entry = samples[i] as number;
      for (let c = 0; c < 3; c++) pixel[c] = palette?.[3 * entry + c] ?? 0;
      pixel[3] = transparency === undefined ? opaque : (transparency[entry] ?? 0xff);
    };
  }
  const channels = channelCounts[colorType] as number;
  const isGrey = channels < 3;
  // Shades of fewer bits are spread over 8; the transparent colour is compared before.
  const scale = depth < 8 ? 0xff / ((1 << depth) - 1) : 1;
  const clear = transparentColor(transparency, isGrey ? 1 : 3);
  const hasAlpha = channels % 2 === 0;
  const filler = transparency === undefined ? opaque : Math.max(opaque, 0xff);
  return (i: number, pixel: Uint16Array): void => {
    const at = i * channels;
    for (let c = 0; c < 3; c++) pixel[c] = (samples[at + (isGrey ? 0 : c)] as number) * scale;
    const isClear = clear?.every((value, c) => value === samples[at + c]) === true;
    pixel[3] = hasAlpha ? (samples[at + channels - 1] as number) : isClear ? 0 : filler;
  };
}

function transparentColor(transparency: Uint8Array | undefined, channels: number): number[] | undefined {
  if (transparency === undefined || transparency.length < 2 * channels) return undefined;
  return Array.from(
    { length: channels },
    (_, c) => ((transparency[2 * c] as number) << 8) | (transparency[2 * c + 1] as number),
  );
}

function putPixel(
  pixel: Uint16Array,
  channels: number,
  most: number,
  data: Uint8Array | Uint16Array,
  at: number,
  convert: (sample: number) => number,
): void {
  if (channels >= 3) for (let c = 0; c < 3; c++) data[at + c] = convert(pixel[c] as number);
  else data[at] = convert(greyOf(pixel, most));
  if (channels % 2 === 0) data[at + channels - 1] = convert(pixel[3] as number);
}

/** libpng's grey of a colour (png_do_rgb_to_gray), with weights scaled by 2^15. */
function greyOf(pixel: Uint16Array, most: number): number {
  const [r, g, b] = [pixel[0] as number, pixel[1] as number, pixel[2] as number];
  if (r === g && r === b) return r;
  const sum = RED_WEIGHT * r + GREEN_WEIGHT * g + BLUE_WEIGHT * b;
  return most === 0xffff ? Math.floor((sum + 16384) / 32768) : sum >> 15;
}

const RED_WEIGHT = 9797;
const GREEN_WEIGHT = 19234;
const BLUE_WEIGHT = 3737;

// ---- writing -------------------------------------------------------------------------------------------------

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const colorTypes = [undefined, GREY, GREY_ALPHA, RGB, RGBA] as const;

/** A PNG file of 1 to 4 channels. `level`: zlib's, -1 for its default. */
export function encodePng({ width, height, channels, data }: PngImage, level: number): Uint8Array {
  const depth = data instanceof Uint16Array ? 16 : 8;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = depth;
  header[9] = colorTypes[channels] as number;
  const lines = filteredLines(bigEndian(data), height, (channels * depth) / 8);
  const chunks = [
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(lines, { level })),
    chunk("IEND", new Uint8Array(0)),
  ];
  return Uint8Array.from(Buffer.concat(chunks));
}

function bigEndian(data: Uint8Array | Uint16Array): Uint8Array {
  if (data instanceof Uint8Array) return data;
  return Uint8Array.from(
    { length: 2 * data.length },
    (_, i) => ((data[i >> 1] as number) >> (i % 2 === 0 ? 8 : 0)) & 0xff,
  );
}

/** Each line with the filter that leaves the least: the sum of differences taken as signed, as libpng chooses. */
function filteredLines(bytes: Uint8Array, height: number, pixelBytes: number): Uint8Array {
  const rowBytes = height === 0 ? 0 : bytes.length / height;
  const lines = new Uint8Array(height * (rowBytes + 1));
  const candidate = new Uint8Array(rowBytes);
  for (let row = 0; row < height; row++) {
    let least = Number.POSITIVE_INFINITY;
    for (let filter = 0; filter <= 4; filter++) {
      const sum = filterLine(bytes, row, rowBytes, pixelBytes, filter, candidate);
      if (sum >= least) continue;
      least = sum;
      lines[row * (rowBytes + 1)] = filter;
      lines.set(candidate, row * (rowBytes + 1) + 1);
    }
  }
  return lines;
}

function filterLine(
  bytes: Uint8Array,
  row: number,
  rowBytes: number,
  pixelBytes: number,
  filter: number,
  line: Uint8Array,
): number {
  let sum = 0;
  const start = row * rowBytes;
  for (let i = 0; i < rowBytes; i++) {
    const left = i >= pixelBytes ? (bytes[start + i - pixelBytes] as number) : 0;
    const above = row > 0 ? (bytes[start + i - rowBytes] as number) : 0;
    const corner = row > 0 && i >= pixelBytes ? (bytes[start + i - rowBytes - pixelBytes] as number) : 0;
    const guess = predicted(filter, left, above, corner);
    const difference = ((bytes[start + i] as number) - guess) & 0xff;
    line[i] = difference;
    sum += difference < 128 ? difference : 256 - difference;
  }
  return sum;
}

function chunk(type: string, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc32Of(bytes.subarray(4, 8 + content.length)));
  return bytes;
}
