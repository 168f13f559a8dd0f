/** Warm-up by recorded and by made-up requests, on a model that notes what it is asked. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  internal,
  type PartialShape,
  readTfRecordFile,
  type Signature,
  type Tensor,
  tensor,
  tensorToProto,
  writeTfRecordFile,
} from "@servable/formats";
import { ExampleListSchema, InputSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/input_pb";
import { ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import {
  ClassifyLogSchema,
  MultiInferenceLogSchema,
  PredictionLogSchema,
  PredictLogSchema,
  PredictStreamedLogSchema,
  RegressLogSchema,
  SessionRunLogSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/prediction_log_pb";
import { requestsOfPredictionLog } from "../apis/prediction-log-codec.js";
import type { ServedModel } from "../servables/served-model.js";
import { WarmUpRecorder } from "./recorder.js";
import { replayWarmUp, WARM_UP_FILE } from "./replay.js";
import { warmUpWithZeros } from "./synthetic.js";

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));

function signature(name: string, method: string, inputs: Record<string, PartialShape>): Signature {
  const specs = Object.entries(inputs).map(
    ([input, shape]) =>
      [input, { name: `${input}:0`, dtype: input === "inputs" ? "string" : "float32", shape }] as const,
  );
  const output = method === "regress" ? "outputs" : "scores";
  return {
    name,
    methodName: `tensorflow/serving/${method}`,
    inputs: new Map(specs),
    outputs: new Map([[output, { name: `${output}:0`, dtype: "float32", shape: [-1, 1] }]]),
    defaults: new Map(),
  };
}

/** Answers with one 0 for each row; fails for the signature "fails". */
class NotingModel implements ServedModel {
  readonly signatures: ReadonlyMap<string, Signature>;
  readonly signatureDefs = new Uint8Array(0);
  readonly warmable: ReadonlySet<string>;
  readonly runs: string[] = [];

  constructor(signatures: readonly Signature[], notWarmable: readonly string[] = []) {
    this.signatures = new Map(signatures.map((one) => [one.name, one]));
    this.warmable = new Set([...this.signatures.keys()].filter((name) => !notWarmable.includes(name)));
  }

  async run(name: string, inputs: ReadonlyMap<string, Tensor>, outputs: readonly string[]) {
    const texts = [...inputs].map(([input, { shape }]) => `${input}[${shape}]`);
    this.runs.push(`${name} ${texts.join()}`);
    if (name === "fails") throw internal("zeros are not welcome");
    const rows = [...inputs.values()][0]?.shape[0] ?? 1;
    return new Map(outputs.map((output) => [output, tensor("float32", [rows, 1], new Float32Array(rows))]));
  }

  async runTensors({ fetches, targets }: Parameters<ServedModel["runTensors"]>[0]) {
    this.runs.push(`session ${fetches} ${targets}`);
    return new Map(fetches.map((name) => [name, floats(0)]));
  }
}

const spec = (signatureName: string) => create(ModelSpecSchema, { name: "any", signatureName });
const x = tensorToProto(floats(1, 2));
const input = create(InputSchema, {
  kind: { case: "exampleList", value: create(ExampleListSchema, { examples: [{}, {}] }) },
});
type LogType = MessageInitShape<typeof PredictionLogSchema>["logType"];

/** One log of each kind, and what the model runs for it. */
const logs: readonly { readonly logType: NonNullable<LogType>; readonly runs: readonly string[] }[] = [
  {
    logType: {
      case: "predictLog",
      value: create(PredictLogSchema, { request: { modelSpec: spec("predict"), inputs: { x } } }),
    },
    runs: ["predict x[2]"],
  },
  {
    logType: {
      case: "classifyLog",
      value: create(ClassifyLogSchema, { request: { modelSpec: spec("classify"), input } }),
    },
    runs: ["classify inputs[2]"],
  },
  {
    logType: {
      case: "regressLog",
      value: create(RegressLogSchema, { request: { modelSpec: spec("regress"), input } }),
    },
    runs: ["regress inputs[2]"],
  },
  {
    logType: {
      case: "multiInferenceLog",
      value: create(MultiInferenceLogSchema, {
        request: {
          tasks: [
            { modelSpec: spec("classify"), methodName: "tensorflow/serving/classify" },
            { modelSpec: spec("regress"), methodName: "tensorflow/serving/regress" },
          ],
          input,
        },
      }),
    },
    runs: ["classify inputs[2]", "regress inputs[2]"],
  },
  {
    logType: {
      case: "sessionRunLog",
      value: create(SessionRunLogSchema, {
        request: { modelSpec: spec(""), fetch: ["y:0"], target: ["count"] },
      }),
    },
    runs: ["session y:0 count"],
  },
  {
    logType: {
      case: "predictStreamedLog",
      value: create(PredictStreamedLogSchema, {
        request: [
          { modelSpec: spec("predict"), inputs: { x } },
          { modelSpec: spec("predict"), inputs: { x } },
        ],
      }),
    },
    runs: ["predict x[2]", "predict x[2]"],
  },
];

const served = () => [
  signature("predict", "predict", { x: [-1] }),
  signature("classify", "classify", { inputs: [-1] }),
  signature("regress", "regress", { inputs: [-1] }),
  signature("fails", "predict", { x: [-1] }),
];

