/** Wherever a network cuts what a client sends, the server reads the same. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "@servable/formats/testing/mutations";
import type { Method } from "../transport.js";
import {
  DEFAULT_FRAME_BYTES,
  FRAME_HEADER_BYTES,
  FrameType,
  frame,
  PREFACE,
  settingsFrame,
} from "./frames.js";
import { framed } from "./message.js";
import { callFrames } from "./testing/raw-client.js";
import { standInConnection } from "./testing/stand-in-connection.js";

const MAX_REQUEST_BYTES = 1 << 20;
const ECHO = "/test/Echo";
const methods = new Map<string, Method>([
  [ECHO, { kind: "unary", path: ECHO, handler: async (request) => request.slice() }],
]);

/** What a connection that reads these pieces sends: how often it gives up, and each stream's body. */
async function answersTo(
  pieces: readonly Buffer[],
): Promise<{ goAways: number; bodies: Map<number, Buffer> }> {
  const written: Buffer[] = [];
  const onWrite = (bytes: Uint8Array) => void written.push(Buffer.from(bytes));
  const { socket } = standInConnection({ methods, maxRequestBytes: MAX_REQUEST_BYTES, onWrite });
  // Copies: what was read is written over.
  for (const piece of pieces) socket.emit("data", Buffer.from(new Uint8Array(piece).buffer));
  await new Promise(setImmediate);
  const bytes = Buffer.concat(written);
  const bodies = new Map<number, Buffer>();
  let goAways = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3);
    const streamId = bytes.readUInt32BE(at + 5);
    if (bytes[at + 3] === FrameType.GOAWAY) goAways++;
    if (bytes[at + 3] === FrameType.DATA) {
      const body = bytes.subarray(at + FRAME_HEADER_BYTES, end);
      bodies.set(streamId, Buffer.concat([bodies.get(streamId) ?? Buffer.alloc(0), body]));
    }
    at = end;
  }
  return { goAways, bodies };
}

const message = (length: number, first: number) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => first + i));
const opening = Buffer.concat([PREFACE, settingsFrame([])]);
const windowUpdate = frame(FrameType.WINDOW_UPDATE, 0, 0, Buffer.from([0, 16, 0, 0]));

describe("What a client sends", () => {
  it("is read the same whichever byte it is cut behind", async () => {
    const [one, two] = [message(40, 1), message(7, 100)];
    const bytes = Buffer.concat([opening, callFrames(1, ECHO, one), windowUpdate, callFrames(3, ECHO, two)]);
    const expected = {
      goAways: 0,
      bodies: new Map([
        [1, framed(one)],
        [3, framed(two)],
      ]),
    };
    for (let at = 0; at <= bytes.length; at++) {
      const answers = await answersTo([bytes.subarray(0, at), bytes.subarray(at)]);
      assert.deepEqual(answers, expected, `cut behind byte ${at}`);
    }
  });

  it("is read the same when many requests come in one piece", async () => {
    const messages = Array.from({ length: 12 }, (_, i) => message(3000 + i, i));
    const calls = messages.map((each, i) => callFrames(2 * i + 1, ECHO, each));
    const answers = await answersTo([Buffer.concat([opening, windowUpdate, ...calls])]);
    const bodies = new Map(messages.map((each, i) => [2 * i + 1, framed(each)]));
    assert.deepEqual(answers, { goAways: 0, bodies });
  });

  it("is read the same in pieces of any sizes", async () => {
    const below = seededRandom(1);
    for (let round = 0; round < 200; round++) {
      const largest = 10 ** (1 + (round % 5));
      const messages = Array.from({ length: 4 }, (_, i) => message(below(3 * DEFAULT_FRAME_BYTES), i));
      const calls = messages.map((each, i) => callFrames(2 * i + 1, ECHO, each));
      const bytes = Buffer.concat([opening, windowUpdate, ...calls]);
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = at + 1 + below(largest);
        pieces.push(bytes.subarray(at, end));
        at = end;
      }
      const { goAways, bodies } = await answersTo(pieces);
      assert.equal(goAways, 0, `round ${round}`);
      messages.forEach((each, i) => {
        assert.ok(bodies.get(2 * i + 1)?.equals(framed(each)), `round ${round}, message ${i}`);
      });
    }
  });
});
