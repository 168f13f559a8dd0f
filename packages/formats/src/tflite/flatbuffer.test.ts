import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  bytes,
  float32,
  float32s,
  int8,
  int32,
  int32s,
  int64s,
  table,
  tables,
  text,
  uint64,
  writeFlatBuffer,
} from "../testing/flat-writer.js";
import { mutations, readOrRefuse } from "../testing/mutations.js";
import { FlatBuffer, type FlatTable } from "./flatbuffer.js";

const good = writeFlatBuffer({
  0: int8(-5),
  1: int32(-70000),
  2: float32(0.5),
  3: uint64(2n ** 40n),
  5: text("größer"),
  6: bytes(1, 2, 255),
  7: int32s(1, -2),
  8: float32s(0.25),
  9: int64s(-(2n ** 40n)),
  10: table({ 0: int32(7) }),
  11: tables({ 0: text("a") }, {}, { 0: text("b") }),
});

const root = (content: Uint8Array): FlatTable => new FlatBuffer(content, "x.bin").root();

describe("a FlatBuffer", () => {
  it("has its fields, by number", () => {
    const buffer = new FlatBuffer(good, "x.bin");
    assert.equal(buffer.identifier, "TFL3");
    const fields = buffer.root();
    assert.equal(fields.int8(0), -5);
    assert.equal(fields.int32(1), -70000);
    assert.equal(fields.float32(2), 0.5);
    assert.equal(fields.uint64(3), 2 ** 40);
    assert.equal(fields.string(5), "größer");
    assert.deepEqual(fields.bytes(6), Uint8Array.of(1, 2, 255));
    assert.deepEqual(fields.uint8s(6), [1, 2, 255]);
    assert.deepEqual(fields.int32s(7), [1, -2]);
    assert.deepEqual(fields.float32s(8), [0.25]);
    assert.deepEqual(fields.int64s(9), [-(2 ** 40)]);
    assert.equal(fields.table(10)?.int32(0), 7);
    assert.deepEqual(
      fields.tables(11).map((each) => each.string(0)),
      ["a", undefined, "b"],
    );
  });

  it("gives defaults for fields that are missing, within its vtable and past its end", () => {
    const fields = root(good);
    for (const missing of [4, 12, 4000]) {
      assert.equal(fields.int32(missing, 3), 3);
      assert.equal(fields.bool(missing, true), true);
      assert.equal(fields.uint8(missing), 0);
      assert.equal(fields.string(missing), undefined);
      assert.equal(fields.int32s(missing), undefined);
      assert.equal(fields.table(missing), undefined);
      assert.deepEqual(fields.tables(missing), []);
      assert.ok(!fields.has(missing));
    }
  });

  it("is a view, wherever it lies in memory", () => {
    const larger = new Uint8Array(good.length + 3);
    larger.set(good, 3);
    assert.deepEqual(root(larger.subarray(3)).int32s(7), [1, -2]);
  });
});

describe("a damaged FlatBuffer is DATA_LOSS, with the place", () => {
  const readAll = (fields: FlatTable): void => {
    fields.int8(0);
    fields.int32(1);
    fields.float32(2);
    fields.uint64(3);
    fields.string(5);
    fields.uint8s(6);
    fields.int32s(7);
    fields.float32s(8);
    fields.int64s(9);
    fields.table(10)?.int32(0);
    for (const each of fields.tables(11)) each.string(0);
  };

  const cases: [string, Uint8Array, RegExp][] = [
    ["empty", new Uint8Array(0), /x\.bin, byte 0: 4 bytes are not inside of the 0/],
    ["whose root is outside", Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0), /x\.bin, byte 255/],
    ["whose vtable is outside", Uint8Array.of(4, 0, 0, 0, 255, 255, 0, 0), /x\.bin, byte -65531/],
    [
      "whose vtable is of odd length",
      Uint8Array.of(4, 0, 0, 0, 252, 255, 255, 255, 5, 0, 0, 0),
      /a vtable of 5 bytes/,
    ],
  ];
  for (const [title, content, message] of cases) {
    it(title, () => {
      assert.throws(() => readAll(root(content)), { codeName: "DATA_LOSS", message });
    });
  }

  it("a vector longer than the bytes", () => {
    const content = writeFlatBuffer({ 0: int32s(1, 2, 3) });
    const at = content.length - 16;
    assert.equal(content[at], 3);
    content[at + 3] = 0x7f;
    assert.throws(() => root(content).int32s(0), { codeName: "DATA_LOSS", message: /byte \d+: \d+ bytes/ });
  });

  it("a number that is none here", () => {
    const content = writeFlatBuffer({ 0: uint64(2n ** 63n), 1: int64s(2n ** 62n) });
    assert.throws(() => root(content).uint64(0), { codeName: "DATA_LOSS", message: /is no size/ });
    assert.throws(() => root(content).int64s(1), { codeName: "DATA_LOSS", message: /out of range/ });
  });

  it("or any other way", () => {
    for (const { label, bytes: content } of mutations(good, 11, 1500)) {
      readOrRefuse(label, () => readAll(root(content)));
    }
  });
});

describe("a FlatBuffer that is read again and again", () => {
  it("is RESOURCE_EXHAUSTED when what is read is far more than its bytes", () => {
    const shared = root(writeFlatBuffer({ 0: text("x".repeat(50_000)) }));
    const readMany = () => {
      for (let i = 0; i < 20; i++) shared.string(0);
    };
    const message = /x\.bin: its tables stand for far more/;
    assert.throws(readMany, { codeName: "RESOURCE_EXHAUSTED", message });
  });
});
