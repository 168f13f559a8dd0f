/**
 * The expectations of TensorFlow Serving's own integration test (model_servers/tensorflow_model_server_test.py), by
 * its names: each server is a process, and answers over its sockets. Left out are those of a TensorFlow runtime's own:
 * the profiler, thread pools, TF Text's ops.
 *
 * The models are what TensorFlow makes of that test's (conformance/model-server/make_models.py); half_plus_two as a
 * SessionBundle is ours, as no TensorFlow of today writes one.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, Exporter, GraphBuilder, genericSignature, Saver, tensor } from "@servable/formats";
import { ExampleSchema } from "@servable/formats/protobuf/tensorflow/core/example/example_pb";
import {
  GetModelMetadataRequestSchema,
  GetModelMetadataResponseSchema,
  SignatureDefMapSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import type { ModelSpec } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import { eventually } from "../testing/eventually.js";
import type { GrpcTestClient } from "../testing/grpc-test-client.js";
import { classify, modelStatus, multiInference, predict, regress } from "../testing/serving-client.js";
import { ModelServerProcess } from "./model-server-process.js";

const fixtures = fileURLToPath(new URL("../../src/integration/fixtures/", import.meta.url));
const VERSION = 123n;

const model = (name: string) => join(fixtures, name);
const served = (name: string) => [`--model_name=default`, `--model_base_path=${model(name)}`];

const example = toBinary(
  ExampleSchema,
  create(ExampleSchema, {
    features: { feature: { x: { kind: { case: "floatList", value: { value: [2] } } } } },
  }),
);

interface Expectation {
  readonly output: number;
  readonly name?: string;
  readonly signature?: string;
  readonly specifiesOutput?: boolean;
  readonly isBatch?: boolean;
}

/** The test's VerifyPredictRequest: x is 2, of shape [1] or [1, 1]. */
async function verifyPredictRequest(
  client: GrpcTestClient,
  { output, name = "default", signature = "serving_default", specifiesOutput, isBatch }: Expectation,
): Promise<void> {
  const x = tensor("float32", isBatch ? [1, 1] : [1], Float32Array.of(2));
  const { spec, outputs } = await predict(client, { name, signature }, new Map([["x", x]]), {
    outputFilter: specifiesOutput === false ? [] : ["y"],
  });
  const y = outputs.get("y");
  assert.equal(y?.dtype, "float32");
  assert.deepEqual([...(y?.data ?? [])], [output]);
  verifyModelSpec(spec, name, signature);
}

function verifyModelSpec(spec: ModelSpec | undefined, name: string, signature: string): void {
  assert.equal(spec?.name, name);
  assert.equal(spec?.signatureName, signature);
  assert.equal(spec?.versionChoice.case === "version" && spec.versionChoice.value.value, VERSION);
}

const configOf = (models: Readonly<Record<string, string>>) =>
  `model_config_list { ${Object.entries(models)
    .map(([name, path]) => `config { name: "${name}" base_path: "${path}" model_platform: "tensorflow" }`)
    .join(" ")} }`;

