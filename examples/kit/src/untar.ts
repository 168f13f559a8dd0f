/**
 * Unpacks the files of a gzipped tar archive (POSIX 1003.1, ustar) into one folder. Members keep their last name alone,
 * so that none can leave the folder; links and everything else that is no plain file is passed over.
 */
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import path from "node:path";
import { createGunzip } from "node:zlib";
import { dataLoss, resourceExhausted, StatusError } from "@servable/formats";

const BLOCK = 512;
const PLAIN_FILES = new Set(["0", "\0"]);

/**
 * Returns the names of the files that were written.
 *
 * @param maxBytes that all files together may have
 * @throws DATA_LOSS for what is no such archive, RESOURCE_EXHAUSTED for one that unpacks to more
 */
export async function untarGzip(archive: string, folder: string, maxBytes: number): Promise<string[]> {
  const unpacking = new Unpacking(archive, folder, maxBytes);
  try {
    for await (const chunk of createReadStream(archive).pipe(createGunzip())) unpacking.take(chunk as Buffer);
    unpacking.finish();
  } catch (reason) {
    throw reason instanceof StatusError ? reason : dataLoss(`${archive}: ${(reason as Error).message}`);
  } finally {
    unpacking.close();
  }
  return unpacking.names;
}

class Unpacking {
  readonly names: string[] = [];
  private header = Buffer.alloc(0);
  /** Of the member at hand: bytes still to come, and bytes that fill its last block. */
  private remaining = 0;
  private padding = 0;
  private file: number | undefined;
  private written = 0;
  private isOver = false;

  constructor(
    private readonly archive: string,
    private readonly folder: string,
    private readonly maxBytes: number,
  ) {}

  take(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && !this.isOver) rest = this.takeSome(rest);
  }

  finish(): void {
    if (this.remaining > 0 || this.header.length > 0) throw dataLoss(`${this.archive} ends within a file`);
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }

  private takeSome(bytes: Buffer): Buffer {
    if (this.remaining > 0) {
      const content = bytes.subarray(0, this.remaining);
      this.remaining -= content.length;
      if (this.file !== undefined) writeSync(this.file, content);
      if (this.remaining === 0) this.close();
      return bytes.subarray(content.length);
    }
    if (this.padding > 0) {
      const skipped = Math.min(this.padding, bytes.length);
      this.padding -= skipped;
      return bytes.subarray(skipped);
    }
    const missing = bytes.subarray(0, BLOCK - this.header.length);
    this.header = Buffer.concat([this.header, missing]);
    if (this.header.length === BLOCK) this.beginMember();
    return bytes.subarray(missing.length);
  }

  private beginMember(): void {
    const { header } = this;
    this.header = Buffer.alloc(0);
    if (header.every((byte) => byte === 0)) {
      this.isOver = true;
      return;
    }
    checkHeader(header, this.archive);
    const size = octal(header, 124, 12);
    this.remaining = size;
    this.padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if (!PLAIN_FILES.has(header.toString("latin1", 156, 157))) return;
    this.written += size;
    if (this.written > this.maxBytes) {
      throw resourceExhausted(`${this.archive} unpacks to more than ${this.maxBytes} bytes`);
    }
    const name = path.posix.basename(text(header, 0, 100));
    this.names.push(name);
    this.file = openSync(path.join(this.folder, name), "w");
    if (size === 0) this.close();
  }
}

/** The sum of the header's bytes, its own field counted as spaces. */
function checkHeader(header: Buffer, archive: string): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (sum !== octal(header, 148, 8)) throw dataLoss(`${archive} is no tar archive, or damaged`);
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.toString("utf8", start, start + length);
  const end = field.indexOf("\0");
  return end < 0 ? field : field.slice(0, end);
}

function octal(header: Buffer, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}
