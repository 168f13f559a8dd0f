/** Which answers are compressed, as seen on the wire. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Method, RunningTransport } from "../transport.js";
import { Flag } from "./frames.js";
import { LeanContext } from "./lean-context.js";
import { startLean } from "./lean-transport.js";
import { framed } from "./message.js";
import { callHeaders, dataFrame, headersFrame, RawClient } from "./testing/raw-client.js";

const ECHO = "/test/Echo";
const GZIP = 2;
const large = Buffer.alloc(5000, "servable ");

const told: Method = {
  kind: "bidi-stream",
  path: "/test/Told",
  async *handler(requests, context) {
    assert.ok(context instanceof LeanContext);
    for await (const _ of requests) yield Uint8Array.of(context.isRequestCompressed ? 1 : 0);
  },
};
const mixed: Method = {
  kind: "server-stream",
  path: "/test/Mixed",
  async *handler(_, context) {
    assert.ok(context instanceof LeanContext);
    for (const isCompressed of [true, false, true]) {
      context.compressesAnswers = isCompressed;
      yield large;
    }
  },
};

/** Messages by their flags. */
function flags(body: Buffer): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at < body.length; at += 5 + body.readUInt32BE(at + 1)) found.push(body[at] as number);
  return found;
}

describe("A server that compresses by gzip", () => {
  let transport: RunningTransport;
  before(async () => {
    const channelArguments = new Map([["grpc.default_compression_algorithm", GZIP]]);
    const echo = {
      kind: "unary",
      path: ECHO,
      handler: async (request: Uint8Array) => request.slice(),
    } as const;
    transport = await startLean([echo, told, mixed], {
      addresses: ["127.0.0.1:0"],
      maxRequestBytes: 1 << 20,
      channelArguments,
    });
  });
  after(() => transport.close());

  async function echoed(message: Uint8Array, accepted: Readonly<Record<string, string>>) {
    const client = await RawClient.connect(transport.ports[0] as number);
    const headers = callHeaders(ECHO, accepted);
    client.write(headersFrame(1, headers), dataFrame(1, framed(message), Flag.END_STREAM));
    const answer = await client.answer(1);
    client.close();
    return answer;
  }

  it("does so for a client that accepts it, and says so", async () => {
    const { headers, body } = await echoed(large, { "grpc-accept-encoding": "identity, gzip" });
    assert.ok(headers.some(({ name, value }) => name === "grpc-encoding" && value === "gzip"));
    assert.equal(body[0], 1);
    assert.ok(body.length < large.length / 10);
    assert.deepEqual(gunzipSync(body.subarray(5)), large);
  });

  it("does so message by message, as the method likes", async () => {
    const client = await RawClient.connect(transport.ports[0] as number);
    const headers = callHeaders(mixed.path, { "grpc-accept-encoding": "gzip" });
    client.write(headersFrame(1, headers), dataFrame(1, framed(Buffer.of(1)), Flag.END_STREAM));
    assert.deepEqual(flags((await client.answer(1)).body), [1, 0, 1]);
    client.close();
  });

  it("tells the method which messages came compressed", async () => {
    const client = await RawClient.connect(transport.ports[0] as number);
    const messages = [framed(gzipSync(large), true), framed(large), framed(gzipSync(large), true)];
    const headers = callHeaders(told.path, { "grpc-encoding": "gzip" });
    client.write(headersFrame(1, headers), dataFrame(1, Buffer.concat(messages), Flag.END_STREAM));
    const { body } = await client.answer(1);
    assert.deepEqual(body, Buffer.concat([1, 0, 1].map((byte) => framed(Buffer.of(byte)))));
    client.close();
  });

  it("leaves small messages as they are", async () => {
    const { body } = await echoed(Buffer.of(7), { "grpc-accept-encoding": "gzip" });
    assert.deepEqual(body, framed(Buffer.of(7)));
  });

  for (const accepted of [{}, { "grpc-accept-encoding": "deflate" }]) {
    it(`does not for a client that accepts ${JSON.stringify(accepted)}`, async () => {
      const { headers, body } = await echoed(large, accepted);
      assert.ok(!headers.some(({ name }) => name === "grpc-encoding"));
      assert.deepEqual(body, framed(large));
    });
  }
});
