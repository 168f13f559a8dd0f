/**
 * Requests in flight on one HTTP/2 connection, written by hand over a plain socket, since a gRPC library would cost
 * more than the servers that it is to load. Answers are not HPACK-decoded: one counts when its message is, byte for
 * byte, that of the first answer.
 */
import {
  DEFAULT_WINDOW,
  Flag,
  FRAME_HEADER,
  FrameType,
  frame,
  MAX_WINDOW,
  Setting,
  settingsFrame,
  windowUpdate,
} from "./frames.mjs";

/** The receive window of the connection is opened again after this many bytes. */
const WINDOW_REFILL = 2 ** 30;

/** The connection and the requests in flight on it. */
export class Generator {
  /**
   * @param {import("node:net").Socket} socket connected
   * @param {import("./request-template.mjs").RequestTemplate} template
   * @param {import("./measurement.mjs").Measurement} measurement
   * @param {(reason: string) => never} fail ends the program
   */
  constructor(socket, template, measurement, fail) {
    this.fail = fail;
    this.socket = socket;
    this.template = template;
    this.measurement = measurement;
    this.nextStream = 1;
    /** When each open stream was started, and what it has received. @type {Map<number, {startedAt: number, body: Buffer}>} */
    this.open = new Map();
    this.sendWindow = DEFAULT_WINDOW;
    /** Requests that wait for the send window. */
    this.held = 0;
    this.received = 0;
    /** The beginning of a frame whose end has not come yet. @type {Buffer} */
    this.rest = Buffer.alloc(0);
    /** @type {Buffer[]} */
    this.out = [];
    /** The message of the first answer. @type {Buffer | undefined} */
    this.expected = undefined;
    /** Whether answers may differ from the first. */
    this.takesAnyAnswer = false;
    /** Called when nothing is in flight any more. */
    this.onIdle = () => {};
    socket.on("data", (chunk) => this.receive(chunk));
    socket.on("close", () => this.fail("connection closed by the server"));
    socket.on("error", (error) => this.fail(error.message));
  }

  /** @param {number} concurrency */
  start(concurrency) {
    this.out.push(
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      settingsFrame([
        [Setting.ENABLE_PUSH, 0],
        [Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW],
      ]),
      windowUpdate(MAX_WINDOW - DEFAULT_WINDOW),
    );
    for (let i = 0; i < concurrency; i++) this.submit();
    this.flush();
  }

  submit() {
    if (this.sendWindow < this.template.bodySize) {
      this.held++;
      return;
    }
    this.sendWindow -= this.template.bodySize;
    const stream = this.nextStream;
    this.nextStream += 2;
    this.open.set(stream, { startedAt: performance.now(), body: Buffer.alloc(0) });
    this.out.push(this.template.forStream(stream));
  }

  flush() {
    if (this.out.length === 0) return;
    this.socket.write(this.out.length === 1 ? /** @type {Buffer} */ (this.out[0]) : Buffer.concat(this.out));
    this.out = [];
  }

  /** @param {Buffer} chunk */
  receive(chunk) {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER) {
      const end = at + FRAME_HEADER + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const payload = bytes.subarray(at + FRAME_HEADER, end);
      const [type, frameFlags] = [bytes[at + 3], bytes[at + 4]];
      this.frame(Number(type), Number(frameFlags), bytes.readUInt32BE(at + 5), payload);
      at = end;
    }
    this.rest = bytes.subarray(at);
    this.flush();
    if (this.open.size === 0 && this.held === 0) this.onIdle();
  }

  /**
   * @param {number} type
   * @param {number} frameFlags
   * @param {number} stream
   * @param {Buffer} payload
   */
  frame(type, frameFlags, stream, payload) {
    switch (type) {
      case FrameType.DATA:
        this.data(stream, payload);
        if (frameFlags & Flag.END_STREAM) this.end(stream);
        return;
      case FrameType.HEADERS:
        if (frameFlags & Flag.END_STREAM) this.end(stream);
        return;
      case FrameType.RST_STREAM:
        this.reset(stream);
        return;
      case FrameType.SETTINGS:
        if (!(frameFlags & Flag.ACK)) this.settings(payload);
        return;
      case FrameType.PING:
        if (!(frameFlags & Flag.ACK)) this.out.push(frame(FrameType.PING, Flag.ACK, 0, payload));
        return;
      case FrameType.WINDOW_UPDATE:
        if (stream === 0) this.widen(payload.readUInt32BE());
        return;
      case FrameType.GOAWAY:
        this.fail(`the server goes away: error ${payload.readUInt32BE(4)}`);
    }
  }

  /**
   * @param {number} stream
   * @param {Buffer} payload
   */
  data(stream, payload) {
    const state = this.open.get(stream);
    if (state !== undefined) {
      state.body = state.body.length === 0 ? Buffer.from(payload) : Buffer.concat([state.body, payload]);
    }
    this.received += payload.length;
    if (this.received < WINDOW_REFILL) return;
    this.out.push(windowUpdate(this.received));
    this.received = 0;
  }

  /**
   * The server has given the stream up: what has come of its answer counts for nothing.
   * @param {number} stream
   */
  reset(stream) {
    const state = this.open.get(stream);
    if (state === undefined) return;
    state.body = Buffer.alloc(0);
    this.end(stream);
  }

  /** @param {Buffer} payload */
  settings(payload) {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      if (payload.readUInt16BE(at) === Setting.MAX_CONCURRENT_STREAMS && value < this.open.size) {
        this.fail(`the server takes ${value} requests at a time, --concurrency is ${this.open.size}`);
      }
    }
    this.out.push(frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
  }

  /** @param {number} bytes */
  widen(bytes) {
    this.sendWindow += bytes;
    for (; this.held > 0 && this.sendWindow >= this.template.bodySize; this.held--) this.submit();
  }

  /** Whether an answer is the same as the first one, which is right by definition. @param {Buffer} body */
  isExpected(body) {
    this.expected ??= body;
    return this.takesAnyAnswer || body.equals(this.expected);
  }

  /** @param {number} stream */
  end(stream) {
    const state = this.open.get(stream);
    if (state === undefined) return;
    this.open.delete(stream);
    const now = performance.now();
    // An answer without a message is an error: that is all that can be known without reading its headers.
    if (state.body.length === 0) this.measurement.failed("an answer has no message");
    else if (!this.isExpected(state.body)) this.measurement.failed("an answer differs");
    else this.measurement.completed(state.startedAt, now);
    if (now < this.measurement.to) this.submit();
  }
}
