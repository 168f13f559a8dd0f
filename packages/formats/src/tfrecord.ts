/**
 * TFRecord files: records of any bytes, one after another, plain or as one gzip or zlib stream. Request logs, warm-up
 * requests and training data come so. Defined in tensorflow/core/lib/io/record_reader.cc and record_writer.cc:
 *
 *     uint64   length of the data        little-endian
 *     uint32   masked crc32c of the length
 *     byte[]   data
 *     uint32   masked crc32c of the data
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { PassThrough, type Readable, Readable as ReadableStream, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createDeflate, createGunzip, createGzip, createInflate } from "node:zlib";
import { crc32c, maskCrc32c } from "./crc32c.js";
import { dataLoss, resourceExhausted, StatusError } from "./status.js";

/** Bytes before the data: its length and that length's checksum. */
const HEADER_BYTES = 12;
/** Bytes after the data: its checksum. */
const FOOTER_BYTES = 4;
const DEFAULT_MAX_RECORD_BYTES = 2 ** 29;

/** How a file is compressed: TensorFlow's "", "GZIP" and "ZLIB". */
export type TfRecordCompression = "none" | "gzip" | "zlib";

/**
 * A record as it lies in a file.
 *
 * @example
 * assert.equal(encodeTfRecord(encodeText("abc")).length, 8 + 4 + 3 + 4);
 */
export function encodeTfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + data.length + FOOTER_BYTES);
  const view = new DataView(record.buffer);
  view.setUint32(0, data.length % 2 ** 32, true);
  view.setUint32(4, Math.floor(data.length / 2 ** 32), true);
  view.setUint32(8, maskCrc32c(crc32c(record.subarray(0, 8))), true);
  record.set(data, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + data.length, maskCrc32c(crc32c(data)), true);
  return record;
}

/**
 * The records of a file that is in memory, not compressed, as views.
 *
 * @param what names the file in errors
 * @throws DATA_LOSS at the record that is damaged or cut off, after the ones before it
 *
 * @example
 * const file = Buffer.concat(["a", "b"].map((text) => encodeTfRecord(encodeText(text))));
 * assert.deepEqual([...readTfRecords(file)].map(decodeText), ["a", "b"]);
 */
export function* readTfRecords(file: Uint8Array, what = "TFRecord file"): Generator<Uint8Array> {
  let offset = 0;
  while (offset < file.length) {
    const { length } = readHeader(file.subarray(offset, offset + HEADER_BYTES), offset, what);
    const start = offset + HEADER_BYTES;
    // Compared so, not added up: the length may be any number.
    if (length > file.length - start - FOOTER_BYTES) throw truncated(offset, what);
    const end = start + length;
    const data = file.subarray(start, end);
    requireChecksum(data, file.subarray(end, end + FOOTER_BYTES), offset, what);
    yield data;
    offset = end + FOOTER_BYTES;
  }
}

export interface ReadTfRecordOptions {
  /** "auto", the default, looks at the first bytes of the file. */
  readonly compression?: TfRecordCompression | "auto";
  /** A record may have this many bytes, decompressed; 512 MiB by default. RESOURCE_EXHAUSTED for longer ones. */
  readonly maxRecordBytes?: number;
}

/**
 * The records of a file on disk, read as they are asked for: memory holds one record and a chunk.
 *
 * @throws NOT_FOUND for a missing file; DATA_LOSS at the record that is damaged or cut off, after the ones before it
 *
 * @example
 * await writeTfRecordFile("records", [encodeText("a"), encodeText("b")], "gzip");
 * const records: string[] = [];
 * for await (const record of readTfRecordFile("records")) records.push(decodeText(record));
 * assert.deepEqual(records, ["a", "b"]);
 */
export async function* readTfRecordFile(
  path: string,
  options: ReadTfRecordOptions = {},
): AsyncGenerator<Uint8Array> {
  const source = createReadStream(path);
  const chunks = source[Symbol.asyncIterator]();
  try {
    const first: IteratorResult<Uint8Array> = await chunks.next();
    if (first.done) return;
    const rest = ReadableStream.from(prepend(first.value, chunks));
    const compression = options.compression ?? "auto";
    const plain = decompressed(rest, compression === "auto" ? guessCompression(first.value) : compression);
    yield* recordsOf(plain, path, options.maxRecordBytes ?? DEFAULT_MAX_RECORD_BYTES);
  } catch (reason) {
    throw streamError(reason, path, source.bytesRead);
  } finally {
    source.destroy();
  }
}

