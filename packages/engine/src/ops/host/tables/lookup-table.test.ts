import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stringTensor, type Tensor, tensor } from "@servable/formats";
import { LookupTable, type TableForm } from "./lookup-table.js";

const int64 = (...values: number[]): Tensor =>
  tensor("int64", [values.length], BigInt64Array.from(values, BigInt));
const scalar = (value: number): Tensor => tensor("int64", [], BigInt64Array.of(BigInt(value)));

const dense: TableForm = {
  keyDtype: "int64",
  valueDtype: "int64",
  keyShape: [],
  valueShape: [],
  isStatic: false,
  reserved: { empty: scalar(-1), deleted: scalar(-2) },
};

describe("a dense table restored from a checkpoint", () => {
  it("skips the buckets that hold its own keys", () => {
    const table = new LookupTable("dense", dense);
    table.import(int64(-1, 7, -2, 8, -1), int64(0, 70, 0, 80, 0));
    assert.equal(table.size, 2);
    assert.deepEqual(table.find(int64(8, 7, 9), scalar(-5)).data, BigInt64Array.of(80n, 70n, -5n));
  });
});

describe("a mutable table", () => {
  const mutable: TableForm = { ...dense, keyDtype: "string", isStatic: false };
  const { reserved: _, ...form } = mutable;
  const texts = (...values: string[]): Tensor => stringTensor([values.length], values);

  it("uses the place of a removed entry again without mixing up values", () => {
    const table = new LookupTable("words", form);
    table.insert(texts("a", "b", "c"), int64(1, 2, 3));
    table.remove(texts("a", "b"));
    table.insert(texts("d", "e", "f"), int64(4, 5, 6));
    const found = table.find(texts("a", "b", "c", "d", "e", "f"), scalar(0));
    assert.deepEqual(found.data, BigInt64Array.of(0n, 0n, 3n, 4n, 5n, 6n));
  });

  it("grows past its first capacity", () => {
    const table = new LookupTable("words", form);
    const count = 1000;
    const words = texts(...Array.from({ length: count }, (_, i) => `word${i}`));
    table.insert(words, int64(...Array.from({ length: count }, (_, i) => i)));
    assert.equal(table.size, count);
    assert.deepEqual(table.find(texts("word0", "word999"), scalar(-1)).data, BigInt64Array.of(0n, 999n));
  });
});
