import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseFlags } from "./parse-flags.js";
import { settingsOf } from "./server-settings.js";

describe("settings", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "settings-"));
  });
  after(() => rm(folder, { recursive: true }));

  const settings = (...args: string[]) => settingsOf(parseFlags(["--model_base_path=/m", ...args]).values);

  async function file(name: string, text: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  }

  it("are of one model, served over gRPC, by default", async () => {
    const { models, grpc, rest, load, batching, prometheus } = await settings();
    assert.deepEqual(models, [
      { name: "default", basePath: resolve("/m"), versions: { kind: "latest", count: 1 }, labels: new Map() },
    ]);
    assert.deepEqual(grpc.addresses, ["0.0.0.0:8500"]);
    assert.deepEqual(load, { tags: ["serve"] });
    assert.equal(batching.signatures, "proven");
    assert.deepEqual([rest, prometheus], [undefined, undefined]);
  });

  describe("of a platform", () => {
    const platform = (type: string, config: string) =>
      `platform_configs { key: "tensorflow" value { source_adapter_config {
         [type.googleapis.com/tensorflow.serving.${type}] { ${config} } } } }`;

    it("are tags, warm-up, batching and threads, in place of the flags", async () => {
      const path = await file(
        "platform.config",
        platform(
          "SavedModelBundleSourceAdapterConfig",
          `legacy_config {
             saved_model_tags: "serve" saved_model_tags: "tpu"
             enable_model_warmup: true model_warmup_options { num_request_iterations { value: 3 } }
             batching_parameters { max_batch_size { value: 16 } } enable_per_model_batching_params: true
             session_config { intra_op_parallelism_threads: 2 } prefer_tflite_model: true
             enable_saved_model_config: true }`,
        ),
      );
      const { load, warmUp, batching, hasBatchingPerModel, requiresModelConfig } = await settings(
        `--platform_config_file=${path}`,
        "--saved_model_tags=other",
        "--tensorflow_intra_op_parallelism=7",
      );
      assert.deepEqual(load, { tags: ["serve", "tpu"], intraOpThreads: 2, preferTfliteModel: true });
      assert.deepEqual(warmUp, { isEnabled: true, iterations: 3, isSynthetic: true });
      assert.deepEqual([batching.signatures, batching.maxRows], ["all", 16]);
      assert.deepEqual([hasBatchingPerModel, requiresModelConfig], [true, true]);
    });

    it("ignore --enable_batching, and know the older type", async () => {
      const path = await file("older.config", platform("SessionBundleSourceAdapterConfig", "config {}"));
      const { batching, warmUp } = await settings(`--platform_config_file=${path}`, "--enable_batching");
      assert.equal(batching.signatures, "proven");
      assert.equal(warmUp.isEnabled, false);
    });

    for (const [about, text, message] of [
      ["another platform", 'platform_configs { key: "caffe" }', /no platform "tensorflow", only "caffe"/],
      [
        "no configuration",
        'platform_configs { key: "tensorflow" }',
        /holds "", expected a tensorflow\.serving/,
      ],
      ["an unknown type", platform("Other", ""), /unknown message type/],
    ] as const) {
      it(`are refused: ${about}`, async () => {
        const path = await file("refused.config", text);
        await assert.rejects(settings(`--platform_config_file=${path}`), {
          codeName: "INVALID_ARGUMENT",
          message,
        });
      });
    }
  });

  it("take threads from a session's configuration, where no flag says otherwise", async () => {
    const path = await file("session.config", "intra_op_parallelism_threads: 3 allow_soft_placement: true");
    const flag = `--tensorflow_session_config_file=${path}`;
    assert.equal((await settings(flag)).load.intraOpThreads, 3);
    assert.equal((await settings(flag, "--tensorflow_intra_op_parallelism=2")).load.intraOpThreads, 2);
  });

  it("take models, policies and labels from the model config file", async () => {
    const path = await file(
      "models.config",
      `model_config_list {
        config { name: "a" base_path: "/models/a" model_platform: "tensorflow"
                 model_version_policy { specific { versions: 42 versions: 43 } }
                 version_labels { key: "stable" value: 42 } version_labels { key: "canary" value: 43 } }
        config { name: "b" base_path: "/models/b" model_platform: "tensorflow" model_version_policy { all {} } }
        config { name: "c" base_path: "/models/c" model_version_policy { latest { num_versions: 3 } } }
      }`,
    );
    const { models, modelConfigFile, modelConfigPollMs } = await settings(
      `--model_config_file=${path}`,
      "--model_config_file_poll_wait_seconds=60",
    );
    assert.deepEqual(models, [
      {
        name: "a",
        basePath: "/models/a",
        versions: { kind: "specific", versions: [42n, 43n] },
        labels: new Map([
          ["stable", 42n],
          ["canary", 43n],
        ]),
      },
      { name: "b", basePath: "/models/b", versions: { kind: "all" }, labels: new Map() },
      { name: "c", basePath: "/models/c", versions: { kind: "latest", count: 3 }, labels: new Map() },
    ]);
    assert.deepEqual([modelConfigFile, modelConfigPollMs], [path, 60_000]);
  });

  it("take TLS from the SSL config file", async () => {
    const path = await file(
      "ssl.config",
      'server_key: "K\\n" server_cert: "C" custom_ca: "A" client_verify: true',
    );
    const { grpc } = await settings(`--ssl_config_file=${path}`);
    assert.deepEqual(grpc.tls, {
      key: "K\n",
      certificate: "C",
      clientAuthority: "A",
      requireClientCertificate: true,
    });
  });

  it("take the metrics' path from the monitoring config file", async () => {
    const own = await file("monitoring.config", 'prometheus_config { enable: true path: "/metrics" }');
    assert.deepEqual((await settings(`--monitoring_config_file=${own}`)).prometheus, { path: "/metrics" });
    const off = await file("off.config", "prometheus_config { enable: false }");
    assert.equal((await settings(`--monitoring_config_file=${off}`)).prometheus, undefined);
    const on = await file("on.config", "prometheus_config: { enable: true }");
    const { prometheus } = await settings(`--monitoring_config_file=${on}`);
    assert.deepEqual(prometheus, { path: "/monitoring/prometheus/metrics" });
  });

  it("take addresses and channel arguments", async () => {
    const { grpc, rest } = await settings(
      "--port=0",
      "--grpc_socket_path=/tmp/s",
      "--rest_api_port=8501",
      "--grpc_channel_arguments=grpc.max_connection_age_ms=2000,grpc.x=text",
    );
    assert.deepEqual(grpc.addresses, ["unix:/tmp/s"]);
    assert.deepEqual(
      [...grpc.channelArguments],
      [
        ["grpc.max_connection_age_ms", 2000],
        ["grpc.x", "text"],
      ],
    );
    assert.equal(rest?.port, 8501);
  });

  const faults: [string, () => Promise<unknown>, RegExp][] = [
    [
      "no model",
      () => settingsOf(parseFlags([]).values),
      /Both --model_base_path and --model_config_file are empty/,
    ],
    [
      "a remote path",
      () => settings("--model_base_path=gs://bucket/m"),
      /"gs:\/\/bucket\/m" is not in the local file system/,
    ],
    [
      "one name twice",
      async () =>
        settings(
          `--model_config_file=${await file("t", 'model_config_list { config { name: "a" base_path: "/a" } config { name: "a" base_path: "/b" } config { base_path: "/c" } }')}`,
        ),
      /model a multiple times.*; .*has no name|has no name.*; .*multiple times/,
    ],
    ["no port", () => settings("--port=0"), /At least one of --port/],
    ["one port twice", () => settings("--rest_api_port=8500"), /both 8500/],
    ["a port that is none", () => settings("--port=70000"), /--port=70000 is no port/],
    [
      "parameters without batching",
      () => settings("--batching_parameters_file=x"),
      /without setting --enable_batching/,
    ],
    ["a file that isn't there", () => settings("--model_config_file=/none"), /Cannot read \/none/],
    [
      "a file that is no config",
      async () => settings(`--model_config_file=${await file("bad", "model_config_list {")}`),
      /bad/,
    ],
    [
      "a model without a name",
      async () =>
        settings(
          `--model_config_file=${await file("u", 'model_config_list { config { base_path: "/a" model_platform: "caffe" } }')}`,
        ),
      /model_platform "caffe" is not supported/,
    ],
    [
      "an SSL config without a key",
      async () => settings(`--ssl_config_file=${await file("s", 'server_cert: "c"')}`),
      /server_key and server_cert/,
    ],
    [
      "a channel argument without a value",
      () => settings("--grpc_channel_arguments=a"),
      /"a" is not name=value/,
    ],
  ];
  for (const [title, make, message] of faults) {
    it(`are refused with ${title}`, () => assert.rejects(make, { message }));
  }
});
