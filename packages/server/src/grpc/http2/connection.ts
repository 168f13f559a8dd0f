/**
 * One HTTP/2 connection, server side (RFC 9113): frames in, streams out, both windows, and the limits that keep one
 * client from taking what all need. What is said on a stream is for its user (grpc-call.ts).
 *
 * Against hostile clients: header blocks, streams and calls under way are bounded; frames that cost us and bring the
 * client nothing (resets, pings, settings, empty data) are rationed; whoever makes no progress for a while, in either
 * direction, is cut off.
 */
import type { Socket } from "node:net";
import { spareMemory } from "../../servables/spare-memory.js";
import {
  ConnectionError,
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW,
  ErrorCode,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  frame,
  goAwayFrame,
  MAX_FRAME_BYTES,
  MAX_WINDOW,
  PREFACE,
  resetFrame,
  Setting,
  StreamError,
  settingsFrame,
  windowUpdateFrame,
  writeFrameHeader,
} from "./frames.js";
import { type Header, HpackDecoder } from "./hpack.js";
import { KEEP_ALIVE_PAYLOAD, KeepAlive, type KeepAliveTimes } from "./keep-alive.js";
import { PREFIX_BYTES, writePrefix } from "./message.js";
import { Output } from "./output.js";
import { RateLimit } from "./rate-limit.js";
import { checkTrailers, type RequestHeaders, requestHeaders } from "./request-headers.js";
import { OK_TRAILERS, RESPONSE_HEADERS } from "./response-headers.js";
import { Stream, type StreamUser } from "./stream.js";
import { StreamTable } from "./stream-table.js";

/** What clients may send of one body, and of all together, before we have seen it. */
const STREAM_WINDOW = 1 << 20;
const CONNECTION_WINDOW = 8 << 20;
const MAX_HEADER_BYTES = 65_536;
const MAX_CONTINUATIONS = 16;
/** Frames that bring the client nothing: so many at once, so many a second in the long run. */
const UNPRODUCTIVE_BURST = 1000;
const UNPRODUCTIVE_PER_SECOND = 200;
/** Answers to pings and settings that a client doesn't read. */
const MAX_UNREAD_BYTES = 8 << 20;
/** Streams that we ended, whose frames may still be on their way. */
const MAX_REMEMBERED_RESETS = 1000;
/** What the other side has to close a connection that we have ended. */
const CLOSE_NOTICE_MS = 1000;
/** A client that sends a body slower than this is cut off: bytes between two checks of stalled streams. */
const MIN_BODY_BYTES_PER_CHECK = 1024;

/** Small messages are copied at once, up to so many bytes, rather than one by one; as many as clients send in one turn. */
const MAX_COPIED_BYTES = 65_536;
const SMALL_FRAME_BYTES = 1_024;

const NOTHING = Buffer.alloc(0);

export interface ConnectionOptions {
  /** Opens a stream's user. May answer at once. */
  readonly open: (stream: Stream, headers: RequestHeaders, connection: Connection) => StreamUser;
  /** Calls under way at the same time, those counted that the client has given up. */
  readonly maxCalls: number;
  readonly onClosed: (connection: Connection) => void;
}

interface HeaderBlock {
  readonly streamId: number;
  readonly endsStream: boolean;
  readonly dependsOnItself: boolean;
  readonly parts: Uint8Array[];
  bytes: number;
}

/** A DATA frame of which a part is still to come. */
interface CutFrame {
  /** Undefined when nobody wants its payload. */
  readonly stream: Stream | undefined;
  readonly flags: number;
  missingBytes: number;
}

