import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readVarint, varintLength, writeVarint } from "./varint.js";

describe("varints", () => {
  const cases: [number, number[]][] = [
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 0x01]],
    [300, [0xac, 0x02]],
    [2 ** 32, [0x80, 0x80, 0x80, 0x80, 0x10]],
    [Number.MAX_SAFE_INTEGER, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
  ];
  for (const [value, bytes] of cases) {
    it(`writes ${value} as ${bytes.length} bytes and reads it back`, () => {
      const target = new Uint8Array(12);
      const end = writeVarint(value, target, 1);
      assert.deepEqual([...target.subarray(1, end)], bytes);
      assert.equal(varintLength(value), bytes.length);
      assert.deepEqual(readVarint(target, 1), { value, end });
    });
  }

  const refused: [string, number[]][] = [
    ["an end before the last byte", [0x80]],
    ["nothing", []],
    ["eleven bytes", [...new Array(10).fill(0x80), 0x01]],
    ["a value above 53 bits", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f]],
  ];
  for (const [title, bytes] of refused) {
    it(`does not read ${title}`, () => assert.equal(readVarint(Uint8Array.from(bytes), 0), undefined));
  }
});
