import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { TensorOf } from "@servable/formats";
import { Code, invalidArgument, notFound, stringTensor, tensor, unavailable } from "@servable/formats";
import type { TensorProto } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import { DataType } from "@servable/formats/protobuf/tensorflow/core/framework/types_pb";
import type { ClassificationRequest } from "@servable/formats/protobuf/tensorflow_serving/apis/classification_pb";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import { ModelVersionStatus_State as State } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import type { ReloadConfigRequest } from "@servable/formats/protobuf/tensorflow_serving/apis/model_management_pb";
import type { PredictRequest } from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import type { Client } from "../client.js";
import { connect } from "../connect.js";
import type { InputOf } from "../input-values.js";
import { toNested } from "../nested-array.js";
import { type FakeHandlers, type FakeServer, startFakeGrpcServer } from "../testing/fake-grpc-server.js";

/** What the fake server was asked, last first. */
const asked = { predict: [] as PredictRequest[], metadata: 0, classify: [] as ClassificationRequest[] };
let reload: ReloadConfigRequest | undefined;

const float = { dtype: DataType.DT_FLOAT, tensorShape: { unknownRank: true } };
const signatureDef = {
  serving_default: {
    methodName: "tensorflow/serving/predict",
    inputs: {
      x: { ...float, encoding: { case: "name", value: "x:0" } },
      count: { dtype: DataType.DT_INT64, tensorShape: {}, encoding: { case: "name", value: "count:0" } },
    },
    outputs: { y: { ...float, encoding: { case: "name", value: "y:0" } } },
  },
  // TensorFlow Serving lists a model's init op among its signatures; nobody can call it.
  __saved_model_init_op: {
    outputs: { init: { dtype: DataType.DT_INVALID, encoding: { case: "name", value: "init" } } },
  },
} as const;

/** The numbers of a TensorProto, whichever of its two forms they have. */
function floatsOf(proto: TensorProto | undefined): number[] {
  const { tensorContent = new Uint8Array(), floatVal = [] } = proto ?? {};
  return tensorContent.length > 0 ? [...new Float32Array(Uint8Array.from(tensorContent).buffer)] : floatVal;
}

const version = (value: bigint) => ({ case: "version", value: { value } }) as const;

const halfPlusTwo: FakeHandlers = {
  predict(request) {
    asked.predict.unshift(request);
    const x = request.inputs.x as TensorProto;
    const y = {
      dtype: DataType.DT_FLOAT,
      tensorShape: x.tensorShape as NonNullable<typeof x.tensorShape>,
      floatVal: floatsOf(x).map((value) => value / 2 + 2),
    };
    return {
      modelSpec: { name: "half_plus_two", signatureName: "serving_default", versionChoice: version(123n) },
      outputs: { y },
    };
  },
  getModelMetadata(request) {
    asked.metadata++;
    assert.deepEqual(request.metadataField, ["signature_def"]);
    return {
      modelSpec: { name: "half_plus_two", versionChoice: version(123n) },
      metadata: {
        signature_def: anyPack(SignatureDefMapSchema, create(SignatureDefMapSchema, { signatureDef })),
      },
    };
  },
  classify(request) {
    asked.classify.unshift(request);
    return {
      modelSpec: { name: "half_plus_two", signatureName: "classify", versionChoice: version(123n) },
      result: {
        classifications: [
          { classes: [{ label: "red", score: 0.25 }, { score: 0.75 }] },
          { classes: [{ label: "blue" }] },
        ],
      },
    };
  },
  regress: () => ({
    modelSpec: { name: "half_plus_two", signatureName: "regress", versionChoice: version(123n) },
    result: { regressions: [{ value: 2.5 }, { value: 3 }] },
  }),
  multiInference: ({ tasks }) => ({
    results: tasks.map(({ modelSpec, methodName }) =>
      methodName === "tensorflow/serving/regress"
        ? {
            ...(modelSpec && { modelSpec }),
            result: { case: "regressionResult", value: { regressions: [{ value: 1 }] } },
          }
        : {
            ...(modelSpec && { modelSpec }),
            result: {
              case: "classificationResult",
              value: { classifications: [{ classes: [{ label: "a", score: 1 }] }] },
            },
          },
    ),
  }),
  getModelStatus: () => ({
    modelVersionStatus: [
      { version: 124n, state: State.END, status: { errorCode: Code.NOT_FOUND, errorMessage: "no file" } },
      { version: 123n, state: State.AVAILABLE, status: {} },
    ],
  }),
  handleReloadConfigRequest(request) {
    reload = request;
    return { status: {} };
  },
};

