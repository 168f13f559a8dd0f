/** One HTTP/2 stream of a connection: windows, and what waits for them. */
import { DEFAULT_FRAME_BYTES } from "./frames.js";

/** What a stream does with what the client sends on it. */
export interface StreamUser {
  /** Whether a client that sends nothing now keeps the user waiting. */
  readonly isOwedData: boolean;
  /** A piece of the body. @param isLent whether nothing of it may be kept, but copies */
  data(bytes: Uint8Array, isLent: boolean): void;
  /** The client has sent all. */
  end(): void;
  /** The stream is gone; nothing can be answered any more. */
  aborted(): void;
}

export class Stream {
  user: StreamUser | undefined;
  /** The client sends nothing more. */
  isRemoteClosed = false;
  /** We send nothing more. */
  isLocalClosed = false;
  /** The client has sent this much of the body. */
  receivedBytes = 0;
  /** What the client may still send before we allow more. */
  receiveWindow: number;
  /** The user has enough for now: the client may send no more than the window it has. */
  isPaused = false;
  /** Body that waits for the client's window. */
  readonly pending: Uint8Array[] = [];
  pendingBytes = 0;
  /** The header block that ends the stream behind the body. */
  trailers: Uint8Array | undefined;
  /** The stream ends with the last byte of the body. */
  endsWithBody = false;
  /** Called when nothing waits any more. */
  onDrain: (() => void) | undefined;
  /** Called when the system has taken the whole body. */
  onWritten: (() => void) | undefined;
  /** Whether the connection has looked for a standstill before; what it saw then, and whether it sent since. */
  isChecked = false;
  wasOwedData = false;
  seenBytes = 0;
  hasProgressed = true;

  constructor(
    readonly id: number,
    /** What we may send before the client allows more. */
    public sendWindow: number,
    receiveWindow: number,
    readonly contentLength: number | undefined,
  ) {
    this.receiveWindow = receiveWindow;
  }

  get isWaiting(): boolean {
    return this.pendingBytes > 0 || (this.trailers !== undefined && !this.isLocalClosed);
  }

  enqueue(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
  }

  /** Up to so many bytes of what waits. */
  take(most: number): Uint8Array {
    const first = this.pending[0] as Uint8Array;
    const size = Math.min(first.length, most, DEFAULT_FRAME_BYTES);
    if (size === first.length) this.pending.shift();
    else this.pending[0] = first.subarray(size);
    this.pendingBytes -= size;
    return first.subarray(0, size);
  }
}