async function* prepend(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** Gzip begins with 1f 8b, zlib with a multiple of 31 whose low bits say "deflate"; a record with its length. */
function guessCompression(start: Uint8Array): TfRecordCompression {
  const [first = 0, second = 0] = start;
  if (first === 0x1f && second === 0x8b) return "gzip";
  const looksLikeZlib = (first & 0x0f) === 8 && first >> 4 <= 7 && (first * 256 + second) % 31 === 0;
  return looksLikeZlib && !isRecordHeader(start) ? "zlib" : "none";
}

function isRecordHeader(start: Uint8Array): boolean {
  if (start.length < HEADER_BYTES) return false;
  return maskCrc32c(crc32c(start.subarray(0, 8))) === uint32At(start, 8);
}

function decompressed(source: Readable, compression: TfRecordCompression): AsyncIterable<Uint8Array> {
  if (compression === "none") return source;
  const transform: Transform = compression === "gzip" ? createGunzip() : createInflate();
  source.on("error", (reason) => transform.destroy(reason));
  return source.pipe(transform);
}

/** zlib's errors are damaged files, the rest is the file system's. */
function streamError(reason: unknown, path: string, bytesRead: number): StatusError {
  const code = String((reason as NodeJS.ErrnoException).code);
  if (!code.startsWith("Z_")) return StatusError.from(reason);
  const what = `damaged compressed data in its first ${bytesRead} bytes`;
  return dataLoss(`${path}: ${what}: ${(reason as Error).message}`, { cause: reason });
}

/** Cuts a stream of chunks into records. */
async function* recordsOf(
  chunks: AsyncIterable<Uint8Array>,
  what: string,
  maxRecordBytes: number,
): AsyncGenerator<Uint8Array> {
  const input = new ChunkReader(chunks[Symbol.asyncIterator]());
  for (let offset = 0; ; ) {
    const header = await input.take(HEADER_BYTES);
    if (header.length === 0) return;
    const { length } = readHeader(header, offset, what);
    if (length > maxRecordBytes) {
      throw resourceExhausted(
        `${what}: the record at byte ${offset} has ${length} bytes, over ${maxRecordBytes}`,
      );
    }
    const body = await input.take(length + FOOTER_BYTES);
    if (body.length < length + FOOTER_BYTES) throw truncated(offset, what);
    const data = body.subarray(0, length);
    requireChecksum(data, body.subarray(length), offset, what);
    yield data;
    offset += HEADER_BYTES + length + FOOTER_BYTES;
  }
}

/** Takes any number of bytes from a stream of chunks. */
class ChunkReader {
  private chunk: Uint8Array = new Uint8Array(0);

  constructor(private readonly chunks: AsyncIterator<Uint8Array>) {}

  /** The next bytes; fewer when the stream ends. Memory grows as they arrive, whatever is asked for. */
  async take(count: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.chunk.length === 0) {
        const next = await this.chunks.next();
        if (next.done) break;
        this.chunk = next.value;
      }
      const part = this.chunk.subarray(0, missing);
      this.chunk = this.chunk.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  }
}

/** The length that a header says. */
function readHeader(header: Uint8Array, offset: number, what: string): { length: number } {
  if (header.length < HEADER_BYTES) throw truncated(offset, what);
  if (!isRecordHeader(header))
    throw dataLoss(`${what}: corrupted record at byte ${offset}: bad checksum of its length`);
  return { length: uint32At(header, 0) + uint32At(header, 4) * 2 ** 32 };
}

function requireChecksum(data: Uint8Array, footer: Uint8Array, offset: number, what: string): void {
  if (maskCrc32c(crc32c(data)) === uint32At(footer, 0)) return;
  throw dataLoss(`${what}: corrupted record at byte ${offset}: bad checksum of its ${data.length} bytes`);
}

function uint32At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}

function truncated(offset: number, what: string): StatusError {
  return dataLoss(`${what}: truncated record at byte ${offset}`);
}

/**
 * Writes a file of records one at a time. The file has its name when it is closed; one that was there before is
 * replaced then.
 *
 * @example
 * const writer = new TfRecordWriter("records", "gzip");
 * await writer.write(encodeText("a"));
 * assert.equal(fs.existsSync("records"), false);
 * await writer.close();
 * assert.equal(fs.existsSync("records"), true);
 */
export class TfRecordWriter {
  private readonly source = new PassThrough();
  private readonly temporaryPath: string;
  private readonly written: Promise<void>;

  /** Begins a file; what is wrong with its path shows when it is written to. */
  constructor(
    readonly path: string,
    compression: TfRecordCompression = "none",
  ) {
    this.temporaryPath = `${path}.tempstate${randomBytes(8).toString("hex")}`;
    const target = createWriteStream(this.temporaryPath, { flags: "wx" });
    const coder =
      compression === "none" ? new PassThrough() : compression === "gzip" ? createGzip() : createDeflate();
    this.written = pipeline(this.source, coder, target);
    // Whoever writes or closes hears of it.
    this.written.catch(() => {});
  }

  /** Writes a record; resolves when there is room for the next. The codes of the file system's errors. */
  async write(record: Uint8Array): Promise<void> {
    try {
      if (this.source.write(encodeTfRecord(record))) return;
      const given = new AbortController();
      await Promise.race([once(this.source, "drain", { signal: given.signal }), this.written]);
      given.abort();
    } catch (reason) {
      throw await this.failed(reason);
    }
  }

  /** Writes what is left and gives the file its name. */
  async close(): Promise<void> {
    try {
      this.source.end();
      await this.written;
      const file = await open(this.temporaryPath, "r+");
      await file.sync();
      await file.close();
      await rename(this.temporaryPath, this.path);
    } catch (reason) {
      throw await this.failed(reason);
    }
  }

  /** Gives up: nothing is left behind. */
  async discard(): Promise<void> {
    this.source.destroy();
    await this.written.catch(() => {});
    await rm(this.temporaryPath, { force: true });
  }

  private async failed(reason: unknown): Promise<StatusError> {
    // The pipeline knows why, where the source is only told that it is over.
    const cause: unknown = await this.written.then(
      () => reason,
      (first: unknown) => first,
    );
    await rm(this.temporaryPath, { force: true });
    return StatusError.from(cause);
  }
}

/**
 * Writes a file of records. It has its name when it is complete; an existing file is replaced then. After an error
 * nothing is left behind.
 *
 * @example
 * await writeTfRecordFile("records", [encodeText("a")], "zlib");
 * assert.ok(fs.existsSync("records"));
 */
export async function writeTfRecordFile(
  path: string,
  records: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  compression: TfRecordCompression = "none",
): Promise<void> {
  const writer = new TfRecordWriter(path, compression);
  try {
    for await (const record of records) await writer.write(record);
  } catch (reason) {
    await writer.discard();
    throw StatusError.from(reason);
  }
  await writer.close();
}