describe("the client over gRPC", () => {
  let server: FakeServer;
  let client: Client;
  before(async () => {
    server = await startFakeGrpcServer(halfPlusTwo);
    client = connect({ grpc: `127.0.0.1:${server.port}`, headers: { "x-caller": "test" } });
  });
  after(() => {
    client.close();
    server.close();
  });

  it("predicts, naming the version that answered", async () => {
    const { model, outputs } = await client.predict({
      model: "half_plus_two",
      inputs: { x: tensor("float32", [3], new Float32Array([1, 2, 5])) },
    });
    assert.deepEqual(model, { name: "half_plus_two", version: 123n, signature: "serving_default" });
    assert.deepEqual([...outputs], [["y", tensor("float32", [3], new Float32Array([2.5, 3, 4.5]))]]);
  });

  it("asks for no metadata when all inputs are tensors, and once when they are not", async () => {
    const own = connect({ grpc: `127.0.0.1:${server.port}` });
    asked.metadata = 0;
    await own.predict({ model: "half_plus_two", inputs: { x: stringTensor([], ["a"]) } });
    assert.equal(asked.metadata, 0);
    await Promise.all([1, 2, 3].map((x) => own.predict({ model: "half_plus_two", inputs: { x } })));
    await own.predict({ model: "half_plus_two", inputs: { x: 4 } });
    assert.equal(asked.metadata, 1);
    own.close();
  });

  it("gives numbers the dtypes of the signature", async () => {
    await client.predict({ model: "half_plus_two", inputs: { x: [1], count: 5 } });
    assert.equal(asked.predict[0]?.inputs.x?.dtype, DataType.DT_FLOAT);
    assert.equal(asked.predict[0]?.inputs.count?.dtype, DataType.DT_INT64);
  });

  it("passes on version, signature and output filter", async () => {
    const x = tensor("float32", [], new Float32Array([1]));
    const request = { model: "m", version: 7, signature: "other", outputFilter: ["y"], inputs: { x } };
    await client.predict(request);
    const { modelSpec, outputFilter } = asked.predict[0] as PredictRequest;
    assert.equal(modelSpec?.name, "m");
    assert.equal(modelSpec?.signatureName, "other");
    assert.equal(modelSpec?.versionChoice.case === "version" && modelSpec.versionChoice.value.value, 7n);
    assert.deepEqual(outputFilter, ["y"]);
  });

  it("passes on a version label", async () => {
    const x = tensor("float32", [], new Float32Array([1]));
    await client.predict({ model: "m", label: "stable", inputs: { x } });
    assert.deepEqual(asked.predict[0]?.modelSpec?.versionChoice, { case: "versionLabel", value: "stable" });
  });

  it("refuses a version together with a label", async () => {
    await assert.rejects(client.predict({ model: "m", version: 1, label: "stable", inputs: {} }), {
      code: Code.INVALID_ARGUMENT,
    });
  });

  it("gives a model static types", async () => {
    const model = client.model<{ x: InputOf<"float32"> }, { y: TensorOf<"float32"> }>("half_plus_two");
    const { outputs } = await model.predict({ x: [[1], [2]] });
    const data: Float32Array = outputs.y.data;
    assert.deepEqual(data, new Float32Array([2.5, 3]));
    assert.deepEqual(toNested(outputs.y), [[2.5], [3]]);
    // @ts-expect-error: the input is named x.
    const wrong = model.predict({ X: [1] }).catch(() => undefined);
    await wrong;
  });

  it("classifies examples, with features of all three kinds", async () => {
    const examples = [{ age: 30.5, name: "é", tags: ["a", new Uint8Array([0xff])], id: [1n, 2n] }, {}];
    const { model, classifications } = await client.classify({
      model: "m",
      examples,
      context: { n: [1, 2] },
    });
    assert.equal(model.signature, "classify");
    assert.deepEqual(classifications, [
      [
        { label: "red", score: 0.25 },
        { label: "", score: 0.75 },
      ],
      [{ label: "blue", score: 0 }],
    ]);
    const kind = asked.classify[0]?.input?.kind;
    assert.ok(kind?.case === "exampleListWithContext");
    const feature = kind.value.examples[0]?.features?.feature ?? {};
    assert.deepEqual(
      Object.entries(feature).map(([name, { kind: list }]) => [name, list.case, list.value?.value]),
      [
        ["age", "floatList", [30.5]],
        ["name", "bytesList", [Buffer.from("é")]],
        ["tags", "bytesList", [Buffer.from("a"), Buffer.from([0xff])]],
        ["id", "int64List", [1n, 2n]],
      ],
    );
    assert.deepEqual(kind.value.context?.features?.feature.n?.kind.value?.value, [1, 2]);
  });

  it("regresses examples", async () => {
    const { values } = await client.regress({ model: "m", examples: [{}, {}] });
    assert.deepEqual(values, [2.5, 3]);
  });

  it("answers the tasks of a multi-inference in their order", async () => {
    const results = await client.multiInference({
      tasks: [
        { model: "m", signature: "r", method: "regress" },
        { model: "m", signature: "c", method: "classify" },
      ],
      examples: [{}],
    });
    const model = (signature: string) => ({ name: "m", version: undefined, signature });
    assert.deepEqual(results, [
      { method: "regress", model: model("r"), values: [1] },
      { method: "classify", model: model("c"), classifications: [[{ label: "a", score: 1 }]] },
    ]);
  });

  it("reads signatures, without what can't be called", async () => {
    const { model, signatures } = await client.getModelMetadata({ model: "half_plus_two" });
    assert.deepEqual(model, { name: "half_plus_two", version: 123n });
    assert.deepEqual([...signatures.keys()], ["serving_default"]);
    assert.deepEqual(signatures.get("serving_default")?.inputs.get("x"), {
      name: "x:0",
      dtype: "float32",
      shape: null,
    });
  });

  it("reads the state of every version", async () => {
    assert.deepEqual(await client.getModelStatus({ model: "half_plus_two" }), [
      { version: 124n, state: "END", code: Code.NOT_FOUND, message: "no file" },
      { version: 123n, state: "AVAILABLE", code: Code.OK, message: "" },
    ]);
  });

  it("sends a model configuration", async () => {
    await client.reloadConfig({
      models: [
        { name: "a", basePath: "/models/a", versions: [1, 2n], labels: { stable: 1 } },
        { name: "b", basePath: "/models/b", versions: { latest: 2 } },
        { name: "c", basePath: "/models/c", versions: "all", platform: "other" },
      ],
    });
    const config = reload?.config?.config;
    assert.ok(config?.case === "modelConfigList");
    assert.deepEqual(
      config.value.config.map(({ name, basePath, modelPlatform, modelVersionPolicy, versionLabels }) => {
        const { case: policy, value } = modelVersionPolicy?.policyChoice ?? {};
        return [
          name,
          basePath,
          modelPlatform,
          policy,
          value && "versions" in value && value.versions,
          versionLabels,
        ];
      }),
      [
        ["a", "/models/a", "tensorflow", "specific", [1n, 2n], { stable: 1n }],
        ["b", "/models/b", "tensorflow", "latest", false, {}],
        ["c", "/models/c", "other", "all", false, {}],
      ],
    );
  });
});

