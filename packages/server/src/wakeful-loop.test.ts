import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Turns, WakefulLoop } from "./wakeful-loop.js";

/** An event loop whose turns take 1/64 ms each, and end when it would sleep. */
class CountedTurns implements Turns {
  #nowMs = 0;
  #next: (() => void) | undefined;

  now(): number {
    return this.#nowMs;
  }

  next(run: () => void): void {
    this.#next = run;
  }

  /** Goes on for at most so many turns; how many there were before it would have slept. */
  run(most = 1000): number {
    for (let turn = 0; turn < most; turn++) {
      const run = this.#next;
      if (run === undefined) return turn;
      this.#next = undefined;
      this.#nowMs += 1 / 64;
      run();
    }
    return most;
  }
}

function loopOf(processors = 2) {
  const turns = new CountedTurns();
  const loop = new WakefulLoop(turns, processors);
  const answer = () => {
    loop.requestBegan();
    loop.requestEnded();
  };
  return { turns, loop, answer };
}

describe("the event loop after an answer", () => {
  it("stays awake for a tenth of a millisecond", () => {
    const { turns, answer } = loopOf();
    answer();
    assert.equal(turns.run(), 7);
  });

  it("sleeps while another request is under way", () => {
    const { turns, loop, answer } = loopOf();
    loop.requestBegan();
    answer();
    assert.equal(turns.run(), 0);
  });

  it("stays awake after each answer as long as the next request comes in time", () => {
    const { turns, loop } = loopOf();
    for (let request = 0; request < 20; request++) {
      loop.requestBegan();
      loop.requestEnded();
      assert.equal(turns.run(3), 3);
    }
  });

  it("stays awake ever less often when no request comes in time", () => {
    const { turns, answer } = loopOf();
    const watched: number[] = [];
    for (let request = 0; request < 3000; request++) {
      answer();
      if (turns.run() > 0) watched.push(request);
    }
    assert.deepEqual(watched, [0, 2, 5, 10, 19, 36, 69, 134, 263, 520, 1033, 2058]);
  });

  it("stays awake often again once that has met a request", () => {
    const { turns, loop, answer } = loopOf();
    for (let request = 0; request < 10; request++) {
      answer();
      turns.run();
    }
    answer();
    turns.run(2);
    loop.requestBegan();
    turns.run(1);
    loop.requestEnded();
    assert.ok(turns.run() > 0);
    answer();
    assert.equal(turns.run(), 0);
    answer();
    assert.ok(turns.run() > 0);
  });

  it("sleeps where there is but one processor", () => {
    const { turns, answer } = loopOf(1);
    answer();
    assert.equal(turns.run(), 0);
  });
});
