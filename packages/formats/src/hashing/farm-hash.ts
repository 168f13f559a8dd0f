/**
 * The 64-bit fingerprint of FarmHash (farmhash::Fingerprint64, google/farmhash), which TensorFlow calls Fingerprint64:
 * the hash behind the fingerprints of SavedModels, StringToHashBucketFast, Fingerprint and the crossings of features.
 */
import {
  add,
  fetch32,
  fetch64,
  fromNumber,
  mul,
  rotateRight,
  shiftMix,
  type Uint64,
  uint64,
  xor,
} from "./uint64.js";

const K0 = uint64(0xc3a5c85c, 0x97cb3127);
const K1 = uint64(0xb492b66f, 0xbe98f273);
const K2 = uint64(0x9ae16a3b, 0x2f90404f);
const ZERO = uint64(0, 0);

export function fingerprint64(bytes: Uint8Array): Uint64 {
  const { length } = bytes;
  if (length <= 16) return upTo16(bytes, length);
  if (length <= 32) return upTo32(bytes, length);
  return length <= 64 ? upTo64(bytes, length) : longer(bytes, length);
}

/** Mixes two words into one. */
function mixed(u: Uint64, v: Uint64, multiplier: Uint64): Uint64 {
  const a = shiftMix(mul(xor(u, v), multiplier));
  const b = shiftMix(mul(xor(v, a), multiplier));
  return mul(b, multiplier);
}

function multiplierFor(length: number): Uint64 {
  return add(K2, fromNumber(2 * length));
}

function upTo16(s: Uint8Array, length: number): Uint64 {
  if (length >= 8) {
    const multiplier = multiplierFor(length);
    const a = add(fetch64(s, 0), K2);
    const b = fetch64(s, length - 8);
    const c = add(mul(rotateRight(b, 37), multiplier), a);
    const d = mul(add(rotateRight(a, 25), b), multiplier);
    return mixed(c, d, multiplier);
  }
  if (length >= 4) {
    const a = fetch32(s, 0) >>> 0;
    return mixed(fromNumber(length + a * 8), uint64(0, fetch32(s, length - 4)), multiplierFor(length));
  }
  if (length === 0) return K2;
  const y = (s[0] as number) + ((s[length >> 1] as number) << 8);
  const z = length + ((s[length - 1] as number) << 2);
  return mul(shiftMix(xor(mul(fromNumber(y), K2), mul(fromNumber(z), K0))), K2);
}

function upTo32(s: Uint8Array, length: number): Uint64 {
  const multiplier = multiplierFor(length);
  const a = mul(fetch64(s, 0), K1);
  const b = fetch64(s, 8);
  const c = mul(fetch64(s, length - 8), multiplier);
  const d = mul(fetch64(s, length - 16), K2);
  return mixed(
    add(add(rotateRight(add(a, b), 43), rotateRight(c, 30)), d),
    add(add(a, rotateRight(add(b, K2), 18)), c),
    multiplier,
  );
}

function upTo64(s: Uint8Array, length: number): Uint64 {
  const multiplier = multiplierFor(length);
  const a = mul(fetch64(s, 0), K2);
  const b = fetch64(s, 8);
  const c = mul(fetch64(s, length - 8), multiplier);
  const d = mul(fetch64(s, length - 16), K2);
  const y = add(add(rotateRight(add(a, b), 43), rotateRight(c, 30)), d);
  const z = mixed(y, add(add(a, rotateRight(add(b, K2), 18)), c), multiplier);
  const e = mul(fetch64(s, 16), multiplier);
  const f = fetch64(s, 24);
  const g = mul(add(y, fetch64(s, length - 32)), multiplier);
  const h = mul(add(z, fetch64(s, length - 24)), multiplier);
  return mixed(
    add(add(rotateRight(add(e, f), 43), rotateRight(g, 30)), h),
    add(add(e, rotateRight(add(f, a), 18)), g),
    multiplier,
  );
}

type Pair = readonly [Uint64, Uint64];

/** 32 bytes mixed into two seeds. */
function mixed32(s: Uint8Array, at: number, seedA: Uint64, seedB: Uint64): Pair {
  const [w, x, y, z] = [fetch64(s, at), fetch64(s, at + 8), fetch64(s, at + 16), fetch64(s, at + 24)];
  const start = add(seedA, w);
  const b = rotateRight(add(add(seedB, start), z), 21);
  const sum = add(add(start, x), y);
  return [add(sum, z), add(add(b, rotateRight(sum, 44)), start)];
}

/** The 56 bytes of state of the loop over blocks of 64 bytes. */
interface State {
  readonly x: Uint64;
  readonly y: Uint64;
  readonly z: Uint64;
  readonly v: Pair;
  readonly w: Pair;
}

function longer(s: Uint8Array, length: number): Uint64 {
  const seed = fromNumber(81);
  const y = add(mul(seed, K1), fromNumber(113));
  let state: State = {
    x: add(mul(seed, K2), fetch64(s, 0)),
    y,
    z: mul(shiftMix(add(mul(y, K2), fromNumber(113))), K2),
    v: [ZERO, ZERO],
    w: [ZERO, ZERO],
  };
  const blocks = Math.floor((length - 1) / 64);
  for (let block = 0; block < blocks; block++) state = withBlock(state, s, block * 64, K1, 1);
  return finished(state, s, length);
}

/** One block of 64 bytes. The last one, which may overlap the one before, has another multiplier and factor. */
function withBlock(
  { x, y, z, v, w }: State,
  s: Uint8Array,
  at: number,
  multiplier: Uint64,
  factor: 1 | 9,
): State {
  const times = (value: Uint64): Uint64 => (factor === 1 ? value : mul(value, fromNumber(9)));
  const x1 = mul(rotateRight(add(add(add(x, y), v[0]), fetch64(s, at + 8)), 37), multiplier);
  const y1 = mul(rotateRight(add(add(y, v[1]), fetch64(s, at + 48)), 42), multiplier);
  const x2 = xor(x1, times(w[1]));
  const y2 = add(y1, add(times(v[0]), fetch64(s, at + 40)));
  const z1 = mul(rotateRight(add(z, w[0]), 33), multiplier);
  return {
    x: z1,
    y: y2,
    z: x2,
    v: mixed32(s, at, mul(v[1], multiplier), add(x2, w[0])),
    w: mixed32(s, at + 32, add(z1, w[1]), add(y2, fetch64(s, at + 16))),
  };
}

function finished(state: State, s: Uint8Array, length: number): Uint64 {
  const multiplier = add(K1, fromNumber((state.z.low & 0xff) * 2));
  const w0 = add(state.w[0], fromNumber((length - 1) & 63));
  const v0 = add(state.v[0], w0);
  const primed: State = { ...state, v: [v0, state.v[1]], w: [add(w0, v0), state.w[1]] };
  const { x, y, z, v, w } = withBlock(primed, s, length - 64, multiplier, 9);
  return mixed(
    add(add(mixed(v[0], w[0], multiplier), mul(shiftMix(y), K0)), z),
    add(mixed(v[1], w[1], multiplier), x),
    multiplier,
  );
}

const CONCATENATION = uint64(0xc6a4a793, 0x5bd1e995);

/** Two fingerprints as one: FingerprintCat64 of tensorflow/core/platform/fingerprint.h. */
export function concatenated(first: Uint64, second: Uint64): Uint64 {
  const start = xor(first, CONCATENATION);
  const joined = xor(start, mul(shiftMix(mul(second, CONCATENATION)), CONCATENATION));
  return shiftMix(mul(shiftMix(mul(joined, CONCATENATION)), CONCATENATION));
}
