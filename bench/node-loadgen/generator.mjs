/**
 * Requests in flight on one HTTP/2 connection, written by hand over a plain socket, since a gRPC library would cost
 * more than the servers that it is to load. Answers are not HPACK-decoded: one counts when its message is, byte for
 * byte, that of the first answer.
 */
import { Answer } from "./answer.mjs";
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
import { LargeRequest } from "./large-request.mjs";

/** @typedef {import("./request-template.mjs").RequestTemplate} RequestTemplate */

/** The receive window of the connection is opened again after this many bytes. */
const WINDOW_REFILL = 2 ** 30;

/** The connection and the requests in flight on it. */
export class Generator {
  /**
   * @param {import("node:net").Socket} socket connected
   * @param {readonly RequestTemplate[]} templates at least one; requests are made of them by turns
   * @param {import("./measurement.mjs").Measurement} measurement
   * @param {(reason: string) => never} fail ends the program
   */
  constructor(socket, templates, measurement, fail) {
    this.fail = fail;
    this.socket = socket;
    this.templates = templates;
    this.requests = 0;
    this.measurement = measurement;
    this.nextStream = 1;
    /** What has come on each open stream. @type {Map<number, Answer>} */
    this.open = new Map();
    this.sendWindow = DEFAULT_WINDOW;
    /** What the server lets a new stream send. */
    this.streamWindow = DEFAULT_WINDOW;
    /** Requests that wait for the send window. */
    this.held = 0;
    /** Large requests under way, by their streams, and those to use again. @type {Map<number, LargeRequest>} */
    this.large = new Map();
    /** @type {LargeRequest[]} */
    this.idleLarge = [];
    this.received = 0;
    /** The beginning of a frame whose end has not come yet. @type {Buffer} */
    this.rest = Buffer.alloc(0);
    /** The DATA frame that is coming: how much of it is still to come. */
    this.dataLeft = 0;
    this.dataStream = 0;
    this.dataEnds = false;
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

  /** That of the next request. */
  get template() {
    return /** @type {RequestTemplate} */ (this.templates[this.requests % this.templates.length]);
  }

  submit() {
    const { template } = this;
    if (template.bodySize > DEFAULT_WINDOW) {
      this.requests++;
      this.submitLarge(template);
      return;
    }
    if (this.sendWindow < template.bodySize) {
      this.held++;
      return;
    }
    this.requests++;
    this.sendWindow -= template.bodySize;
    this.out.push(template.forStream(this.openStream()));
  }

  openStream() {
    const stream = this.nextStream;
    this.nextStream += 2;
    this.open.set(stream, new Answer(this.expected));
    return stream;
  }

  /** @param {RequestTemplate} template */
  submitLarge(template) {
    const at = this.idleLarge.findIndex((idle) => idle.template === template);
    const request =
      at < 0 ? new LargeRequest(template) : /** @type {LargeRequest} */ (this.idleLarge.splice(at, 1)[0]);
    const stream = this.openStream();
    request.restart(stream, this.streamWindow);
    this.large.set(stream, request);
    this.sendLarge(request);
  }

  /** Sends as much as the windows allow. @param {LargeRequest} request */
  sendLarge(request) {
    if (request.isSent) return;
    const { bytes, size } = request.take(this.sendWindow);
    if (size === 0) return;
    this.sendWindow -= size;
    this.flush();
    this.socket.write(bytes);
  }

  flush() {
    if (this.out.length === 0) return;
    this.socket.write(this.out.length === 1 ? /** @type {Buffer} */ (this.out[0]) : Buffer.concat(this.out));
    this.out = [];
  }

  /** @param {Buffer} chunk */
  receive(chunk) {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = this.dataLeft > 0 ? this.continueData(bytes) : 0;
    while (bytes.length - at >= FRAME_HEADER) {
      const length = bytes.readUIntBE(at, 3);
      const [type, frameFlags] = [Number(bytes[at + 3]), Number(bytes[at + 4])];
      const stream = bytes.readUInt32BE(at + 5);
      if (type === FrameType.DATA) {
        [this.dataLeft, this.dataStream] = [length, stream];
        this.dataEnds = (frameFlags & Flag.END_STREAM) !== 0;
        at += FRAME_HEADER;
        at += this.continueData(bytes.subarray(at));
        continue;
      }
      const end = at + FRAME_HEADER + length;
      if (end > bytes.length) break;
      this.frame(type, frameFlags, stream, bytes.subarray(at + FRAME_HEADER, end));
      at = end;
    }
    this.rest = bytes.subarray(at);
    this.flush();
    if (this.open.size === 0 && this.held === 0) this.onIdle();
  }

  /** Takes what is there of a DATA frame, and tells how much that is. @param {Buffer} bytes */
  continueData(bytes) {
    const piece = bytes.subarray(0, this.dataLeft);
    this.dataLeft -= piece.length;
    this.data(this.dataStream, piece);
    if (this.dataLeft === 0 && this.dataEnds) this.end(this.dataStream);
    return piece.length;
  }

  /**
   * @param {number} type
   * @param {number} frameFlags
   * @param {number} stream
   * @param {Buffer} payload
   */
  frame(type, frameFlags, stream, payload) {
    switch (type) {
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
        this.widen(stream, payload.readUInt32BE());
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
    this.open.get(stream)?.add(payload);
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
    if (!this.open.has(stream)) return;
    this.open.set(stream, new Answer(undefined));
    this.end(stream);
  }

  /** @param {Buffer} payload */
  settings(payload) {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const [setting, value] = [payload.readUInt16BE(at), payload.readUInt32BE(at + 2)];
      if (setting === Setting.MAX_CONCURRENT_STREAMS && value < this.open.size) {
        this.fail(`the server takes ${value} requests at a time, --concurrency is ${this.open.size}`);
      }
      if (setting === Setting.INITIAL_WINDOW_SIZE) {
        for (const request of this.large.values()) request.window += value - this.streamWindow;
        this.streamWindow = value;
      }
    }
    this.out.push(frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
    for (const request of this.large.values()) this.sendLarge(request);
  }

  /** @param {number} stream 0 for the connection @param {number} bytes */
  widen(stream, bytes) {
    if (stream > 0) {
      const request = this.large.get(stream);
      if (request === undefined) return;
      request.window += bytes;
      this.sendLarge(request);
      return;
    }
    this.sendWindow += bytes;
    for (const request of this.large.values()) this.sendLarge(request);
    for (; this.held > 0 && this.sendWindow >= this.template.bodySize; this.held--) this.submit();
  }

  /** Whether an answer is the same as the first one. @param {Answer} answer */
  isExpected(answer) {
    this.expected ??= answer.body;
    return this.takesAnyAnswer || answer.equals(this.expected);
  }

  /** @param {number} stream */
  end(stream) {
    const answer = this.open.get(stream);
    if (answer === undefined) return;
    this.open.delete(stream);
    const request = this.large.get(stream);
    if (request !== undefined) {
      this.large.delete(stream);
      this.idleLarge.push(request);
    }
    const now = performance.now();
    // An answer without a message is an error: that is all that can be known without reading its headers.
    if (answer.size === 0) this.measurement.failed("an answer has no message");
    else if (!this.isExpected(answer)) this.measurement.failed("an answer differs");
    else this.measurement.completed(answer.startedAt, now);
    if (now < this.measurement.to) this.submit();
  }
}
