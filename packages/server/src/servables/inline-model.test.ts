import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { internal, type Signature, type Tensor, tensor } from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import type { Model } from "./engine-contract.js";
import { type ClosableModel, InlineModel } from "./inline-model.js";
import { RunTimes } from "./run-times.js";

const NAME = "serving_default";
const signature: Signature = {
  name: NAME,
  methodName: "tensorflow/serving/predict",
  inputs: new Map([["x", { name: "x:0", dtype: "float32", shape: [-1, 2] }]]),
  outputs: new Map([["y", { name: "y:0", dtype: "float32", shape: [-1, 2] }]]),
  defaults: new Map(),
};

const rows = (count: number, width = 2): ReadonlyMap<string, Tensor> =>
  new Map([["x", tensor("float32", [count, width], new Float32Array(count * width))]]);

interface Setting {
  /** The times of the worker's runs so far. */
  readonly micros: readonly number[];
  readonly load?: () => Promise<Model | undefined>;
  readonly isRowIndependent?: boolean;
}

/** A model that says where it ran and what was closed. */
function modelWith({ micros, load, isRowIndependent = false }: Setting) {
  const events: string[] = [];
  const worker: ClosableModel = {
    signatures: new Map([[NAME, signature]]),
    signatureDefs: new Uint8Array(0),
    warmable: new Set(),
    runTensors: async () => {
      events.push("session in the worker");
      return new Map();
    },
    run: async () => {
      events.push("worker");
      return new Map();
    },
    close: async () => void events.push("worker closed"),
  };
  const here: Model = {
    signatures: worker.signatures,
    signatureDefs: create(SignatureDefMapSchema),
    run: () => {
      events.push("here");
      return new Map();
    },
    rowIndependence: () => ({ independent: true }),
    hasBoundedWork: () => true,
    leavesNoTrace: () => true,
    hasLoops: () => false,
    runTensors: () => [],
    close: () => void events.push("closed here"),
  };
  const times = new RunTimes([NAME]);
  for (const each of micros) times.ran(NAME, rows(1), 1, each);
  const warn = (message: string) => void events.push(message);
  const model = new InlineModel(worker, {
    rowIndependent: new Set(isRowIndependent ? [NAME] : []),
    times,
    load: load ?? (async () => here),
    warn,
  });
  const run = (inputs = rows(1)) => model.run(NAME, inputs, ["y"]);
  return { model, run, events, times };
}

const many = (micros: number) => new Array<number>(16).fill(micros);

describe("A model whose runs in the worker are quick", () => {
  it("runs small requests on the main thread once it is loaded there, and meanwhile in the worker", async () => {
    const { run, events } = modelWith({ micros: many(20) });
    await run();
    await setImmediate();
    await run();
    assert.deepEqual(events, ["worker", "here"]);
  });

  it("runs what comes in one turn of the event loop at once, where rows don't depend on each other", async () => {
    const { model, run, events } = modelWith({ micros: many(20), isRowIndependent: true });
    await run();
    await setImmediate();
    events.length = 0;
    // The model of this test has no outputs, so that nothing is to be taken apart.
    await Promise.all([run(), run(), run()]);
    assert.deepEqual(events, ["here"]);
    const last = run();
    await model.close();
    await last;
    assert.deepEqual(events, ["here", "here", "closed here", "worker closed"]);
  });

  const elsewhere: readonly (readonly [string, ReadonlyMap<string, Tensor>])[] = [
    ["many bytes", rows(2 ** 16)],
    ["another width than declared", rows(1, 3)],
    ["another rank than declared", new Map([["x", tensor("float32", [2], new Float32Array(2))]])],
  ];
  for (const [what, inputs] of elsewhere) {
    it(`leaves requests of ${what} to the worker, quick as they may be`, async () => {
      const { run, events, times } = modelWith({ micros: many(20) });
      for (const each of many(20)) times.ran(NAME, inputs, 1, each);
      await run();
      await setImmediate();
      await run(inputs);
      assert.deepEqual(events, ["worker", "worker"]);
    });
  }

  it("leaves requests to the worker whose size has not shown to be quick", async () => {
    const { run, events } = modelWith({ micros: many(20) });
    await run();
    await setImmediate();
    await run(rows(2));
    assert.deepEqual(events, ["worker", "worker"]);
  });

  it("goes back to the worker when its runs turn slow", async () => {
    const { run, events, times } = modelWith({ micros: many(20) });
    await run();
    await setImmediate();
    for (let i = 0; i < 64; i++) times.ran(NAME, rows(1), 1, 5000);
    await run();
    assert.deepEqual(events, ["worker", "worker"]);
  });

  it("stays in the worker when it can't be loaded a second time, and says so once", async () => {
    const load = async () => {
      throw internal("no memory");
    };
    const { run, events } = modelWith({ micros: many(20), load });
    for (let i = 0; i < 3; i++) {
      await run();
      await setImmediate();
    }
    assert.deepEqual(
      events.filter((event) => event !== "worker"),
      ["The main thread leaves all requests to the model's worker thread: no memory"],
    );
  });

  it("leaves all to the worker once a session may have assigned a variable", async () => {
    const { model, run, events } = modelWith({ micros: many(20) });
    await run();
    await setImmediate();
    await model.runTensors({ feeds: new Map(), fetches: [], targets: ["assign"] });
    await run();
    assert.deepEqual(events, ["worker", "closed here", "session in the worker", "worker"]);
  });

  it("is freed in both places", async () => {
    const { model, run, events } = modelWith({ micros: many(20) });
    await run();
    await model.close();
    assert.deepEqual(events.sort(), ["closed here", "worker", "worker closed"]);
  });
});

