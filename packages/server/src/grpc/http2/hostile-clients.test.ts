/** Clients that break HTTP/2's rules, or keep to them and do harm: each is cut off, and the server serves on. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { Code } from "@servable/formats";
import type { Method, RunningTransport } from "../transport.js";
import {
  DEFAULT_FRAME_BYTES,
  ErrorCode,
  Flag,
  FrameType,
  frame,
  resetFrame,
  Setting,
  windowUpdateFrame,
} from "./frames.js";
import { encodeHeaders } from "./hpack.js";
import { startLeanWith } from "./lean-transport.js";
import { framed } from "./message.js";
import { callFrames, callHeaders, dataFrame, headersFrame, RawClient } from "./testing/raw-client.js";

const STALL_MS = 300;
const MAX_CALLS = 100;
const ECHO = "/test/Echo";

let running = 0;
let mostRunning = 0;

const methods: readonly Method[] = [
  { kind: "unary", path: ECHO, handler: async (request) => request.slice() },
  {
    kind: "unary",
    path: "/test/Slow",
    handler: async () => {
      mostRunning = Math.max(mostRunning, ++running);
      await sleep(100);
      running--;
      return new Uint8Array(1);
    },
  },
  { kind: "unary", path: "/test/Large", handler: async () => new Uint8Array(50_000_000) },
];

let transport: RunningTransport;
const clients: RawClient[] = [];

async function connect(settings?: readonly (readonly [number, number])[]): Promise<RawClient> {
  const client = await RawClient.connect(transport.ports[0] as number, settings);
  clients.push(client);
  return client;
}

before(async () => {
  transport = await startLeanWith(
    { stallMs: STALL_MS, maxCalls: MAX_CALLS, maxInflatedBytes: 100_000 },
    methods,
    {
      addresses: ["127.0.0.1:0"],
      maxRequestBytes: 1_000_000,
      channelArguments: new Map(),
    },
  );
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  const client = await connect();
  client.write(callFrames(1, ECHO, Buffer.from("still there")));
  assert.deepEqual((await client.answer(1)).body, framed(Buffer.from("still there")));
});
after(() => {
  for (const client of clients) client.close();
  transport.close();
});

const settingsOf = (...pairs: readonly (readonly [number, number])[]) => {
  const payload = Buffer.alloc(6 * pairs.length);
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  }
  return frame(FrameType.SETTINGS, 0, 0, payload);
};
const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8));
const many = (count: number, bytes: Buffer) => Buffer.concat(new Array<Buffer>(count).fill(bytes));
const open = (streamId: number) => headersFrame(streamId, callHeaders(ECHO));

describe("What ends the connection", () => {
  const cases: readonly { about: string; bytes: readonly Buffer[]; code: string }[] = [
    { about: "DATA without a stream", bytes: [dataFrame(0, Buffer.alloc(1))], code: "PROTOCOL_ERROR" },
    { about: "DATA on an idle stream", bytes: [dataFrame(1, Buffer.alloc(1))], code: "PROTOCOL_ERROR" },
    { about: "HEADERS on an even stream", bytes: [open(2)], code: "PROTOCOL_ERROR" },
    {
      about: "a frame that is too large",
      bytes: [frame(FrameType.DATA, 0, 1, Buffer.alloc(DEFAULT_FRAME_BYTES + 1))],
      code: "FRAME_SIZE_ERROR",
    },
    {
      about: "a push",
      bytes: [frame(FrameType.PUSH_PROMISE, 0, 1, Buffer.alloc(4))],
      code: "PROTOCOL_ERROR",
    },
    {
      about: "a ping of 7 bytes",
      bytes: [frame(FrameType.PING, 0, 0, Buffer.alloc(7))],
      code: "FRAME_SIZE_ERROR",
    },
    {
      about: "settings of 5 bytes",
      bytes: [frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5))],
      code: "FRAME_SIZE_ERROR",
    },
    {
      about: "a window that is too large",
      bytes: [settingsOf([Setting.INITIAL_WINDOW_SIZE, 2 ** 31])],
      code: "FLOW_CONTROL_ERROR",
    },
    {
      about: "window updates beyond any window",
      bytes: [windowUpdateFrame(0, 2 ** 31 - 1)],
      code: "FLOW_CONTROL_ERROR",
    },
    { about: "a window update of nothing", bytes: [windowUpdateFrame(0, 0)], code: "PROTOCOL_ERROR" },
    { about: "a reset of an idle stream", bytes: [resetFrame(1, ErrorCode.CANCEL)], code: "PROTOCOL_ERROR" },
    {
      about: "padding beyond the frame",
      bytes: [open(1), frame(FrameType.DATA, Flag.PADDED, 1, Buffer.of(9, 0))],
      code: "PROTOCOL_ERROR",
    },
    {
      about: "a header block that is interrupted",
      bytes: [frame(FrameType.HEADERS, 0, 1, callHeaders(ECHO)), ping],
      code: "PROTOCOL_ERROR",
    },
    {
      about: "a header block that can't be decoded",
      bytes: [headersFrame(1, Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff))],
      code: "COMPRESSION_ERROR",
    },
    {
      about: "a header list without measure",
      // One entry of 4000 bytes in the table, and many references to it.
      bytes: [
        headersFrame(
          1,
          Buffer.concat([Buffer.from("4001617fa11e", "hex"), Buffer.alloc(4000), Buffer.alloc(1000, 0xbe)]),
        ),
      ],
      code: "ENHANCE_YOUR_CALM",
    },
    {
      about: "a flood of CONTINUATION",
      bytes: [
        frame(FrameType.HEADERS, 0, 1, callHeaders(ECHO)),
        many(1000, frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(0))),
      ],
      code: "ENHANCE_YOUR_CALM",
    },
    {
      about: "CONTINUATION of large blocks",
      bytes: [
        frame(FrameType.HEADERS, 0, 1, callHeaders(ECHO)),
        many(5, frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(DEFAULT_FRAME_BYTES))),
      ],
      code: "ENHANCE_YOUR_CALM",
    },
    { about: "a flood of pings", bytes: [many(5000, ping)], code: "ENHANCE_YOUR_CALM" },
    {
      about: "a flood of settings",
      bytes: [many(5000, settingsOf([Setting.ENABLE_PUSH, 0]))],
      code: "ENHANCE_YOUR_CALM",
    },
    {
      about: "a flood of empty DATA",
      bytes: [open(1), many(5000, dataFrame(1, Buffer.alloc(0), 0))],
      code: "ENHANCE_YOUR_CALM",
    },
    {
      about: "a flood of frames of no known type",
      bytes: [many(5000, frame(99, 0, 0, Buffer.alloc(0)))],
      code: "ENHANCE_YOUR_CALM",
    },
    {
      about: "rapid resets",
      bytes: Array.from({ length: 5000 }, (_, i) =>
        Buffer.concat([
          callFrames(2 * i + 1, "/test/Slow", Buffer.alloc(1)),
          resetFrame(2 * i + 1, ErrorCode.CANCEL),
        ]),
      ),
      code: "ENHANCE_YOUR_CALM",
    },
  ];
  for (const { about, bytes, code } of cases) {
    it(`${about}: ${code}`, async () => {
      const client = await connect();
      client.write(...bytes);
      assert.equal(await client.ending(), code);
    });
  }

  it("bytes that are not HTTP/2", async () => {
    const client = await RawClient.connect(transport.ports[0] as number, null);
    clients.push(client);
    client.write(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert.equal(await client.ending(), "PROTOCOL_ERROR");
  });
});

describe("What ends one stream", () => {
  const bad = (others: Readonly<Record<string, string>>) => callHeaders(ECHO, others);
  const cases: readonly { about: string; bytes: readonly Buffer[]; code: string }[] = [
    {
      about: "a name in upper case",
      bytes: [headersFrame(1, bad({ "X-Large": "1" }))],
      code: "PROTOCOL_ERROR",
    },
    {
      about: "a header of HTTP/1.1",
      bytes: [headersFrame(1, bad({ connection: "close" }))],
      code: "PROTOCOL_ERROR",
    },
    {
      about: "an unknown pseudo-header",
      bytes: [headersFrame(1, encodeHeaders([{ name: ":x", value: "1" }]))],
      code: "PROTOCOL_ERROR",
    },
    {
      about: "no path",
      bytes: [headersFrame(1, encodeHeaders([{ name: ":method", value: "POST" }]))],
      code: "PROTOCOL_ERROR",
    },
    {
      about: "a body that is not as long as it says",
      bytes: [headersFrame(1, bad({ "content-length": "7" })), dataFrame(1, Buffer.alloc(6))],
      code: "PROTOCOL_ERROR",
    },
    { about: "trailers that don't end it", bytes: [open(1), open(1)], code: "PROTOCOL_ERROR" },
    {
      about: "a window update of nothing",
      bytes: [open(1), windowUpdateFrame(1, 0)],
      code: "PROTOCOL_ERROR",
    },
    {
      about: "a window that is too large",
      bytes: [open(1), windowUpdateFrame(1, 2 ** 31 - 1)],
      code: "FLOW_CONTROL_ERROR",
    },
    {
      about: "a dependency on itself",
      bytes: [open(1), frame(FrameType.PRIORITY, 0, 1, Buffer.of(0, 0, 0, 1, 0))],
      code: "PROTOCOL_ERROR",
    },
  ];
  for (const { about, bytes, code } of cases) {
    it(`${about}: ${code}`, async () => {
      const client = await connect();
      client.write(...bytes);
      assert.equal(await client.reset(1), code);
    });
  }

  it("a body that comes too slowly", async () => {
    const client = await connect();
    client.write(open(1), dataFrame(1, framed(Buffer.alloc(1000)).subarray(0, 100), 0));
    const drip = setInterval(() => client.write(dataFrame(1, Buffer.alloc(1), 0)), 50);
    assert.equal(await client.reset(1), "CANCEL");
    clearInterval(drip);
  });

  it("a response that the client gives no window for", async () => {
    const client = await connect([[Setting.INITIAL_WINDOW_SIZE, 0]]);
    client.write(callFrames(1, ECHO, Buffer.alloc(10)));
    assert.equal(await client.reset(1), "CANCEL");
  });

  it("more calls than allowed: those beyond are refused", async () => {
    const client = await connect();
    for (let i = 0; i <= MAX_CALLS; i++) client.write(callFrames(2 * i + 1, "/test/Slow", Buffer.alloc(1)));
    assert.equal(await client.reset(2 * MAX_CALLS + 1), "REFUSED_STREAM");
    assert.equal(await client.status(1), "0");
  });

  it("calls that were reset count until their handler is done", async () => {
    mostRunning = 0;
    const client = await connect();
    for (let i = 0; i < 4 * MAX_CALLS; i++) {
      client.write(
        callFrames(2 * i + 1, "/test/Slow", Buffer.alloc(1)),
        resetFrame(2 * i + 1, ErrorCode.CANCEL),
      );
    }
    assert.equal(await client.reset(2 * MAX_CALLS + 1), "REFUSED_STREAM");
    assert.ok(mostRunning <= MAX_CALLS, `${mostRunning}`);
  });
});

describe("Clients that stand still", () => {
  it("without a preface are cut off", async () => {
    const client = await RawClient.connect(transport.ports[0] as number, null);
    clients.push(client);
    assert.equal(await client.ending(), "PROTOCOL_ERROR");
  });

  it("in the middle of a frame are cut off", async () => {
    const client = await connect();
    client.write(open(1).subarray(0, 12));
    assert.equal(await client.ending(), "PROTOCOL_ERROR");
  });

  it("in the middle of a header block are cut off", async () => {
    const client = await connect();
    client.write(frame(FrameType.HEADERS, 0, 1, callHeaders(ECHO)));
    assert.equal(await client.ending(), "PROTOCOL_ERROR");
  });

  it("without reading are cut off", async () => {
    const client = await connect([[Setting.INITIAL_WINDOW_SIZE, 2 ** 31 - 1]]);
    client.write(windowUpdateFrame(0, 2 ** 30), callFrames(1, "/test/Large", Buffer.alloc(1)));
    client.pause();
    await sleep(4 * STALL_MS);
    client.resume();
    assert.equal(await client.ending(), "closed");
  });

  it("with nothing under way are left alone", async () => {
    const client = await connect();
    await sleep(4 * STALL_MS);
    client.write(callFrames(1, ECHO, Buffer.from("late")));
    assert.deepEqual((await client.answer(1)).body, framed(Buffer.from("late")));
  });
});

describe("Messages that are not what they say", () => {
  const grpc = (others: Readonly<Record<string, string>>, body: Buffer) => [
    headersFrame(1, callHeaders(ECHO, others)),
    dataFrame(1, body),
  ];
  const compressed = (bytes: Buffer) => {
    const body = framed(bytes);
    body[0] = 1;
    return body;
  };
  const cases: readonly { about: string; frames: readonly Buffer[]; code: Code }[] = [
    { about: "none", frames: grpc({}, Buffer.alloc(0)), code: Code.UNIMPLEMENTED },
    {
      about: "two",
      frames: grpc({}, Buffer.concat([framed(Buffer.alloc(1)), framed(Buffer.alloc(1))])),
      code: Code.UNIMPLEMENTED,
    },
    {
      about: "one that is cut off",
      frames: grpc({}, framed(Buffer.alloc(10)).subarray(0, 12)),
      code: Code.INTERNAL,
    },
    {
      about: "a length beyond the limit",
      frames: grpc({}, Buffer.of(0, 0xff, 0xff, 0xff, 0xff)),
      code: Code.RESOURCE_EXHAUSTED,
    },
    { about: "unknown flags", frames: grpc({}, Buffer.of(7, 0, 0, 0, 0)), code: Code.INTERNAL },
    {
      about: "an unknown compression",
      frames: grpc({ "grpc-encoding": "snappy" }, framed(Buffer.alloc(1))),
      code: Code.UNIMPLEMENTED,
    },
    { about: "compressed by nothing", frames: grpc({}, compressed(Buffer.alloc(1))), code: Code.INTERNAL },
    {
      about: "damaged gzip",
      frames: grpc({ "grpc-encoding": "gzip" }, compressed(Buffer.alloc(9))),
      code: Code.INTERNAL,
    },
    {
      about: "a gzip bomb",
      frames: grpc({ "grpc-encoding": "gzip" }, compressed(gzipSync(Buffer.alloc(10_000_000)))),
      code: Code.RESOURCE_EXHAUSTED,
    },
    {
      about: "a timeout that is none",
      frames: grpc({ "grpc-timeout": "soon" }, framed(Buffer.alloc(1))),
      code: Code.INTERNAL,
    },
  ];
  for (const { about, frames, code } of cases) {
    it(`${about}: status ${code}`, async () => {
      const client = await connect();
      client.write(...frames);
      assert.equal(await client.status(1), String(code));
    });
  }

  for (const [others, status] of [
    [{ ":method": "GET" }, "405"],
    [{ "content-type": "text/plain" }, "415"],
    [{ "content-type": "application/grpc-web" }, "415"],
  ] as const) {
    it(`${JSON.stringify(others)}: HTTP status ${status}`, async () => {
      const client = await connect();
      client.write(headersFrame(1, callHeaders(ECHO, others), Flag.END_STREAM));
      const { headers, body } = await client.answer(1);
      assert.deepEqual(headers[0], { name: ":status", value: status });
      assert.match(body.toString(), /This port speaks gRPC/);
    });
  }
});
