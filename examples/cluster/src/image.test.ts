/**
 * What the image and the package are made of: the same steps, in a clean folder, and then the server as they would run
 * it. Dependencies are installed from the registry, or from npm's cache.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connect } from "@servable/client";
import { freePort, stopProcess, untilAvailable } from "@servable/example-kit/testing/model-server";
import { isInstalled } from "./tools.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const script = (name: string) => path.join(root, "examples", "cluster", name);
const run = promisify(execFile);
const architecture = process.arch === "arm64" ? "arm64" : "amd64";

const canRun =
  process.platform === "linux" && existsSync(path.join(root, "packages/server/dist/bundle/servable.js"));

describe("the image's content", {
  skip: canRun ? false : "images are for Linux, and need `npm run build`",
}, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "servable-image-test-"));
  const app = path.join(folder, "app");
  let server: ChildProcess | undefined;
  let port: number;

  before(async () => {
    await run(process.execPath, [script("docker/assemble.mjs"), app, `--arch=${architecture}`]);
    const models = path.join(folder, "models");
    cpSync(path.join(root, "examples/mnist/model-mlp"), path.join(models, "mnist"), { recursive: true });
    port = await freePort();
    server = spawn(
      process.execPath,
      [path.join(app, "entrypoint.mjs"), `--port=${port}`, `--rest_api_port=${await freePort()}`],
      { cwd: folder, stdio: "ignore", env: { PATH: "", MODEL_NAME: "mnist", MODEL_BASE_PATH: models } },
    );
    await untilAvailable(`localhost:${port}`, "mnist");
  });
  after(async () => {
    if (server !== undefined) await stopProcess(server);
    rmSync(folder, { recursive: true });
  });

  it("serves the model that the environment names, as the original's image does", async () => {
    const client = connect({ grpc: `localhost:${port}` });
    const { outputs } = await client.predict({
      model: "mnist",
      signature: "predict_images",
      inputs: { images: [new Array<number>(784).fill(0.5)] },
    });
    assert.deepEqual(outputs.get("scores")?.shape, [1, 10]);
    client.close();
  });

  it("says that it is healthy, and when it is not there", async () => {
    await run(process.execPath, [path.join(app, "health.mjs"), String(port)]);
    await assert.rejects(run(process.execPath, [path.join(app, "health.mjs"), String(await freePort())]), {
      code: 1,
    });
  });

  it("has ONNX Runtime for one platform only, and no source maps", () => {
    const files = readdirSync(app, { recursive: true }) as string[];
    const binaries = files.filter((name) => name.endsWith("onnxruntime_binding.node"));
    const platform = `linux/${architecture === "arm64" ? "arm64" : "x64"}`;
    assert.equal(binaries.length, 1);
    assert.ok(binaries[0]?.includes(platform), binaries[0]);
    assert.deepEqual(
      files.filter((name) => name.endsWith(".map")),
      [],
    );
  });

  it("takes less than 150 MB", () => {
    const size = Number(execFileSync("du", ["-sm", app], { encoding: "utf8" }).split("\t")[0]);
    assert.ok(size < 150, `${size} MB`);
  });

  it("is a Debian package as well", {
    skip: isInstalled("dpkg-deb") ? false : "dpkg-deb is not installed",
  }, async () => {
    await run(process.execPath, [script("deb/build-deb.mjs"), app, folder, `--arch=${architecture}`]);
    const deb = path.join(folder, readdirSync(folder).find((name) => name.endsWith(".deb")) ?? "");
    const info = execFileSync("dpkg-deb", ["--info", deb], { encoding: "utf8" });
    assert.match(info, /Package: servable\n/);
    assert.match(info, new RegExp(`Architecture: ${architecture}\n`));
    assert.match(info, /Depends: nodejs \(>= 20\)/);
    const content = execFileSync("dpkg-deb", ["--contents", deb], { encoding: "utf8", maxBuffer: 2 ** 26 });
    for (const file of [
      "usr/bin/tensorflow_model_server",
      "lib/systemd/system/servable.service",
      "etc/servable/models.config",
    ]) {
      assert.match(content, new RegExp(`root/root .*\\./${file}\n`), file);
    }
  });
});

describe("the page's image", { skip: canRun ? false : "images are for Linux" }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "servable-page-test-"));
  after(() => rmSync(folder, { recursive: true }));

  it("serves the page from one folder", async () => {
    await run(process.execPath, [script("docker/assemble-page.mjs"), folder]);
    const port = await freePort();
    const program = path.join(folder, "dist", "mnist_page.js");
    const page = spawn(process.execPath, [program, "--server=localhost:1", `--port=${port}`], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await new Promise((resolve) => page.stdout.once("data", resolve));
      for (const file of ["", "style.css", "theme.css", "main.js", "mnist-image.js"]) {
        const response = await fetch(`http://localhost:${port}/${file}`);
        assert.equal(response.status, 200, file);
      }
      assert.equal((await fetch(`http://localhost:${port}/api/versions`)).status, 503);
    } finally {
      await stopProcess(page);
    }
  });
});
