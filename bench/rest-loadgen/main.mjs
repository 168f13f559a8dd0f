/**
 * A closed-loop HTTP/1.1 load generator: `--concurrency` connections, each with one POST of the same body in flight, for
 * `--duration` seconds. Prints the same JSON line as ../node-loadgen. Written over plain sockets, for a client library
 * would cost more than the servers that it is to load; an answer counts when it has status 200 and the body of the first.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { Measurement } from "../node-loadgen/measurement.mjs";
import { AnswerReader } from "./answer-reader.mjs";

const { values: flags } = parseArgs({
  options: {
    target: { type: "string", default: "127.0.0.1:8501" },
    path: { type: "string", default: "/" },
    "content-type": { type: "string", default: "application/json" },
    request: { type: "string" },
    concurrency: { type: "string", default: "1" },
    duration: { type: "string", default: "5" },
    warmup: { type: "string", default: "1" },
    dump: { type: "string" },
  },
});
if (flags.request === undefined) {
  console.error("usage: node main.mjs --request=FILE --path=/v1/models/NAME:predict [--target=HOST:PORT] …");
  process.exit(2);
}

const [host, port] = flags.target.split(":");
const body = readFileSync(flags.request);
const head = `POST ${flags.path} HTTP/1.1\r\nHost: ${flags.target}\r\nContent-Type: ${flags["content-type"]}\r\nContent-Length: ${body.length}\r\n\r\n`;
const request = Buffer.concat([Buffer.from(head), body]);
const concurrency = Number(flags.concurrency);
const measurement = new Measurement(Number(flags.warmup), Number(flags.duration));
/** @type {Buffer | undefined} */
let expected;
let open = concurrency;

for (let i = 0; i < concurrency; i++) startConnection();

function startConnection() {
  const socket = connect({ host: host ?? "127.0.0.1", port: Number(port), noDelay: true });
  const reader = new AnswerReader();
  let startedAt = 0;
  const ask = () => {
    startedAt = performance.now();
    socket.write(request);
  };
  socket.on("connect", ask);
  socket.on("error", ({ message }) => fail(message));
  socket.on("data", (chunk) => {
    const answer = reader.add(chunk);
    if (answer === undefined) return;
    const now = performance.now();
    expected ??= answer.body;
    if (answer.status !== 200) measurement.failed(`HTTP status ${answer.status}: ${answer.body}`);
    else if (!answer.body.equals(expected)) measurement.failed("an answer differs");
    else measurement.completed(startedAt, now);
    if (now < measurement.to) ask();
    else end(socket);
  });
}

/** @param {import("node:net").Socket} socket */
function end(socket) {
  socket.destroy();
  if (--open > 0) return;
  if (flags.dump !== undefined && expected !== undefined) writeFileSync(flags.dump, expected);
  console.log(JSON.stringify({ ...measurement.report(concurrency), connections: concurrency }));
  if (measurement.errors > 0) fail(`first error: ${measurement.firstError}`);
}

/** @param {string} reason */
function fail(reason) {
  console.error(reason);
  process.exit(1);
}