export class Connection {
  readonly #output: Output;
  readonly #decoder = new HpackDecoder(MAX_HEADER_BYTES);
  readonly #streams = new StreamTable();
  /** Streams with something to send. */
  readonly #waiting = new Set<Stream>();
  readonly #resetByUs = new Set<number>();
  readonly #unproductive = new RateLimit(UNPRODUCTIVE_BURST, UNPRODUCTIVE_PER_SECOND);
  #rest: Buffer = NOTHING;
  #cut: CutFrame | undefined;
  /** Of what is being read nothing may be kept, but copies. */
  #isLent = false;
  #hasPreface = false;
  #hasSettings = false;
  #block: HeaderBlock | undefined;
  #lastStreamId = 0;
  /** Streams above this are refused, once we said so. */
  #lastAccepted = Number.POSITIVE_INFINITY;
  #isDraining = false;
  #isEnded = false;
  #sendWindow = DEFAULT_WINDOW;
  #initialSendWindow = DEFAULT_WINDOW;
  #receiveWindow = CONNECTION_WINDOW;
  /** Calls that run for a stream that is gone. */
  #abandoned = 0;
  #frames = 0;
  #seenFrames = -1;
  #seenWritten = 0;
  readonly startedMs = performance.now();
  readonly #keepAlive = new KeepAlive(this.startedMs);
  /** When the last stream ended. */
  idleSinceMs = performance.now();

  constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
  ) {
    this.#output = new Output(socket);
    socket.setNoDelay(true);
    socket.on("drain", () => this.#pumpAll());
    socket.on("error", () => socket.destroy());
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#closed());
    this.#output.write(
      settingsFrame([
        [Setting.MAX_CONCURRENT_STREAMS, options.maxCalls],
        [Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW],
        [Setting.MAX_HEADER_LIST_SIZE, MAX_HEADER_BYTES],
      ]),
    );
    this.#output.write(windowUpdateFrame(0, CONNECTION_WINDOW - DEFAULT_WINDOW));
  }

  get isIdle(): boolean {
    return this.#streams.size === 0;
  }

  // ---- what streams' users call -------------------------------------------------------------------------------

  /** The whole answer of a call that went well, for which one write is enough most of the time. */
  respond(stream: Stream, message: Uint8Array): void {
    if (stream.isLocalClosed) return;
    const length = PREFIX_BYTES + message.length;
    const fits = length <= DEFAULT_FRAME_BYTES && length <= stream.sendWindow && length <= this.#sendWindow;
    if (!fits) {
      const prefix = Buffer.alloc(PREFIX_BYTES);
      writePrefix(prefix, 0, message.length);
      this.sendHeaders(stream, RESPONSE_HEADERS);
      this.send(stream, prefix);
      this.send(stream, message);
      stream.onWritten = () => spareMemory.takeBack(message.buffer);
      this.sendTrailers(stream, OK_TRAILERS);
      return;
    }
    stream.sendWindow -= length;
    this.#sendWindow -= length;
    this.#output.write(joinedAnswer(stream.id, message));
    this.#closeLocal(stream);
  }

  sendHeaders(stream: Stream, block: Uint8Array): void {
    if (!stream.isLocalClosed) this.#headers(stream.id, block, 0);
  }

  /** Sends body, as far as the windows allow; the rest follows. */
  send(stream: Stream, bytes: Uint8Array): void {
    if (stream.isLocalClosed) return;
    stream.enqueue(bytes);
    this.#pump(stream);
  }

  /** Sends the end of the body, at least a byte, and ends the stream with it. */
  sendLast(stream: Stream, bytes: Uint8Array): void {
    stream.endsWithBody = true;
    this.send(stream, bytes);
  }

  /** Ends the stream behind what waits. */
  sendTrailers(stream: Stream, block: Uint8Array): void {
    if (stream.isLocalClosed) return;
    stream.trailers = block;
    this.#pump(stream);
  }

  /** Ends the stream with headers alone. */
  sendOnlyHeaders(stream: Stream, block: Uint8Array): void {
    if (stream.isLocalClosed) return;
    this.#headers(stream.id, block, Flag.END_STREAM);
    this.#closeLocal(stream);
  }

  /** Lets a client that was held back send on. */
  resume(stream: Stream): void {
    stream.isPaused = false;
    if (!stream.isRemoteClosed) this.#grant(stream);
  }

  /** A call goes on though its stream is gone: it counts until it is over. */
  abandon(): void {
    this.#abandoned++;
  }

  abandonedIsOver(): void {
    this.#abandoned--;
  }

  // ---- life cycle ----------------------------------------------------------------------------------------------

  /** Asks the client to open no more streams, and closes when those under way are done. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    if (!this.#hasSettings) {
      this.socket.destroy();
      return;
    }
    // Streams that the client opens before it hears of this are still answered: the ping tells when it has heard.
    this.#output.write(goAwayFrame(MAX_WINDOW, ErrorCode.NO_ERROR));
    this.#output.write(frame(FrameType.PING, 0, 0, Buffer.alloc(8)));
  }

  /** Refuses new streams from now on: the client has heard of drain(), or had the time to. */
  finishDrain(): void {
    if (!this.#isDraining || this.#isEnded || this.#lastAccepted !== Number.POSITIVE_INFINITY) return;
    this.#lastAccepted = this.#lastStreamId;
    this.#output.write(goAwayFrame(this.#lastAccepted, ErrorCode.NO_ERROR));
    this.#endWhenDone();
  }

  /** Ends everything at once. */
  destroy(): void {
    this.socket.destroy();
  }

  /**
   * Cuts off what made no progress since the last check: a handshake or frame that is not completed, a body or a
   * response that stands still. To be called every so many seconds.
   */
  check(): void {
    const isInFrame = this.#rest.length > 0 || this.#cut !== undefined || this.#block !== undefined;
    const isStuckInFrame = isInFrame || !this.#hasSettings;
    if (isStuckInFrame && this.#frames === this.#seenFrames) {
      this.#fail(new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame was not completed in time"));
      return;
    }
    this.#seenFrames = this.#frames;
    if (this.#isReaderStuck()) {
      this.socket.destroy();
      return;
    }
    for (const stream of this.#streams.all()) this.#checkStream(stream);
  }

  /** Pings a client that has been silent, and gives up one that doesn't answer. To be called every now and then. */
  keepAlive(nowMs: number, times: KeepAliveTimes): void {
    const action = this.#keepAlive.next(this.#frames, nowMs, times);
    if (action === "ping") this.#output.write(frame(FrameType.PING, 0, 0, KEEP_ALIVE_PAYLOAD));
    else if (action === "give up") this.socket.destroy();
  }

  /** Whether the system took nothing of what waits for it since the last check. */
  #isReaderStuck(): boolean {
    const written = this.socket.bytesWritten - this.socket.writableLength;
    const isStuck = this.#output.waitingBytes > 0 && written === this.#seenWritten;
    this.#seenWritten = written;
    return isStuck;
  }

  #checkStream(stream: Stream): void {
    const received = stream.receivedBytes - stream.seenBytes;
    const isOwedData = !stream.isRemoteClosed && !stream.isPaused && stream.user?.isOwedData === true;
    const isBodySlow = isOwedData && received < MIN_BODY_BYTES_PER_CHECK;
    const isResponseStuck = stream.isWaiting && !stream.hasProgressed;
    // The first check of a stream, or of a message on it, only notes where it is.
    if (stream.isChecked && ((stream.wasOwedData && isBodySlow) || isResponseStuck)) {
      this.#reset(stream, ErrorCode.CANCEL);
      return;
    }
    stream.isChecked = true;
    stream.wasOwedData = isOwedData;
    stream.seenBytes = stream.receivedBytes;
    stream.hasProgressed = false;
  }

  #end(): void {
    this.#isEnded = true;
    this.#output.flush();
    // A client that does not close its side once it has everything would keep the connection, and drain() with it.
    this.socket.end(() => setTimeout(() => this.socket.destroy(), CLOSE_NOTICE_MS).unref());
  }

  #closed(): void {
    this.#isEnded = true;
    for (const stream of this.#streams.all()) this.#forget(stream, true);
    this.options.onClosed(this);
  }

  #fail(error: ConnectionError): void {
    if (this.#isEnded) return;
    this.#output.write(goAwayFrame(this.#lastStreamId, error.code, error.message));
    this.#end();
    // What the client still sends is not read, and must not keep the connection open.
    setTimeout(() => this.socket.destroy(), CLOSE_NOTICE_MS).unref();
    for (const stream of this.#streams.all()) this.#forget(stream, true);
  }

  #endWhenDone(): void {
    if (this.#isDraining && this.#lastAccepted !== Number.POSITIVE_INFINITY && this.isIdle) this.#end();
  }

  // ---- frames in -----------------------------------------------------------------------------------------------

  /** Reads what has come. @param isLent whether the memory is overwritten afterwards */
  receive(bytes: Buffer, isLent: boolean): void {
    if (this.#isEnded) return;
    const isBegun = this.#rest.length > 0 || this.#cut !== undefined;
    const isCopied = isLent && this.#hasPreface && !isBegun && areSmallFrames(bytes);
    const chunk = isCopied ? Buffer.from(bytes) : bytes;
    this.#isLent = isLent && !isCopied;
    try {
      const whole = !this.#hasPreface
        ? this.#readPreface(chunk)
        : isBegun
          ? this.#completeFrame(chunk)
          : chunk;
      if (whole.length > 0) this.#rest = this.#kept(this.#readFrames(whole));
    } catch (reason) {
      const isOurs = reason instanceof ConnectionError;
      this.#fail(isOurs ? reason : new ConnectionError(ErrorCode.INTERNAL_ERROR, "internal error"));
    }
  }

  /** What stays valid of what is being read. */
  #kept(part: Buffer): Buffer {
    return this.#isLent && part.length > 0 ? Buffer.from(part) : part;
  }

  /** Handles the frame whose beginning has come before, as far as it has come, and returns what is behind it. */
  #completeFrame(chunk: Buffer): Buffer {
    let rest = chunk;
    while (rest.length > 0 && !this.#isEnded) {
      const { length } = this.#rest;
      // A frame of DATA whose header was in two pieces is one that is cut: both happen in one chunk.
      if (this.#cut !== undefined) {
        rest = this.#continueData(this.#cut, rest);
      } else if (length > 0) {
        const whole = FRAME_HEADER_BYTES + (length < FRAME_HEADER_BYTES ? 0 : payloadBytes(this.#rest, 0));
        const missing = rest.subarray(0, whole - length);
        rest = rest.subarray(missing.length);
        this.#rest = this.#readFrames(Buffer.concat([this.#rest, missing]));
      } else {
        break;
      }
    }
    return rest;
  }

  /** What is behind the preface; nothing while that is not complete. */
  #readPreface(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#rest, chunk]);
    const size = Math.min(bytes.length, PREFACE.length);
    if (PREFACE.compare(bytes, 0, size, 0, size) !== 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "the client does not speak HTTP/2");
    }
    this.#hasPreface = size === PREFACE.length;
    this.#rest = this.#hasPreface ? NOTHING : bytes;
    return bytes.subarray(size);
  }

  /** Handles all complete frames, and of DATA what there is, and returns what is left. */
  #readFrames(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES && !this.#isEnded) {
      const length = payloadBytes(bytes, at);
      const start = at + FRAME_HEADER_BYTES;
      const end = start + length;
      const [type, flags] = [bytes[at + 3] as number, bytes[at + 4] as number];
      const isCut = end > bytes.length;
      if (isCut && (type !== FrameType.DATA || (flags & Flag.PADDED) !== 0)) break;
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      const payload = bytes.subarray(start, end);
      if (isCut) {
        this.#beginCutData(flags, streamId, length, payload);
        return NOTHING;
      }
      this.#frame(type, flags, streamId, payload);
      at = end;
    }
    return at === bytes.length ? NOTHING : bytes.subarray(at);
  }

  #frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    this.#expect(type, streamId);
    try {
      this.#dispatch(type, flags, streamId, payload);
    } catch (reason) {
      if (!(reason instanceof StreamError)) throw reason;
      this.#streamError(reason);
    }
  }

  /** Counts a frame. PROTOCOL_ERROR when another one must come first. */
  #expect(type: number, streamId: number): void {
    this.#frames++;
    if (!this.#hasSettings && type !== FrameType.SETTINGS)
      throw protocolError("the first frame is not SETTINGS");
    const { CONTINUATION } = FrameType;
    if (this.#block !== undefined && (type !== CONTINUATION || streamId !== this.#block.streamId)) {
      throw protocolError("a header block is interrupted");
    }
  }

  #dispatch(type: number, flags: number, streamId: number, payload: Buffer): void {
    switch (type) {
      case FrameType.DATA:
        this.#onData(flags, streamId, payload);
        break;
      case FrameType.HEADERS:
        this.#onHeaders(flags, streamId, payload);
        break;
      case FrameType.PRIORITY:
        this.#onPriority(streamId, payload);
        break;
      case FrameType.RST_STREAM:
        this.#onReset(streamId, payload);
        break;
      case FrameType.SETTINGS:
        this.#onSettings(flags, streamId, payload);
        break;
      case FrameType.PUSH_PROMISE:
        throw protocolError("a client can't push");
      case FrameType.PING:
        this.#onPing(flags, streamId, payload);
        break;
      case FrameType.GOAWAY:
        if (streamId !== 0) throw protocolError("GOAWAY on a stream");
        break;
      case FrameType.WINDOW_UPDATE:
        this.#onWindowUpdate(streamId, payload);
        break;
      case FrameType.CONTINUATION:
        this.#onContinuation(flags, payload);
        break;
      default:
        this.#ration();
    }
  }

  /** Counts a frame that brings the client nothing. */
  #ration(): void {
    if (!this.#unproductive.take()) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "too many frames to no end");
    }
    if (this.#output.waitingBytes > MAX_UNREAD_BYTES) this.socket.destroy();
  }

  #onData(flags: number, streamId: number, payload: Buffer): void {
    const body = unpadded(flags, payload);
    const stream = this.#acceptData(flags, streamId, payload.length, body.length);
    if (stream === undefined) return;
    this.#deliver(stream, body);
    this.#endData(stream, flags);
  }

  /** DATA is passed on as it comes: to wait until a frame is whole would mean to copy it. */
  #beginCutData(flags: number, streamId: number, length: number, payload: Buffer): void {
    this.#expect(FrameType.DATA, streamId);
    let stream: Stream | undefined;
    try {
      stream = this.#acceptData(flags, streamId, length, length);
    } catch (reason) {
      if (!(reason instanceof StreamError)) throw reason;
      this.#streamError(reason);
    }
    this.#cut = { stream, flags, missingBytes: length };
    this.#continueData(this.#cut, payload);
  }

  /** Passes on what belongs to the frame and returns what is behind it. */
  #continueData(cut: CutFrame, bytes: Buffer): Buffer {
    const { stream, flags } = cut;
    const piece = bytes.subarray(0, cut.missingBytes);
    cut.missingBytes -= piece.length;
    if (cut.missingBytes === 0) this.#cut = undefined;
    if (stream !== undefined && this.#streams.get(stream.id) === stream) {
      this.#deliver(stream, piece);
      if (cut.missingBytes === 0) this.#endData(stream, flags);
    }
    return bytes.subarray(piece.length);
  }

  #deliver(stream: Stream, body: Buffer): void {
    stream.user?.data(body, this.#isLent);
  }

  #endData(stream: Stream, flags: number): void {
    if ((flags & Flag.END_STREAM) !== 0) this.#onEnd(stream);
    else this.#grant(stream);
  }

  /** Counts a DATA frame against both windows. The stream that it is for; undefined when that is over. */
  #acceptData(flags: number, streamId: number, bytes: number, bodyBytes: number): Stream | undefined {
    if (streamId === 0) throw protocolError("DATA without a stream");
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0) throw flowControlError("more DATA than the connection's window");
    if (this.#receiveWindow < CONNECTION_WINDOW / 2) {
      this.#output.write(windowUpdateFrame(0, CONNECTION_WINDOW - this.#receiveWindow));
      this.#receiveWindow = CONNECTION_WINDOW;
    }
    const isEnd = (flags & Flag.END_STREAM) !== 0;
    if (bodyBytes === 0 && !isEnd) this.#ration();
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      this.#onClosedStream(streamId, "DATA");
      return undefined;
    }
    if (stream.isRemoteClosed) {
      throw new StreamError(streamId, ErrorCode.STREAM_CLOSED, "DATA behind the end of the stream");
    }
    stream.receiveWindow -= bytes;
    if (stream.receiveWindow < 0) {
      throw new StreamError(streamId, ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the stream's window");
    }
    stream.receivedBytes += bodyBytes;
    if (isEnd) checkContentLength(stream);
    return stream;
  }

  /** Lets the client send on. */
  #grant(stream: Stream): void {
    if (stream.isPaused || stream.isLocalClosed || stream.receiveWindow >= STREAM_WINDOW / 2) return;
    this.#output.write(windowUpdateFrame(stream.id, STREAM_WINDOW - stream.receiveWindow));
    stream.receiveWindow = STREAM_WINDOW;
  }

  #onEnd(stream: Stream): void {
    stream.isRemoteClosed = true;
    if (stream.isLocalClosed) this.#forget(stream, false);
    else stream.user?.end();
  }

  /** A frame on a stream that is over: late when we ended it, wrong when the client did. */
  #onClosedStream(streamId: number, what: string): void {
    if (streamId > this.#lastStreamId || streamId % 2 === 0) throw protocolError(`${what} on an idle stream`);
    if (this.#resetByUs.has(streamId)) return;
    throw new ConnectionError(ErrorCode.STREAM_CLOSED, `${what} on a closed stream`);
  }

  #onHeaders(flags: number, streamId: number, payload: Buffer): void {
    if (streamId % 2 === 0) throw protocolError("HEADERS on a stream that no client opens");
    let block = unpadded(flags, payload);
    let dependsOnItself = false;
    if ((flags & Flag.PRIORITY) !== 0) {
      if (block.length < 5) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "HEADERS are cut off");
      dependsOnItself = (block.readUInt32BE(0) & 0x7fffffff) === streamId;
      block = block.subarray(5);
    }
    const endsStream = (flags & Flag.END_STREAM) !== 0;
    const isWhole = (flags & Flag.END_HEADERS) !== 0;
    const parts = [isWhole ? block : this.#kept(block)];
    const begun: HeaderBlock = { streamId, endsStream, dependsOnItself, parts, bytes: block.length };
    if (isWhole) this.#onBlock(begun);
    else this.#block = begun;
  }

  #onContinuation(flags: number, payload: Buffer): void {
    const block = this.#block;
    if (block === undefined) throw protocolError("CONTINUATION of nothing");
    block.parts.push(this.#kept(payload));
    block.bytes += payload.length;
    if (block.bytes > MAX_HEADER_BYTES || block.parts.length > MAX_CONTINUATIONS + 1) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "a header block without end");
    }
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.#block = undefined;
    this.#onBlock(block);
  }

  #onBlock({ streamId, endsStream, dependsOnItself, parts }: HeaderBlock): void {
    // Decoded whatever becomes of it: the next block depends on what this one puts into the table.
    const headers = this.#decoder.decode(
      parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts),
    );
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#onTrailers(stream, headers, endsStream);
    else if (streamId <= this.#lastStreamId) this.#onClosedStream(streamId, "HEADERS");
    else this.#onRequest(streamId, headers, endsStream, dependsOnItself);
  }

  #onTrailers(stream: Stream, headers: readonly Header[], endsStream: boolean): void {
    if (stream.isRemoteClosed) {
      throw new StreamError(stream.id, ErrorCode.STREAM_CLOSED, "HEADERS behind the end of the stream");
    }
    if (!endsStream) {
      throw new StreamError(stream.id, ErrorCode.PROTOCOL_ERROR, "trailers don't end the stream");
    }
    checkTrailers(stream.id, headers);
    checkContentLength(stream);
    this.#onEnd(stream);
  }

  #onRequest(
    streamId: number,
    headers: readonly Header[],
    endsStream: boolean,
    dependsOnItself: boolean,
  ): void {
    this.#lastStreamId = streamId;
    if (streamId > this.#lastAccepted || this.#streams.size + this.#abandoned >= this.options.maxCalls) {
      throw new StreamError(streamId, ErrorCode.REFUSED_STREAM, "too many streams");
    }
    if (dependsOnItself) {
      throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "a stream depends on itself");
    }
    const request = requestHeaders(streamId, headers);
    const stream = new Stream(streamId, this.#initialSendWindow, STREAM_WINDOW, request.contentLength);
    if (endsStream) checkContentLength(stream);
    this.#streams.add(stream);
    stream.user = this.options.open(stream, request, this);
    if (endsStream) this.#onEnd(stream);
  }

  #onPriority(streamId: number, payload: Buffer): void {
    if (streamId === 0) throw protocolError("PRIORITY without a stream");
    this.#ration();
    if (payload.length !== 5) {
      throw new StreamError(streamId, ErrorCode.FRAME_SIZE_ERROR, `PRIORITY of ${payload.length} bytes`);
    }
    if ((payload.readUInt32BE(0) & 0x7fffffff) === streamId) {
      throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "a stream depends on itself");
    }
  }

  #onReset(streamId: number, payload: Buffer): void {
    if (payload.length !== 4) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `RST_STREAM of ${payload.length} bytes`);
    }
    if (streamId === 0 || streamId > this.#lastStreamId) throw protocolError("RST_STREAM on an idle stream");
    this.#ration();
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#forget(stream, true);
  }

  #onPing(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocolError("PING on a stream");
    if (payload.length !== 8) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `PING of ${payload.length} bytes`);
    }
    if ((flags & Flag.ACK) !== 0) {
      if (!payload.equals(KEEP_ALIVE_PAYLOAD)) this.finishDrain();
      return;
    }
    this.#ration();
    this.#output.write(frame(FrameType.PING, Flag.ACK, 0, payload));
  }

  #onSettings(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocolError("SETTINGS on a stream");
    const isAnswer = (flags & Flag.ACK) !== 0;
    if (payload.length % 6 !== 0 || (isAnswer && payload.length > 0)) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `SETTINGS of ${payload.length} bytes`);
    }
    this.#hasSettings = true;
    if (isAnswer) return;
    this.#ration();
    for (let at = 0; at < payload.length; at += 6) {
      this.#onSetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
    this.#output.write(frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
    // Behind the acknowledgement, so that the client knows by which window it is sent.
    this.#pumpAll();
  }

  #onSetting(id: number, value: number): void {
    switch (id) {
      case Setting.ENABLE_PUSH:
        if (value > 1) throw protocolError(`SETTINGS_ENABLE_PUSH is ${value}`);
        break;
      case Setting.MAX_FRAME_SIZE:
        if (value < DEFAULT_FRAME_BYTES || value > MAX_FRAME_BYTES) {
          throw protocolError(`SETTINGS_MAX_FRAME_SIZE is ${value}`);
        }
        break;
      case Setting.INITIAL_WINDOW_SIZE: {
        if (value > MAX_WINDOW) throw flowControlError(`SETTINGS_INITIAL_WINDOW_SIZE is ${value}`);
        const change = value - this.#initialSendWindow;
        this.#initialSendWindow = value;
        for (const stream of this.#streams.all()) {
          stream.sendWindow += change;
          if (stream.sendWindow > MAX_WINDOW) throw flowControlError("a stream's window is too large");
        }
        break;
      }
    }
  }

  #onWindowUpdate(streamId: number, payload: Buffer): void {
    if (payload.length !== 4) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `WINDOW_UPDATE of ${payload.length} bytes`);
    }
    const increment = payload.readUInt32BE(0) & 0x7fffffff;
    if (streamId === 0) {
      if (increment === 0) throw protocolError("WINDOW_UPDATE of nothing");
      this.#sendWindow += increment;
      if (this.#sendWindow > MAX_WINDOW) throw flowControlError("the connection's window is too large");
      this.#pumpAll();
      return;
    }
    if (streamId > this.#lastStreamId) throw protocolError("WINDOW_UPDATE on an idle stream");
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    if (increment === 0)
      throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing");
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW) {
      throw new StreamError(streamId, ErrorCode.FLOW_CONTROL_ERROR, "the stream's window is too large");
    }
    this.#pump(stream);
  }

  // ---- frames out ----------------------------------------------------------------------------------------------

  #headers(streamId: number, block: Uint8Array, flags: number): void {
    this.#output.write(frame(FrameType.HEADERS, Flag.END_HEADERS | flags, streamId, block));
  }

  #pumpAll(): void {
    for (const stream of [...this.#waiting]) this.#pump(stream);
  }

  /** Sends what waits as far as both windows and the socket allow. */
  #pump(stream: Stream): void {
    while (stream.pendingBytes > 0) {
      const most = Math.min(stream.sendWindow, this.#sendWindow);
      if (most <= 0 || this.#output.isFull) {
        this.#waiting.add(stream);
        return;
      }
      const bytes = stream.take(most);
      const isLast = stream.endsWithBody && stream.pendingBytes === 0;
      const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
      writeFrameHeader(head, 0, bytes.length, FrameType.DATA, isLast ? Flag.END_STREAM : 0, stream.id);
      this.#output.write(head);
      this.#output.write(bytes);
      stream.sendWindow -= bytes.length;
      this.#sendWindow -= bytes.length;
      stream.hasProgressed = true;
    }
    this.#waiting.delete(stream);
    if (stream.trailers !== undefined && stream.onWritten !== undefined) {
      this.#output.whenWritten(stream.onWritten);
      stream.onWritten = undefined;
    }
    if (stream.trailers !== undefined) {
      this.#headers(stream.id, stream.trailers, Flag.END_STREAM);
      this.#closeLocal(stream);
    } else if (stream.endsWithBody) {
      this.#closeLocal(stream);
    }
    stream.onDrain?.();
  }

  #closeLocal(stream: Stream): void {
    stream.isLocalClosed = true;
    if (stream.isRemoteClosed) this.#forget(stream, false);
    else this.#reset(stream, ErrorCode.NO_ERROR);
  }

  #streamError({ streamId, code }: StreamError): void {
    this.#ration();
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) {
      this.#reset(stream, code);
      return;
    }
    this.#remember(streamId);
    this.#output.write(resetFrame(streamId, code));
  }

  #reset(stream: Stream, code: ErrorCode): void {
    this.#remember(stream.id);
    this.#output.write(resetFrame(stream.id, code));
    this.#forget(stream, !stream.isLocalClosed);
  }

  #remember(streamId: number): void {
    this.#resetByUs.add(streamId);
    const [oldest] = this.#resetByUs;
    if (this.#resetByUs.size > MAX_REMEMBERED_RESETS && oldest !== undefined) this.#resetByUs.delete(oldest);
  }

  #forget(stream: Stream, isAborted: boolean): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#waiting.delete(stream);
    stream.isLocalClosed = true;
    if (isAborted) stream.user?.aborted();
    if (this.isIdle) this.idleSinceMs = performance.now();
    this.#endWhenDone();
  }
}

