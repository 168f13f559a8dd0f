import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { internal } from "@servable/formats";
import type { ClosableModel } from "./inline-model.js";
import { InstancedModel } from "./instanced-model.js";

const NOTHING = new Map();
/** Requests enough to show that there are many. */
const MANY = 40;

/** Instances that answer when they are told to, and what happened to them. */
function instancesWith({
  start,
  worthAfterMs = 0,
  idleMs = 60_000,
}: {
  start?: () => AsyncGenerator<ClosableModel, void>;
  worthAfterMs?: number;
  idleMs?: number;
} = {}) {
  const events: string[] = [];
  const waiting: (() => void)[] = [];
  const instance = (name: string): ClosableModel => ({
    signatures: new Map(),
    signatureDefs: new Uint8Array(0),
    warmable: new Set(),
    run: async () => {
      events.push(name);
      await new Promise<void>((resolve) => waiting.push(resolve));
      return new Map();
    },
    runTensors: async () => {
      events.push(`session in ${name}`);
      return new Map();
    },
    close: async () => void events.push(`${name} closed`),
  });
  const model = new InstancedModel(instance("first"), {
    start:
      start ??
      async function* () {
        yield instance("second");
        yield instance("third");
      },
    warn: (message) => events.push(message),
    worthAfterMs,
    idleMs,
  });
  const run = () => model.run("serving_default", NOTHING, []);
  const answer = async () => {
    for (const resolve of waiting.splice(0)) resolve();
    await setImmediate();
  };
  /** Many requests at once, answered. */
  const crowd = async (micros = 5000) => {
    model.ran(1, 32 * micros);
    const answers = Array.from({ length: MANY }, run);
    await answer();
    await Promise.all(answers);
    events.length = 0;
  };
  return { model, run, answer, crowd, events };
}

describe("A model of several instances", () => {
  it("is one while requests come one at a time", async () => {
    const { model, run, answer, events } = instancesWith();
    model.ran(1, 100_000);
    for (let i = 0; i < MANY; i++) {
      const answered = run();
      await answer();
      await answered;
    }
    assert.deepEqual(new Set(events), new Set(["first"]));
  });

  it("spreads a crowd of requests over two more, and leaves one that comes alone to the first", async () => {
    const { run, answer, crowd, events } = instancesWith();
    await crowd();
    const answers = [run(), run(), run(), run(), run()];
    assert.deepEqual(events, ["first", "second", "third", "second", "third"]);
    await answer();
    await Promise.all(answers);
    void run();
    assert.equal(events.at(-1), "first");
  });

  it("stays one until requests have crowded for long", async () => {
    const { run, crowd, events } = instancesWith({ worthAfterMs: 3_600_000 });
    await crowd();
    await crowd();
    void run();
    void run();
    assert.deepEqual(events, ["first", "first"]);
  });

  for (const micros of [100, 30_000]) {
    it(`stays one where runs take ${micros} µs`, async () => {
      const { run, crowd, events } = instancesWith();
      await crowd(micros);
      void run();
      void run();
      assert.deepEqual(events, ["first", "first"]);
    });
  }

  it("stays one, and says so once, where another can't be loaded", async () => {
    const said: string[] = [];
    const { run, crowd, events } = instancesWith({
      // biome-ignore lint/correctness/useYield: it fails before there is anything to yield
      start: async function* () {
        said.push("asked");
        throw internal("no memory");
      },
    });
    await crowd();
    await crowd();
    void run();
    void run();
    assert.deepEqual(events, ["first", "first"]);
    assert.deepEqual(said, ["asked"]);
  });

  it("gives up the others when they have not been needed for a while, and has them back when they are", async () => {
    const { run, answer, crowd, events } = instancesWith({ idleMs: 5 });
    await crowd();
    while (!events.includes("third closed")) await sleep(1);
    events.length = 0;
    const answers = [run(), run()];
    assert.deepEqual(events, ["first", "first"]);
    await answer();
    await Promise.all(answers);
    await crowd();
    void run();
    void run();
    assert.deepEqual(events, ["first", "second"]);
  });

  it("is one for good once a session may have assigned a variable", async () => {
    const { model, run, crowd, events } = instancesWith();
    await crowd();
    await model.runTensors({ feeds: new Map(), fetches: [], targets: ["assign"] });
    await crowd();
    void run();
    void run();
    assert.deepEqual(events, ["first", "first"]);
  });

  it("ends with all of its instances, also those that are still being loaded", async () => {
    const { model, crowd, events } = instancesWith();
    await crowd();
    await model.close();
    assert.deepEqual(events.sort(), ["first closed", "second closed", "third closed"]);
    const loading = instancesWith();
    loading.model.ran(1, 100_000);
    const answers = Array.from({ length: MANY }, loading.run);
    const closing = loading.model.close();
    await loading.answer();
    await Promise.all(answers);
    await closing;
    assert.deepEqual(loading.events.filter((event) => event.endsWith("closed")).sort(), [
      "first closed",
      "second closed",
    ]);
  });
});
