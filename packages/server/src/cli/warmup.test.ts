/** `servable warmup record` as a process: from a log, and from traffic. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readTfRecordFile, tensor } from "@servable/formats";
import { eventually } from "../testing/eventually.js";
import { GrpcTestClient } from "../testing/grpc-test-client.js";
import { predict } from "../testing/serving-client.js";
import { modelAt, startTestServer, type TestServer } from "../testing/test-server.js";

const program = fileURLToPath(new URL("./main.js", import.meta.url));
const FILE = join("assets.extra", "tf_serving_warmup_requests");

function warmup(...args: string[]) {
  const child = spawn(process.execPath, [program, "warmup", ...args]);
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output.text += chunk;
    });
  }
  return { child, output, exited: new Promise((resolve) => child.on("close", resolve)) };
}

describe("servable warmup record", () => {
  let base: string;
  let server: TestServer;

  before(async () => {
    base = await mkdtemp(join(tmpdir(), "warmup-command-"));
    await mkdir(join(base, "m", "1"), { recursive: true });
    await mkdir(join(base, "m", "next"));
    await writeFile(join(base, "m", "1", "saved_model.pb"), "");
    const logging = { samplingRate: 1, filenamePrefix: join(base, "log") };
    server = await startTestServer([modelAt("m", join(base, "m"), { logging })]);
  });
  after(async () => {
    await server.stop();
    await rm(base, { recursive: true });
  });

  const x = (rows: number) => new Map([["x", tensor("float32", [rows], new Float32Array(rows))]]);

  async function records(folder: string): Promise<number> {
    let count = 0;
    for await (const _ of readTfRecordFile(join(folder, FILE))) count++;
    return count;
  }

  it("makes a warm-up file of a request log", async () => {
    for (const rows of [1, 1, 1, 2]) await predict(server.grpc, { name: "m" }, x(rows));
    const log = async () => {
      const name = (await readdir(base)).find((each) => each.startsWith("log."));
      return join(base, name as string);
    };
    const folder = join(base, "m", "next");
    await eventually(async () => {
      const { exited, output } = warmup(
        "record",
        folder,
        `--log=${await log()}`,
        "--max_alike=2",
        "--overwrite",
      );
      assert.equal(await exited, 0, output.text);
      assert.match(output.text, /Wrote 3 requests to .*tf_serving_warmup_requests/);
    });
    assert.equal(await records(folder), 3);
  });

  it("makes a warm-up file of what clients ask a server", async () => {
    const folder = await mkdtemp(join(base, "version-"));
    const address = `127.0.0.1:${server.server.grpcPorts[0]}`;
    const { exited, output } = warmup("record", folder, `--server=${address}`, "--port=0", "--max_records=2");
    await eventually(() => assert.match(output.text, /send to port \d+/));
    const client = new GrpcTestClient(`127.0.0.1:${/to port (\d+)/.exec(output.text)?.[1]}`);
    for (const rows of [1, 2]) await predict(client, { name: "m" }, x(rows));
    client.close();
    assert.equal(await exited, 0, output.text);
    assert.equal(await records(folder), 2);
  });

  for (const [about, args, message] of [
    ["no source", ["record", "/nowhere"], /either --log or --server/],
    ["another action", ["play", "/nowhere"], /no "servable warmup play"/],
    ["a folder that is not there", ["record", "/nowhere", "--log=x"], /NOT_FOUND: There is no folder/],
  ] as const) {
    it(`refuses ${about}`, async () => {
      const { exited, output } = warmup(...args);
      assert.notEqual(await exited, 0);
      assert.match(output.text, message);
    });
  }
});
