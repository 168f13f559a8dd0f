/**
 * Hash64 of tensorflow/core/platform/hash.cc, a MurmurHash64A with a seed of its own: the hash of StringToHashBucket,
 * which old models have.
 */
import {
  fetch64,
  fromNumber,
  mul,
  shiftMix,
  type Uint64,
  uint64,
  xor,
} from "@servable/formats/hashing/uint64";

const SEED = uint64(0xde, 0xcafcaffe);
const M = uint64(0xc6a4a793, 0x5bd1e995);

export function legacyHash64(bytes: Uint8Array): Uint64 {
  let hash = xor(SEED, mul(fromNumber(bytes.length), M));
  const whole = bytes.length & ~7;
  for (let at = 0; at < whole; at += 8) {
    const word = mul(shiftMix(mul(fetch64(bytes, at), M)), M);
    hash = mul(xor(hash, word), M);
  }
  if (whole < bytes.length) {
    const padded = new Uint8Array(8);
    padded.set(bytes.subarray(whole));
    hash = mul(xor(hash, fetch64(padded, 0)), M);
  }
  return shiftMix(mul(shiftMix(hash), M));
}
