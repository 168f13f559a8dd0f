import assert from "node:assert/strict";
import { existsSync, readlinkSync } from "node:fs";
import { getPriority } from "node:os";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { atLowPriority } from "./load-priority.js";

const isLinux = existsSync("/proc/thread-self");
const thread = () => Number(readlinkSync("/proc/thread-self").split("/").at(-1));

/** Whether this process may raise what it has lowered, tried on a thread that is gone afterwards. */
async function mayRaise(): Promise<boolean> {
  const source = `
    const { parentPort } = require("node:worker_threads");
    const { readlinkSync } = require("node:fs");
    const { setPriority } = require("node:os");
    const thread = Number(readlinkSync("/proc/thread-self").split("/").at(-1));
    setPriority(thread, 1);
    try { setPriority(thread, 0); parentPort.postMessage(true); } catch { parentPort.postMessage(false); }`;
  const worker = new Worker(source, { eval: true });
  return await new Promise((resolve) => worker.once("message", resolve));
}

describe("atLowPriority", () => {
  it("gives what the load gives, and passes on what it throws", () => {
    assert.equal(
      atLowPriority(() => 7),
      7,
    );
    assert.throws(
      () =>
        atLowPriority(() => {
          throw new Error("broken");
        }),
      /broken/,
    );
  });

  it("lowers the priority while it lasts, where it can be raised again", {
    skip: !isLinux && "Linux only",
  }, async () => {
    const isRaisable = await mayRaise();
    const before = getPriority(thread());
    const during = atLowPriority(() => getPriority(thread()));
    assert.equal(during > before, isRaisable);
    assert.equal(getPriority(thread()), before);
  });
});