/** A client of a server that answers Predict in one way; both are closed after the body. */
async function withPredict(
  predict: NonNullable<FakeHandlers["predict"]>,
  body: (client: Client) => Promise<void>,
): Promise<void> {
  const server = await startFakeGrpcServer({ predict });
  const client = connect({ grpc: `127.0.0.1:${server.port}` });
  try {
    await body(client);
  } finally {
    client.close();
    server.close();
  }
}

const x = tensor("float32", [1], new Float32Array([1]));
const request = { model: "m", inputs: { x } };

describe("a gRPC call that fails", () => {
  it("has the server's code and message", async () => {
    const refuse = () => {
      throw notFound("Servable not found for request: Latest(m)");
    };
    await withPredict(refuse, (client) =>
      assert.rejects(client.predict(request), {
        name: "StatusError",
        code: Code.NOT_FOUND,
        message: "Servable not found for request: Latest(m)",
      }),
    );
  });

  it("ends with DEADLINE_EXCEEDED after its deadline, which the server is told", async () => {
    let deadline: Date | number | undefined;
    const wait: FakeHandlers["predict"] = (_, call) => {
      deadline = call.deadline;
      return new Promise(() => undefined);
    };
    await withPredict(wait as NonNullable<typeof wait>, async (client) => {
      await assert.rejects(client.predict({ ...request, deadlineMs: 50 }), { code: Code.DEADLINE_EXCEEDED });
      assert.ok(Math.abs(Number(deadline) - Date.now()) < 5_000);
    });
  });

  it("ends with CANCELLED when its signal is aborted, which reaches the server", async () => {
    const abort = new AbortController();
    let cancelledAtServer: Promise<void> | undefined;
    await withPredict(
      (_, call) => {
        cancelledAtServer = new Promise((resolve) => call.onCancel(resolve));
        abort.abort("no longer needed");
        return new Promise(() => undefined);
      },
      async (client) => {
        await assert.rejects(client.predict({ ...request, signal: abort.signal }), {
          code: Code.CANCELLED,
          cause: "no longer needed",
        });
        await cancelledAtServer;
      },
    );
  });

  it("is not sent at all with a signal that is aborted already", async () => {
    const unexpected = () => assert.fail("the server was asked");
    await withPredict(unexpected, (client) =>
      assert.rejects(client.predict({ ...request, signal: AbortSignal.abort() }), { code: Code.CANCELLED }),
    );
  });

  it("is repeated when the caller asks for it", async () => {
    let tries = 0;
    const recover = () => {
      tries++;
      if (tries < 3) throw unavailable("loading");
      return {};
    };
    await withPredict(recover, async (client) => {
      await client.predict({ ...request, retry: { attempts: 3, backoffMs: 1 } });
      assert.equal(tries, 3);
    });
  });

  it("is UNAVAILABLE when nobody listens", async () => {
    const client = connect({ grpc: "127.0.0.1:1" });
    await assert.rejects(client.predict(request), { code: Code.UNAVAILABLE });
    client.close();
  });

  it("of a configuration that the server refuses has the refusal's code", async () => {
    const status = { errorCode: Code.INVALID_ARGUMENT, errorMessage: "Illegal to change a model's platform" };
    const server = await startFakeGrpcServer({ handleReloadConfigRequest: () => ({ status }) });
    const client = connect({ grpc: `127.0.0.1:${server.port}` });
    await assert.rejects(client.reloadConfig({ models: [] }), {
      code: Code.INVALID_ARGUMENT,
      message: status.errorMessage,
    });
    client.close();
    server.close();
  });
});

