/**
 * What goes out on a socket: everything written in one turn of the event loop leaves in one write, for a system call
 * costs more than a small response.
 */
import type { Socket } from "node:net";

/** Small parts up to this many bytes are copied together. */
const MAX_JOINED_BYTES = 65_536;
/** With more than this in the socket's buffer, large responses wait. */
const HIGH_WATER_BYTES = 1 << 20;

const NOTHING = new Uint8Array(0);

export class Output {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #whenWritten: (() => void)[] = [];

  constructor(private readonly socket: Socket) {}

  /** Takes the bytes over. */
  write(bytes: Uint8Array): void {
    if (this.#parts.length === 0) setImmediate(() => this.flush());
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Calls back when the system has taken all that was written until now; never, when the socket ends before. */
  whenWritten(callback: () => void): void {
    this.#whenWritten.push(callback);
    // Behind what may have been flushed already.
    this.write(NOTHING);
  }

  /** Bytes that the system has not taken yet. */
  get waitingBytes(): number {
    return this.#bytes + this.socket.writableLength;
  }

  get isFull(): boolean {
    return this.waitingBytes > HIGH_WATER_BYTES;
  }

  flush(): void {
    const [parts, bytes, callbacks] = [this.#parts, this.#bytes, this.#whenWritten];
    if (parts.length === 0) return;
    this.#parts = [];
    this.#bytes = 0;
    if (callbacks.length > 0) this.#whenWritten = [];
    if (!this.socket.writable) return;
    if (parts.length === 1) {
      this.socket.write(parts[0] as Uint8Array);
    } else if (bytes <= MAX_JOINED_BYTES) {
      this.socket.write(Buffer.concat(parts, bytes));
    } else {
      this.socket.cork();
      for (const part of parts) this.socket.write(part);
      this.socket.uncork();
    }
    if (callbacks.length === 0) return;
    this.socket.write(NOTHING, (error) => {
      if (!error) for (const callback of callbacks) callback();
    });
  }
}