describe("A model that is not known to be quick", () => {
  interface Runs {
    readonly micros: readonly number[];
    readonly inputs?: ReadonlyMap<string, Tensor>;
    readonly joined?: number;
  }
  const cases: readonly (readonly [string, readonly Runs[], "here" | "worker"])[] = [
    ["stays in the worker after slow runs", [{ micros: many(500) }], "worker"],
    ["stays in the worker after few runs", [{ micros: [20, 20, 20] }], "worker"],
    [
      "stays in the worker after too many slow runs",
      [{ micros: [...many(20), ...new Array<number>(61).fill(500)] }],
      "worker",
    ],
    [
      "is not judged by long runs of many rows",
      [{ micros: many(20) }, { micros: many(5000), inputs: rows(128) }],
      "here",
    ],
    [
      "is judged by a request's share of the runs that it was joined in",
      [{ micros: many(1500), inputs: rows(64), joined: 64 }],
      "here",
    ],
    [
      "stays in the worker when the joined runs take long together",
      [{ micros: many(3000), inputs: rows(64), joined: 64 }],
      "worker",
    ],
  ];
  for (const [what, runs, place] of cases) {
    it(what, async () => {
      const { run, events, times } = modelWith({ micros: [] });
      for (const { micros, inputs = rows(1), joined = 1 } of runs) {
        for (const each of micros) times.ran(NAME, inputs, joined, each);
      }
      await run();
      await setImmediate();
      await run();
      assert.deepEqual(events, ["worker", place]);
    });
  }

  it("may be quick for many rows, and then runs them here", async () => {
    const { run, events, times } = modelWith({ micros: many(20) });
    for (const each of many(50)) times.ran(NAME, rows(1000), 1, each);
    await run();
    await setImmediate();
    await run(rows(600));
    assert.deepEqual(events, ["worker", "here"]);
  });

  it("never runs here what the engine can't bound", () => {
    const times = new RunTimes([]);
    for (const each of many(1)) times.ran(NAME, rows(1), 1, each);
    assert.equal(times.isQuick(NAME, rows(1)), false);
  });

  it("remembers no more sizes than it needs", () => {
    const times = new RunTimes([NAME]);
    const request = (width: number) => rows(1, 2 ** width);
    for (let size = 0; size < 24; size++) {
      for (let count = 0; count < 24; count++) {
        const inputs = new Map([
          ...rows(1),
          ["z", tensor("float32", [2 ** size, 0, 2 ** count], new Float32Array(0))],
        ]);
        for (const each of many(1)) times.ran(NAME, inputs as ReadonlyMap<string, Tensor>, 1, each);
      }
    }
    for (const each of many(1)) times.ran(NAME, request(3), 1, each);
    assert.equal(times.isQuick(NAME, request(3)), true);
    assert.equal(times.isQuick(NAME, request(2)), false);
  });
});
