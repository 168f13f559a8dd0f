/**
 * Writes LevelDB's table format (see sstable-format.ts) to a stream of bytes, as TensorFlow's own writer does for
 * checkpoints: sixteen entries between restart points, blocks of 256 KiB, no compression, no metaindex entries
 * (tensorflow/core/lib/io/table_builder.cc).
 */
import { crc32c, maskCrc32c } from "../crc32c.js";
import { invalidArgument } from "../status.js";
import { varintLength, writeVarint } from "../varint.js";
import {
  BLOCK_BYTES,
  BLOCK_TRAILER_BYTES,
  Compression,
  FOOTER_BYTES,
  RESTART_INTERVAL,
  TABLE_MAGIC,
} from "./sstable-format.js";

const UINT32_BYTES = 4;

/**
 * Writes a table of ascending keys.
 *
 * @example
 * const parts: Uint8Array[] = [];
 * const table = new SsTableWriter((bytes) => parts.push(bytes));
 * table.add(encodeText("a"), encodeText("1"));
 * table.add(encodeText("b"), encodeText("2"));
 * table.finish();
 * fs.writeFileSync("table", Buffer.concat(parts));
 * const value = SsTable.open("table").get(encodeText("b"));
 * assert.equal(value && decodeText(value), "2");
 */
export class SsTableWriter {
  private readonly index = new BlockBuilder(1);
  private block = new BlockBuilder(RESTART_INTERVAL);
  private lastKey: Uint8Array | undefined;
  private offset = 0;

  /** @param sink takes the bytes of the file, in order */
  constructor(private readonly sink: (bytes: Uint8Array) => void) {}

  /** Adds an entry. INVALID_ARGUMENT unless its key is greater, byte by byte, than the one before. */
  add(key: Uint8Array, value: Uint8Array): void {
    if (this.lastKey !== undefined && Buffer.compare(this.lastKey, key) >= 0) {
      throw invalidArgument("The keys of an sstable must ascend");
    }
    if (this.lastKey !== undefined && this.block.size >= BLOCK_BYTES) {
      this.flush(shortestSeparator(this.lastKey, key));
    }
    this.block.add(key, value);
    this.lastKey = new Uint8Array(key);
  }

  /** Writes what is left, the index and the footer. */
  finish(): void {
    if (this.lastKey !== undefined) this.flush(shortSuccessor(this.lastKey));
    const metaindex = this.write(new BlockBuilder(RESTART_INTERVAL));
    const index = this.write(this.index);
    const footer = new Uint8Array(FOOTER_BYTES);
    footer.set(metaindex, 0);
    footer.set(index, metaindex.length);
    footer.set(TABLE_MAGIC, FOOTER_BYTES - TABLE_MAGIC.length);
    this.append(footer);
  }

  /** @param limit a key not below the block's last one, but below the next one's first */
  private flush(limit: Uint8Array): void {
    this.index.add(limit, this.write(this.block));
    this.block = new BlockBuilder(RESTART_INTERVAL);
  }

  /** Writes a block with its trailer; returns its handle. */
  private write(block: BlockBuilder): Uint8Array {
    const bytes = block.finish(BLOCK_TRAILER_BYTES);
    const size = bytes.length - BLOCK_TRAILER_BYTES;
    bytes[size] = Compression.NONE;
    const checksum = maskCrc32c(crc32c(bytes.subarray(0, size + 1)));
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(size + 1, checksum, true);
    const handle = encodeVarints(this.offset, size);
    this.append(bytes);
    return handle;
  }

  private append(bytes: Uint8Array): void {
    this.sink(bytes);
    this.offset += bytes.length;
  }
}

/** One block: entries whose keys leave out what they share with the key before. */
class BlockBuilder {
  private readonly parts: Uint8Array[] = [];
  private readonly restarts: number[] = [0];
  private entriesSinceRestart = 0;
  private lastKey: Uint8Array = new Uint8Array(0);
  private entryBytes = 0;

  constructor(private readonly restartInterval: number) {}

  /** Bytes of the block if it were finished now. */
  get size(): number {
    return this.entryBytes + UINT32_BYTES * (this.restarts.length + 1);
  }

  add(key: Uint8Array, value: Uint8Array): void {
    if (this.entriesSinceRestart === this.restartInterval) {
      this.restarts.push(this.entryBytes);
      this.entriesSinceRestart = 0;
    }
    const shared = this.entriesSinceRestart === 0 ? 0 : sharedLength(this.lastKey, key);
    this.push(encodeVarints(shared, key.length - shared, value.length));
    this.push(new Uint8Array(key.subarray(shared)));
    this.push(value);
    this.lastKey = new Uint8Array(key);
    this.entriesSinceRestart++;
  }

  private push(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.entryBytes += bytes.length;
  }

  /** The block's bytes, with room for `trailing` more. */
  finish(trailing: number): Uint8Array {
    const bytes = new Uint8Array(this.size + trailing);
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const view = new DataView(bytes.buffer);
    [...this.restarts, this.restarts.length].forEach((number, i) => {
      view.setUint32(at + UINT32_BYTES * i, number, true);
    });
    return bytes;
  }
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

/** The shortest key that is not below `key` but below `next`. */
function shortestSeparator(key: Uint8Array, next: Uint8Array): Uint8Array {
  const at = sharedLength(key, next);
  const byte = key[at];
  const limit = next[at];
  return byte !== undefined && limit !== undefined && byte + 1 < limit ? increment(key, at) : key;
}

/** A short key that is not below `key`. */
function shortSuccessor(key: Uint8Array): Uint8Array {
  const at = key.findIndex((byte) => byte !== 0xff);
  return at === -1 ? key : increment(key, at);
}

function increment(key: Uint8Array, at: number): Uint8Array {
  const shortened = new Uint8Array(key.subarray(0, at + 1));
  shortened[at] = (shortened[at] as number) + 1;
  return shortened;
}

function encodeVarints(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.reduce((size, value) => size + varintLength(value), 0));
  values.reduce((at, value) => writeVarint(value, bytes, at), 0);
  return bytes;
}
