/**
 * Reads and writes ZIP archives as far as NumPy (.npz) and Keras (.keras) use them: files that are stored or deflated,
 * with or without the 64-bit sizes of ZIP64 (APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3). No encryption, no parts.
 *
 * The central directory at the end is what counts. It is read first; a file's content is decompressed when it is asked
 * for, and never to more bytes than the directory says it has, nor to more than the caller allows.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { crc32 } from "./crc32.js";
import { dataLoss, invalidArgument, resourceExhausted, unimplemented } from "./status.js";
import { decodeText, encodeText } from "./tensor.js";

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
const END_OF_DIRECTORY_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const MAX_COMMENT_BYTES = 0xffff;
/** A field with all bits set refers to the ZIP64 field of the same name. */
const IN_ZIP64 = 0xffffffff;
const ZIP64_FIELD = 1;

const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED_FLAG = 1;

/** One file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes of the content. */
  readonly size: number;
  /** The content. DATA_LOSS when it is damaged, RESOURCE_EXHAUSTED when it has more than `maxBytes`. */
  read(maxBytes: number): Uint8Array;
}

/**
 * Whether bytes begin as a ZIP archive does; an empty one begins with its end.
 *
 * @example
 * assert.equal(isZip(writeZip(new Map())), true);
 */
export function isZip(bytes: Uint8Array): boolean {
  if (bytes.length < END_BYTES) return false;
  const signature = viewOf(bytes).getUint32(0, true);
  return signature === LOCAL_HEADER || signature === END_OF_DIRECTORY;
}

/**
 * The files of an archive by name, in its order.
 *
 * @param what names the archive in errors
 * @throws DATA_LOSS for bytes that are no archive, INVALID_ARGUMENT for two files of one name, UNIMPLEMENTED for
 *   archives in parts
 *
 * @example
 * const bytes = writeZip(new Map([["a.txt", encodeText("abc")]]));
 * const entry = readZip(bytes, "archive.zip").get("a.txt");
 * assert.equal(entry && decodeText(entry.read(1024)), "abc");
 */
export function readZip(bytes: Uint8Array, what: string): Map<string, ZipEntry> {
  const directory = findDirectory(bytes, what);
  const entries = new Map<string, ZipEntry>();
  let at = directory.offset;
  for (let i = 0; i < directory.count; i++) {
    const record = readRecord(bytes, at, what);
    if (entries.has(record.name)) throw invalidArgument(`${what} has two files "${record.name}"`);
    entries.set(record.name, entryOf(bytes, record, what));
    at = record.end;
  }
  return entries;
}

// ---- directory -----------------------------------------------------------------------------------------------

function findDirectory(bytes: Uint8Array, what: string): { offset: number; count: number } {
  const view = viewOf(bytes);
  const first = Math.max(0, bytes.length - END_BYTES - MAX_COMMENT_BYTES);
  for (let at = bytes.length - END_BYTES; at >= first; at--) {
    if (view.getUint32(at, true) !== END_OF_DIRECTORY) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) !== bytes.length) continue;
    return readEnd(bytes, at, what);
  }
  throw dataLoss(`${what} is no ZIP archive: it has no central directory at its end`);
}

function readEnd(bytes: Uint8Array, at: number, what: string): { offset: number; count: number } {
  const view = viewOf(bytes);
  const locator = at - LOCATOR_BYTES;
  if (locator >= 0 && view.getUint32(locator, true) === LOCATOR_64) {
    const end = number64(view, locator + 8);
    requireRange(bytes, end, 56, what);
    if (view.getUint32(end, true) !== END_OF_DIRECTORY_64) throw dataLoss(`${what}: bad ZIP64 directory`);
    return { count: number64(view, end + 32), offset: number64(view, end + 48) };
  }
  if (view.getUint16(at + 4, true) !== 0)
    throw unimplemented(`${what} is one part of a ZIP archive in several`);
  return { count: view.getUint16(at + 10, true), offset: view.getUint32(at + 16, true) };
}

interface DirectoryRecord {
  readonly name: string;
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Of the file's local header. */
  readonly offset: number;
  /** Where the next record begins. */
  readonly end: number;
}

function readRecord(bytes: Uint8Array, at: number, what: string): DirectoryRecord {
  requireRange(bytes, at, CENTRAL_BYTES, what);
  const view = viewOf(bytes);
  if (view.getUint32(at, true) !== CENTRAL_HEADER) throw dataLoss(`${what}, byte ${at}: no directory record`);
  const nameBytes = view.getUint16(at + 28, true);
  const extraBytes = view.getUint16(at + 30, true);
  const extraAt = at + CENTRAL_BYTES + nameBytes;
  const end = extraAt + extraBytes + view.getUint16(at + 32, true);
  requireRange(bytes, at, end - at, what);
  const extra = zip64Field(bytes.subarray(extraAt, extraAt + extraBytes));
  const wide = (field: number) => {
    const value = view.getUint32(at + field, true);
    return value === IN_ZIP64 ? extra.next(what) : value;
  };
  // In the order in which ZIP64 has them.
  const size = wide(24);
  const compressedSize = wide(20);
  const offset = wide(42);
  return {
    name: decodeText(bytes.subarray(at + CENTRAL_BYTES, extraAt)),
    isEncrypted: (view.getUint16(at + 8, true) & ENCRYPTED_FLAG) !== 0,
    method: view.getUint16(at + 10, true),
    crc: view.getUint32(at + 16, true),
    compressedSize,
    size,
    offset,
    end,
  };
}

