import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Code, tensor } from "@servable/formats";
import { GrpcTestClient } from "../testing/grpc-test-client.js";
import { classify, modelStatus, predict } from "../testing/serving-client.js";
import { modelAt, startTestServer, type TestServer } from "../testing/test-server.js";
import { type RunningProxy, startRecordingProxy } from "./recording-proxy.js";

describe("the recording proxy", () => {
  let folder: string;
  let server: TestServer;
  let proxy: RunningProxy;
  let client: GrpcTestClient;
  const recorded: string[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "proxy-"));
    await mkdir(join(folder, "1"));
    await writeFile(join(folder, "1", "saved_model.pb"), "");
    server = await startTestServer([modelAt("m", folder)]);
    proxy = await startRecordingProxy({
      server: `127.0.0.1:${server.server.grpcPorts[0]}`,
      listen: "127.0.0.1:0",
      maxRequestBytes: 2 ** 20,
      onAnswered: (api) => recorded.push(api),
    });
    client = new GrpcTestClient(`127.0.0.1:${proxy.port}`);
  });
  after(async () => {
    client.close();
    await proxy.stop();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const x = () => new Map([["x", tensor("float32", [2], Float32Array.of(1, 2))]]);

  it("passes calls on, and tells of those that were answered", async () => {
    const { outputs } = await predict(client, { name: "m" }, x());
    assert.deepEqual(outputs.get("y")?.data, Float32Array.of(2.5, 3));
    await classify(
      client,
      { name: "m", signature: "classify" },
      { examples: [new TextEncoder().encode("2")] },
    );
    assert.equal((await modelStatus(client, { name: "m" })).modelVersionStatus.length, 1);
    assert.deepEqual(recorded, ["Predict", "Classify"]);
  });

  it("passes errors on, and tells nothing of them", async () => {
    recorded.length = 0;
    await assert.rejects(predict(client, { name: "m", signature: "none" }, x()), {
      code: Code.FAILED_PRECONDITION,
      details: 'Serving signature key "none" not found.',
    });
    assert.deepEqual(recorded, []);
  });
});
