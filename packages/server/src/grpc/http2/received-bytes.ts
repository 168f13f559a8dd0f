/**
 * What sockets receive, read into memory that all of them share. Node makes memory of 64 KiB for every read: with
 * large requests, to make and collect that takes more time than to read does, and its garbage collections stop everyone.
 *
 * Node reads into memory of ours only where a socket is made with it, and makes those that a server accepts itself. So
 * another socket is made of the accepted one's connection. Where that can't be done (TLS decrypts into memory of its
 * own, Windows fills memory while others read), and wherever Node should change what is below, bytes come as Node has
 * them.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from "node:net";
import { TLSSocket } from "node:tls";

/** As much as is waiting for a busy server; it stays in a core's cache. */
const SHARED_BYTES = 262_144;

/** Below Node's documented surface: the connection beneath a socket. */
interface WithHandle {
  _handle?: { readonly useUserBuffer?: unknown } | null;
}

/** Takes bytes. Those that are `lent` are overwritten as soon as it returns. */
export type Receive = (bytes: Buffer, isLent: boolean) => void;

let shared: Buffer | undefined;

/**
 * Has everything that comes over an accepted connection received; to be called before anything else is done with it.
 *
 * @returns the socket to go on with
 */
export function receiveInto(accepted: Socket, receive: Receive): Socket {
  const { _handle: handle } = accepted as WithHandle;
  const isShareable = !(accepted instanceof TLSSocket) && process.platform !== "win32";
  if (!isShareable || typeof handle?.useUserBuffer !== "function") {
    return accepted.on("data", (bytes: Buffer) => receive(bytes, false));
  }
  (accepted as WithHandle)._handle = null;
  accepted.destroy();
  shared ??= Buffer.allocUnsafeSlow(SHARED_BYTES);
  const options: SocketConstructorOpts & { handle: unknown; onread: OnReadOpts } = {
    handle,
    onread: {
      buffer: shared,
      callback: (length, bytes) => {
        receive((bytes as Buffer).subarray(0, length), true);
        return true;
      },
    },
  };
  return new Socket(options);
}
