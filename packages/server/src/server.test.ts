/** The server over real sockets, with a small engine in place of the real one: what it does with any model. */
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { credentials } from "@grpc/grpc-js";
import { Code, readTfRecords, stringTensor, type Tensor, tensor, tensorFromProto } from "@servable/formats";
import type { TensorProto } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import {
  GetModelMetadataRequestSchema,
  GetModelMetadataResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import { ModelVersionStatus_State as State } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_status_pb";
import {
  ReloadConfigRequestSchema,
  ReloadConfigResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/model_management_pb";
import { PredictionLogSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/prediction_log_pb";
import type { ModelConfigSchema } from "@servable/formats/protobuf/tensorflow_serving/config/model_server_config_pb";
import { automaticBatching } from "./batching/batching-settings.js";
import { eventually } from "./testing/eventually.js";
import { GrpcTestClient } from "./testing/grpc-test-client.js";
import { parseAnswer } from "./testing/rest-json.js";
import { selfSignedCertificate } from "./testing/self-signed-certificate.js";
import { classify, modelStatus, multiInference, predict, regress } from "./testing/serving-client.js";
import { modelAt, startTestServer, type TestServer } from "./testing/test-server.js";

const PREDICT = "tensorflow.serving.PredictionService/Predict";

let base: string;

before(async () => {
  base = await mkdtemp(join(tmpdir(), "server-"));
});
after(() => rm(base, { recursive: true }));

/** A version's folder that the fake engine loads. */
async function putVersion(name: string, version: number): Promise<string> {
  const folder = join(base, name, String(version));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "saved_model.pb"), "fake");
  return folder;
}

const floats = (...values: number[]) => tensor("float32", [values.length], Float32Array.from(values));
const inputs = (named: Record<string, Tensor>) => new Map(Object.entries(named));
const x = inputs({ x: floats(1, 2, 5) });

describe("a served model", () => {
  let server: TestServer;

  before(async () => {
    await putVersion("half", 7);
    server = await startTestServer([
      modelAt("half", join(base, "half"), { labels: new Map([["stable", 7n]]) }),
    ]);
  });
  after(() => server.stop());

  const half = { name: "half" };

  describe("by gRPC", () => {
    it("answers Predict and says which version and signature did", async () => {
      for (const target of [half, { ...half, version: 7n }, { ...half, label: "stable" }]) {
        const { spec, outputs } = await predict(server.grpc, target, x);
        assert.deepEqual(outputs, inputs({ y: floats(2.5, 3, 4.5) }));
        assert.equal(spec?.name, "half");
        assert.deepEqual(spec?.versionChoice.value, { $typeName: "google.protobuf.Int64Value", value: 7n });
        assert.equal(spec?.signatureName, "serving_default");
      }
    });

    it("uses the signature's defaults for inputs that are left out", async () => {
      const a = tensor("int64", [2], BigInt64Array.of(1n, 2n ** 62n));
      for (let times = 0; times < 2; times++) {
        const { outputs } = await predict(server.grpc, { ...half, signature: "sum" }, inputs({ a }));
        assert.deepEqual(outputs.get("sum"), tensor("int64", [2], BigInt64Array.of(11n, 2n ** 62n + 10n)));
      }
    });

    it("computes what the output filter names", async () => {
      const a = tensor("int64", [1], BigInt64Array.of(1n));
      const { outputs } = await predict(server.grpc, { ...half, signature: "sum" }, inputs({ a }), {
        outputFilter: ["difference"],
      });
      assert.deepEqual([...outputs.keys()], ["difference"]);
    });

    it("answers Classify, Regress and MultiInference", async () => {
      const examples = { examples: [new TextEncoder().encode("2"), new TextEncoder().encode("4")] };
      const classified = await classify(server.grpc, { ...half, signature: "classify" }, examples);
      assert.deepEqual(
        classified.result?.classifications.map(({ classes }) =>
          classes.map(({ label, score }) => [label, score]),
        ),
        [[["half plus two", 3]], [["half plus two", 4]]],
      );
      const regressed = await regress(server.grpc, { ...half, signature: "regress" }, examples);
      assert.deepEqual(
        regressed.result?.regressions.map(({ value }) => value),
        [3, 4],
      );
      const results = await multiInference(
        server.grpc,
        [
          { target: { ...half, signature: "regress" }, methodName: "tensorflow/serving/regress" },
          { target: { ...half, signature: "classify" }, methodName: "tensorflow/serving/classify" },
        ],
        examples,
      );
      assert.deepEqual(
        results.map(({ result }) => result.case),
        ["regressionResult", "classificationResult"],
      );
    });

    it("puts the context before each example", async () => {
      const examples = { examples: [new TextEncoder().encode("2")], context: new TextEncoder().encode("1") };
      const { result } = await regress(server.grpc, { ...half, signature: "regress" }, examples);
      assert.equal(result?.regressions[0]?.value, 8, "half of 12, plus two");
    });

    it("answers GetModelMetadata with the model's SignatureDefs", async () => {
      const { modelSpec, metadata } = await server.grpc.call(
        "tensorflow.serving.PredictionService/GetModelMetadata",
        GetModelMetadataRequestSchema,
        GetModelMetadataResponseSchema,
        { modelSpec: half, metadataField: ["signature_def"] },
      );
      assert.equal(modelSpec?.versionChoice.case, "version");
      const { typeUrl, value } = metadata.signature_def as { typeUrl: string; value: Uint8Array };
      assert.equal(typeUrl, "type.googleapis.com/tensorflow.serving.SignatureDefMap");
      assert.match(Buffer.from(value).toString("latin1"), /serving_default/);
    });

    it("answers GetModelStatus", async () => {
      const { modelVersionStatus } = await modelStatus(server.grpc, half);
      assert.deepEqual(
        modelVersionStatus.map(({ version, state, status }) => [version, state, status?.errorCode]),
        [[7n, State.AVAILABLE, Code.OK]],
      );
    });

    const failures: [string, () => Promise<unknown>, number, RegExp][] = [
      [
        "no model spec",
        () => server.grpc.callBytes(PREDICT, new Uint8Array()),
        Code.INVALID_ARGUMENT,
        /Missing ModelSpec/,
      ],
      ["no model name", () => predict(server.grpc, { name: "" }, x), Code.INVALID_ARGUMENT, /no name/],
      [
        "an unknown model",
        () => predict(server.grpc, { name: "other" }, x),
        Code.NOT_FOUND,
        /Servable not found for request: Latest\(other\)/,
      ],
      [
        "an unknown version",
        () => predict(server.grpc, { ...half, version: 8n }, x),
        Code.NOT_FOUND,
        /Specific\(half, 8\)/,
      ],
      [
        "an unknown label",
        () => predict(server.grpc, { ...half, label: "canary" }, x),
        Code.INVALID_ARGUMENT,
        /Unrecognized servable version label: canary/,
      ],
      [
        "an unknown signature",
        () => predict(server.grpc, { ...half, signature: "nope" }, x),
        Code.FAILED_PRECONDITION,
        /Serving signature key "nope" not found/,
      ],
      [
        "a missing input",
        () => predict(server.grpc, half, new Map()),
        Code.INVALID_ARGUMENT,
        /Missing but required: \{x\}/,
      ],
      [
        "a surplus input",
        () => predict(server.grpc, half, inputs({ x: floats(1), z: floats(1) })),
        Code.INVALID_ARGUMENT,
        /Sent extra: \{z\}/,
      ],
      [
        "an unknown input",
        () => predict(server.grpc, half, inputs({ z: floats(1) })),
        Code.INVALID_ARGUMENT,
        /Signature input alias: x|Sent extra|not found in request/,
      ],
      [
        "an input of another dtype",
        () => predict(server.grpc, half, inputs({ x: stringTensor([1], ["a"]) })),
        Code.INVALID_ARGUMENT,
        /Expects input "x" to be float but string is provided/,
      ],
      [
        "an unknown output",
        () => predict(server.grpc, half, x, { outputFilter: ["z"] }),
        Code.INVALID_ARGUMENT,
        /output tensor alias not found in signature: z/,
      ],
      [
        "an output twice",
        () => predict(server.grpc, half, x, { outputFilter: ["y", "y"] }),
        Code.INVALID_ARGUMENT,
        /duplicate output tensor alias: y/,
      ],
      [
        "no examples",
        () => classify(server.grpc, { ...half, signature: "classify" }, { examples: [] }),
        Code.INVALID_ARGUMENT,
        /Input is empty/,
      ],
      [
        "Classify on a Predict signature",
        () => classify(server.grpc, half, { examples: [] }),
        Code.INVALID_ARGUMENT,
        /No classification inputs/,
      ],
      [
        "Regress with an unknown signature",
        () => regress(server.grpc, { ...half, signature: "nope" }, { examples: [] }),
        Code.INVALID_ARGUMENT,
        /No signature was found with the name: nope/,
      ],
      [
        "a model error",
        () => regress(server.grpc, { ...half, signature: "regress" }, { examples: [Uint8Array.of(65)] }),
        Code.INVALID_ARGUMENT,
        /Could not parse example/,
      ],
      [
        "MultiInference over two models",
        () =>
          multiInference(
            server.grpc,
            [
              { target: { ...half, signature: "regress" }, methodName: "tensorflow/serving/regress" },
              { target: { name: "other", signature: "classify" }, methodName: "tensorflow/serving/classify" },
            ],
            { examples: [] },
          ),
        Code.INVALID_ARGUMENT,
        /must access the same model name/,
      ],
      [
        "MultiInference by Predict",
        () =>
          multiInference(server.grpc, [{ target: half, methodName: "tensorflow/serving/predict" }], {
            examples: [],
          }),
        Code.UNIMPLEMENTED,
        /Unsupported signature method_name/,
      ],
      [
        "bytes that are no message",
        () => server.grpc.callBytes(PREDICT, Uint8Array.of(0x0a, 0xff)),
        Code.INTERNAL,
        /can't be parsed/,
      ],
      [
        "a tensor that is no message",
        () => server.grpc.callBytes(PREDICT, Buffer.from("0a060a0468616c6612070a0178120212ff", "hex")),
        Code.INTERNAL,
        /tensor parsing error: x/,
      ],
      [
        "an unknown method",
        () => server.grpc.callBytes("tensorflow.serving.PredictionService/Nope", new Uint8Array()),
        Code.UNIMPLEMENTED,
        /./,
      ],
      [
        "the status of an unknown model",
        () => modelStatus(server.grpc, { name: "other" }),
        Code.NOT_FOUND,
        /Could not find any versions of model other/,
      ],
      [
        "the status of an unknown version",
        () => modelStatus(server.grpc, { ...half, version: 9n }),
        Code.NOT_FOUND,
        /Could not find version 9 of model half/,
      ],
    ];
    for (const [title, call, code, details] of failures) {
      it(`refuses ${title}`, async () => {
        await assert.rejects(call, (error: { code: number; details: string }) => {
          assert.equal(error.code, code, error.details);
          assert.match(error.details, details);
          return true;
        });
        await predict(server.grpc, half, x);
      });
    }

    it("refuses tensors whose shape does not fit their values", async () => {
      const bad: Tensor[] = [
        { dtype: "float32", shape: [4], data: Float32Array.of(1, 2, 3, 4, 5) },
        { dtype: "float32", shape: [2 ** 31, 2 ** 31], data: Float32Array.of() },
        { dtype: "float32", shape: [-1], data: Float32Array.of(1) },
      ];
      for (const one of bad) {
        await assert.rejects(predict(server.grpc, half, inputs({ x: one }), { asContent: true }), {
          code: Code.INVALID_ARGUMENT,
        });
      }
    });

    it("carries 20 MB", async () => {
      const text = stringTensor([2], ["x".repeat(20_000_000), ""]);
      const { outputs } = await predict(server.grpc, { ...half, signature: "echo" }, inputs({ text }));
      const [long] = outputs.get("text")?.data ?? [];
      assert.ok(long instanceof Uint8Array && long.length === 20_000_000);
    });

    it("keeps deadlines, also of a request that waits for its turn", async () => {
      const sleep = (ms: number, deadlineMs: number) =>
        predict(
          server.grpc,
          { ...half, signature: "sleep" },
          inputs({ ms: tensor("int32", [1], Int32Array.of(ms)) }),
          {
            deadlineMs,
          },
        );
      const busy = sleep(400, 10_000);
      const late = [sleep(0, 50), sleep(0, 100), sleep(0, 100)];
      for (const one of late) await assert.rejects(one, { code: Code.DEADLINE_EXCEEDED });
      await busy;
      await predict(server.grpc, half, x);
    });
  });

  describe("by REST", () => {
    const post = (body: string, path = "half:predict") => server.rest(`/v1/models/${path}`, body);

    it("answers by rows, laid out as TensorFlow Serving does", async () => {
      const { status, text, headers } = await post('{"instances": [1.0, 2.0, 5.0]}');
      assert.deepEqual([status, text], [200, '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}']);
      assert.equal(headers.get("content-type"), "application/json");
      assert.equal(headers.get("access-control-allow-origin"), null);
    });

    it("answers by columns", async () => {
      const { text } = await post('{"inputs": {"x": [[1], [2]]}}');
      assert.equal(
        text,
        '{\n    "outputs": [\n        [\n            2.5\n        ],\n        [\n            3.0\n        ]\n    ]\n}',
      );
    });

    it("gives the id that a request has back, with an answer and with an error", async () => {
      const headers = { "x-request-id": "of the caller" };
      for (const [body, status] of [
        ['{"instances": [1.0]}', 200],
        ["{", 400],
      ] as const) {
        const answer = await server.rest("/v1/models/half:predict", body, headers);
        assert.deepEqual([answer.status, answer.headers.get("x-request-id")], [status, "of the caller"]);
      }
    });

    it("finds versions and labels in the path", async () => {
      for (const path of ["half/versions/7", "half/labels/stable", "HALF".toLowerCase()]) {
        assert.equal((await post('{"inputs": 1}', `${path}:predict`)).status, 200);
      }
      assert.equal((await server.rest("/V1/Models/half/Versions/7:Predict", '{"inputs": 1}')).status, 200);
    });

    it("keeps int64 exact and takes defaults", async () => {
      const { text } = await post(
        '{"signature_name": "sum", "instances": [{"a": 9007199254740993}, {"a": -1}]}',
      );
      assert.match(text, /"sum": 9007199254741003,/);
      assert.match(text, /"difference": -11/);
    });

    it("carries bytes as base64", async () => {
      const { text } = await post('{"signature_name": "echo", "instances": [{"b64": "/w=="}, "é"]}');
      const rows = parseAnswer(text).predictions as { text: string; text_bytes: { b64: string } }[];
      assert.deepEqual(
        rows.map((row) => [row.text, row.text_bytes.b64]),
        [
          ["\ufffd", "/w=="],
          ["é", "w6k="],
        ],
      );
    });

    it("carries 20 MB, and answers gzip with gzip", async () => {
      const body = gzipSync(`{"signature_name": "echo", "instances": ["${"x".repeat(20_000_000)}"]}`);
      const { status, text } = await server.rest("/v1/models/half:predict", body, {
        "Content-Encoding": "gzip",
        "Accept-Encoding": "gzip",
      });
      assert.equal(status, 200);
      assert.ok(text.length > 20_000_000);
    });

    it("prints the model's status and metadata", async () => {
      const { text } = await server.rest("/v1/models/half");
      assert.equal(
        text,
        '{\n "model_version_status": [\n  {\n   "version": "7",\n   "state": "AVAILABLE",\n' +
          '   "status": {\n    "error_code": "OK",\n    "error_message": ""\n   }\n  }\n ]\n}\n',
      );
      const metadata = JSON.parse((await server.rest("/v1/models/half/versions/7/metadata")).text);
      assert.deepEqual(metadata.model_spec, { name: "half", version: "7", signature_name: "" });
      assert.deepEqual(metadata.metadata.signature_def.signature_def.serving_default.inputs.x, {
        name: "x:0",
        dtype: "DT_FLOAT",
        tensor_shape: { dim: [], unknown_rank: true },
      });
    });

    const failures: [string, string, string | undefined, number, RegExp][] = [
      ["an unknown path", "/", undefined, 404, /Not found/],
      ["an unknown API", "/v1/nope", undefined, 400, /Malformed request: GET \/v1\/nope/],
      ["an unknown method", "/v1/models/half:explain", "{}", 400, /Malformed request: POST/],
      ["no model name", "/v1/models", undefined, 400, /Missing model name/],
      [
        "a version that is no int64",
        "/v1/models/half/versions/9223372036854775808",
        undefined,
        400,
        /Failed to convert version/,
      ],
      [
        "an unknown model",
        "/v1/models/other:predict",
        '{"inputs": 1}',
        404,
        /Servable not found for request: Latest\(other\)/,
      ],
      [
        "an unknown version",
        "/v1/models/half/versions/8:predict",
        '{"inputs": 1}',
        404,
        /Specific\(half, 8\)/,
      ],
      ["an unknown label", "/v1/models/half/labels/x:predict", '{"inputs": 1}', 400, /label: x/],
      [
        "an unknown signature",
        "/v1/models/half:predict",
        '{"signature_name": "nope", "inputs": 1}',
        400,
        /"nope" not found in signature def/,
      ],
      [
        "no JSON",
        "/v1/models/half:predict",
        "{",
        400,
        /JSON Parse error: Missing a name for object member\. at offset: 1/,
      ],
      ["an empty body", "/v1/models/half:predict", "", 400, /The document is empty/],
      ["a missing key", "/v1/models/half:predict", "{}", 400, /Missing 'inputs' or 'instances' key/],
      [
        "a value of another type",
        "/v1/models/half:predict",
        '{"inputs": ["a"]}',
        400,
        /not of expected type: float/,
      ],
      ["deep nesting", "/v1/models/half:predict", `{"inputs": ${"[".repeat(100_000)}`, 400, /Nesting/],
      [
        "batches of two sizes",
        "/v1/models/half:predict",
        '{"instances": [[1, 2], [3]]}',
        400,
        /Expecting tensor size: 2 but got: 1/,
      ],
      ["no examples", "/v1/models/half:classify", "{}", 400, /'examples'/],
      ["the status of an unknown model", "/v1/models/other", undefined, 404, /Could not find any versions/],
      ["a label that can't be decoded", "/v1/models/half/labels/%ff", undefined, 400, /Failed to decode/],
    ];
    for (const [title, path, body, status, message] of failures) {
      it(`refuses ${title}`, async () => {
        const answer = await server.rest(path, body);
        assert.equal(answer.status, status, answer.text);
        assert.match(JSON.parse(answer.text).error, message);
        assert.equal((await post('{"inputs": 1}')).status, 200);
      });
    }

    it("refuses bodies that inflate to too much, and what is no gzip", async () => {
      const headers = { "Content-Encoding": "gzip" };
      const bomb = gzipSync(Buffer.alloc(2 ** 29 + 1));
      assert.equal((await server.rest("/v1/models/half:predict", bomb, headers)).status, 413);
      assert.equal((await server.rest("/v1/models/half:predict", "{}", headers)).status, 400);
      assert.equal(
        (await server.rest("/v1/models/half:predict", "{}", { "Content-Encoding": "br" })).status,
        400,
      );
    });
  });
});

describe("a server with few settings changed", () => {
  it("lets other origins call, when told so, and keeps the time limit", async () => {
    await putVersion("timed", 1);
    const server = await startTestServer([modelAt("timed", join(base, "timed"))], {
      rest: { host: "127.0.0.1", port: 0, timeoutMs: 100, allowCrossOrigin: true },
    });
    try {
      const slow = await server.rest(
        "/v1/models/timed:predict",
        '{"signature_name": "sleep", "inputs": [400]}',
      );
      assert.equal(slow.status, 504);
      assert.equal(slow.headers.get("access-control-allow-origin"), "*");
      const preflight = await fetch(`${server.restUrl}/v1/models/timed:predict`, { method: "OPTIONS" });
      assert.deepEqual([preflight.status, await preflight.text()], [200, ""]);
    } finally {
      await server.stop();
    }
  });

  it("checks method names, when told so", async () => {
    await putVersion("checked", 1);
    const server = await startTestServer([modelAt("checked", join(base, "checked"))], {
      checkMethodNames: true,
    });
    try {
      const examples = { examples: [Uint8Array.of(49)] };
      const target = { name: "checked", signature: "regress" };
      await regress(server.grpc, target, examples);
      await assert.rejects(classify(server.grpc, target, examples), {
        code: Code.INVALID_ARGUMENT,
        details: /Expected classification signature method_name to be/,
      });
    } finally {
      await server.stop();
    }
  });

  it("answers with tensor_content, when told so", async () => {
    await putVersion("content", 1);
    const server = await startTestServer([modelAt("content", join(base, "content"))], {
      answerAsTensorContent: true,
    });
    try {
      const { outputs } = await predict(server.grpc, { name: "content" }, x);
      assert.deepEqual(outputs.get("y"), floats(2.5, 3, 4.5));
    } finally {
      await server.stop();
    }
  });
});

describe("the life of versions", () => {
  it("goes over to a new version without a gap", async () => {
    await putVersion("rolling", 1);
    const server = await startTestServer([modelAt("rolling", join(base, "rolling"))]);
    try {
      let isOver = false;
      let answered = 0;
      const versions = new Set<bigint>();
      const load = (async () => {
        while (!isOver) {
          const { spec } = await predict(server.grpc, { name: "rolling" }, x);
          if (spec?.versionChoice.case === "version") versions.add(spec.versionChoice.value.value);
          answered++;
        }
      })();
      await putVersion("rolling", 2);
      await eventually(async () => {
        const { modelVersionStatus } = await modelStatus(server.grpc, { name: "rolling" });
        assert.deepEqual(
          modelVersionStatus.map(({ version, state }) => [version, state]),
          [
            [2n, State.AVAILABLE],
            [1n, State.END],
          ],
        );
      });
      isOver = true;
      await load;
      assert.ok(answered > 0);
      assert.deepEqual([...versions].at(0), 1n);
      const { spec } = await predict(server.grpc, { name: "rolling" }, x);
      assert.equal(spec?.versionChoice.case === "version" && spec.versionChoice.value.value, 2n);
    } finally {
      await server.stop();
    }
  });

  it("shows why a version could not be loaded, and loads it once its files are repaired", async () => {
    const folder = await putVersion("broken", 1);
    await writeFile(join(folder, "fail"), "bad checksum");
    const server = await startTestServer([modelAt("broken", join(base, "broken"))]);
    try {
      const { modelVersionStatus } = await modelStatus(server.grpc, { name: "broken" });
      const [version] = modelVersionStatus;
      assert.deepEqual(
        [version?.state, version?.status?.errorCode, version?.status?.errorMessage],
        [State.END, Code.DATA_LOSS, "bad checksum"],
      );
      await assert.rejects(predict(server.grpc, { name: "broken" }, x), { code: Code.NOT_FOUND });
      await rm(join(folder, "fail"));
      await eventually(async () => {
        await predict(server.grpc, { name: "broken" }, x);
      });
    } finally {
      await server.stop();
    }
  });

  it("refuses what runs when the model's thread dies, and brings the model back", async () => {
    await putVersion("crashing", 1);
    const server = await startTestServer([modelAt("crashing", join(base, "crashing"))]);
    try {
      const crash = predict(server.grpc, { name: "crashing", signature: "crash" }, new Map());
      await assert.rejects(crash, { code: Code.UNAVAILABLE });
      await assert.rejects(predict(server.grpc, { name: "crashing" }, x), { code: Code.UNAVAILABLE });
      await eventually(async () => {
        await predict(server.grpc, { name: "crashing" }, x);
      });
      assert.ok(server.log.some((line) => /worker thread ended unexpectedly/.test(line)));
    } finally {
      await server.stop();
    }
  });

  it("finishes what was accepted when it is told to stop", async () => {
    await putVersion("stopping", 1);
    const server = await startTestServer([modelAt("stopping", join(base, "stopping"))]);
    const ms = tensor("int32", [1], Int32Array.of(300));
    const slow = predict(server.grpc, { name: "stopping", signature: "sleep" }, inputs({ ms }));
    const slowRest = server.rest(
      "/v1/models/stopping:predict",
      '{"signature_name": "sleep", "inputs": [100]}',
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const since = performance.now();
    const stopped = server.server.stop();
    assert.deepEqual((await slow).outputs.get("ms"), ms);
    assert.equal((await slowRest).status, 200);
    await stopped;
    assert.ok(performance.now() - since < 5000, "kept connections don't hold it up");
    await assert.rejects(server.rest("/v1/models/stopping"));
    server.grpc.close();
  });
});

describe("the configuration of a running server", () => {
  const reload = (server: TestServer, config: MessageInitShape<typeof ModelConfigSchema>[]) =>
    server.grpc.call(
      "tensorflow.serving.ModelService/HandleReloadConfigRequest",
      ReloadConfigRequestSchema,
      ReloadConfigResponseSchema,
      { config: { config: { case: "modelConfigList", value: { config } } } },
    );

  const reloadVersions = (
    server: TestServer,
    name: string,
    versions: bigint[],
    versionLabels: Record<string, bigint> = {},
  ) =>
    reload(server, [
      {
        name,
        basePath: join(base, name),
        modelPlatform: "tensorflow",
        modelVersionPolicy: { policyChoice: { case: "specific", value: { versions } } },
        versionLabels,
      },
    ]);

  it("changes by HandleReloadConfigRequest, labels included", async () => {
    await putVersion("first", 1);
    await putVersion("second", 1);
    await putVersion("second", 2);
    const server = await startTestServer([modelAt("first", join(base, "first"))]);
    const reloadSecond = (labels: Record<string, bigint>) =>
      reloadVersions(server, "second", [1n, 2n], labels);
    try {
      const { status } = await reloadSecond({ stable: 1n, canary: 2n });
      assert.equal(status?.errorCode, Code.OK);
      for (const [label, version] of [
        ["stable", 1n],
        ["canary", 2n],
      ] as const) {
        const { spec } = await predict(server.grpc, { name: "second", label }, x);
        assert.equal(spec?.versionChoice.case === "version" && spec.versionChoice.value.value, version);
      }
      await assert.rejects(predict(server.grpc, { name: "first" }, x), { code: Code.NOT_FOUND });
      await assert.rejects(reloadSecond({ stable: 3n }), {
        code: Code.FAILED_PRECONDITION,
        details: /assign label to version 3 of model second, which is not currently available/,
      });
      await predict(server.grpc, { name: "second", label: "stable" }, x);
    } finally {
      await server.stop();
    }
  });

  it("puts a label on a version that was unloaded, once it is loaded again", async () => {
    await putVersion("returning", 1);
    await putVersion("returning", 2);
    const server = await startTestServer([
      modelAt("returning", join(base, "returning"), { versions: { kind: "specific", versions: [1n, 2n] } }),
    ]);
    const stateOf = async (version: bigint) => {
      const { modelVersionStatus } = await modelStatus(server.grpc, { name: "returning" });
      return modelVersionStatus.find((one) => one.version === version)?.state;
    };
    try {
      await reloadVersions(server, "returning", [2n]);
      await eventually(async () => assert.equal(await stateOf(1n), State.END));
      await reloadVersions(server, "returning", [1n, 2n], { stable: 1n });
      assert.equal(await stateOf(1n), State.AVAILABLE);
      const { spec } = await predict(server.grpc, { name: "returning", label: "stable" }, x);
      assert.equal(spec?.versionChoice.case === "version" && spec.versionChoice.value.value, 1n);
    } finally {
      await server.stop();
    }
  });

  it("is refused when a model has no version to serve", async () => {
    await putVersion("kept", 1);
    const server = await startTestServer([modelAt("kept", join(base, "kept"))]);
    try {
      const reloading = reload(server, [{ name: "none", basePath: join(base, "none") }]);
      await assert.rejects(reloading, { code: Code.UNKNOWN, details: /none.* no version found under/ });
    } finally {
      await server.stop();
    }
  });

  it("changes with the model config file", async () => {
    await putVersion("by_file", 1);
    const file = join(base, "models.config");
    const config = (name: string) =>
      `model_config_list { config { name: "${name}" base_path: "${join(base, "by_file")}" model_platform: "tensorflow" } }`;
    await writeFile(file, config("one"));
    const server = await startTestServer([modelAt("one", join(base, "by_file"))], {
      modelConfigFile: file,
      modelConfigPollMs: 50,
    });
    try {
      await writeFile(file, "model_config_list {");
      await eventually(() => {
        assert.ok(server.log.some((line) => /ReloadConfig failed: INVALID_ARGUMENT/.test(line)));
      });
      await predict(server.grpc, { name: "one" }, x);
      await writeFile(file, config("two"));
      await eventually(async () => {
        await predict(server.grpc, { name: "two" }, x);
      });
    } finally {
      await server.stop();
    }
  });
});

describe("transports", () => {
  it("are a unix socket too", async () => {
    await putVersion("by_socket", 1);
    const address = `unix:${join(base, "grpc.sock")}`;
    const server = await startTestServer([modelAt("by_socket", join(base, "by_socket"))], {
      grpc: { addresses: ["127.0.0.1:0", address], channelArguments: new Map(), hasHealthService: true },
    });
    const client = new GrpcTestClient(address);
    try {
      await predict(client, { name: "by_socket" }, x);
      assert.ok(server.log.some((line) => line.includes(`Running gRPC ModelServer at ${address} ...`)));
    } finally {
      client.close();
      await server.stop();
    }
  });

  it("speak TLS, and ask clients for certificates when told so", async () => {
    await putVersion("secret", 1);
    const { key, certificate } = selfSignedCertificate();
    const authority = Buffer.from(certificate);
    for (const requireClientCertificate of [false, true]) {
      const server = await startTestServer([modelAt("secret", join(base, "secret"))], {
        grpc: {
          addresses: ["127.0.0.1:0"],
          tls: { key, certificate, clientAuthority: certificate, requireClientCertificate },
          channelArguments: new Map(),
          hasHealthService: true,
        },
      });
      const address = `localhost:${server.server.grpcPorts[0]}`;
      const known = new GrpcTestClient(
        address,
        credentials.createSsl(authority, Buffer.from(key), authority),
      );
      const unknown = new GrpcTestClient(address, credentials.createSsl(authority));
      try {
        await predict(known, { name: "secret" }, x);
        if (requireClientCertificate) {
          await assert.rejects(predict(unknown, { name: "secret" }, x), { code: Code.UNAVAILABLE });
        } else {
          await predict(unknown, { name: "secret" }, x);
        }
        await assert.rejects(predict(server.grpc, { name: "secret" }, x), { code: Code.UNAVAILABLE });
      } finally {
        known.close();
        unknown.close();
        await server.stop();
      }
    }
  });

  it("say which address can't be had", async () => {
    const server = await startTestServer([]);
    try {
      const address = `127.0.0.1:${server.server.grpcPorts[0]}`;
      const grpc = { addresses: [address], channelArguments: new Map(), hasHealthService: true };
      await assert.rejects(startTestServer([], { grpc }), {
        message: new RegExp(`Cannot listen at ${address}`),
      });
      const port = server.server.restPort as number;
      const rest = { host: "127.0.0.1", port, timeoutMs: 1000, allowCrossOrigin: false };
      await assert.rejects(startTestServer([], { rest }), { message: /Cannot listen at 127\.0\.0\.1/ });
    } finally {
      await server.stop();
    }
  });
});

describe("metrics", () => {
  it("are there for Prometheus by TensorFlow Serving's names", async () => {
    await putVersion("counted", 1);
    const server = await startTestServer([modelAt("counted", join(base, "counted"))], {
      prometheus: { path: "/monitoring/prometheus/metrics" },
    });
    try {
      for (let times = 0; times < 3; times++) await predict(server.grpc, { name: "counted" }, x);
      await server.rest("/v1/models/counted:predict", '{"inputs": 1}');
      await server.rest("/v1/models/counted:predict", "{");
      await server.rest("/v1/models/made_up:predict", "{}");
      const examples = { examples: [Uint8Array.of(49), Uint8Array.of(50)] };
      await regress(server.grpc, { name: "counted", signature: "regress" }, examples);
      const { text, headers } = await server.rest("/monitoring/prometheus/metrics");
      assert.match(String(headers.get("content-type")), /^text\/plain/);
      for (const line of [
        ':tensorflow:serving:request_count{model_name="counted",status="OK"} 5',
        ':tensorflow:serving:request_count{model_name="counted",status="INVALID_ARGUMENT"} 1',
        ':tensorflow:serving:request_count{model_name="unknown",status="NOT_FOUND"} 1',
        ':tensorflow:serving:request_latency_count{model_name="counted",API="Predict",entrypoint="GRPC"} 3',
        ':tensorflow:serving:request_latency_count{model_name="counted",API="Predict",entrypoint="REST"} 1',
        ':tensorflow:serving:request_example_count_total{model="counted"} 2',
        `:tensorflow:cc:saved_model:load_attempt_count{model_path="${join(base, "counted", "1")}",status="success"} 1`,
      ]) {
        assert.ok(text.includes(`${line}\n`), `${line} is not in\n${text}`);
      }
    } finally {
      await server.stop();
    }
  });

  it("tell of waiting, batches, loads and memory", async () => {
    await putVersion("batched", 1);
    const server = await startTestServer([modelAt("batched", join(base, "batched"))], {
      prometheus: { path: "/metrics" },
      batching: {
        ...automaticBatching,
        signatures: "all",
        allowedSizes: [4, 128],
        maxRequestRows: 128,
        threadPoolName: "pool",
      },
    });
    try {
      await predict(server.grpc, { name: "batched" }, x);
      const { text } = await server.rest("/metrics");
      for (const line of [
        'servable_queue_time_count{model_name="batched"} 1',
        'servable_run_time_count{model_name="batched"} 1',
        'servable_load_time_count{model_name="batched",status="OK"} 1',
        'servable_batch_rows_count{model_name="batched"} 1',
        'servable_batch_padding_rows_count{model_name="batched"} 1',
        ':tensorflow:serving:batching_session:queuing_latency_count{thread_pool_name="pool"} 1',
        ":tensorflow:serving:batching_session:input_batch_size_count 1",
        ":tensorflow:serving:batching_session:processed_batch_size_sum 4",
        ':tensorflow:serving:batching_session:padding_size_count{execution_batch_size="4"} 1',
      ]) {
        assert.ok(text.includes(`${line}\n`), `${line} is not in\n${text}`);
      }
      assert.match(text, /servable_version_memory_bytes{model_name="batched",version="1"} \d+/);
    } finally {
      await server.stop();
    }
  });

  it("are not there unless asked for", async () => {
    await putVersion("uncounted", 1);
    const server = await startTestServer([modelAt("uncounted", join(base, "uncounted"))]);
    try {
      assert.equal((await server.rest("/monitoring/prometheus/metrics")).status, 404);
    } finally {
      await server.stop();
    }
  });
});

describe("the request log", () => {
  it("holds what was asked and answered by both APIs, and warms a model up", async () => {
    const folder = await putVersion("logged", 1);
    const filenamePrefix = join(base, "logs", "logged");
    const models = [
      modelAt("logged", join(base, "logged"), { logging: { samplingRate: 1, filenamePrefix } }),
    ];
    const server = await startTestServer(models);
    await predict(server.grpc, { name: "logged" }, x);
    // To be read back, the example must be one: that of no features.
    await regress(server.grpc, { name: "logged", signature: "regress" }, { examples: [new Uint8Array()] });
    await server.rest("/v1/models/logged:predict", '{"instances": [1, 2, 5]}');
    await assert.rejects(predict(server.grpc, { name: "logged" }, new Map()));
    await server.stop();

    const [file] = await readdir(join(base, "logs"));
    const path = join(base, "logs", file as string);
    const logs = [...readTfRecords(await readFile(path))].map((record) =>
      fromBinary(PredictionLogSchema, record),
    );
    assert.deepEqual(
      logs.map(({ logType }) => logType.case),
      ["predictLog", "regressLog", "predictLog"],
    );
    for (const { logMetadata, logType } of logs) {
      assert.deepEqual([logMetadata?.modelSpec?.name, logMetadata?.savedModelTags], ["logged", ["serve"]]);
      if (logType.case !== "predictLog") continue;
      const { request, response } = logType.value;
      assert.deepEqual(tensorFromProto(request?.inputs.x as TensorProto, "x"), x.get("x"));
      assert.deepEqual(tensorFromProto(response?.outputs.y as TensorProto, "y"), floats(2.5, 3, 4.5));
      assert.equal(response?.modelSpec?.versionChoice.case, "version");
    }

    await mkdir(join(folder, "assets.extra"));
    await copyFile(path, join(folder, "assets.extra", "tf_serving_warmup_requests"));
    const again = await startTestServer([modelAt("logged", join(base, "logged"))]);
    assert.equal(
      (await modelStatus(again.grpc, { name: "logged" })).modelVersionStatus[0]?.state,
      State.AVAILABLE,
    );
    await again.stop();
  });
});

describe("health", () => {
  const CHECK = "grpc.health.v1.Health/Check";
  const serviceNamed = (name: string) => Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]);

  it("is SERVING once every model has a version", async () => {
    const folder = await putVersion("healthy", 1);
    await writeFile(join(folder, "fail"), "bad checksum");
    const server = await startTestServer([modelAt("healthy", join(base, "healthy"))]);
    try {
      const statusOf = async (request: Uint8Array) => (await server.grpc.callBytes(CHECK, request))[1];
      assert.equal(await statusOf(new Uint8Array()), 2);
      await rm(join(folder, "fail"));
      await eventually(async () => assert.equal(await statusOf(new Uint8Array()), 1));
      assert.equal(await statusOf(serviceNamed("tensorflow.serving.PredictionService")), 1);
      await assert.rejects(statusOf(serviceNamed("other")), { code: Code.NOT_FOUND });
      const watched = server.grpc.watchBytes("grpc.health.v1.Health/Watch", new Uint8Array());
      await eventually(() => assert.equal(watched.messages.length, 1));
      await rm(folder, { recursive: true });
      await eventually(() =>
        assert.deepEqual(
          watched.messages.map((message) => message[1]),
          [1, 2],
        ),
      );
      watched.cancel();
    } finally {
      await server.stop();
    }
  });
});
