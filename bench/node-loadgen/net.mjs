/**
 * The same load on an echo of plain bytes (../baselines/net-echo-server.mjs): `--concurrency` messages in flight on one
 * connection, each with its length in front. Flags and output are those of main.mjs; an answer counts when it is, byte
 * for byte, what was sent.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { Measurement } from "./measurement.mjs";

const { values: flags } = parseArgs({
  options: {
    target: { type: "string", default: "127.0.0.1:8500" },
    request: { type: "string" },
    concurrency: { type: "string", default: "1" },
    duration: { type: "string", default: "5" },
    warmup: { type: "string", default: "1" },
    dump: { type: "string" },
  },
});
if (flags.request === undefined) {
  console.error("usage: node net.mjs --request=FILE [--target=HOST:PORT] [--concurrency=N] …");
  process.exit(2);
}

const LENGTH_BYTES = 4;
const message = readFileSync(flags.request);
const framed = Buffer.alloc(LENGTH_BYTES + message.length);
framed.writeUInt32BE(message.length);
framed.set(message, LENGTH_BYTES);

const [host, port] = flags.target.split(":");
const concurrency = Number(flags.concurrency);
const measurement = new Measurement(Number(flags.warmup), Number(flags.duration));
/** When those in flight were sent, the oldest first. @type {number[]} */
const sentAt = [];
/** How much has come of the oldest answer. */
let received = 0;

const socket = connect({ host: host ?? "127.0.0.1", port: Number(port), noDelay: true });
socket.on("error", ({ message: reason }) => fail(`${flags.target}: ${reason}`));
socket.on("close", () => fail("connection closed by the server"));
socket.on("connect", () => {
  for (let i = 0; i < concurrency; i++) send();
});
socket.on("data", (chunk) => {
  socket.cork();
  for (let at = 0; at < chunk.length; ) at += take(chunk.subarray(at));
  socket.uncork();
  if (sentAt.length === 0) finish();
});

function send() {
  sentAt.push(performance.now());
  socket.write(framed);
}

/** Takes what belongs to the oldest answer, and tells how much that is. @param {Buffer} bytes */
function take(bytes) {
  const size = Math.min(bytes.length, framed.length - received);
  if (framed.compare(bytes, 0, size, received, received + size) !== 0) fail("an answer differs");
  received += size;
  if (received === framed.length) {
    received = 0;
    const now = performance.now();
    measurement.completed(Number(sentAt.shift()), now);
    if (now < measurement.to) send();
  }
  return size;
}

function finish() {
  if (flags.dump !== undefined) writeFileSync(flags.dump, message);
  console.log(JSON.stringify(measurement.report(concurrency)));
  process.exit(0);
}

/**
 * @param {string} reason
 * @returns {never}
 */
function fail(reason) {
  console.error(reason);
  process.exit(1);
}
