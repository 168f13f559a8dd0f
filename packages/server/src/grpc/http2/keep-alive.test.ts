import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KeepAlive } from "./keep-alive.js";

const times = { timeMs: 1000, timeoutMs: 200 };

describe("KeepAlive", () => {
  it("pings after silence, and gives up who doesn't answer", () => {
    const keepAlive = new KeepAlive(0);
    assert.equal(keepAlive.next(0, 999, times), undefined);
    assert.equal(keepAlive.next(0, 1000, times), "ping");
    assert.equal(keepAlive.next(0, 1199, times), undefined);
    assert.equal(keepAlive.next(0, 1200, times), "give up");
  });

  it("takes any frame for a sign of life", () => {
    const keepAlive = new KeepAlive(0);
    assert.equal(keepAlive.next(1, 999, times), undefined);
    assert.equal(keepAlive.next(1, 1998, times), undefined);
    assert.equal(keepAlive.next(1, 1999, times), "ping");
    assert.equal(keepAlive.next(2, 2300, times), undefined);
    assert.equal(keepAlive.next(2, 3300, times), "ping");
  });
});
