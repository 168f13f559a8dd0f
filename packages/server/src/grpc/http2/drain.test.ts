/** How connections end in peace: the client is told first, and what it has begun is finished. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Method, RunningTransport } from "../transport.js";
import { Flag, FrameType, frame } from "./frames.js";
import { startLean } from "./lean-transport.js";
import { framed } from "./message.js";
import { callFrames, RawClient } from "./testing/raw-client.js";

const SLOW = "/test/Slow";
const methods: readonly Method[] = [
  { kind: "unary", path: SLOW, handler: (request) => sleep(200, request.slice()) },
];

async function withServer(
  channelArguments: Readonly<Record<string, number>>,
  test: (client: RawClient, transport: RunningTransport) => Promise<void>,
): Promise<void> {
  const transport = await startLean(methods, {
    addresses: ["127.0.0.1:0"],
    maxRequestBytes: 1000,
    channelArguments: new Map(Object.entries(channelArguments)),
  });
  const client = await RawClient.connect(transport.ports[0] as number);
  try {
    await test(client, transport);
  } finally {
    client.close();
    transport.close();
  }
}

const pong = frame(FrameType.PING, Flag.ACK, 0, Buffer.alloc(8));
const lastStreams = (client: RawClient) =>
  client.frames.filter(({ type }) => type === FrameType.GOAWAY).map(({ payload }) => payload.readUInt32BE(0));
const goAway = ({ type }: { readonly type: number }) => type === FrameType.GOAWAY;

describe("A drained connection", () => {
  it("answers calls that were begun before the client heard of it, then closes", async () => {
    await withServer({}, async (client, transport) => {
      client.write(callFrames(1, SLOW, Buffer.from("one")));
      await sleep(50);
      const drained = transport.drain();
      await client.frame(goAway);
      client.write(callFrames(3, SLOW, Buffer.from("two")), pong, callFrames(5, SLOW, Buffer.from("three")));
      assert.deepEqual((await client.answer(1)).body, framed(Buffer.from("one")));
      assert.deepEqual((await client.answer(3)).body, framed(Buffer.from("two")));
      assert.equal(await client.reset(5), "REFUSED_STREAM");
      await drained;
      assert.deepEqual(lastStreams(client), [2 ** 31 - 1, 3]);
    });
  });

  it("does not wait for a client that never answers", async () => {
    await withServer({}, async (client, transport) => {
      client.write(callFrames(1, SLOW, Buffer.from("one")));
      await client.answer(1);
      await transport.drain();
      assert.deepEqual(lastStreams(client), [2 ** 31 - 1, 1]);
    });
  });
});

describe("Channel arguments", () => {
  for (const name of ["grpc.max_connection_age_ms", "grpc.max_connection_idle_ms"]) {
    it(`${name} drains a connection`, async () => {
      await withServer({ [name]: 100 }, async (client) => {
        client.write(callFrames(1, SLOW, Buffer.from("one")));
        assert.deepEqual((await client.answer(1)).body, framed(Buffer.from("one")));
        assert.equal(await client.ending(), "NO_ERROR");
      });
    });
  }

  it("grpc.max_concurrent_streams refuses calls beyond it", async () => {
    await withServer({ "grpc.max_concurrent_streams": 1 }, async (client) => {
      client.write(callFrames(1, SLOW, Buffer.from("one")), callFrames(3, SLOW, Buffer.from("two")));
      assert.equal(await client.reset(3), "REFUSED_STREAM");
      assert.deepEqual((await client.answer(1)).body, framed(Buffer.from("one")));
    });
  });
});