/** Whether these are small frames, by the first two: the headers and the body of a request, most of the time. */
function areSmallFrames(bytes: Buffer): boolean {
  if (bytes.length > MAX_COPIED_BYTES) return false;
  let at = 0;
  for (let frames = 0; frames < 2 && at + FRAME_HEADER_BYTES <= bytes.length; frames++) {
    const length = bytes.readUIntBE(at, 3);
    if (length > SMALL_FRAME_BYTES) return false;
    at += FRAME_HEADER_BYTES + length;
  }
  return true;
}

/** How long the payload of a frame is; its header must be there. FRAME_SIZE_ERROR beyond what we take. */
function payloadBytes(frame: Buffer, at: number): number {
  const length = frame.readUIntBE(at, 3);
  if (length > DEFAULT_FRAME_BYTES) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `frame of ${length} bytes`);
  }
  return length;
}

/** Headers, message and trailers in one piece. */
function joinedAnswer(streamId: number, message: Uint8Array): Buffer {
  const length = PREFIX_BYTES + message.length;
  const bytes = Buffer.allocUnsafe(
    3 * FRAME_HEADER_BYTES + RESPONSE_HEADERS.length + length + OK_TRAILERS.length,
  );
  let at = 0;
  const head = (size: number, type: number, flags: number) => {
    writeFrameHeader(bytes, at, size, type, flags, streamId);
    at += FRAME_HEADER_BYTES;
  };
  head(RESPONSE_HEADERS.length, FrameType.HEADERS, Flag.END_HEADERS);
  bytes.set(RESPONSE_HEADERS, at);
  at += RESPONSE_HEADERS.length;
  head(length, FrameType.DATA, 0);
  writePrefix(bytes, at, message.length);
  bytes.set(message, at + PREFIX_BYTES);
  at += length;
  head(OK_TRAILERS.length, FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM);
  bytes.set(OK_TRAILERS, at);
  return bytes;
}

/** A payload without its padding. */
function unpadded(flags: number, payload: Buffer): Buffer {
  if ((flags & Flag.PADDED) === 0) return payload;
  const padding = payload[0];
  if (padding === undefined || padding >= payload.length) throw protocolError("padding beyond the frame");
  return payload.subarray(1, payload.length - padding);
}

function checkContentLength({ id, contentLength, receivedBytes }: Stream): void {
  if (contentLength === undefined || contentLength === receivedBytes) return;
  throw new StreamError(id, ErrorCode.PROTOCOL_ERROR, "the body is not as long as content-length says");
}

function protocolError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, message);
}

function flowControlError(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, message);
}
