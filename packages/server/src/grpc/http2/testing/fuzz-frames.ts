/**
 * Seeded sequences of frames as no client should send them, against one connection at a time: well-formed frames in any
 * order, damaged ones, cut ones, in pieces of any size. Finds exceptions, output that grows without bound, and streams
 * that are not let go.
 */
import { seededRandom } from "@servable/formats/testing/mutations";
import type { Method } from "../../transport.js";
import { FrameType, frame, PREFACE, Setting, settingsFrame } from "../frames.js";
import { encodeHeaders, type Header } from "../hpack.js";
import { framed } from "../message.js";
import { standInConnection } from "./stand-in-connection.js";

const MAX_REQUEST_BYTES = 1 << 16;
/** What one sequence may have waiting to be sent: answers to all its frames are far less. */
const MAX_OUTPUT_BYTES = 16 << 20;
const MAX_FRAMES = 24;

const methods: readonly Method[] = [
  { kind: "unary", path: "/test/Echo", handler: async (request) => request.slice() },
  {
    kind: "bidi-stream",
    path: "/test/EchoEach",
    async *handler(requests) {
      for await (const request of requests) yield request.slice();
    },
  },
];
const methodMap = new Map(methods.map((method) => [method.path, method]));

/** Runs the sequence of a seed. Throws, or rejects, when the connection does what it must not. */
export async function runSequence(seed: number): Promise<void> {
  const random = randomNumbers(seed);
  let sent = 0;
  let closed = 0;
  const { socket, connection } = standInConnection({
    methods: methodMap,
    maxRequestBytes: MAX_REQUEST_BYTES,
    onWrite: ({ length }) => {
      sent += length;
    },
    onClosed: () => closed++,
  });
  for (const piece of pieces(sequence(random), random)) {
    socket.emit("data", piece);
    if (random() < 0.1) await Promise.resolve();
    if (random() < 0.02) connection.check();
  }
  await new Promise(setImmediate);
  if (sent > MAX_OUTPUT_BYTES) throw new Error(`${sent} bytes were sent`);
  connection.destroy();
  if (closed !== 1) throw new Error(`the connection was closed ${closed} times`);
  if (!connection.isIdle) throw new Error("streams are left");
}

type Random = () => number;

/** Numbers from 0 up to 1, the same for the same seed. Seeds in a row are spread, for so small ones begin alike. */
function randomNumbers(seed: number): Random {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1));
  return () => random(2 ** 32) / 2 ** 32;
}

const below = (random: Random, end: number): number => Math.floor(random() * end);
const pick = <T>(random: Random, choices: readonly T[]): T => choices[below(random, choices.length)] as T;

function sequence(random: Random): Buffer {
  const parts: Uint8Array[] = random() < 0.98 ? [PREFACE] : [randomBytes(random, 30)];
  if (random() < 0.97) parts.push(settingsFrame([]));
  const count = 1 + below(random, MAX_FRAMES);
  for (let i = 0; i < count; i++) parts.push(damaged(anyFrame(random), random));
  return Buffer.concat(parts);
}

const PATHS = ["/test/Echo", "/test/EchoEach", "/test/None", "", "*"];

function headers(random: Random): Header[] {
  const all: Header[] = [
    { name: ":method", value: pick(random, ["POST", "POST", "POST", "GET", ""]) },
    { name: ":scheme", value: "http" },
    { name: ":path", value: pick(random, PATHS) },
    { name: "content-type", value: pick(random, ["application/grpc", "application/grpc", "text/plain"]) },
    { name: "te", value: "trailers" },
  ];
  const odd: readonly Header[] = [
    { name: "grpc-timeout", value: pick(random, ["1S", "1n", "99999999H", "soon"]) },
    { name: "grpc-encoding", value: pick(random, ["gzip", "identity", "snappy"]) },
    { name: "content-length", value: pick(random, ["0", "5", "999999", "-1"]) },
    { name: "Connection", value: "close" },
    { name: ":status", value: "200" },
    { name: "x", value: "y".repeat(below(random, 5000)) },
  ];
  while (random() < 0.25) all.splice(below(random, all.length + 1), 0, pick(random, odd));
  if (random() < 0.05) all.splice(below(random, all.length), 1);
  return all;
}

function anyFrame(random: Random): Buffer {
  const streamId = random() < 0.8 ? 1 + 2 * below(random, 6) : below(random, 12);
  const flags = random() < 0.9 ? pick(random, [0, 1, 4, 5, 5, 5]) : below(random, 256);
  switch (below(random, 11)) {
    case 0:
    case 1:
    case 2:
      return frame(FrameType.HEADERS, flags, streamId, encodeHeaders(headers(random)));
    case 3:
    case 4:
      return frame(FrameType.DATA, flags, streamId, framed(randomBytes(random, 200)));
    case 5:
      return frame(FrameType.DATA, flags, streamId, randomBytes(random, 20_000));
    case 6:
      return settings(random);
    case 7:
      return frame(FrameType.WINDOW_UPDATE, 0, streamId, word(random));
    case 8:
      return frame(FrameType.RST_STREAM, 0, streamId, word(random));
    case 9:
      return frame(FrameType.CONTINUATION, flags, streamId, encodeHeaders(headers(random)));
    default:
      return frame(below(random, 12), below(random, 256), streamId, randomBytes(random, 40));
  }
}

function settings(random: Random): Buffer {
  const entries = Array.from({ length: below(random, 4) }, () => {
    const value = pick(random, [0, 1, 100, 16_384, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]);
    return [pick(random, [...Object.values(Setting), 77]), value] as const;
  });
  return settingsFrame(entries);
}

/** Four bytes of a window or an error code, often at the edge of what is allowed. */
function word(random: Random): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(pick(random, [0, 1, 8, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]));
  return bytes;
}

function randomBytes(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: below(random, most) }, () => below(random, 256)));
}

/** One frame in ten is not what it was: a byte changed, or some missing. */
function damaged(bytes: Buffer, random: Random): Buffer {
  if (random() >= 0.1 || bytes.length === 0) return bytes;
  if (random() < 0.3) return bytes.subarray(0, below(random, bytes.length));
  bytes[below(random, bytes.length)] = below(random, 256);
  return bytes;
}

/** The bytes as the network may hand them over. */
function* pieces(bytes: Buffer, random: Random): Generator<Buffer> {
  const most = pick(random, [1, 10, 1000, 100_000]);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + below(random, most);
    // One byte at a time is for the beginning, where the preface and frame headers are.
    yield bytes.subarray(at, at + (at > 2000 ? 100_000 : size));
    at += at > 2000 ? 100_000 : size;
  }
}
