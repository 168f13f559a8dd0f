/** SipHash-2-4 (Aumasson and Bernstein, https://www.aumasson.jp/siphash/siphash.pdf): TensorFlow's StrongKeyedHash. */
import { add, fetch64, rotateLeft, type Uint64, uint64, xor } from "@servable/formats/hashing/uint64";

type State = readonly [Uint64, Uint64, Uint64, Uint64];

const START: State = [
  uint64(0x736f6d65, 0x70736575),
  uint64(0x646f7261, 0x6e646f6d),
  uint64(0x6c796765, 0x6e657261),
  uint64(0x74656462, 0x79746573),
];
const END_MARK = uint64(0, 0xff);

/** The hash of bytes under a key of two words. */
export function sipHash(key: readonly [Uint64, Uint64], bytes: Uint8Array): Uint64 {
  let state: State = [
    xor(START[0], key[0]),
    xor(START[1], key[1]),
    xor(START[2], key[0]),
    xor(START[3], key[1]),
  ];
  const whole = bytes.length & ~7;
  for (let at = 0; at < whole; at += 8) state = absorbed(state, fetch64(bytes, at));
  state = absorbed(state, lastWord(bytes, whole));
  let last: State = [state[0], state[1], xor(state[2], END_MARK), state[3]];
  for (let i = 0; i < 4; i++) last = round(last);
  return xor(xor(last[0], last[1]), xor(last[2], last[3]));
}

function absorbed([a, b, c, d]: State, word: Uint64): State {
  const [e, f, g, h] = round(round([a, b, c, xor(d, word)]));
  return [xor(e, word), f, g, h];
}

/** The bytes that fill no word, with the length of all in the uppermost byte. */
function lastWord(bytes: Uint8Array, from: number): Uint64 {
  const padded = new Uint8Array(8);
  padded.set(bytes.subarray(from));
  padded[7] = bytes.length;
  return fetch64(padded, 0);
}

function round([v0, v1, v2, v3]: State): State {
  const a = add(v0, v1);
  const b = xor(rotateLeft(v1, 13), a);
  const c = add(v2, v3);
  const d = xor(rotateLeft(v3, 16), c);
  const e = add(rotateLeft(a, 32), d);
  const f = add(c, b);
  return [e, xor(rotateLeft(b, 17), f), rotateLeft(f, 32), xor(rotateLeft(d, 21), e)];
}
