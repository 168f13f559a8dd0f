import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeTensorNameSlice, FULL_EXTENT } from "./ordered-code.js";

describe("encodeTensorNameSlice", () => {
  // Keys of the index files that TensorFlow's SaveV2 wrote for these slices.
  const keys: [string, number[], number[], string][] = [
    ["v", [0], [64], "00760001010180c040"],
    ["v", [8191], [2], "007600010101dfff82"],
    ["v", [2097151], [1000000], "007600010101f01fffffef4240"],
    ["a\0b", [0, 0], [2, FULL_EXTENT], "006100ff62000101028082807f"],
    ["w\xff", [0, 1], [FULL_EXTENT, 1], "0077ff0000010102807f8181"],
    ["x", [64, 63], [100, 1], "007800010102c040c064bf81"],
  ];
  for (const [name, start, length, expected] of keys) {
    it(`of ${JSON.stringify(name)} at ${start} for ${length} is ${expected}`, () => {
      const key = encodeTensorNameSlice(Buffer.from(name, "latin1"), { start, length });
      assert.equal(Buffer.from(key).toString("hex"), expected);
    });
  }

  it("sorts as the numbers do", () => {
    const starts = [0, 1, 63, 64, 8191, 8192, 2 ** 20, 2 ** 27 - 1, 2 ** 34, 2 ** 41, 2 ** 48, 2 ** 52];
    const encoded = starts.map((start) =>
      encodeTensorNameSlice(Buffer.from("n"), { start: [start], length: [1] }),
    );
    assert.deepEqual([...encoded].sort(Buffer.compare), encoded);
  });
});
