/**
 * Unsigned 64-bit arithmetic for hash functions, as pairs of 32-bit halves. BigInt would take several times as long
 * per operation; these small objects mostly never leave the registers.
 */

/** Both halves as signed 32-bit numbers; the value is high × 2^32 + low, each read unsigned. */
export interface Uint64 {
  readonly high: number;
  readonly low: number;
}

export function uint64(high: number, low: number): Uint64 {
  return { high: high | 0, low: low | 0 };
}

/** A whole number below 2^53. */
export function fromNumber(number: number): Uint64 {
  return uint64(Math.floor(number / TWO_32), number);
}

export function fromBigInt(value: bigint): Uint64 {
  return uint64(Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
}

export function toBigInt({ high, low }: Uint64): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

const TWO_32 = 4294967296;

export function add(a: Uint64, b: Uint64): Uint64 {
  const low = (a.low >>> 0) + (b.low >>> 0);
  return { high: (a.high + b.high + (low >= TWO_32 ? 1 : 0)) | 0, low: low | 0 };
}

export function xor(a: Uint64, b: Uint64): Uint64 {
  return { high: a.high ^ b.high, low: a.low ^ b.low };
}

/** The lower 64 bits of the product. */
export function mul(a: Uint64, b: Uint64): Uint64 {
  // The product of the lower halves by their 16-bit digits, so that no partial sum passes 2^53.
  const [a0, a1] = [a.low & 0xffff, a.low >>> 16];
  const [b0, b1] = [b.low & 0xffff, b.low >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = a0 * b1 + (middle & 0xffff);
  const upper = a1 * b1 + Math.floor(middle / 65536) + Math.floor(carry / 65536);
  const high = upper + Math.imul(a.high, b.low) + Math.imul(a.low, b.high);
  return { high: high | 0, low: Math.imul(a.low, b.low) };
}

/** Rotated to the right by 1 to 63 bits. */
export function rotateRight({ high, low }: Uint64, bits: number): Uint64 {
  const [upper, lower] = bits < 32 ? [high, low] : [low, high];
  const shift = bits & 31;
  if (shift === 0) return { high: upper, low: lower };
  return {
    high: (upper >>> shift) | (lower << (32 - shift)),
    low: (lower >>> shift) | (upper << (32 - shift)),
  };
}

/** Rotated to the left by 1 to 63 bits. */
export function rotateLeft(value: Uint64, bits: number): Uint64 {
  return rotateRight(value, 64 - bits);
}

/** Shifted to the right by 32 to 63 bits. */
function shiftRightFar({ high }: Uint64, bits: number): Uint64 {
  return { high: 0, low: (high >>> (bits - 32)) | 0 };
}

/** The value with its upper 17 bits xored into the lowest, as most multiplicative hashes mix. */
export function shiftMix(value: Uint64): Uint64 {
  return xor(value, shiftRightFar(value, 47));
}

/** The eight bytes at an offset, little-endian. */
export function fetch64(bytes: Uint8Array, at: number): Uint64 {
  return { high: fetch32(bytes, at + 4), low: fetch32(bytes, at) };
}

/** The four bytes at an offset, little-endian, as a signed number. */
export function fetch32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** The remainder of a division by a natural number below 2^53. */
export function modulo(value: Uint64, divisor: number): number {
  if (divisor > MAX_FAST_DIVISOR) return Number(toBigInt(value) % BigInt(divisor));
  const high = (value.high >>> 0) % divisor;
  return (high * (TWO_32 % divisor) + ((value.low >>> 0) % divisor)) % divisor;
}

/** The product of two remainders, and another one added, must stay exact. */
const MAX_FAST_DIVISOR = 2 ** 26;