describe("tensorflow_model_server", () => {
  let folder: string;
  const started: ModelServerProcess[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "model-server-"));
  });
  after(async () => {
    await Promise.all(started.map((server) => server.stop()));
    await rm(folder, { recursive: true });
  });

  async function running(...flags: string[]): Promise<ModelServerProcess> {
    const server = await ModelServerProcess.running(["--rest_api_timeout_in_ms=5000", ...flags]);
    started.push(server);
    return server;
  }

  async function file(name: string, text: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  }

  describe("with half_plus_two", () => {
    let server: ModelServerProcess;
    let client: GrpcTestClient;
    let socket: string;

    before(async () => {
      socket = join(folder, "server.sock");
      const monitoring = await file(
        "monitoring_config.txt",
        'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }',
      );
      server = await running(
        ...served("half_plus_two"),
        `--grpc_socket_path=${socket}`,
        `--monitoring_config_file=${monitoring}`,
      );
      client = server.grpc();
    });

    it("WaitForServerReady: names the servable that is missing", async () => {
      await assert.rejects(predict(client, { name: "intentionally_missing_model" }, new Map()), {
        code: Code.NOT_FOUND,
        details: "Servable not found for request: Latest(intentionally_missing_model)",
      });
    });

    it("testGetModelStatus", async () => {
      const { modelVersionStatus } = await modelStatus(client, { name: "default" });
      assert.deepEqual(
        modelVersionStatus.map(({ version, status }) => [version, status?.errorCode]),
        [[VERSION, 0]],
      );
    });

    it("testGetModelMetadata", async () => {
      const { modelSpec, metadata } = await client.call(
        "tensorflow.serving.PredictionService/GetModelMetadata",
        GetModelMetadataRequestSchema,
        GetModelMetadataResponseSchema,
        { modelSpec: { name: "default" }, metadataField: ["signature_def"] },
      );
      verifyModelSpec(modelSpec, "default", "");
      const { typeUrl, value = new Uint8Array(0) } = metadata.signature_def ?? {};
      assert.equal(typeUrl, "type.googleapis.com/tensorflow.serving.SignatureDefMap");
      const { signatureDef } = fromBinary(SignatureDefMapSchema, value);
      assert.deepEqual(Object.keys(signatureDef).sort(), [
        "classify_x_to_y",
        "regress_x2_to_y3",
        "regress_x_to_y",
        "regress_x_to_y2",
        "serving_default",
      ]);
    });

    it("testClassify", async () => {
      const target = { name: "default", signature: "classify_x_to_y" };
      const { spec, result } = await classify(client, target, { examples: [example] });
      assert.deepEqual(
        result?.classifications.map(({ classes }) => classes.map(({ score }) => score)),
        [[3]],
      );
      verifyModelSpec(spec, "default", "classify_x_to_y");
    });

    it("testRegress", async () => {
      const target = { name: "default", signature: "regress_x_to_y" };
      const { spec, result } = await regress(client, target, { examples: [example] });
      assert.deepEqual(
        result?.regressions.map(({ value }) => value),
        [3],
      );
      verifyModelSpec(spec, "default", "regress_x_to_y");
    });

    it("testMultiInference", async () => {
      const tasks = ["regress", "classify"].map((kind) => ({
        target: { name: "default", signature: `${kind}_x_to_y` },
        methodName: `tensorflow/serving/${kind}`,
      }));
      const results = await multiInference(client, tasks, { examples: [example] });
      const [first, second] = results.map(({ result }) => result);
      assert.ok(first?.case === "regressionResult" && second?.case === "classificationResult");
      assert.equal(first.value.regressions[0]?.value, 3);
      assert.equal(second.value.classifications[0]?.classes[0]?.score, 3);
      for (const [i, { modelSpec }] of results.entries()) {
        verifyModelSpec(modelSpec, "default", tasks[i]?.target.signature as string);
      }
    });

    it("testPredictSavedModel", async () => {
      await verifyPredictRequest(client, { output: 3 });
      await verifyPredictRequest(client, { output: 3, specifiesOutput: false });
    });

    it("testPredictUDS", () =>
      verifyPredictRequest(server.grpc(`unix:${socket}`), { output: 3, specifiesOutput: false }));

    it("testClassifyREST", async () => {
      const body = { signature_name: "classify_x_to_y", examples: [{ x: 2.5 }] };
      assert.deepEqual(await server.rest("/v1/models/default:classify", body), { results: [[["", 3.25]]] });
    });

    it("testRegressREST", async () => {
      const body = { signature_name: "regress_x_to_y", examples: [{ x: 2.5 }] };
      assert.deepEqual(await server.rest("/v1/models/default:regress", body), { results: [3.25] });
    });

    it("testPredictREST", async () => {
      const answer = await server.rest("/v1/models/default:predict", { instances: [2, 3, 4] });
      assert.deepEqual(answer, { predictions: [3, 3.5, 4] });
    });

    it("testPredictColumnarREST", async () => {
      const answer = await server.rest("/v1/models/default:predict", { inputs: [2, 3, 4] });
      assert.deepEqual(answer, { outputs: [3, 3.5, 4] });
    });

    it("testGetStatusREST", async () => {
      assert.deepEqual(await server.rest("/v1/models/default"), {
        model_version_status: [
          { version: "123", state: "AVAILABLE", status: { error_code: "OK", error_message: "" } },
        ],
      });
    });

    it("testGetModelMetadataREST", async () => {
      const expected = JSON.parse(await readFile(join(fixtures, "half_plus_two_metadata.json"), "utf8"));
      assert.deepEqual(await server.rest("/v1/models/default/metadata"), expected);
    });

    it("testPrometheusEndpoint", async () => {
      assert.match(String(await server.rest("/monitoring/prometheus/metrics")), /# TYPE/);
    });
  });

  it("testPredictUpconvertedSavedModel and testPredictBatching: half_plus_two as a SessionBundle", async () => {
    const base = join(folder, "session_bundle");
    writeSessionBundle(base);
    const flags = ["--model_name=default", `--model_base_path=${base}`];
    const batching = await file(
      "batching_config.txt",
      `max_batch_size { value: 128 } batch_timeout_micros { value: 0 } max_enqueued_batches { value: 1000000 }
       num_batch_threads { value: 8 }`,
    );
    const servers = await Promise.all([
      running(...flags),
      running(...flags, "--enable_batching", `--batching_parameters_file=${batching}`),
    ]);
    for (const server of servers) {
      await verifyPredictRequest(server.grpc(), { output: 3 });
      await verifyPredictRequest(server.grpc(), { output: 3, specifiesOutput: false });
    }
  });

  it("testBadModel: a model that can't be loaded is not found, and says why in its status", async () => {
    const base = join(folder, "bad_half_plus_two");
    writeSessionBundle(base);
    await writeFile(join(base, "00000123", "export.meta"), "not a MetaGraph");
    const server = await running("--model_name=default", `--model_base_path=${base}`);
    const client = server.grpc();
    await assert.rejects(verifyPredictRequest(client, { output: 3 }), {
      code: Code.NOT_FOUND,
      details: "Servable not found for request: Latest(default)",
    });
    const { modelVersionStatus } = await modelStatus(client, { name: "default" });
    assert.notEqual(modelVersionStatus[0]?.status?.errorCode, 0);
  });

  it("testGoodModelConfig", async () => {
    const models = { half_plus_two: model("half_plus_two"), half_plus_three: model("half_plus_three") };
    const server = await running(
      `--model_config_file=${await file("good_model_config.conf", configOf(models))}`,
    );
    const client = server.grpc();
    for (const specifiesOutput of [true, false]) {
      await verifyPredictRequest(client, { name: "half_plus_two", output: 3, specifiesOutput });
      await verifyPredictRequest(client, { name: "half_plus_three", output: 4, specifiesOutput });
    }
  });

  it("testBadModelConfig", async () => {
    const path = await file("bad_model_config.txt", "improperly formatted file");
    const server = await ModelServerProcess.start([`--model_config_file=${path}`]);
    assert.notEqual(await server.exited, 0);
    assert.match(server.log, /Error parsing text-format tensorflow\.serving\.ModelServerConfig/);
    assert.match(server.log, /bad_model_config\.txt: 1:1: /);
  });

  it("testModelConfigReload", async () => {
    const path = await file("reload.conf", configOf({ half_plus_two: model("half_plus_two") }));
    const server = await running(`--model_config_file=${path}`, "--model_config_file_poll_wait_seconds=1");
    const client = server.grpc();
    await verifyPredictRequest(client, { name: "half_plus_two", output: 3, specifiesOutput: false });
    await writeFile(path, configOf({ half_plus_three: model("half_plus_three") }));
    await eventually(() =>
      verifyPredictRequest(client, { name: "half_plus_three", output: 4, specifiesOutput: false }),
    );
  });

  it("testModelConfigReloadWithZeroPollPeriod", async () => {
    const path = await file("no_reload.conf", configOf({ half_plus_two: model("half_plus_two") }));
    const server = await running(`--model_config_file=${path}`, "--model_config_file_poll_wait_seconds=0");
    const client = server.grpc();
    await writeFile(path, configOf({ half_plus_three: model("half_plus_three") }));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await verifyPredictRequest(client, { name: "half_plus_two", output: 3, specifiesOutput: false });
  });

  it("testGoodGrpcChannelArgs", async () => {
    const server = await running(
      ...served("half_plus_two"),
      "--grpc_channel_arguments=grpc.max_connection_age_ms=2000,grpc.lb_policy_name=grpclb",
    );
    await verifyPredictRequest(server.grpc(), { output: 3, specifiesOutput: false });
  });

  it("testPredictOnTfLite", async () => {
    const server = await running(...served("half_plus_two_tflite"), "--prefer_tflite_model=true");
    await verifyPredictRequest(server.grpc(), { output: 3, specifiesOutput: false });
  });

  it("test_tf_saved_model_save", async () => {
    const server = await running(...served("tf_saved_model_save"));
    await verifyPredictRequest(server.grpc(), { output: 12, specifiesOutput: false });
  });

  it("test_tf_saved_model_save_multiple_signatures", async () => {
    const client = (await running(...served("tf_saved_model_save_multiple_signatures"))).grpc();
    await verifyPredictRequest(client, { output: 2, signature: "custom_signature_key" });
    await verifyPredictRequest(client, { output: 1 });
  });

  for (const [test, name] of [
    ["test_sequential_keras_saved_model_save", "keras_sequential"],
    ["test_distrat_sequential_keras_saved_model_save", "keras_distributed"],
  ] as const) {
    it(test, async () => {
      const server = await running(...served(name));
      await verifyPredictRequest(server.grpc(), { output: 2, specifiesOutput: false, isBatch: true });
    });
  }

  it("testPredictWithMultiThreadpool: flags of TensorFlow's own runtime are accepted", async () => {
    const pools = await file("thread_pool_config.txt", "");
    const server = await running(
      ...served("half_plus_two"),
      `--thread_pool_factory_config_file=${pools}`,
      "--tensorflow_inter_op_parallelism=2",
      "--per_process_gpu_memory_fraction=0.5",
    );
    await verifyPredictRequest(server.grpc(), { output: 3 });
    assert.match(server.log, /--thread_pool_factory_config_file has no effect: /);
  });
});

/** y = x / 2 + 2, version 123, with the signatures "inputs" and "outputs" that Predict was then made of. */
function writeSessionBundle(base: string): void {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", null, { name: "x" });
  const a = graph.variable("float32", [], { name: "a" });
  const b = graph.variable("float32", [], { name: "b" });
  const y = graph.compute("Add", [graph.compute("Mul", [x, a.read()]), b.read()], {}, { name: "y" });
  const scalar = (value: number) => tensor("float32", [], Float32Array.of(value));
  const values = new Map([
    ["a", scalar(0.5)],
    ["b", scalar(2)],
  ]);
  const exporter = new Exporter(new Saver(graph, values));
  exporter.init({
    namedGraphSignatures: { inputs: genericSignature({ x }), outputs: genericSignature({ y }) },
  });
  exporter.export(base, Number(VERSION));
}
