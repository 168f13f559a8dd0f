/** How the bytes of a body become one piece of memory. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { StatusError } from "@servable/formats";
import { readBody } from "./http-body.js";

const MAX_BYTES = 2 ** 31;

/** A request that announces a length, or none, and sends chunks. */
function request(declared: number | undefined, chunks: readonly Buffer[]): IncomingMessage {
  const stream = new PassThrough();
  const headers = declared === undefined ? {} : { "content-length": String(declared) };
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return Object.assign(stream, { headers }) as unknown as IncomingMessage;
}

/** Chunks as the network brings them, each byte telling its place. */
function chunksOf(bytes: number, size = 65_536): Buffer[] {
  const whole = Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => i % 251));
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes; at += size) chunks.push(whole.subarray(at, at + size));
  return chunks;
}

describe("A body", () => {
  for (const bytes of [0, 1, 1000, 65_536, 65_537, 200_000, 3_000_000]) {
    for (const says of [true, false]) {
      it(`of ${bytes} bytes arrives as it was sent, its length announced: ${says}`, async () => {
        const chunks = chunksOf(bytes);
        const body = await readBody(request(says ? bytes : undefined, chunks), MAX_BYTES);
        assert.ok(Buffer.concat(chunks).equals(body));
      });
    }
  }

  it("of some size has memory to itself, to be moved to another thread as it is", async () => {
    const body = await readBody(request(3_000_000, chunksOf(3_000_000)), MAX_BYTES);
    assert.equal(body.buffer.byteLength, body.byteLength);
    assert.equal(body.byteOffset, 0);
  });

  it("that is announced and does not come takes no memory", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const stream = Object.assign(new PassThrough(), { headers: { "content-length": "2000000000" } });
    const body = readBody(stream as unknown as IncomingMessage, MAX_BYTES);
    stream.write(Buffer.alloc(1_000_000));
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(process.memoryUsage().arrayBuffers - before < 100_000_000);
    stream.destroy(new Error("gone"));
    await assert.rejects(body, /gone/);
  });

  const tooLarge = (reason: unknown) =>
    reason instanceof StatusError && reason.message === "The body is larger than 1000 bytes";

  it("that is announced as too large is refused before it comes", async () => {
    await assert.rejects(readBody(request(1001, []), 1000), tooLarge);
  });

  it("that grows too large is refused", async () => {
    await assert.rejects(readBody(request(undefined, chunksOf(1001, 100)), 1000), tooLarge);
  });
});