const record = (logType: NonNullable<LogType>) =>
  toBinary(PredictionLogSchema, create(PredictionLogSchema, { logType }));
const options = { checkMethodNames: false };

describe("warm-up", () => {
  let base: string;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), "warm-up-"));
  });
  after(() => rm(base, { recursive: true }));

  async function folderWith(records: readonly Uint8Array[]): Promise<string> {
    const folder = await mkdtemp(join(base, "version-"));
    await mkdir(join(folder, "assets.extra"));
    await writeTfRecordFile(join(folder, WARM_UP_FILE), records);
    return folder;
  }

  for (const { logType, runs } of logs) {
    it(`replays a ${logType.case}, as often as it is told`, async () => {
      const model = new NotingModel(served());
      await replayWarmUp(model, await folderWith([record(logType)]), 2, options);
      assert.deepEqual(model.runs, [...runs, ...runs]);
    });
  }

  it("ends with the first request that fails, and names its record", async () => {
    const failing = record({
      case: "predictLog",
      value: create(PredictLogSchema, { request: { modelSpec: spec("fails"), inputs: { x } } }),
    });
    const folder = await folderWith([record(logs[0]?.logType as never), failing]);
    await assert.rejects(replayWarmUp(new NotingModel(served()), folder, 1, options), {
      codeName: "INTERNAL",
      message: /tf_serving_warmup_requests: warm-up record 2: zeros are not welcome/,
    });
  });

  it("makes up a row of zeros for signatures that may be run, and tells what did not take them", async () => {
    const model = new NotingModel(
      [
        signature("images", "predict", { x: [-1, 4, -1], y: [] }),
        signature("fails", "predict", { x: [3] }),
        signature("writes", "predict", { x: [-1] }),
        signature("any rank", "predict", { x: null }),
        signature("huge", "predict", { x: [-1, 100_000, 100_000] }),
      ],
      ["writes"],
    );
    const { ran, failures } = await warmUpWithZeros(model, 1, options);
    assert.deepEqual(model.runs, ["images x[1,4,1],y[]", "fails x[3]"]);
    assert.deepEqual(ran, ["images"]);
    assert.deepEqual(failures, ['signature "fails": zeros are not welcome']);
  });

  describe("requests, recorded", () => {
    const predict = (...shape: number[]) =>
      requestOf({
        case: "predictLog",
        value: create(PredictLogSchema, {
          request: {
            modelSpec: spec("predict"),
            inputs: {
              x: tensorToProto(tensor("float32", shape, new Float32Array(shape.reduce((a, b) => a * b)))),
            },
          },
        }),
      });
    const requestOf = (logType: NonNullable<LogType>) =>
      requestsOfPredictionLog(record(logType))?.requests[0] as Uint8Array;

    it("are a warm-up file", async () => {
      const folder = await mkdtemp(join(base, "recorded-"));
      const recorder = new WarmUpRecorder({ maxRecords: 10, maxAlike: 1 });
      for (const { logType } of logs.slice(0, 5)) {
        const logged = requestsOfPredictionLog(record(logType));
        recorder.add(logged?.api as never, logged?.requests[0] as Uint8Array);
      }
      await recorder.save(folder, false);
      assert.deepEqual(await readdir(join(folder, "assets.extra")), ["tf_serving_warmup_requests"]);
      const model = new NotingModel(served());
      await replayWarmUp(model, folder, 1, options);
      assert.deepEqual(
        model.runs,
        logs.slice(0, 5).flatMap(({ runs }) => runs),
      );
      await assert.rejects(recorder.save(folder, false), { codeName: "ALREADY_EXISTS" });
      assert.equal(await recorder.save(folder, true), join(folder, WARM_UP_FILE));
    });

    it("are few of a kind, and no more than enough", async () => {
      const recorder = new WarmUpRecorder({ maxRecords: 4, maxAlike: 2 });
      for (const size of [1, 1, 1, 2, 2, 2, 3]) recorder.add("Predict", predict(size));
      assert.equal(recorder.count, 4);
      assert.equal(recorder.isFull, true);
      const folder = await mkdtemp(join(base, "few-"));
      await recorder.save(folder, false);
      const shapes: unknown[] = [];
      for await (const bytes of readTfRecordFile(join(folder, WARM_UP_FILE))) {
        const model = new NotingModel(served());
        await replayWarmUp(model, await folderWith([bytes]), 1, options);
        shapes.push(...model.runs);
      }
      assert.deepEqual(shapes, ["predict x[1]", "predict x[1]", "predict x[2]", "predict x[2]"]);
    });

    it("are those for the model that is asked for", () => {
      const recorder = new WarmUpRecorder({ maxRecords: 4, maxAlike: 2, model: "other" });
      recorder.add("Predict", predict(1));
      assert.equal(recorder.count, 0);
    });

    it("need a folder to be written to", async () => {
      const recorder = new WarmUpRecorder({ maxRecords: 4, maxAlike: 2 });
      await assert.rejects(recorder.save(join(base, "nowhere"), false), { codeName: "NOT_FOUND" });
    });
  });
});
