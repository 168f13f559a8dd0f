/** Train, export, serve, ask: the way through the README, with a small data set and free ports. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { freePort, type ModelServer, startModelServer } from "@servable/example-kit/testing/model-server";
import { SavedModelBuilder } from "@servable/formats";
import { exportModel } from "./export-model.js";
import { idxBytes, syntheticDigits } from "./testing/synthetic-digits.js";
import { recipes, train } from "./training.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: root });

describe("the demo", () => {
  it("serves the checked-in model and recognises a drawn digit", async () => {
    const ports = [`--port=${await freePort()}`, `--rest_api_port=${await freePort()}`];
    const { stdout } = await node("scripts/demo.mjs", "--once", "--digit=3", ...ports);
    assert.match(stdout, /Scores of mnist, version 1/);
    assert.match(stdout, /\n {2}3 {2}0\.9\d+ {2}█+ {2}←\n/);
  });
});

describe("the client", () => {
  const folder = mkdtempSync(join(tmpdir(), "mnist-end-to-end-"));
  const data = syntheticDigits(200, 2);
  let server: ModelServer;

  before(async () => {
    const layers = train(syntheticDigits(1000, 1), { ...recipes.softmax, trainingIterations: 200 });
    exportModel(layers, new SavedModelBuilder(join(folder, "model", "1")));
    writeFileSync(join(folder, "t10k-images-idx3-ubyte.gz"), gzipSync(idxBytes([200, 28, 28], data.images)));
    writeFileSync(join(folder, "t10k-labels-idx1-ubyte.gz"), gzipSync(idxBytes([200], data.labels)));
    server = await startModelServer(["--model_name=mnist", `--model_base_path=${folder}/model`], ["mnist"]);
  });

  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it("asks a server and tells how often the model errs", async () => {
    const flags = [
      `--server=${server.address}`,
      "--num_tests=200",
      "--concurrency=4",
      `--data_dir=${folder}`,
    ];
    const { stdout, stderr } = await node("examples/mnist/dist/mnist_client.js", ...flags);
    assert.equal(stderr, "");
    const [, rate] = /^\.{200}\nInference error rate: ([\d.]+)%\n$/.exec(stdout) ?? [];
    assert.ok(Number(rate) <= 1, stdout);
  });

  const rejected: [situation: string, flags: string[], message: RegExp][] = [
    ["no server", [], /Please specify the server: --server=host:port/],
    ["more tests than images", ["--server=x:1", "--num_tests=201"], /should not be greater than 200/],
    [
      "a server that is not there",
      ["--server=localhost:1", "--num_tests=2"],
      /2 requests failed: .*ECONNREFUSED/,
    ],
  ];
  for (const [situation, flags, message] of rejected) {
    it(`fails with ${situation}`, async () => {
      const call = node("examples/mnist/dist/mnist_client.js", `--data_dir=${folder}`, ...flags);
      await assert.rejects(call, (error: { code: number; stderr: string }) => {
        assert.equal(error.code, 1);
        assert.match(error.stderr, message);
        return true;
      });
    });
  }
});
