import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Code, invalidArgument, StatusError, stringTensor, type Tensor, tensor } from "@servable/formats";
import { settle } from "../core/testing/fake-clock.js";
import { automaticBatching, type BatchingSettings } from "./batching-settings.js";
import { RunSlots } from "./run-slots.js";
import { type RunRequest, type RunResult, Scheduler, type SchedulerOptions } from "./scheduler.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const request = (x: Tensor, signature = "double"): RunRequest => ({
  of: { signature },
  inputs: new Map([["x", x]]),
  outputs: ["y"],
});

/** A model that a test lets run, one request after the other. */
class FakeModel {
  readonly runs: { readonly request: RunRequest; readonly finish: () => void }[] = [];
  failsOver = Number.POSITIVE_INFINITY;

  run(request: RunRequest): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        const x = request.inputs.get("x") as Tensor;
        if (x.data.length > this.failsOver) reject(invalidArgument("too large for the model"));
        else resolve(new Map([["y", doubled(x)]]));
      };
      this.runs.push({ request, finish });
    });
  }

  /** What each run was given, as values of x. */
  get inputs(): unknown[] {
    return this.runs.map(({ request: { inputs } }) => [
      ...((inputs.get("x") as Tensor).data as Float32Array),
    ]);
  }

  async finishAll(): Promise<void> {
    for (let i = 0; i < this.runs.length; i++) {
      this.runs[i]?.finish();
      await settle();
    }
  }
}

function doubled(x: Tensor): Tensor {
  if (x.dtype !== "float32") return x;
  return { ...x, data: x.data.map((value) => 2 * value) };
}

