/**
 * Positioned, blocking reads of one file. A checkpoint's shard may have many gigabytes: only what is asked for is
 * read, and never past the size that the file had when it was opened.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import {
  dataLoss,
  failedPrecondition,
  invalidArgument,
  notFound,
  outOfRange,
  resourceExhausted,
  StatusError,
} from "../status.js";

/** Where a file should be may be a pipe that nobody writes to: opening it must not wait. Windows has no such flag. */
const READ_WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** One read call can transfer at most this much. */
const MAX_READ_BYTES = 2 ** 30;

export class RandomAccessFile {
  private isClosed = false;

  private constructor(
    readonly path: string,
    private readonly descriptor: number,
    /** Bytes in the file. */
    readonly size: number,
  ) {}

  /** Opens a file for reading. NOT_FOUND when it is missing or no file. */
  static open(path: string): RandomAccessFile {
    let descriptor: number;
    try {
      descriptor = openSync(path, READ_WITHOUT_WAITING);
    } catch (reason) {
      if ((reason as NodeJS.ErrnoException).code === "ENOENT") {
        throw notFound(`${path}; No such file or directory`, { cause: reason });
      }
      throw StatusError.from(reason);
    }
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) {
      closeSync(descriptor);
      throw notFound(`${path} is no file`);
    }
    return new RandomAccessFile(path, descriptor, stat.size);
  }

  /**
   * The bytes [offset, offset + length) in a buffer of their own.
   * OUT_OF_RANGE, before anything is allocated, when they are not all in the file; RESOURCE_EXHAUSTED when there is
   * not enough memory.
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.requireRange(offset, length);
    const bytes = allocateBytes(length);
    this.readInto(bytes, offset);
    return bytes;
  }

  /** Fills `bytes` from the file at `offset`. DATA_LOSS when the file has become shorter since it was opened. */
  readInto(bytes: Uint8Array, offset: number): void {
    // Its number may be another file's by now.
    if (this.isClosed) throw failedPrecondition(`${this.path} was closed`);
    let done = 0;
    while (done < bytes.length) {
      const wanted = Math.min(bytes.length - done, MAX_READ_BYTES);
      const got = this.readSome(bytes, done, wanted, offset + done);
      if (got === 0) throw dataLoss(`${this.path} ended at byte ${offset + done} while it was read`);
      done += got;
    }
  }

  /**
   * OUT_OF_RANGE when the bytes [offset, offset + length) are not all in the file.
   *
   * @param what names them in the error
   */
  requireRange(offset: number, length: number, what = "data"): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.size) return;
    throw outOfRange(
      `${what}: Read less bytes than requested: ${length} at offset ${offset} of ${this.path}, ` +
        `which has ${this.size}`,
    );
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    closeSync(this.descriptor);
  }

  private readSome(bytes: Uint8Array, at: number, length: number, position: number): number {
    try {
      return readSync(this.descriptor, bytes, at, length, position);
    } catch (reason) {
      throw StatusError.from(reason);
    }
  }
}

/**
 * All bytes of a file.
 * NOT_FOUND when it is missing or no file (a device has no end), INVALID_ARGUMENT when it has more than `maxBytes`.
 *
 * @example
 * fs.writeFileSync("file", "abc");
 * assert.equal(decodeText(readWholeFile("file", 1024)), "abc");
 * assert.throws(() => readWholeFile("file", 2), { codeName: "INVALID_ARGUMENT" });
 */
export function readWholeFile(path: string, maxBytes: number): Uint8Array<ArrayBuffer> {
  const file = RandomAccessFile.open(path);
  try {
    if (file.size > maxBytes)
      throw invalidArgument(`${path} has ${file.size} bytes; at most ${maxBytes} can be read`);
    return file.read(0, file.size);
  } finally {
    file.close();
  }
}

function allocateBytes(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (reason) {
    throw resourceExhausted(`no memory for ${length} bytes`, { cause: reason });
  }
}
