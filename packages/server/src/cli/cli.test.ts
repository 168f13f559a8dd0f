/** The server as a process: what it prints, how it starts, how it ends. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { GraphBuilder, predictSignatureDef, SavedModelBuilder, tensor } from "@servable/formats";
import { freePort } from "../free-port.js";
import { serve } from "../index.js";
import { createLog } from "../log.js";
import { eventually } from "../testing/eventually.js";

const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

class Process {
  output = "";
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor(name: string, ...args: string[]) {
    this.child = spawn(process.execPath, [program(name), ...args]);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.output += chunk;
      });
    }
    this.exited = new Promise((resolve) => this.child.on("close", resolve));
  }

  async untilPrinted(pattern: RegExp): Promise<void> {
    await eventually(() => assert.match(this.output, pattern));
  }
}

/** y = x / 2 + 2 */
function writeHalfPlusTwo(folder: string): void {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1], { name: "x" });
  const scalar = (value: number) => tensor("float32", [], Float32Array.of(value));
  const y = graph.compute("AddV2", [graph.compute("Mul", [x, scalar(0.5)]), scalar(2)]);
  const builder = new SavedModelBuilder(folder);
  const signatures = { serving_default: predictSignatureDef({ x }, { y }) };
  builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables: new Map() });
  builder.save();
}

describe("the programs", () => {
  let base: string;
  before(async () => {
    base = await mkdtemp(join(tmpdir(), "cli-"));
    writeHalfPlusTwo(join(base, "1"));
  });
  after(() => rm(base, { recursive: true }));

  const outputs: [string, string[], number, RegExp][] = [
    ["main", [], 0, /Usage: servable COMMAND[\s\S]*serve +Serve models/],
    ["main", ["--version"], 0, /^Servable ModelServer: \d+\.\d+\.\d+\n$/],
    ["main", ["nope"], 2, /Unknown command "nope"/],
    ["main", ["serve", "--help"], 0, /--model_base_path[\s\S]*Accepted without effect/],
    ["tensorflow-model-server", ["--version"], 0, /ModelServer: \d/],
    [
      "tensorflow-model-server",
      ["--modelname=x"],
      1,
      /unknown flag --modelname, did you mean --model_name\?/,
    ],
    ["tensorflow-model-server", [], 1, /Both --model_base_path and --model_config_file are empty/],
  ];
  for (const [name, args, code, printed] of outputs) {
    it(`${name} ${args.join(" ")} exits with ${code}`, async () => {
      const run = new Process(name, ...args);
      assert.equal(await run.exited, code, run.output);
      assert.match(run.output, printed);
    });
  }

  it("serve until SIGTERM, then exit with 0", async () => {
    const [port, restPort] = [await freePort(), await freePort()];
    const run = new Process(
      "tensorflow-model-server",
      `--port=${port}`,
      `--rest_api_port=${restPort}`,
      "--model_name=half",
      `--model_base_path=${base}`,
      "--enable_profiler=false",
    );
    await run.untilPrinted(new RegExp(`Running gRPC ModelServer at 0\\.0\\.0\\.0:${port} \\.\\.\\.`));
    await run.untilPrinted(new RegExp(`Exporting HTTP/REST API at:localhost:${restPort} \\.\\.\\.`));
    assert.match(run.output, /--enable_profiler has no effect/);
    assert.match(run.output, /Successfully loaded servable version \{name: half version: 1\}/);
    const answer = await fetch(`http://localhost:${restPort}/v1/models/half:predict`, {
      method: "POST",
      body: '{"instances": [1, 2, 5]}',
    });
    assert.deepEqual(await answer.json(), { predictions: [2.5, 3, 4.5] });
    run.child.kill("SIGTERM");
    assert.equal(await run.exited, 0, run.output);
  });

  it("end at once at the second signal", async () => {
    const restPort = await freePort();
    const run = new Process(
      "main",
      "serve",
      "--port=0",
      `--rest_api_port=${restPort}`,
      `--model_base_path=${base}`,
    );
    await run.untilPrinted(/Exporting/);
    // A request that never ends: its body is announced, not sent.
    const unfinished = request({
      port: restPort,
      method: "POST",
      path: "/v1/models/default:predict",
      headers: { "Content-Length": 10 },
    });
    unfinished.on("error", () => {});
    unfinished.flushHeaders();
    await new Promise((resolve) => setTimeout(resolve, 100));
    run.child.kill("SIGTERM");
    await run.untilPrinted(/A second signal ends at once/);
    run.child.kill("SIGTERM");
    assert.equal(await run.exited, 143);
  });

  it("can be parts of another program", async () => {
    const [port, restPort] = [await freePort(), await freePort()];
    const lines: string[] = [];
    const log = createLog((line) => lines.push(line));
    const server = await serve({ model_base_path: base, port, rest_api_port: restPort }, log);
    await server.settled;
    assert.deepEqual([server.grpcPorts, server.restPort], [[port], restPort]);
    assert.ok(lines.some((line) => line.includes("Successfully loaded")));
    await server.stop();
    await assert.rejects(serve({}), { codeName: "INVALID_ARGUMENT" });
  });
});
