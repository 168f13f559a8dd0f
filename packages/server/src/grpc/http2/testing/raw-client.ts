/** A client that speaks HTTP/2 frame by frame, for tests of what no gRPC library would send. */
import { createConnection, type Socket } from "node:net";
import {
  DEFAULT_FRAME_BYTES,
  ErrorCode,
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  frame,
  PREFACE,
  settingsFrame,
} from "../frames.js";
import { encodeHeaders, type Header, HpackDecoder } from "../hpack.js";
import { framed } from "../message.js";

export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export interface Answer {
  readonly headers: readonly Header[];
  readonly body: Buffer;
}

const errorNames = new Map(Object.entries(ErrorCode).map(([name, code]) => [code as number, name]));

export class RawClient {
  readonly frames: ReceivedFrame[] = [];
  readonly #socket: Socket;
  readonly #decoder = new HpackDecoder(1 << 20);
  #rest: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #wake = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  /** @param settings null to send nothing at all, not even the preface */
  static async connect(port: number, settings: readonly (readonly [number, number])[] | null = []) {
    const socket = createConnection(port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const client = new RawClient(socket);
    if (settings !== null) client.write(PREFACE, settingsFrame(settings));
    return client;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(...bytes: Uint8Array[]): void {
    if (this.#socket.writable) this.#socket.write(Buffer.concat(bytes));
  }

  /** Stops reading: what the server sends stays in the system's buffers. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Waits until a frame that fits has come, and gives it. */
  async frame(fits: (frame: ReceivedFrame) => boolean): Promise<ReceivedFrame> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found !== undefined) return found;
      if (this.#isClosed) throw new Error("the connection was closed before the frame came");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** How the server ended the connection: the name of GOAWAY's code, or "closed". */
  async ending(): Promise<string> {
    const isGoAway = ({ type }: ReceivedFrame) => type === FrameType.GOAWAY;
    return await this.frame(isGoAway).then(
      ({ payload }) => errorNames.get(payload.readUInt32BE(4)) ?? "?",
      () => "closed",
    );
  }

  /** How the server ended a stream: the name of RST_STREAM's code. */
  async reset(streamId: number): Promise<string> {
    const { payload } = await this.frame(
      (each) => each.type === FrameType.RST_STREAM && each.streamId === streamId,
    );
    return errorNames.get(payload.readUInt32BE(0)) ?? "?";
  }

  /** All of a stream's headers and body, once it has ended. */
  async answer(streamId: number): Promise<Answer> {
    await this.frame(({ flags, type, streamId: id }) => {
      const canEnd = type === FrameType.HEADERS || type === FrameType.DATA;
      return id === streamId && canEnd && (flags & Flag.END_STREAM) !== 0;
    });
    const own = this.frames.filter((each) => each.streamId === streamId);
    const headers = own
      .filter(({ type }) => type === FrameType.HEADERS)
      .flatMap(({ payload }) => [...this.#decoder.decode(payload)]);
    const body = own.filter(({ type }) => type === FrameType.DATA).map(({ payload }) => payload);
    return { headers, body: Buffer.concat(body) };
  }

  async status(streamId: number): Promise<string | undefined> {
    const { headers } = await this.answer(streamId);
    return headers.find(({ name }) => name === "grpc-status")?.value;
  }

  #receive(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      this.frames.push({
        type: bytes[3] as number,
        flags: bytes[4] as number,
        streamId: bytes.readUInt32BE(5),
        payload: bytes.subarray(FRAME_HEADER_BYTES, end),
      });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    this.#wake();
  }
}

/** The headers of a gRPC call, with others in their place or behind them. */
export function callHeaders(path: string, others: Readonly<Record<string, string>> = {}): Buffer {
  const fields = {
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "localhost",
    "content-type": "application/grpc",
    te: "trailers",
    ...others,
  };
  return encodeHeaders(Object.entries(fields).map(([name, value]) => ({ name, value })));
}

export function headersFrame(streamId: number, block: Uint8Array, flags = 0): Buffer {
  return frame(FrameType.HEADERS, Flag.END_HEADERS | flags, streamId, block);
}

export function dataFrame(streamId: number, bytes: Uint8Array, flags: number = Flag.END_STREAM): Buffer {
  return frame(FrameType.DATA, flags, streamId, bytes);
}

/** A whole call: headers and one message, in as many frames as it takes. */
export function callFrames(streamId: number, path: string, message: Uint8Array): Buffer {
  const body = framed(message);
  const frames = [headersFrame(streamId, callHeaders(path))];
  for (let at = 0; at < body.length; at += DEFAULT_FRAME_BYTES) {
    const isLast = at + DEFAULT_FRAME_BYTES >= body.length;
    frames.push(
      dataFrame(streamId, body.subarray(at, at + DEFAULT_FRAME_BYTES), isLast ? Flag.END_STREAM : 0),
    );
  }
  return Buffer.concat(frames);
}
