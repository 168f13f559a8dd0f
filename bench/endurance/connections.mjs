/** A thousand connections, half of them slow or silent, and clients that speak wrongly, beside normal requests. */
import { readdirSync, writeFileSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HALF_PLUS_TWO, halfPlusTwoRequest, writeHalfPlusTwo } from "../half-plus-two.mjs";
import { RequestTemplate } from "../node-loadgen/request-template.mjs";
import { numberText } from "../table.mjs";
import { Load } from "./load.mjs";
import { Served } from "./served.mjs";

const CONNECTIONS = 1_000;
const HOSTILE_REQUESTS = 200;
const SECONDS = 20;
const WARMUP_SECONDS = 3;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
/** A thousand connections with their buffers are allowed this much. */
const GROWTH_MIB = 100;

/** What misbehaving clients send, each on a connection of its own. @type {readonly Buffer[]} */
const HOSTILE = [
  Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  Buffer.concat([PREFACE, EMPTY_SETTINGS, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])]),
  Buffer.concat([
    PREFACE,
    EMPTY_SETTINGS,
    Buffer.from([0, 0x40, 0, 1, 4, 0, 0, 0, 1]),
    Buffer.alloc(16_384, 0x41),
  ]),
  Buffer.concat([PREFACE, EMPTY_SETTINGS, Buffer.from([0, 0, 3, 3, 0, 0, 0, 0, 1, 0, 0, 0])]),
  Buffer.concat([PREFACE, EMPTY_SETTINGS, Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, 7, 0])]),
];

/**
 * @param {string} folder
 * @returns {Promise<import("./scenario.mjs").Finding[]>}
 */
export async function measureConnections(folder) {
  const requestFile = join(folder, "request.bin");
  writeFileSync(requestFile, halfPlusTwoRequest());
  writeHalfPlusTwo(join(folder, HALF_PLUS_TWO));
  const served = await Served.start([
    `--model_name=${HALF_PLUS_TWO}`,
    `--model_base_path=${join(folder, HALF_PLUS_TWO)}`,
  ]);
  try {
    await served.until(HALF_PLUS_TWO, 1, "AVAILABLE");
    const { port } = served.server;
    const latencyFile = join(folder, "latencies.bin");
    // A quick model is loaded on the main thread as well once it is used, and holds its checkpoint open there.
    await new Load({ port, requestFile, latencyFile, seconds: WARMUP_SECONDS, concurrency: 8 }).ended;
    const before = { rss: served.rssMiB, descriptors: descriptors(served) };
    const load = new Load({ port, requestFile, latencyFile, seconds: SECONDS, concurrency: 8 });
    const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => open(port, i)));
    for (let i = 0; i < HOSTILE_REQUESTS; i++)
      await misbehave(port, /** @type {Buffer} */ (HOSTILE[i % HOSTILE.length]), i);
    const most = { rss: served.rssMiB, descriptors: descriptors(served) };
    const { requests, errors } = await load.ended;
    for (const socket of sockets) socket.destroy();
    await sleep(2_000);
    const after = descriptors(served);
    return [
      { what: `normal requests beside ${CONNECTIONS} connections`, value: `${requests}`, bound: "" },
      { what: "of them lost", value: `${errors}`, bound: "0", isMet: errors === 0 },
      {
        what: "memory that came with them, MiB",
        value: numberText(most.rss - before.rss),
        bound: `≤ ${GROWTH_MIB}`,
        isMet: most.rss - before.rss <= GROWTH_MIB,
      },
      {
        what: "descriptors before, during, after",
        value: `${before.descriptors}, ${most.descriptors}, ${after}`,
        bound: "no more after",
        isMet: after <= before.descriptors,
      },
    ];
  } finally {
    await served.stop();
  }
}

/** @param {Served} served */
const descriptors = (served) => readdirSync(`/proc/${served.server.process.pid}/fd`).length;

/**
 * One of many connections: the even ones are silent or slow, the others idle after a good beginning.
 * @param {number} port
 * @param {number} index
 * @returns {Promise<import("node:net").Socket>}
 */
function open(port, index) {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(port, "127.0.0.1", () => {
      socket.on("error", () => {});
      if (index % 2 === 1) socket.write(Buffer.concat([PREFACE, EMPTY_SETTINGS]));
      else if (index % 4 === 0) trickle(socket);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** A byte a second of a request that never ends. @param {import("node:net").Socket} socket */
function trickle(socket) {
  const bytes = Buffer.concat([PREFACE, EMPTY_SETTINGS, slowRequest]);
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.length) socket.write(bytes.subarray(at, ++at));
  }, 1_000);
  socket.once("close", () => clearInterval(timer));
}

const slowRequest = new RequestTemplate(
  Buffer.alloc(100),
  "/tensorflow.serving.PredictionService/Predict",
  "127.0.0.1",
).forStream(1);

/**
 * Sends what is wrong and either waits for the end or leaves at once.
 * @param {number} port
 * @param {Buffer} bytes
 * @param {number} index
 * @returns {Promise<void>}
 */
function misbehave(port, bytes, index) {
  return new Promise((resolve) => {
    const socket = connectSocket(port, "127.0.0.1", () => {
      socket.write(bytes);
      if (index % 2 === 0) socket.resetAndDestroy();
      else setTimeout(() => socket.destroy(), 50);
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
}
