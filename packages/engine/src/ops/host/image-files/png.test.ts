import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodePng, encodePng } from "./png.js";

describe("a PNG that was written", () => {
  for (const bits of [8, 16] as const) {
    for (const channels of [1, 2, 3, 4]) {
      it(`of ${channels} channels and ${bits} bits is read back as it was`, () => {
        const [width, height] = [13, 9];
        const values = Array.from({ length: width * height * channels }, (_, i) => (i * i * 31) % 2 ** bits);
        const data = bits === 16 ? Uint16Array.from(values) : Uint8Array.from(values);
        for (const level of [-1, 0, 9]) {
          const image = { width, height, channels, data };
          assert.deepEqual(decodePng(encodePng(image, level), 0, bits), image);
        }
      });
    }
  }
});
