/** Which answers are compressed, as seen on the wire. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import type { RunningTransport } from "../transport.js";
import { Flag } from "./frames.js";
import { startLean } from "./lean-transport.js";
import { framed } from "./message.js";
import { callHeaders, dataFrame, headersFrame, RawClient } from "./testing/raw-client.js";

const ECHO = "/test/Echo";
const GZIP = 2;
const large = Buffer.alloc(5000, "servable ");

describe("A server that compresses by gzip", () => {
  let transport: RunningTransport;
  before(async () => {
    const channelArguments = new Map([["grpc.default_compression_algorithm", GZIP]]);
    const echo = {
      kind: "unary",
      path: ECHO,
      handler: async (request: Uint8Array) => request.slice(),
    } as const;
    transport = await startLean([echo], {
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
