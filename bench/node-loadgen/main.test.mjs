import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const program = fileURLToPath(new URL("main.mjs", import.meta.url));

/**
 * A gRPC server on Node's own HTTP/2 that answers each message with `answer`, or fails every call when it gives none.
 * @param {(message: Buffer) => Buffer | undefined} answer
 */
async function startServer(answer) {
  const server = createServer();
  server.on("stream", (stream, headers) => {
    /** @type {Buffer[]} */
    const chunks = [];
    stream.on("data", (/** @type {Buffer} */ chunk) => chunks.push(chunk));
    stream.on("end", () => {
      assert.equal(headers[":path"], "/test.Service/Method");
      const reply = answer(Buffer.concat(chunks).subarray(5));
      if (reply === undefined) {
        stream.respond({ ":status": 200, "grpc-status": "13" }, { endStream: true });
        return;
      }
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      const head = Buffer.alloc(5);
      head.writeUInt32BE(reply.length, 1);
      stream.end(Buffer.concat([head, reply]));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { target: `127.0.0.1:${port}`, close: () => server.close() };
}

describe("the load generator", () => {
  const folder = mkdtempSync(join(tmpdir(), "servable-loadgen-"));
  const [requestFile, dumpFile] = [join(folder, "request.bin"), join(folder, "answer.bin")];
  const message = Buffer.alloc(20_000, "abc");
  before(() => writeFileSync(requestFile, message));
  after(() => rmSync(folder, { recursive: true }));

  const load = (/** @type {string} */ target) =>
    run(process.execPath, [
      program,
      `--target=${target}`,
      `--request=${requestFile}`,
      `--dump=${dumpFile}`,
      "--method=/test.Service/Method",
      "--concurrency=4",
      "--warmup=0.1",
      "--duration=0.3",
    ]);

  it("sends the message over and over and counts the answers", async () => {
    let received = 0;
    const server = await startServer((sent) => {
      received++;
      assert.ok(sent.equals(message));
      return Buffer.from("pong");
    });
    const { stdout } = await load(server.target);
    server.close();
    const result = JSON.parse(stdout);
    assert.equal(result.errors, 0);
    assert.equal(result.concurrency, 4);
    assert.ok(result.requests > 0 && result.requests < received);
    assert.ok(Math.abs(result.rps - result.requests / result.seconds) < 0.01 * result.rps);
    assert.ok(result.p50_ms <= result.p99_ms && result.p99_ms <= result.max_ms);
    assert.equal(readFileSync(dumpFile, "utf8"), "pong");
  });

  it("sends messages larger than a flow-control window, and takes such answers", async () => {
    const large = Buffer.from(Uint8Array.from({ length: 3_000_001 }, (_, i) => i % 251));
    writeFileSync(requestFile, large);
    const server = await startServer((sent) => sent);
    const { stdout } = await load(server.target);
    server.close();
    writeFileSync(requestFile, message);
    assert.ok(JSON.parse(stdout).requests > 0);
    assert.ok(readFileSync(dumpFile).equals(large));
  });

  it("fails when a call fails", async () => {
    const server = await startServer(() => undefined);
    await assert.rejects(load(server.target), { code: 1, stderr: /an answer has no message/ });
    server.close();
  });

  it("fails when an answer is not the same as the first", async () => {
    let calls = 0;
    const server = await startServer(() => Buffer.from(++calls === 50 ? "pang" : "pong"));
    await assert.rejects(load(server.target), { code: 1, stderr: /an answer differs/ });
    server.close();
  });

  it("fails when nobody listens", () =>
    assert.rejects(load("127.0.0.1:1"), { code: 1, stderr: /cannot connect to 127\.0\.0\.1:1/ }));
});
