import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Block, Philox } from "./philox.js";

const ALL = 0xffffffff;

/** The known answers that come with Random123, the reference implementation (kat_vectors, philox4x32 10). */
const knownAnswers: readonly [counter: Block, key: readonly [number, number], block: Block][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [ALL, ALL, ALL, ALL],
    [ALL, ALL],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

describe("Philox 4×32-10", () => {
  for (const [counter, key, block] of knownAnswers) {
    it(`gives the known block for counter ${counter.map((word) => word.toString(16))}`, () => {
      assert.deepEqual(new Philox(key, counter).next(), block);
    });
  }

  it("skips as many blocks as it would have made, carries included", () => {
    const start: Block = [ALL - 1, ALL, 7, 0];
    const stepped = new Philox([1, 2], start);
    for (let i = 0; i < 5; i++) stepped.next();
    assert.deepEqual(new Philox([1, 2], start).skip(5).next(), stepped.next());
  });

  it("forks into generators that don't disturb each other", () => {
    const generator = new Philox([1, 2], [0, 0, 0, 0]);
    const fork = generator.fork();
    fork.skip(10);
    assert.deepEqual(generator.next(), new Philox([1, 2], [0, 0, 0, 0]).next());
  });
});
