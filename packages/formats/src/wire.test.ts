/** The reader and the writer of the wire format, against the general protobuf library. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { WireError, WireKind, WireReader } from "./wire-reader.js";
import { WireWriter } from "./wire-writer.js";

const numbers = [
  0,
  1,
  127,
  128,
  16_383,
  16_384,
  2 ** 28 - 1,
  2 ** 28,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 35,
  2 ** 53 - 1,
];
const int64s = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 128n];
const texts = ["", "serving_default", "größe", "x".repeat(32), "x".repeat(33), "ü".repeat(1000)];

describe("WireWriter", () => {
  // Far too small a capacity, and one that is enough.
  for (const capacity of [0, 1, 4096]) {
    it(`writes what the library reads, with room for ${capacity} bytes at first`, () => {
      const writer = new WireWriter(capacity);
      const before = writer.size;
      for (const text of texts.toReversed()) writer.textField(3, text);
      writer.endField(300, before);
      for (const value of int64s.toReversed()) writer.int64Field(2, value);
      for (const value of numbers.toReversed()) writer.varintField(1, value);
      const reader = new BinaryReader(writer.finish());
      for (const value of numbers) {
        assert.deepEqual(reader.tag(), [1, WireType.Varint]);
        assert.equal(Number(reader.uint64()), value);
      }
      for (const value of int64s) {
        assert.deepEqual(reader.tag(), [2, WireType.Varint]);
        assert.equal(BigInt(reader.int64()), value);
      }
      assert.deepEqual(reader.tag(), [300, WireType.LengthDelimited]);
      const nested = new BinaryReader(reader.bytes());
      for (const text of texts) {
        assert.deepEqual(nested.tag(), [3, WireType.LengthDelimited]);
        assert.equal(nested.string(), text);
      }
      assert.equal(nested.pos, nested.len);
      assert.equal(reader.pos, reader.len);
    });
  }
});

describe("WireReader", () => {
  it("reads what the library writes, and skips the rest", () => {
    const writer = new BinaryWriter();
    for (const value of numbers) writer.tag(1, WireType.Varint).uint64(value);
    writer
      .tag(2, WireType.Varint)
      .int64(-1)
      .tag(3, WireType.Bit32)
      .fixed32(1)
      .tag(4, WireType.Bit64)
      .fixed64(1);
    writer.tag(536_870_911, WireType.LengthDelimited).bytes(Uint8Array.of(1, 2));
    const reader = new WireReader(writer.finish());
    for (const value of numbers) {
      assert.ok(reader.next());
      assert.deepEqual([reader.field, reader.kind, reader.varint()], [1, WireKind.VARINT, value]);
    }
    assert.ok(reader.next());
    assert.ok(reader.varint() < 0);
    for (const field of [3, 4]) {
      assert.ok(reader.next());
      assert.equal(reader.field, field);
      reader.skip();
    }
    assert.ok(reader.next());
    assert.deepEqual([reader.field, [...reader.view()]], [536_870_911, [1, 2]]);
    assert.equal(reader.next(), false);
  });

  const broken: readonly (readonly [string, readonly number[]])[] = [
    ["a tag beyond the end", [0x80]],
    ["a field of number 0", [0x02, 0]],
    ["a varint without end", [0x08, ...new Array<number>(11).fill(0x80)]],
    ["a varint beyond the end", [0x08, 0x80]],
    ["bytes beyond the end", [0x0a, 5, 1]],
    ["bytes of a negative length", [0x0a, ...new Array<number>(9).fill(0xff), 1]],
    ["a fixed value beyond the end", [0x0d, 1, 2]],
    ["a group", [0x0b, 0x0c]],
    ["a wire type that is none", [0x0f]],
  ];
  for (const [what, bytes] of broken) {
    it(`refuses ${what}`, () => {
      const reader = new WireReader(Uint8Array.from(bytes));
      assert.throws(() => {
        while (reader.next()) reader.skip();
      }, WireError);
    });
  }
});
