/** How a server ends, how it starts where another was killed, and what it refuses to take on. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Code, tensor } from "@servable/formats";
import { eventually } from "../testing/eventually.js";
import { modelStatus, predict } from "../testing/serving-client.js";
import { modelAt, startTestServer } from "../testing/test-server.js";
import { ModelServerProcess } from "./model-server-process.js";

const HALF_PLUS_TWO = fileURLToPath(new URL("../../src/integration/fixtures/half_plus_two", import.meta.url));

const sleep = (ms: number) => new Map([["ms", tensor("int32", [], Int32Array.of(ms))]]);
const x = () => new Map([["x", tensor("float32", [1], Float32Array.of(2))]]);

describe("a server", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "leaving-"));
  });
  after(() => rm(folder, { recursive: true }));

  /** A model of the fake engine, with these versions. */
  async function model(...versions: number[]): Promise<string> {
    const base = await mkdtemp(join(folder, "model-"));
    for (const version of versions) await addVersion(base, version);
    return base;
  }

  async function addVersion(base: string, version: number): Promise<void> {
    await mkdir(join(base, String(version)));
    await writeFile(join(base, String(version), "saved_model.pb"), "");
  }

  it("waits for requests under way no longer than it is told", async () => {
    const server = await startTestServer([modelAt("m", await model(1))], { drainMs: 300 });
    const slow = predict(server.grpc, { name: "m", signature: "sleep" }, sleep(4000));
    const outcome = assert.rejects(slow);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const start = performance.now();
    assert.equal(await server.server.stop(), false);
    assert.ok(performance.now() - start < 3000);
    await outcome;
    server.grpc.close();
    assert.ok(server.log.some((line) => /still under way after 300 ms/.test(line)));
  });

  it("answers what it has accepted, and is then done", async () => {
    const server = await startTestServer([modelAt("m", await model(1))]);
    const slow = predict(server.grpc, { name: "m", signature: "sleep" }, sleep(500));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const stopped = server.server.stop();
    assert.equal((await slow).outputs.get("ms")?.data[0], 500);
    assert.equal(await stopped, true);
    server.grpc.close();
  });

  it("exits with 0 after SIGTERM", async () => {
    const server = await ModelServerProcess.running(["--model_name=m", `--model_base_path=${HALF_PLUS_TWO}`]);
    server.signal("SIGTERM");
    assert.equal(await server.exited, 0);
  });

  it("comes up again where one was killed, its socket left behind", async () => {
    const socket = join(folder, "server.sock");
    const flags = ["--model_name=m", `--model_base_path=${HALF_PLUS_TWO}`, `--grpc_socket_path=${socket}`];
    const killed = await ModelServerProcess.running(flags);
    killed.signal("SIGKILL");
    await killed.exited;
    const server = await ModelServerProcess.running(flags);
    const { outputs } = await predict(server.grpc(`unix:${socket}`), { name: "m" }, x());
    assert.deepEqual(outputs.get("y")?.data, Float32Array.of(3));
    await server.stop();
  });

  it("does not take the socket of one that lives", async () => {
    const socket = join(folder, "taken.sock");
    const base = await model(1);
    const grpc = {
      addresses: ["127.0.0.1:0", `unix:${socket}`],
      channelArguments: new Map(),
      hasHealthService: true,
    };
    const server = await startTestServer([modelAt("m", base)], { grpc });
    await assert.rejects(startTestServer([modelAt("m", base)], { grpc }), { codeName: "UNAVAILABLE" });
    await new Promise<void>((resolve, reject) => {
      const connection = createConnection(socket, () => {
        connection.destroy();
        resolve();
      }).on("error", reject);
    });
    await server.stop();
  });

  it("holds no two versions at once, when told so", async () => {
    const base = await model(1);
    const server = await startTestServer([modelAt("m", base)], {
      lifeCycle: {
        pollIntervalMs: 20,
        maxParallelLoads: 2,
        maxParallelUnloads: 2,
        maxLoadRetries: 0,
        loadRetryIntervalMs: 10,
        labelsForUnavailable: "none",
        transition: "resource_preserving",
      },
    });
    await addVersion(base, 2);
    await eventually(() => {
      assert.ok(server.log.some((line) => /Successfully loaded.*version: 2/.test(line)));
    });
    const at = (pattern: RegExp) => server.log.findIndex((line) => pattern.test(line));
    assert.ok(at(/Unloaded servable version.*version: 1}/) >= 0);
    assert.ok(at(/Unloaded servable version.*version: 1}/) < at(/Loading servable version.*version: 2}/));
    await server.stop();
  });

  it("refuses to load what its memory limit leaves no room for, and serves on", async () => {
    const server = await startTestServer([modelAt("m", await model(1))], { memoryLimitBytes: 2 ** 20 });
    const { modelVersionStatus } = await modelStatus(server.grpc, { name: "m" });
    assert.equal(modelVersionStatus[0]?.status?.errorCode, Code.RESOURCE_EXHAUSTED);
    assert.match(modelVersionStatus[0]?.status?.errorMessage ?? "", /of the limit of 1 MiB are in use/);
    await server.stop();
  });
});
