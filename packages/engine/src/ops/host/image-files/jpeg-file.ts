/**
 * The markers of a JPEG file (ITU-T T.81, annex B): size, components, how colours are coded, and whether the file is
 * complete. Decoding is the codec thread's.
 */
import { invalidArgument } from "@servable/formats";
import { checkSize } from "./image-file.js";

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1: grey, 3: colour, 4: CMYK or YCCK. */
  readonly components: number;
  /** Of colour images: whether components are red, green, blue as they are. */
  readonly isRgb: boolean;
  /** Written by Adobe: CMYK values are inverted. */
  readonly isAdobe: boolean;
  /** How many times finer the first component is sampled than the second, across and down. */
  readonly chroma: readonly [across: number, down: number];
}

const MARKER = 0xff;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
const APP0 = 0xe0;
const APP14 = 0xee;

/** Start-of-frame markers: all of 0xc0 to 0xcf but tables, extensions and arithmetic conditioning. */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** Markers that stand alone, without a length. */
function isStandalone(marker: number): boolean {
  return marker === 0x01 || (marker >= 0xd0 && marker <= END_OF_IMAGE);
}

interface Segment {
  readonly marker: number;
  /** Its content, without the length. */
  readonly start: number;
  readonly end: number;
}

/** The segments up to the end of the image or of the bytes; scans are skipped over. */
function* segments(file: Uint8Array): Generator<Segment> {
  let at = 2;
  while (at + 1 < file.length) {
    if (file[at] !== MARKER || file[at + 1] === MARKER || file[at + 1] === 0) {
      at++;
      continue;
    }
    const marker = file[at + 1] as number;
    if (isStandalone(marker)) {
      yield { marker, start: at + 2, end: at + 2 };
      if (marker === END_OF_IMAGE) return;
      at += 2;
      continue;
    }
    const length = ((file[at + 2] ?? 0) << 8) | (file[at + 3] ?? 0);
    if (length < 2) return;
    yield { marker, start: at + 4, end: Math.min(at + 2 + length, file.length) };
    at += 2 + length;
    // What follows the header of a scan is entropy-coded: no marker in it but restarts.
    if (marker === START_OF_SCAN) at = nextMarker(file, at);
  }
}

function nextMarker(file: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    at = file.indexOf(MARKER, at);
    if (at < 0) return file.length;
    const next = file[at + 1] ?? 0;
    if (next !== 0 && next !== MARKER && !(next >= 0xd0 && next <= 0xd7)) return at;
    at += next === MARKER ? 1 : 2;
  }
}

/** The header of a JPEG file. INVALID_ARGUMENT when there is none, or when it announces too many pixels. */
export function readJpegHeader(file: Uint8Array): JpegHeader {
  let isJfif = false;
  let adobeTransform: number | undefined;
  for (const { marker, start, end } of segments(file)) {
    if (marker === APP0 && startsWith(file, start, "JFIF\0")) isJfif = true;
    if (marker === APP14 && end - start >= 12 && startsWith(file, start, "Adobe"))
      adobeTransform = file[start + 11];
    if (marker === START_OF_SCAN) break;
    if (isStartOfFrame(marker) && end - start >= 6) {
      return frameHeader(file.subarray(start, end), isJfif, adobeTransform, file);
    }
  }
  throw invalidJpeg(file);
}

function frameHeader(
  frame: Uint8Array,
  isJfif: boolean,
  adobeTransform: number | undefined,
  file: Uint8Array,
): JpegHeader {
  const sixteen = (at: number): number => ((frame[at] as number) << 8) | (frame[at + 1] as number);
  const [height, width, components] = [sixteen(1), sixteen(3), frame[5] as number];
  if (frame.length < 6 + 3 * components) throw invalidJpeg(file);
  checkSize("JPEG", width, height);
  const ids = Array.from({ length: components }, (_, i) => frame[6 + 3 * i] as number);
  const sampling = Array.from({ length: components }, (_, i) => frame[7 + 3 * i] as number);
  const [first = 0x11, second = first] = sampling;
  return {
    width,
    height,
    components,
    isRgb: components === 3 && isRgb(ids, isJfif, adobeTransform),
    isAdobe: adobeTransform !== undefined,
    chroma: [ratio(first >> 4, second >> 4), ratio(first & 15, second & 15)],
  };
}

function ratio(first: number, second: number): number {
  return second === 0 ? 1 : first / second;
}

/** The guess that libjpeg makes (default_decompress_parms in jdapimin.c). */
function isRgb(ids: readonly number[], isJfif: boolean, adobeTransform: number | undefined): boolean {
  if (isJfif) return false;
  if (adobeTransform !== undefined) return adobeTransform === 0;
  return String.fromCharCode(...ids) === "RGB";
}

function startsWith(file: Uint8Array, at: number, text: string): boolean {
  return [...text].every((character, i) => file[at + i] === character.charCodeAt(0));
}

/** Whether the end of the image is there: TensorFlow refuses files that were cut off. */
export function isCompleteJpeg(file: Uint8Array): boolean {
  for (const { marker } of segments(file)) if (marker === END_OF_IMAGE) return true;
  return false;
}

export function invalidJpeg(file: Uint8Array): Error {
  return invalidArgument(`jpeg::Uncompress failed. Invalid JPEG data or crop window. (${file.length} bytes)`);
}