describe("a large tensor", () => {
  it("passes in both directions: messages have no size limit", async () => {
    const large = tensor("float32", [3_000_000], new Float32Array(3_000_000).fill(0.5));
    const echo: NonNullable<FakeHandlers["predict"]> = ({ inputs }) => ({
      outputs: { y: inputs.x as TensorProto },
    });
    await withPredict(echo, async (client) => {
      const { outputs } = await client.predict({ model: "m", inputs: { x: large } });
      assert.deepEqual(outputs.get("y"), large);
    });
  });
});

describe("a version that comes up between two calls", () => {
  it("has its signature fetched after it has answered, or after a request was refused", async () => {
    let metadataCalls = 0;
    let served = 1n;
    let refuse = false;
    const server = await startFakeGrpcServer({
      predict() {
        if (refuse) throw invalidArgument("Expects arg[0] to be int64 but float is provided");
        return { modelSpec: { name: "m", versionChoice: version(served) } };
      },
      getModelMetadata() {
        metadataCalls++;
        const map = create(SignatureDefMapSchema, { signatureDef });
        return {
          modelSpec: { name: "m", versionChoice: version(served) },
          metadata: { signature_def: anyPack(SignatureDefMapSchema, map) },
        };
      },
    });
    const client = connect({ grpc: `127.0.0.1:${server.port}` });
    const predict = () => client.predict({ model: "m", inputs: { x: 1 } });
    await predict();
    served = 2n;
    await predict();
    assert.equal(metadataCalls, 1);
    await predict();
    assert.equal(metadataCalls, 2);
    refuse = true;
    await assert.rejects(predict(), { code: Code.INVALID_ARGUMENT });
    refuse = false;
    await predict();
    assert.equal(metadataCalls, 3);
    client.close();
    server.close();
  });
});
