/**
 * Reads LevelDB's table format (see sstable-format.ts): a sorted map from byte strings to byte strings.
 *
 * Blocks are read one at a time, when they are asked for. Every length and handle is checked against the file, blocks
 * must follow each other without overlap, and the memory that shared key prefixes can stand for is bounded: a damaged
 * table is DATA_LOSS, as in tensorflow/core/lib/io/table.cc, and never a large allocation.
 */
import { crc32c, unmaskCrc32c } from "../crc32c.js";
import { dataLoss, resourceExhausted } from "../status.js";
import { readVarint } from "../varint.js";
import { RandomAccessFile } from "./random-access-file.js";
import { decompressSnappy } from "./snappy.js";
import { BLOCK_TRAILER_BYTES, Compression, FOOTER_BYTES, TABLE_MAGIC } from "./sstable-format.js";

/** One key with its value. Both are valid after the iteration goes on. */
export interface TableEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys share prefixes, so that few bytes can stand for many: this many times the file's size is allowed. */
const MAX_KEY_EXPANSION = 64;
const KEY_ALLOWANCE = 2 ** 24;

interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/** A data block: where it is, and a key not below its last one. */
interface IndexEntry {
  readonly lastKey: Uint8Array;
  readonly handle: BlockHandle;
}

/**
 * A table in a file, read a block at a time.
 *
 * @example
 * const writer = new SsTableWriter((bytes) => fs.appendFileSync("table", bytes));
 * writer.add(encodeText("key"), encodeText("value"));
 * writer.finish();
 * const table = SsTable.open("table");
 * assert.deepEqual([...table.entries()].map(({ key }) => decodeText(key)), ["key"]);
 * table.close();
 */
export class SsTable {
  private constructor(
    private readonly file: RandomAccessFile,
    private readonly index: readonly IndexEntry[],
  ) {}

  /** Opens a table and reads its index. NOT_FOUND for a missing file, DATA_LOSS for a damaged one. */
  static open(path: string): SsTable {
    const file = RandomAccessFile.open(path);
    try {
      return new SsTable(file, readIndex(file));
    } catch (reason) {
      file.close();
      throw reason;
    }
  }

  /** All entries in the order of their keys. */
  *entries(): Generator<TableEntry> {
    const budget = keyBudget(this.file);
    for (const { handle } of this.index)
      yield* blockEntries(readBlock(this.file, handle), this.file, handle, budget);
  }

  /** The value of a key. */
  get(key: Uint8Array): Uint8Array | undefined {
    // The first block whose last key is not below the key, by bisection.
    let low = 0;
    let high = this.index.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (Buffer.compare((this.index[middle] as IndexEntry).lastKey, key) < 0) low = middle + 1;
      else high = middle;
    }
    const block = this.index[low];
    if (block === undefined) return undefined;
    const content = readBlock(this.file, block.handle);
    for (const entry of blockEntries(content, this.file, block.handle, keyBudget(this.file))) {
      if (Buffer.compare(entry.key, key) === 0) return entry.value;
    }
    return undefined;
  }

  close(): void {
    this.file.close();
  }
}

function damaged(file: RandomAccessFile, offset: number, problem: string): Error {
  return dataLoss(`${file.path}, byte ${offset}: ${problem}`);
}

function readIndex(file: RandomAccessFile): IndexEntry[] {
  if (file.size < FOOTER_BYTES)
    throw damaged(file, 0, `${file.size} bytes are too few for an sstable, whose footer has ${FOOTER_BYTES}`);
  const footerAt = file.size - FOOTER_BYTES;
  const footer = file.read(footerAt, FOOTER_BYTES);
  if (Buffer.compare(footer.subarray(FOOTER_BYTES - TABLE_MAGIC.length), TABLE_MAGIC) !== 0) {
    throw damaged(
      file,
      file.size - TABLE_MAGIC.length,
      "not an sstable (bad magic number); it ends with 57fb808b247547db",
    );
  }
  const metaindex = readHandle(footer, 0, file, footerAt);
  const { handle } = readHandle(footer, metaindex.end, file, footerAt);
  const index: IndexEntry[] = [];
  let end = 0;
  for (const entry of blockEntries(readBlock(file, handle), file, handle, keyBudget(file))) {
    const data = readHandle(entry.value, 0, file, handle.offset).handle;
    // Blocks that overlap would let a small file stand for any number of entries.
    if (data.offset < end) throw damaged(file, handle.offset, "the index names blocks that overlap");
    end = data.offset + data.size + BLOCK_TRAILER_BYTES;
    index.push({ lastKey: entry.key, handle: data });
  }
  return index;
}

