/**
 * Damaged copies of good bytes, the same ones on every run. A reader of untrusted bytes must take each of them for
 * what it is or refuse it with a StatusError; anything else is a defect.
 */
import assert from "node:assert/strict";
import { StatusError } from "../status.js";

/** A damaged copy, and what was done to it. */
export interface Mutation {
  readonly label: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A random number generator with a seed: xorshift32. Natural numbers below `limit`. */
export function seededRandom(seed: number): (limit: number) => number {
  let state = seed | 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** `count` copies with a flipped bit, overwritten bytes, a cut, a repetition or an insertion each. */
export function* mutations(good: Uint8Array, seed: number, count: number): Generator<Mutation> {
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    const at = random(good.length);
    const [before, after] = [good.subarray(0, at), good.subarray(at)];
    switch (random(5)) {
      case 0: {
        const bytes = Uint8Array.from(good);
        const bit = random(8);
        bytes[at] = (bytes[at] as number) ^ (1 << bit);
        yield { label: `bit ${bit} of byte ${at} flipped`, bytes };
        break;
      }
      case 1: {
        const bytes = Uint8Array.from(good);
        const length = Math.min(1 + random(8), after.length);
        bytes.fill(0xff, at, at + length);
        yield { label: `bytes ${at} to ${at + length} set to 255`, bytes };
        break;
      }
      case 2:
        yield { label: `cut at byte ${at}`, bytes: Uint8Array.from(before) };
        break;
      case 3: {
        const length = Math.min(1 + random(64), after.length);
        const bytes = join(before, after.subarray(0, length), after);
        yield { label: `bytes ${at} to ${at + length} repeated`, bytes };
        break;
      }
      default:
        yield { label: `a byte inserted at ${at}`, bytes: join(before, Uint8Array.of(random(256)), after) };
    }
  }
}

function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat(parts));
}

/** Runs a reader on damaged bytes; AssertionError when it throws anything but a StatusError. Returns the error. */
export function readOrRefuse(label: string, read: () => unknown): StatusError | undefined {
  try {
    read();
    return undefined;
  } catch (reason) {
    assert.ok(
      reason instanceof StatusError,
      `${label}: ${reason instanceof Error ? reason.stack : String(reason)}`,
    );
    assert.notEqual(reason.codeName, "INTERNAL", `${label}: ${reason.message}`);
    return reason;
  }
}
