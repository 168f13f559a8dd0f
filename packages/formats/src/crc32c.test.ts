import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32c, maskCrc32c, unmaskCrc32c } from "./crc32c.js";

describe("crc32c", () => {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  const vectors: [string, Uint8Array, number][] = [
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 times 0xff", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["0 to 31", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["31 to 0", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ["the digits 1 to 9", new TextEncoder().encode("123456789"), 0xe3069283],
    ["nothing", new Uint8Array(0), 0],
  ];
  for (const [title, bytes, expected] of vectors) {
    it(`of ${title} is ${expected.toString(16)}`, () => assert.equal(crc32c(bytes), expected));
  }

  it("does not depend on alignment, nor on where the bytes are divided", () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 167) ^ (i >> 3));
    for (let start = 0; start < 9; start++) {
      for (let length = 0; length < 90; length++) {
        const part = bytes.subarray(start, start + length);
        const whole = crc32c(Uint8Array.from(part));
        assert.equal(crc32c(part), whole, `start ${start}, length ${length}`);
        const cut = length >> 1;
        assert.equal(crc32c(part.subarray(cut), crc32c(part.subarray(0, cut))), whole);
      }
    }
  });

  it("is masked by a rotation and a constant, and unmasked again", () => {
    // The masked checksum of an empty tensor, as TensorFlow writes it into an index file.
    assert.equal(maskCrc32c(0), 0xa282ead8);
    for (const crc of [0, 1, 0x8000_0000, 0xffff_ffff, 0x1234_5678])
      assert.equal(unmaskCrc32c(maskCrc32c(crc)), crc);
    assert.notEqual(maskCrc32c(0x1234_5678), 0x1234_5678);
  });
});
