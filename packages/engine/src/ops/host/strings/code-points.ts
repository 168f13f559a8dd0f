/**
 * Text in any encoding as code points and back, with ICU's view of malformed input: each maximal piece that can start
 * no character counts as one error (UTF-8: Unicode 16, section 3.9; what WHATWG's decoders do as well).
 *
 * UTF-8, UTF-16, UTF-32, ASCII and Latin-1 are decoded here; other encodings by TextDecoder, which knows those of the web.
 */
import { invalidArgument } from "@servable/formats";

/** Told of each character: its code point, or -1 for a malformed piece, and how many bytes it took. */
export type OnCharacter = (codePoint: number, length: number) => void;
export type Decoder = (bytes: Uint8Array, onCharacter: OnCharacter) => void;

export const MALFORMED = -1;

/** The decoder of an encoding. INVALID_ARGUMENT for encodings that nobody here knows. */
export function decoderFor(encoding: string): Decoder {
  const known = decoders[encoding.toLowerCase().replaceAll(/[-_ ]/g, "")];
  if (known !== undefined) return known;
  try {
    return webDecoder(encoding);
  } catch {
    throw invalidArgument(`Could not create converter for input encoding: ${encoding}`);
  }
}

const decodeUtf8: Decoder = (bytes, onCharacter) => {
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    if (first < 0x80) {
      onCharacter(first, 1);
      at++;
      continue;
    }
    const length = sequenceLength(first);
    let codePoint = first & (0x7f >> length);
    let taken = 1;
    for (; taken < length; taken++) {
      const next = bytes[at + taken] ?? 0;
      if (!continues(first, taken, next)) break;
      codePoint = (codePoint << 6) | (next & 0x3f);
    }
    onCharacter(taken === length && length > 1 ? codePoint : MALFORMED, taken);
    at += taken;
  }
};

/** Bytes of a sequence by its first; 1 for those that start none. */
function sequenceLength(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}

/** Whether a byte may stand there: overlong forms, surrogates and what is past U+10FFFF end at their second byte. */
function continues(first: number, place: number, byte: number): boolean {
  if (place > 1) return byte >= 0x80 && byte <= 0xbf;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  return byte >= least && byte <= most;
}

const utf16 =
  (littleEndian: boolean): Decoder =>
  (bytes, onCharacter) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const unitAt = (at: number): number => (at + 2 <= bytes.length ? view.getUint16(at, littleEndian) : -1);
    for (let at = 0; at < bytes.length; ) {
      const unit = unitAt(at);
      const next = isHighSurrogate(unit) ? unitAt(at + 2) : -1;
      const isPair = isLowSurrogate(next);
      const length = isPair ? 4 : Math.min(2, bytes.length - at);
      const isAlone = isHighSurrogate(unit) || isLowSurrogate(unit);
      if (isPair) onCharacter(0x10000 + ((unit & 0x3ff) << 10) + (next & 0x3ff), length);
      else onCharacter(unit < 0 || isAlone ? MALFORMED : unit, length);
      at += length;
    }
  };

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

const utf32 =
  (littleEndian: boolean): Decoder =>
  (bytes, onCharacter) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; at += 4) {
      const length = Math.min(4, bytes.length - at);
      const codePoint = length === 4 ? view.getUint32(at, littleEndian) : MALFORMED;
      onCharacter(isCharacter(codePoint) ? codePoint : MALFORMED, length);
    }
  };

/** The byte order mark, when there is one, decides the order and is no character; big-endian otherwise. */
function byMark(make: (littleEndian: boolean) => Decoder, unit: 2 | 4): Decoder {
  return (bytes, onCharacter) => {
    const [first, second] = [bytes[0], bytes[1]];
    const isLittle = first === 0xff && second === 0xfe;
    const isBig = unit === 2 ? first === 0xfe && second === 0xff : bytes[2] === 0xfe && bytes[3] === 0xff;
    make(isLittle)(isLittle || isBig ? bytes.subarray(unit) : bytes, onCharacter);
  };
}

/** One byte a character. */
const singleBytes =
  (limit: number): Decoder =>
  (bytes, onCharacter) => {
    for (const byte of bytes) onCharacter(byte < limit ? byte : MALFORMED, 1);
  };

const decoders: Readonly<Record<string, Decoder>> = {
  utf8: decodeUtf8,
  utf16be: utf16(false),
  utf16le: utf16(true),
  utf16: byMark(utf16, 2),
  utf32be: utf32(false),
  utf32le: utf32(true),
  utf32: byMark(utf32, 4),
  usascii: singleBytes(0x80),
  ascii: singleBytes(0x80),
  iso88591: singleBytes(0x100),
  latin1: singleBytes(0x100),
};

/** Byte by byte, as TextDecoder does not say where a character begins. */
function webDecoder(encoding: string): Decoder {
  new TextDecoder(encoding);
  return (bytes, onCharacter) => {
    const decoder = new TextDecoder(encoding, { ignoreBOM: true });
    let pending = 0;
    const emit = (text: string, length: number): void => {
      for (const [i, character] of [...text].entries()) {
        onCharacter(
          character === "\ufffd" ? MALFORMED : (character.codePointAt(0) as number),
          i === 0 ? length : 0,
        );
      }
    };
    for (let at = 0; at < bytes.length; at++) {
      pending++;
      const text = decoder.decode(bytes.subarray(at, at + 1), { stream: true });
      if (text === "") continue;
      emit(text, pending);
      pending = 0;
    }
    emit(decoder.decode(), pending);
  };
}

/** Whether a number is a code point that text may hold. */
export function isCharacter(codePoint: number): boolean {
  return codePoint >= 0 && codePoint <= 0x10ffff && !(codePoint >= 0xd800 && codePoint <= 0xdfff);
}

export type OutputEncoding = "UTF-8" | "UTF-16-BE" | "UTF-32-BE";

/** Code points, all of them characters, as bytes. */
export function encodeCodePoints(codePoints: readonly number[], encoding: OutputEncoding): Uint8Array {
  const unit = encoding === "UTF-8" ? 1 : encoding === "UTF-16-BE" ? 2 : 4;
  const bytes = new Uint8Array(codePoints.length * 4);
  let at = 0;
  for (const codePoint of codePoints) {
    if (unit === 1) at = putUtf8(codePoint, bytes, at);
    else if (unit === 4) at = putBigEndian(codePoint, 4, bytes, at);
    else at = putUtf16(codePoint, bytes, at);
  }
  return bytes.slice(0, at);
}

function putUtf8(codePoint: number, bytes: Uint8Array, at: number): number {
  if (codePoint < 0x80) {
    bytes[at] = codePoint;
    return at + 1;
  }
  const length = codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  for (let i = length - 1, rest = codePoint; i > 0; i--, rest >>= 6) bytes[at + i] = 0x80 | (rest & 0x3f);
  bytes[at] = ((0xf00 >> length) & 0xff) | (codePoint >> (6 * (length - 1)));
  return at + length;
}

function putUtf16(codePoint: number, bytes: Uint8Array, at: number): number {
  if (codePoint < 0x10000) return putBigEndian(codePoint, 2, bytes, at);
  const rest = codePoint - 0x10000;
  putBigEndian(0xd800 | (rest >> 10), 2, bytes, at);
  return putBigEndian(0xdc00 | (rest & 0x3ff), 2, bytes, at + 2);
}

function putBigEndian(value: number, length: number, bytes: Uint8Array, at: number): number {
  for (let i = 0; i < length; i++) bytes[at + i] = value >>> (8 * (length - 1 - i));
  return at + length;
}
