/** Base64 of RFC 4648 section 4, read as leniently as TensorFlow Serving reads it. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD = 0x3d;
const SKIP = 64;
const INVALID = 255;

const values = new Uint8Array(256).fill(INVALID);
for (let i = 0; i < ALPHABET.length; i++) values[ALPHABET.charCodeAt(i)] = i;
for (const space of " \t\n\r\f\v") values[space.charCodeAt(0)] = SKIP;

/**
 * The bytes that ASCII base64 stands for, or undefined when it is malformed. White space is skipped; padding may be
 * left out, but not be wrong.
 */
export function decodeBase64(text: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(Math.ceil((text.length * 3) / 4));
  let size = 0;
  let bits = 0;
  let held = 0;
  let at = 0;
  for (; at < text.length && text[at] !== PAD; at++) {
    const value = values[text[at] as number] as number;
    if (value === SKIP) continue;
    if (value === INVALID) return undefined;
    bits = (bits << 6) | value;
    held++;
    if (held === 4) {
      out[size++] = bits >> 16;
      out[size++] = bits >> 8;
      out[size++] = bits;
      held = 0;
      bits = 0;
    }
  }
  if (!isPadding(text.subarray(at), held)) return undefined;
  if (held >= 2) out[size++] = bits >> (held === 2 ? 4 : 10);
  if (held === 3) out[size++] = bits >> 2;
  return out.subarray(0, size);
}

/** Whether `rest` may follow a last group of `held` characters: nothing, or just the padding that completes it. */
function isPadding(rest: Uint8Array, held: number): boolean {
  let pads = 0;
  for (const byte of rest) {
    if (byte === PAD) pads++;
    else if (values[byte] !== SKIP) return false;
  }
  if (held === 1) return false;
  return pads === 0 || (held > 0 && pads === 4 - held);
}

/** Standard base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const chunks: string[] = [];
  // 24 KiB of bytes at a time: String.fromCharCode takes only so many arguments. A multiple of 3 needs no padding.
  for (let at = 0; at < bytes.length; at += 24_576) {
    chunks.push(btoa(String.fromCharCode(...bytes.subarray(at, at + 24_576))));
  }
  return chunks.join("");
}
