import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { Code } from "../status.js";
import { type Patience, SynchronousThread } from "./synchronous-thread.js";
import type { ExampleAnswer, ExampleTask } from "./testing/example-thread.js";

const patient: Patience = { ms: 60_000, clock: "wall" };

describe("a synchronous thread", () => {
  const thread = new SynchronousThread<ExampleTask, ExampleAnswer>(
    "the example",
    new URL("./testing/example-thread.js", import.meta.url),
  );
  const count = () => thread.ask({ kind: "count" }, "number", "tasks", patient).value;
  afterEach(() => thread.stop());

  it("answers before the call returns, one task after another", () => {
    assert.equal(thread.worker, undefined);
    const { bytes } = thread.ask({ kind: "echo", bytes: Uint8Array.of(1, 2) }, "bytes", "two", patient);
    assert.deepEqual(bytes, Uint8Array.of(1, 2));
    assert.equal(count(), 2);
  });

  it("can be there before the first task", () => {
    thread.prepare();
    const { worker } = thread;
    assert.ok(worker !== undefined);
    assert.equal(count(), 1);
    assert.equal(thread.worker, worker);
  });

  it("says what was wrong with which task, and goes on", () => {
    const task: ExampleTask = { kind: "throw", name: "Error", message: "bad header" };
    assert.throws(() => thread.ask(task, "number", "x.h5", patient), {
      code: Code.DATA_LOSS,
      message: "x.h5: bad header",
    });
    assert.equal(count(), 2);
  });

  it("is another one after a trap", () => {
    const task: ExampleTask = { kind: "throw", name: "RuntimeError", message: "unreachable" };
    assert.throws(() => thread.ask(task, "number", "x.h5", patient), /unreachable/);
    assert.ok(thread.worker === undefined);
    assert.equal(count(), 1);
  });

  const overdue: [string, ExampleTask, Patience][] = [
    ["slept longer than it may", { kind: "sleep for", ms: 30_000 }, { ms: 50, clock: "wall" }],
    ["computed longer than it may", { kind: "work for", ms: 30_000 }, { ms: 300, clock: "cpu" }],
  ];
  for (const [title, task, patience] of overdue) {
    it(`is another one after it has ${title}`, () => {
      count();
      assert.throws(() => thread.ask(task, "number", "x.h5", patience), {
        code: Code.RESOURCE_EXHAUSTED,
        message: `x.h5: the example has no result after ${patience.ms} ms`,
      });
      assert.equal(count(), 1);
    });
  }

  it("may wait for its turn of the CPU as long as that takes", () => {
    const { value } = thread.ask({ kind: "sleep for", ms: 700 }, "number", "x.h5", { ms: 300, clock: "cpu" });
    assert.equal(value, 1);
  });

  it("has a library that answers what it was asked", () => {
    assert.throws(() => thread.ask({ kind: "count" }, "bytes", "x", patient), {
      code: Code.INTERNAL,
      message: /the example thread answered with number, not bytes/,
    });
  });
});
