/** What memory is used again, and how much is kept. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MIN_SPARE_BYTES, SpareMemory } from "./spare-memory.js";

const SIZE = MIN_SPARE_BYTES;

describe("Spare memory", () => {
  it("is given to who asks for its very size, once", () => {
    const memory = new SpareMemory();
    const buffer = new ArrayBuffer(SIZE);
    memory.give(buffer);
    assert.notEqual(memory.take(SIZE + 1), buffer);
    assert.equal(memory.take(SIZE), buffer);
    const other = memory.take(SIZE);
    assert.notEqual(other, buffer);
    assert.equal(other.byteLength, SIZE);
  });

  it("is not kept where making it costs nothing", () => {
    const memory = new SpareMemory();
    const buffer = new ArrayBuffer(SIZE - 1);
    memory.give(buffer);
    assert.notEqual(memory.take(SIZE - 1), buffer);
  });

  it("is kept up to a limit, the latest of it", () => {
    const memory = new SpareMemory(2 * SIZE);
    const [first, second, third] = [1, 2, 3].map(() => new ArrayBuffer(SIZE)) as [
      ArrayBuffer,
      ArrayBuffer,
      ArrayBuffer,
    ];
    for (const buffer of [first, second, third]) memory.give(buffer);
    const taken = [1, 2, 3].map(() => memory.take(SIZE));
    assert.deepEqual(
      [first, second, third].map((buffer) => taken.includes(buffer)),
      [false, true, true],
    );
  });

  it("makes way for memory of other sizes when it is not used", () => {
    const memory = new SpareMemory(3 * SIZE);
    const [unused, used, other] = [SIZE, SIZE + 8, SIZE + 16].map((size) => new ArrayBuffer(size));
    for (const buffer of [unused, used, used, other]) memory.give(buffer as ArrayBuffer);
    assert.notEqual(memory.take(SIZE), unused);
    assert.equal(memory.take(SIZE + 8), used);
    assert.equal(memory.take(SIZE + 16), other);
  });

  it("comes back from who had it last, once", () => {
    const memory = new SpareMemory();
    const buffer = new ArrayBuffer(SIZE);
    memory.takeBack(buffer);
    assert.notEqual(memory.take(SIZE), buffer, "nobody has lent it");
    memory.lend(buffer);
    memory.takeBack(buffer);
    memory.takeBack(buffer);
    assert.deepEqual([memory.take(SIZE) === buffer, memory.take(SIZE) === buffer], [true, false]);
  });

  it("does not come back when several have it", () => {
    const memory = new SpareMemory();
    const buffer = new ArrayBuffer(SIZE);
    memory.lend(buffer);
    memory.share(buffer);
    memory.takeBack(buffer);
    assert.equal(memory.isLent(buffer), false);
    assert.notEqual(memory.take(SIZE), buffer);
  });
});