/** The 64-bit numbers of a record's ZIP64 field, one after the other. */
function zip64Field(extra: Uint8Array): { next(what: string): number } {
  const view = viewOf(extra);
  let at = 0;
  let end = 0;
  for (let field = 0; field + 4 <= extra.length; ) {
    const length = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === ZIP64_FIELD) {
      at = field + 4;
      end = Math.min(at + length, extra.length);
      break;
    }
    field += 4 + length;
  }
  return {
    next: (what) => {
      if (at + 8 > end) throw dataLoss(`${what}: a ZIP64 size is missing`);
      at += 8;
      return number64(view, at - 8);
    },
  };
}

// ---- content -------------------------------------------------------------------------------------------------

function entryOf(bytes: Uint8Array, record: DirectoryRecord, what: string): ZipEntry {
  const name = `${what}, file "${record.name}"`;
  return {
    name: record.name,
    size: record.size,
    read: (maxBytes) => {
      if (record.size > maxBytes) {
        throw resourceExhausted(`${name} has ${record.size} bytes; at most ${maxBytes} are read`);
      }
      const content = decompressed(compressedBytes(bytes, record, name), record, name);
      if (crc32(content) !== record.crc) throw dataLoss(`${name}: the content does not match its checksum`);
      return content;
    },
  };
}

function compressedBytes(
  bytes: Uint8Array,
  { offset, compressedSize }: DirectoryRecord,
  name: string,
): Uint8Array {
  requireRange(bytes, offset, LOCAL_BYTES, name);
  const view = viewOf(bytes);
  if (view.getUint32(offset, true) !== LOCAL_HEADER) throw dataLoss(`${name}: no header at byte ${offset}`);
  const start = offset + LOCAL_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  requireRange(bytes, start, compressedSize, name);
  return bytes.subarray(start, start + compressedSize);
}

function decompressed(content: Uint8Array, record: DirectoryRecord, name: string): Uint8Array {
  if (record.isEncrypted) throw unimplemented(`${name} is encrypted`);
  const plain = record.method === DEFLATED ? inflated(content, record.size, name) : content;
  if (record.method !== DEFLATED && record.method !== STORED) {
    throw unimplemented(`${name} is compressed by method ${record.method}; only deflate is supported`);
  }
  if (plain.length !== record.size)
    throw dataLoss(`${name} has ${plain.length} bytes, expected ${record.size}`);
  return plain;
}

function inflated(content: Uint8Array, size: number, name: string): Uint8Array {
  try {
    const { buffer, byteOffset, length } = inflateRawSync(content, { maxOutputLength: Math.max(size, 1) });
    // Not the Buffer itself: its slices are views, and it is not alike to an array of bytes.
    return new Uint8Array(buffer, byteOffset, length);
  } catch (reason) {
    throw dataLoss(`${name}: damaged compressed content: ${(reason as Error).message}`, { cause: reason });
  }
}

function requireRange(bytes: Uint8Array, offset: number, length: number, what: string): void {
  if (offset + length > bytes.length) {
    throw dataLoss(
      `${what}: ${length} bytes at ${offset} are past the end of the ZIP archive (${bytes.length})`,
    );
  }
}

/** A 64-bit number; those that are no exact JavaScript number are past the end of any archive. */
function number64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// ---- writing -------------------------------------------------------------------------------------------------

/** 1980-01-01, the first day that the format can tell: archives of equal files are equal. */
const DATE = 0x21;
const VERSION = 20;
/** Names are UTF-8. */
const FLAGS = 0x800;

/**
 * The bytes of an archive of files by name, deflated. RESOURCE_EXHAUSTED when it passes 4 GiB.
 *
 * @example
 * const bytes = writeZip(new Map([["a.txt", encodeText("abc")]]));
 * assert.deepEqual([...readZip(bytes, "archive.zip").keys()], ["a.txt"]);
 */
export function writeZip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  const records: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of files) {
    const path = encodeText(name);
    const packed = deflateRawSync(content);
    const facts = [crc32(content), packed.length, content.length, path.length] as const;
    const local = header(LOCAL_HEADER, LOCAL_BYTES, 4, facts);
    const central = header(CENTRAL_HEADER, CENTRAL_BYTES, 6, facts);
    viewOf(central).setUint16(4, VERSION, true);
    viewOf(central).setUint32(42, offset, true);
    parts.push(local, path, packed);
    records.push(central, path);
    offset += local.length + path.length + packed.length;
  }
  const directoryBytes = records.reduce((sum, { length }) => sum + length, 0);
  if (offset + directoryBytes >= IN_ZIP64) throw resourceExhausted("a ZIP archive of more than 4 GiB");
  const end = new Uint8Array(END_BYTES);
  const view = viewOf(end);
  view.setUint32(0, END_OF_DIRECTORY, true);
  view.setUint16(8, files.size, true);
  view.setUint16(10, files.size, true);
  view.setUint32(12, directoryBytes, true);
  view.setUint32(16, offset, true);
  return new Uint8Array(Buffer.concat([...parts, ...records, end]));
}

/** A local header or directory record: the fields that both have lie in the same order. */
function header(
  signature: number,
  length: number,
  at: number,
  [crc, packedSize, size, nameLength]: readonly [number, number, number, number],
): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  view.setUint32(0, signature, true);
  view.setUint16(at, VERSION, true);
  view.setUint16(at + 2, FLAGS, true);
  view.setUint16(at + 4, DEFLATED, true);
  view.setUint16(at + 8, DATE, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, packedSize, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, nameLength, true);
  return bytes;
}