function readHandle(bytes: Uint8Array, at: number, file: RandomAccessFile, where: number) {
  const offset = readVarint(bytes, at);
  const size = offset && readVarint(bytes, offset.end);
  if (offset === undefined || size === undefined) throw damaged(file, where, "bad block handle");
  return { handle: { offset: offset.value, size: size.value }, end: size.end };
}

/** The content of a block, checked against its checksum and decompressed. */
function readBlock(file: RandomAccessFile, { offset, size }: BlockHandle): Uint8Array {
  if (offset + size + BLOCK_TRAILER_BYTES > file.size) {
    throw damaged(file, offset, `truncated block read: a block of ${size} bytes in a file of ${file.size}`);
  }
  const bytes = file.read(offset, size + BLOCK_TRAILER_BYTES);
  const stored = unmaskCrc32c(new DataView(bytes.buffer).getUint32(size + 1, true));
  const computed = crc32c(bytes.subarray(0, size + 1));
  if (stored !== computed) {
    throw damaged(file, offset, `block checksum mismatch: stored ${stored}, computed ${computed}`);
  }
  const content = bytes.subarray(0, size);
  switch (bytes[size]) {
    case Compression.NONE:
      return content;
    case Compression.SNAPPY: {
      const plain = decompressSnappy(content);
      if (plain === undefined) throw damaged(file, offset, "corrupted compressed block contents");
      return plain;
    }
    default:
      throw damaged(file, offset, `bad block type ${bytes[size]}`);
  }
}

/** How many bytes of keys may still be made. */
interface KeyBudget {
  left: number;
}

function keyBudget(file: RandomAccessFile): KeyBudget {
  return { left: KEY_ALLOWANCE + MAX_KEY_EXPANSION * file.size };
}

function* blockEntries(
  block: Uint8Array,
  file: RandomAccessFile,
  handle: BlockHandle,
  budget: KeyBudget,
): Generator<TableEntry> {
  const end = endOfEntries(block);
  if (end === undefined) throw damaged(file, handle.offset, "bad block contents: no restart points");
  let key: Uint8Array = new Uint8Array(0);
  let at = 0;
  while (at < end) {
    const entry = readEntry(block, at, end, key, budget);
    if (entry === undefined) throw damaged(file, handle.offset, `bad entry in block, at its byte ${at}`);
    ({ key, end: at } = entry);
    yield entry;
  }
}

/** Where the restart points begin. */
function endOfEntries(block: Uint8Array): number | undefined {
  if (block.length < 4) return undefined;
  const restarts = new DataView(block.buffer, block.byteOffset).getUint32(block.length - 4, true);
  const end = block.length - 4 - 4 * restarts;
  return end < 0 ? undefined : end;
}

function readEntry(
  block: Uint8Array,
  at: number,
  limit: number,
  before: Uint8Array,
  budget: KeyBudget,
): (TableEntry & { end: number }) | undefined {
  const shared = readVarint(block, at);
  const unshared = shared && readVarint(block, shared.end);
  const length = unshared && readVarint(block, unshared.end);
  if (shared === undefined || unshared === undefined || length === undefined) return undefined;
  const valueAt = length.end + unshared.value;
  const end = valueAt + length.value;
  if (shared.value > before.length || end > limit) return undefined;
  budget.left -= shared.value + unshared.value;
  if (budget.left < 0) throw resourceExhausted("the keys of an sstable stand for far more bytes than it has");
  const key = new Uint8Array(shared.value + unshared.value);
  key.set(before.subarray(0, shared.value));
  key.set(block.subarray(length.end, valueAt), shared.value);
  return { key, value: block.subarray(valueAt, end), end };
}
