import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StatusError } from "@servable/formats";
import { broadcastNest, broadcastShape, type LoopNest, loopNest } from "./loop-nest.js";

/** All positions that the nest visits, as [offset of each operand]. */
function visited(nest: LoopNest, start?: readonly number[]): number[][] {
  const positions: number[][] = [];
  nest.each((offsets) => {
    for (let i = 0; i < nest.run; i++) {
      positions.push(offsets.map((offset, operand) => offset + i * (nest.steps[operand] as number)));
    }
  }, start);
  return positions;
}

describe("loopNest", () => {
  it("visits positions in row-major order", () => {
    assert.deepEqual(visited(loopNest([2, 3], [[1, 2]])), [[0], [2], [4], [1], [3], [5]]);
  });

  it("merges axes that every operand walks evenly into one run", () => {
    const nest = loopNest(
      [2, 3, 4],
      [
        [12, 4, 1],
        [12, 4, 1],
      ],
    );
    assert.equal(nest.run, 24);
    assert.deepEqual(nest.steps, [1, 1]);
  });

  it("keeps axes apart where one operand repeats", () => {
    const nest = broadcastNest([2, 3], [[2, 3], [3]]);
    assert.equal(nest.run, 3);
    assert.deepEqual(visited(nest).at(-1), [5, 2, 5]);
  });

  it("walks backwards from where it is told to start", () => {
    assert.deepEqual(visited(loopNest([3], [[-1]]), [2]), [[2], [1], [0]]);
  });

  it("visits a scalar once and an empty box never", () => {
    assert.deepEqual(visited(loopNest([], [[], []])), [[0, 0]]);
    assert.deepEqual(visited(loopNest([3, 0], [[1, 1]])), []);
  });
});

describe("broadcastShape", () => {
  const fitting: [number[], number[], number[]][] = [
    [[], [2, 3], [2, 3]],
    [
      [3, 1],
      [1, 4],
      [3, 4],
    ],
    [
      [2, 1, 3],
      [5, 1],
      [2, 5, 3],
    ],
    [[0], [1], [0]],
  ];
  for (const [a, b, shape] of fitting) {
    it(`of [${a}] and [${b}] is [${shape}]`, () => assert.deepEqual(broadcastShape(a, b), shape));
  }

  it("names the shapes that don't fit", () => {
    assert.throws(
      () => broadcastShape([2], [3]),
      (error) => error instanceof StatusError && error.message === "Incompatible shapes: [2] vs. [3]",
    );
  });
});
