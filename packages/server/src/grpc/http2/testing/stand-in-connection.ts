/** A connection without a network, for tests that feed it bytes and look at what it does. */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Method } from "../../transport.js";
import { Connection } from "../connection.js";
import { GrpcCall } from "../grpc-call.js";

/** As much of a socket as a connection uses. */
export class StandInSocket extends EventEmitter {
  readonly writableLength = 0;
  writable = true;

  /** @param onWrite told what is sent, which the connection may write over afterwards */
  constructor(private readonly onWrite: (bytes: Uint8Array) => void) {
    super();
  }

  setNoDelay(): void {}
  cork(): void {}
  uncork(): void {}

  write(bytes: Uint8Array): boolean {
    this.onWrite(bytes);
    return true;
  }

  end(done?: () => void): void {
    this.writable = false;
    done?.();
  }

  destroy(): void {
    if (!this.writable && this.listenerCount("close") === 0) return;
    this.writable = false;
    this.emit("close");
    this.removeAllListeners();
  }
}

export interface StandInConnectionOptions {
  readonly methods: ReadonlyMap<string, Method>;
  readonly maxRequestBytes: number;
  readonly onWrite: (bytes: Uint8Array) => void;
  readonly onClosed?: () => void;
}

/**
 * A server's connection; what its `socket` emits as data, the client has sent. The memory is lent, and written over when
 * it is read.
 */
export function standInConnection({
  methods,
  maxRequestBytes,
  onWrite,
  onClosed,
}: StandInConnectionOptions): {
  socket: StandInSocket;
  connection: Connection;
} {
  const socket = new StandInSocket(onWrite);
  const connection = new Connection(socket as unknown as Socket, {
    open: (stream, headers, on) =>
      new GrpcCall(methods, headers, stream, on, { maxRequestBytes, maxInflatedBytes: maxRequestBytes }),
    maxCalls: 16,
    onClosed: onClosed ?? (() => {}),
  });
  socket.on("data", (bytes: Buffer) => {
    connection.receive(bytes, true);
    bytes.fill(0xee);
  });
  return { socket, connection };
}