describe("the scheduler", () => {
  let model: FakeModel;

  beforeEach(() => {
    model = new FakeModel();
  });

  function scheduler(
    batching: Partial<BatchingSettings> = {},
    options: Partial<SchedulerOptions> = {},
  ): Scheduler {
    return new Scheduler({
      run: (one) => model.run(one),
      isProven: (signature) => signature === "double",
      isTraceless: (signature) => signature !== "writes",
      batching: { ...automaticBatching, ...batching },
      ...options,
    });
  }

  const values = async (results: Promise<RunResult>[]) =>
    (await Promise.all(results)).map((result) => [...((result.get("y") as Tensor).data as Float32Array)]);

  it("runs at once while the model is idle, and joins what gathers while it is busy", async () => {
    const queue = scheduler();
    const results = [floats(1), floats(2), floats(3, 4), floats(5)].map((x) => queue.submit(request(x)));
    assert.deepEqual(model.inputs, [[1], [2]], "one runs, one is next");
    assert.equal(queue.length, 2);
    await model.finishAll();
    assert.deepEqual(model.inputs, [[1], [2], [3, 4, 5]]);
    assert.deepEqual(await values(results), [[2], [4], [6, 8], [10]]);
  });

  it("joins only what may be joined: one signature, one row shape, rows that don't depend on each other", async () => {
    const queue = scheduler();
    const matrix = (...data: number[]) => tensor("float32", [1, data.length], Float32Array.from(data));
    const scalar = tensor("float32", [], Float32Array.of(9));
    const results = [
      request(floats(0)),
      request(floats(0)),
      request(floats(1)),
      request(matrix(2, 3)),
      request(matrix(4, 5, 6)),
      request(scalar),
      request(floats(7), "other"),
      request(floats(8), "other"),
      request(matrix(9, 10)),
      request(floats(11)),
    ].map((one) => queue.submit(one));
    await model.finishAll();
    await Promise.all(results);
    assert.deepEqual(model.inputs.slice(2), [[1, 11], [2, 3, 9, 10], [4, 5, 6], [9], [7], [8]]);
  });

  it("joins every signature when the operator says so", async () => {
    const queue = scheduler({ signatures: "all" });
    const results = [1, 2, 3, 4].map((value) => queue.submit(request(floats(value), "other")));
    await model.finishAll();
    await Promise.all(results);
    assert.deepEqual(model.inputs, [[1], [2], [3, 4]]);
  });

  it("makes no batch larger than it may, and lets a larger request run alone", async () => {
    const queue = scheduler({ maxRows: 3 });
    const sizes = [1, 1, 2, 2, 1, 5];
    const results = sizes.map((size) => queue.submit(request(floats(...Array(size).fill(size)))));
    await model.finishAll();
    await Promise.all(results);
    assert.deepEqual(
      model.inputs.map((input) => (input as number[]).length),
      [1, 1, 2, 3, 5],
    );
  });

  it("fills batches up to an allowed size with copies of the first row, which nobody sees", async () => {
    const queue = scheduler({ maxRows: 8, allowedSizes: [2, 4, 8] });
    const results = [floats(1), floats(2, 3), floats(4), floats(5, 6)].map((x) => queue.submit(request(x)));
    await model.finishAll();
    assert.deepEqual(model.inputs, [
      [1, 1],
      [2, 3],
      [4, 5, 6, 4],
    ]);
    assert.deepEqual(await values(results), [[2], [4, 6], [8], [10, 12]]);
  });

  it("waits for a batch to fill, no longer than it is told", async () => {
    const queue = scheduler({ maxRows: 3, timeoutMs: 40 });
    const first = queue.submit(request(floats(1)));
    await settle();
    assert.deepEqual(model.inputs, []);
    const full = [queue.submit(request(floats(2))), queue.submit(request(floats(3)))];
    assert.deepEqual(model.inputs, [[1, 2, 3]], "full batches don't wait");
    const late = queue.submit(request(floats(4)));
    await new Promise((resolve) => setTimeout(resolve, 80));
    assert.deepEqual(model.inputs, [[1, 2, 3], [4]]);
    await model.finishAll();
    await Promise.all([first, ...full, late]);
  });

  it("runs the requests of a batch that failed one by one", async () => {
    const queue = scheduler();
    model.failsOver = 2;
    const results = [floats(1), floats(2), floats(3, 3, 3), floats(4)].map((x) => queue.submit(request(x)));
    const outcomes = Promise.allSettled(results);
    await model.finishAll();
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      ["fulfilled", "fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(model.inputs, [[1], [2], [3, 3, 3, 4], [3, 3, 3], [4]]);
  });

  it("joins strings", async () => {
    const queue = scheduler();
    const results = ["a", "b", "c", "d"].map((text) => queue.submit(request(stringTensor([1], [text]))));
    await model.finishAll();
    const texts = (await Promise.all(results)).map((result) => result.get("y"));
    assert.deepEqual(
      texts,
      ["a", "b", "c", "d"].map((text) => stringTensor([1], [text])),
    );
  });

  it("gives up what nobody waits for", async () => {
    const queue = scheduler();
    const abort = new AbortController();
    const reason = new StatusError(Code.CANCELLED, "gone");
    const kept = [1, 2, 3].map((value) => queue.submit(request(floats(value))));
    const running = queue.submit(request(floats(4)), abort.signal);
    const late = queue.submit(request(floats(5)), AbortSignal.abort(reason));
    await assert.rejects(late, reason);
    abort.abort(reason);
    await assert.rejects(running, reason);
    await model.finishAll();
    await Promise.all(kept);
    assert.deepEqual(model.inputs, [[1], [2], [3]]);
  });

  it("refuses a batch more than may wait, at once, and takes more when there is room again", async () => {
    const queue = scheduler({ signatures: "all", maxRows: 2, maxRequestRows: 2, maxWaitingBatches: 2 });
    const running = [floats(1, 1), floats(2, 2)].map((x) => queue.submit(request(x)));
    const waiting = [floats(3), floats(4, 4), floats(5)].map((x) => queue.submit(request(x)));
    await assert.rejects(waiting.pop() as Promise<RunResult>, {
      codeName: "UNAVAILABLE",
      message: /queue .* is full; currently 2 batches enqueued and max_enqueued_batches is 2/,
    });
    await model.finishAll();
    await Promise.all([...running, ...waiting]);
    assert.deepEqual(model.inputs, [[1, 1], [2, 2], [3], [4, 4]]);
    await Promise.all([queue.submit(request(floats(6))), model.finishAll()]);
  });

  it("has a limit of what waits in all, when the operator says so", async () => {
    const queue = scheduler({ maxWaitingRequests: 2 });
    const kept = [1, 2, 3].map((value) => queue.submit(request(floats(value))));
    kept.push(queue.submit(request(floats(4), "other")));
    await assert.rejects(queue.submit(request(floats(5), "another")), {
      codeName: "UNAVAILABLE",
      message: "The model's queue is full: 2 requests wait, at most 2 may",
    });
    await model.finishAll();
    await Promise.all(kept);
  });

  it("has a limit of what waits for each kind of request", async () => {
    const queue = scheduler({ signatures: "all", maxRows: 1, maxRequestRows: 1, maxWaitingBatches: 1 });
    const kept = [1, 2, 3].map((value) => queue.submit(request(floats(value))));
    kept.push(queue.submit(request(floats(4), "other")));
    await assert.rejects(queue.submit(request(floats(5))), { codeName: "UNAVAILABLE" });
    await model.finishAll();
    await Promise.all(kept);
  });

  it("refuses a request of more rows than a batch of the operator's has", async () => {
    const queue = scheduler({ signatures: "all", maxRows: 2, maxRequestRows: 2 });
    await assert.rejects(queue.submit(request(floats(1, 2, 3))), {
      codeName: "INVALID_ARGUMENT",
      message: "Task size 3 is larger than maximum input batch size 2",
    });
  });

  describe("that splits large requests", () => {
    const splitting = { signatures: "all", maxRows: 3, maxRequestRows: 8, splitsLarge: true } as const;

    it("fills the open batch with a part of the next request, and joins the parts' answers", async () => {
      const queue = scheduler(splitting);
      const sizes = [1, 1, 2, 7].map((size, i) =>
        floats(...new Array(size).fill(0).map((_, row) => 10 * i + row)),
      );
      const results = sizes.map((x) => queue.submit(request(x)));
      await model.finishAll();
      assert.deepEqual(model.inputs, [[0], [10], [20, 21, 30], [31, 32, 33], [34, 35, 36]]);
      assert.deepEqual(await values(results), [[0], [20], [40, 42], [60, 62, 64, 66, 68, 70, 72]]);
    });

    it("counts the rows that may wait", async () => {
      const queue = scheduler({ ...splitting, maxWaitingBatches: 2 });
      const kept = [1, 1, 1].map((value) => queue.submit(request(floats(value))));
      await assert.rejects(queue.submit(request(floats(1, 2, 3, 4, 5, 6))), {
        codeName: "UNAVAILABLE",
        message: /task size is 6 but scheduling capacity is only 5/,
      });
      kept.push(queue.submit(request(floats(1, 2, 3, 4, 5))));
      await model.finishAll();
      await Promise.all(kept);
    });

    it("gives up all parts of a request that nobody waits for", async () => {
      const queue = scheduler(splitting);
      const kept = [1, 2].map((value) => queue.submit(request(floats(value))));
      const abort = new AbortController();
      const gone = queue.submit(request(floats(1, 2, 3, 4, 5, 6, 7)), abort.signal);
      const reason = new StatusError(Code.DEADLINE_EXCEEDED, "late");
      abort.abort(reason);
      await assert.rejects(gone, reason);
      await model.finishAll();
      await Promise.all(kept);
      assert.deepEqual(model.inputs, [[1], [2]]);
    });
  });

  it("pads rows of different sizes with the first value of each request, when the operator says so", async () => {
    const queue = scheduler({ signatures: "all", padsRows: true });
    const matrix = (rows: number, ...data: number[]) =>
      tensor("float32", [rows, data.length / rows], Float32Array.from(data));
    const results = [floats(0), floats(0), matrix(1, 1, 2, 3), matrix(2, 4, 5), matrix(1, 6, 7)].map((x) =>
      queue.submit(request(x)),
    );
    await model.finishAll();
    assert.deepEqual(model.inputs[2], [1, 2, 3, 4, 4, 4, 5, 4, 4, 6, 7, 6]);
    const [one, two, three] = (await Promise.all(results)).slice(2).map((result) => result.get("y"));
    assert.deepEqual(
      [one?.shape, two?.shape, three?.shape],
      [
        [1, 3],
        [2, 3],
        [1, 3],
      ],
    );
    assert.deepEqual([...(two as Tensor).data], [8, 8, 8, 10, 8, 8]);
  });

  it("runs no more batches at the same time, over all models, than there are slots", async () => {
    const slots = new RunSlots(1);
    const [first, second] = [scheduler({}, { slots }), scheduler({}, { slots })];
    const results = [first.submit(request(floats(1))), second.submit(request(floats(2)))];
    results.push(first.submit(request(floats(3))));
    assert.deepEqual(model.inputs, [[1]]);
    await model.finishAll();
    assert.deepEqual(model.inputs, [[1], [2], [3]]);
    await Promise.all(results);
  });

  it("does not run again what changes something: all requests of the batch fail", async () => {
    const queue = scheduler({ signatures: "all" });
    model.failsOver = 1;
    const results = [1, 2, 3, 4].map((value) => queue.submit(request(floats(value), "writes")));
    const outcomes = Promise.allSettled(results);
    await model.finishAll();
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      ["fulfilled", "fulfilled", "rejected", "rejected"],
    );
    assert.deepEqual(model.inputs, [[1], [2], [3, 4]]);
  });

  it("tells how long requests waited and what was joined", async () => {
    const told: unknown[] = [];
    const observer = {
      waited: (micros: number, rows: number) => told.push(micros >= 0 ? `waited ${rows}` : micros),
      batch: (rows: number, paddedRows: number) => told.push([rows, paddedRows]),
    };
    const queue = scheduler({ maxRows: 4, allowedSizes: [1, 4] }, { observer });
    const results = [1, 2, 3, 4].map((value) => queue.submit(request(floats(value))));
    await model.finishAll();
    await Promise.all(results);
    assert.deepEqual(told, ["waited 1", "waited 1", "waited 1", "waited 1", [2, 4]]);
  });

  it("rejects everything that waits when it is cleared", async () => {
    const queue = scheduler();
    const abort = new AbortController();
    const results = [1, 2, 3].map((value) => queue.submit(request(floats(value)), abort.signal));
    void Promise.allSettled(results);
    queue.clear(new StatusError(Code.UNAVAILABLE, "restarting"));
    await assert.rejects(results[2] as Promise<RunResult>, { codeName: "UNAVAILABLE" });
    assert.equal(queue.length, 0);
    abort.abort(new StatusError(Code.CANCELLED, "gone"));
    assert.equal(queue.length, 0, "giving up what was rejected changes nothing");
  });
});
