/**
 * Base-128 varints over byte arrays, as in protocol buffers and in LevelDB's table format: seven bits a byte, least
 * significant first, the top bit set on all but the last. Callers bring their own errors: a read that fails returns
 * undefined instead of throwing, so that the message can name the file and the field.
 */

/** A value and the offset after it. */
export interface Varint<T> {
  readonly value: T;
  readonly end: number;
}

/** Most bytes that a varint of 32 and of 64 bits takes. */
export const MAX_VARINT32_BYTES = 5;
export const MAX_VARINT64_BYTES = 10;

/**
 * The varint of at most 53 bits at `offset`: sizes, offsets and counts. Undefined when the bytes end before it does,
 * or when its value is no safe integer.
 *
 * @example
 * assert.deepEqual(readVarint(Uint8Array.of(0xac, 0x02), 0), { value: 300, end: 2 });
 */
export function readVarint(bytes: Uint8Array, offset: number): Varint<number> | undefined {
  let value = 0;
  let scale = 1;
  const last = Math.min(bytes.length, offset + MAX_VARINT64_BYTES);
  for (let i = offset; i < last; i++) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? { value, end: i + 1 } : undefined;
    scale *= 128;
  }
  return undefined;
}

/**
 * How many bytes writeVarint takes for a value.
 *
 * @example
 * assert.equal(varintLength(300), 2);
 */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/**
 * Writes a natural number of at most 53 bits at `offset` and returns the offset after it.
 *
 * @example
 * const bytes = new Uint8Array(2);
 * assert.equal(writeVarint(300, bytes, 0), 2);
 * assert.deepEqual(bytes, Uint8Array.of(0xac, 0x02));
 */
export function writeVarint(value: number, bytes: Uint8Array, offset: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 128) {
    bytes[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}
