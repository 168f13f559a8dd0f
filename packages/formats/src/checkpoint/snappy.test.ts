import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeText, encodeText } from "../tensor.js";
import { mutations } from "../testing/mutations.js";
import { decompressSnappy } from "./snappy.js";

const ascii = (text: string) => [...encodeText(text)];

describe("decompressSnappy", () => {
  // By the format description: length, then tags with what follows them.
  const cases: [string, number[], string][] = [
    ["nothing", [0], ""],
    ["a literal", [3, (3 - 1) << 2, ...ascii("abc")], "abc"],
    ["a literal with its length in a byte", [61, 60 << 2, 60, ...ascii("x".repeat(61))], "x".repeat(61)],
    [
      "a literal with its length in two bytes",
      [0x80, 2, 61 << 2, 255, 0, ...ascii("y".repeat(256))],
      "y".repeat(256),
    ],
    ["a copy with one byte of offset", [8, 3 << 2, ...ascii("abcd"), ((4 - 4) << 2) | 1, 4], "abcdabcd"],
    ["a copy with two bytes of offset", [7, 3 << 2, ...ascii("abcd"), ((3 - 1) << 2) | 2, 3, 0], "abcdbcd"],
    [
      "a copy with four bytes of offset",
      [6, 3 << 2, ...ascii("abcd"), ((2 - 1) << 2) | 3, 4, 0, 0, 0],
      "abcdab",
    ],
    ["a copy that repeats itself", [10, 0 << 2, ...ascii("a"), ((9 - 1) << 2) | 2, 1, 0], "aaaaaaaaaa"],
  ];
  for (const [title, compressed, expected] of cases) {
    it(`reads ${title}`, () => {
      const plain = decompressSnappy(Uint8Array.from(compressed));
      assert.equal(plain && decodeText(plain), expected);
    });
  }

  const refused: [string, number[]][] = [
    ["an empty input", []],
    ["less than announced", [4, 2 << 2, ...ascii("abc")]],
    ["more than announced", [2, 2 << 2, ...ascii("abc")]],
    ["a literal that is cut off", [3, 2 << 2, ...ascii("ab")]],
    ["a copy from before the beginning", [8, 3 << 2, ...ascii("abcd"), 1, 5]],
    ["a copy from where it is", [8, 3 << 2, ...ascii("abcd"), 1, 0]],
    ["a copy without its offset", [8, 3 << 2, ...ascii("abcd"), 1]],
    ["a length that the input cannot stand for", [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0x61]],
  ];
  for (const [title, compressed] of refused) {
    it(`refuses ${title}`, () => assert.equal(decompressSnappy(Uint8Array.from(compressed)), undefined));
  }

  it("survives damage", () => {
    const good = Uint8Array.from([14, 3 << 2, ...ascii("abcd"), 1, 4, ((6 - 1) << 2) | 2, 1, 0]);
    for (const { bytes } of mutations(good, 7, 2000)) decompressSnappy(bytes);
  });
});
