/**
 * gRPC's framing of messages: a flag that says whether it is compressed, four bytes of length, the message
 * (doc/PROTOCOL-HTTP2.md of gRPC).
 */
import { promisify } from "node:util";
import { deflate, gunzip, gzip, inflate } from "node:zlib";
import { internal, resourceExhausted, StatusError } from "@servable/formats";
import { free, MIN_SPARE_BYTES, spareMemory } from "../../servables/spare-memory.js";

export const PREFIX_BYTES = 5;
const COMPRESSED = 1;
/** The memory of a message that comes in pieces: how much at first, and how many times what came. */
const MIN_BUFFER_BYTES = 1_048_576;
const GROWTH = 16;
/** Memory of this alignment suits numbers of any type. */
const ALIGNMENT = 8;
const NOTHING = new Uint8Array(0);

const inflaters: Readonly<
  Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
};

export interface Compression {
  /** As grpc-encoding names it. */
  readonly name: string;
  readonly compress: (message: Uint8Array) => Promise<Buffer>;
}

/** By their numbers among gRPC's compression algorithms (grpc/impl/compression_types.h). */
const compressions: readonly (Compression | undefined)[] = [
  undefined,
  { name: "deflate", compress: promisify<Uint8Array, Buffer>(deflate) },
  { name: "gzip", compress: promisify<Uint8Array, Buffer>(gzip) },
];

/** The compression of a number; undefined for none. */
export function compressionOf(algorithm: number | undefined): Compression | undefined {
  return algorithm === undefined ? undefined : compressions[algorithm];
}

/** Values of grpc-encoding that can be read. */
export const encodings: readonly string[] = ["identity", ...Object.keys(inflaters)];

export interface Message {
  readonly message: Uint8Array;
  readonly isCompressed: boolean;
}

/**
 * One message as it comes in, in pieces. Memory grows with what came, not with what is announced, and in large steps: it
 * is not touched before there are bytes for it, and a system lends no more than is touched.
 */
export class MessageReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #size = 0;
  /** The memory is not that of a piece. */
  #isOwn = false;

  constructor(private readonly maxBytes: number) {}

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get isComplete(): boolean {
    return this.#size >= PREFIX_BYTES && this.#size === PREFIX_BYTES + this.#length;
  }

  /**
   * Takes what belongs to the message and returns the rest. RESOURCE_EXHAUSTED for a message beyond the limit.
   *
   * @param isLent whether the piece may be kept as a copy only
   */
  add(piece: Uint8Array, isLent: boolean): Uint8Array {
    const isFirst = this.#size === 0;
    if (isFirst) {
      // Most requests come in one piece, which needs no copy.
      this.#bytes = piece;
      this.#size = piece.length;
    } else {
      this.#append(piece);
    }
    if (this.#size < PREFIX_BYTES) {
      if (isFirst && isLent) this.#bytes = Buffer.from(piece);
      return NOTHING;
    }
    const length = this.#length;
    if (length > this.maxBytes) {
      throw resourceExhausted(`Received message larger than max (${length} vs. ${this.maxBytes})`);
    }
    const behind = this.#size - PREFIX_BYTES - length;
    if (behind > 0) this.#size -= behind;
    if (isFirst && (behind < 0 || isLent)) this.#leavePiece();
    return behind <= 0 ? NOTHING : piece.subarray(piece.length - behind);
  }

  /** The message, when no more comes. INTERNAL when it is cut off. */
  finish(): Message {
    if (!this.isComplete) throw internal("The request message is cut off");
    const { buffer, byteOffset } = this.#bytes;
    const flag = this.#bytes[0] as number;
    if (flag > COMPRESSED) throw internal(`The request message has the unknown flags ${flag}`);
    const message = new Uint8Array(buffer, byteOffset + PREFIX_BYTES, this.#length);
    return { message, isCompressed: flag === COMPRESSED };
  }

  /** Gives the memory of a large message back, when nobody looks at it any more. */
  release(): void {
    spareMemory.takeBack(this.#bytes.buffer);
  }

  /** By hand: it is asked for with every piece, and a DataView is an object each time. */
  get #length(): number {
    const bytes = this.#bytes as Uint8Array & Readonly<Record<1 | 2 | 3 | 4, number>>;
    return ((bytes[1] << 24) | (bytes[2] << 16) | (bytes[3] << 8) | bytes[4]) >>> 0;
  }

  /** Has memory of its own for a message whose first piece can't be kept, or has others to be put behind. */
  #leavePiece(): void {
    if (this.isComplete && this.#size < MIN_SPARE_BYTES) {
      this.#bytes = Buffer.from(this.#bytes.subarray(0, this.#size));
    } else {
      this.#grow(this.#size);
    }
  }

  #append(piece: Uint8Array): void {
    const size = this.#size + piece.length;
    if (size > this.#bytes.length) this.#grow(size);
    this.#bytes.set(piece, this.#size);
    this.#size = size;
  }

  /** Moves into memory for so many bytes and more. */
  #grow(size: number): void {
    const announced = this.#size < PREFIX_BYTES ? size : PREFIX_BYTES + this.#length;
    const ahead = Math.max(GROWTH * this.#size, MIN_BUFFER_BYTES);
    // Rather all of it at once than nearly all now, and the rest soon.
    const isNearlyAll = announced <= 2 * ahead;
    const grown = memoryFor(
      Math.max(size, isNearlyAll ? announced : ahead),
      isNearlyAll && size <= announced,
    );
    grown.set(this.#bytes.subarray(0, this.#size));
    if (this.#isOwn) free(this.#bytes.buffer as ArrayBuffer);
    this.#bytes = grown;
    this.#isOwn = true;
  }
}

/**
 * Memory for so many bytes. That of a whole large message comes from earlier ones, and ends where an aligned word ends: a
 * tensor's numbers are the end of most requests, and then can be looked at where they are.
 */
function memoryFor(bytes: number, isWhole: boolean): Uint8Array {
  if (!isWhole || bytes < MIN_SPARE_BYTES) return Buffer.allocUnsafeSlow(bytes);
  const buffer = spareMemory.take(Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
  spareMemory.lend(buffer);
  return new Uint8Array(buffer, buffer.byteLength - bytes, bytes);
}

/**
 * A compressed message as it was. RESOURCE_EXHAUSTED beyond the limit; INTERNAL for damaged bytes, or without a
 * compression to undo.
 */
export async function decompress(
  message: Uint8Array,
  encoding: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const undo = inflaters[encoding];
  if (undo === undefined) throw internal("The message is compressed but grpc-encoding names no compression");
  try {
    const { buffer, byteOffset, byteLength } = await undo(message, { maxOutputLength: maxBytes });
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === "ERR_BUFFER_TOO_LARGE") {
      throw resourceExhausted(`Received message larger than max when decompressed (${maxBytes})`);
    }
    const { message: why } = StatusError.from(reason);
    throw internal(`The message could not be decompressed: ${why}`, { cause: reason });
  }
}

/** A message with its prefix. */
export function framed(message: Uint8Array, isCompressed = false): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  writePrefix(bytes, 0, message.length);
  if (isCompressed) bytes[0] = COMPRESSED;
  bytes.set(message, PREFIX_BYTES);
  return bytes;
}

export function writePrefix(to: Buffer, at: number, length: number): void {
  to[at] = 0;
  to.writeUInt32BE(length, at + 1);
}
