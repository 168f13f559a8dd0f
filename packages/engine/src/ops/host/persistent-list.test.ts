import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PersistentList } from "./persistent-list.js";

describe("A persistent list", () => {
  for (const length of [0, 1, 31, 32, 33, 1024, 1025, 40_000]) {
    it(`of ${length} elements gives them back`, () => {
      const elements = Array.from({ length }, (_, i) => i);
      const list = PersistentList.from(elements);
      assert.equal(list.length, length);
      assert.deepEqual([...list], elements);
    });
  }

  it("does not see what is changed in its successors", () => {
    const before = PersistentList.from([1, 2, 3]);
    const after = before.with(1, 20);
    assert.deepEqual([...before], [1, 2, 3]);
    assert.deepEqual([...after], [1, 20, 3]);
  });

  it("grows by pushes past every block", () => {
    let list = PersistentList.ofLength<number>(0);
    for (let i = 0; i < 2000; i++) list = list.push(i);
    assert.deepEqual(
      [...list],
      Array.from({ length: 2000 }, (_, i) => i),
    );
  });

  it("costs nothing for elements nobody set", () => {
    const list = PersistentList.ofLength<string>(2 ** 31 - 1).with(2 ** 31 - 2, "last");
    assert.equal(list.get(2 ** 31 - 2), "last");
    assert.equal(list.get(0), undefined);
  });

  it("forgets what is cut off", () => {
    for (const length of [2, 1]) {
      const regrown = PersistentList.from(["a", "b", "c"]).resized(length).resized(3);
      assert.deepEqual(
        [...regrown],
        ["a", "b", "c"].map((each, i) => (i < length ? each : undefined)),
      );
    }
  });
});
