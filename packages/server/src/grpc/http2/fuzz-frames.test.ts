import { describe, it } from "node:test";
import { runSequence } from "./testing/fuzz-frames.js";

/** `node conformance/fuzz-http2.mjs` runs a million. */
const SEQUENCES = 2000;

describe("A connection", () => {
  it(`survives ${SEQUENCES} sequences of frames that no client should send`, async () => {
    for (let seed = 1; seed <= SEQUENCES; seed++) {
      try {
        await runSequence(seed);
      } catch (cause) {
        throw new Error(`sequence ${seed}`, { cause });
      }
    }
  });
});
