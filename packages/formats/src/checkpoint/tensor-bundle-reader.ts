/**
 * Reads a TensorBundle, the checkpoint format that TensorFlow calls V2 and SavedModels keep their variables in:
 *
 *     <prefix>.index                   sstable: "" → BundleHeaderProto, a tensor's name → BundleEntryProto
 *     <prefix>.data-00000-of-00002 …   shards: the tensors' bytes at the offsets that the entries give
 *
 * A partitioned variable has an entry with its whole shape that lists slices; each slice has an entry of its own
 * under an OrderedCode key. Messages: tensorflow/core/protobuf/tensor_bundle.proto; the rules are those of
 * tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
 *
 * Shards may be larger than memory: they are only read at the places asked for, and opened when first needed.
 */
import { crc32c, unmaskCrc32c } from "../crc32c.js";
import { type DType, dataTypeName, dtypeFromNumber, dtypeInfo } from "../dtype.js";
import { decodeMessage } from "../protobuf/binary.js";
import {
  BundleEntryProtoSchema,
  type BundleHeaderProto,
  BundleHeaderProto_Endianness,
  BundleHeaderProtoSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/tensor_bundle_pb.js";
import { elementCount, sameShape, shapeText, stridesOf } from "../shape.js";
import { dataLoss, invalidArgument, notFound, StatusError, unimplemented } from "../status.js";
import { dataFromBytes, decodeText, encodeText, type Tensor } from "../tensor.js";
import { shapeFromProto } from "../tensor-proto.js";
import { keyText, nameKey } from "./bundle-key.js";
import type { CheckpointEntry, CheckpointReader, StoredBytes } from "./checkpoint-reader.js";
import { requireReadable } from "./format-version.js";
import { encodeTensorNameSlice } from "./ordered-code.js";
import { RandomAccessFile } from "./random-access-file.js";
import { SsTable } from "./sstable.js";
import { assemble } from "./stored-slices.js";
import { readStoredStrings } from "./stored-strings.js";
import { cutSlice, isWhole, resolveSlice, sliceFromProto, type TensorSlice } from "./tensor-slice.js";

const CHUNK_BYTES = 2 ** 18;

/** A BundleEntryProto that has been checked. */
interface Entry {
  /** Names the tensor, or its slice, in errors. */
  readonly what: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly shard: number;
  /** Bytes into the shard. */
  readonly offset: number;
  /** Bytes in the shard. */
  readonly size: number;
  /** Not masked. */
  readonly crc: number;
  /** As they are written; empty for a tensor that is stored in one piece. */
  readonly slices: readonly TensorSlice[];
}

/**
 * Reads a V2 checkpoint. openCheckpoint opens either format.
 *
 * @example
 * const writer = TensorBundleWriter.create("model.ckpt");
 * writer.add("w", tensor("float32", [2, 2], Float32Array.of(1, 2, 3, 4)));
 * writer.finish();
 * const reader = TensorBundleReader.open("model.ckpt");
 * const row = reader.readSlice("w", { start: [1, 0], length: [1, 2] });
 * assert.deepEqual(row.data, Float32Array.of(3, 4));
 * assert.equal([...reader.chunks("w", 8)].length, 2);
 * reader.close();
 */
export class TensorBundleReader implements CheckpointReader {
  private readonly shards = new Map<number, RandomAccessFile>();
  /** What is being verified; made for the first tensor. */
  private verified: Uint8Array | undefined;

  private constructor(
    readonly prefix: string,
    private readonly shardCount: number,
    /** Serialized entries by their keys, the bytes of which are the characters' codes. */
    private readonly entries: ReadonlyMap<string, Uint8Array>,
  ) {}

  /**
   * Opens the checkpoint with this prefix, such as `…/variables/variables`.
   *
   * @throws NOT_FOUND without an index file, DATA_LOSS for a damaged one, UNIMPLEMENTED for big-endian files,
   *   INVALID_ARGUMENT for files of a newer format
   */
  static open(prefix: string): TensorBundleReader {
    const file = indexFile(prefix);
    const entries = new Map<string, Uint8Array>();
    const table = SsTable.open(file);
    try {
      for (const { key, value } of table.entries()) entries.set(keyText(key), value);
    } finally {
      table.close();
    }
    const header = entries.get("");
    if (header === undefined) throw dataLoss(`${file} has no header: it is no index of a checkpoint`);
    return new TensorBundleReader(prefix, shardCountOf(header, file), entries);
  }

  names(): string[] {
    return [...this.entries.keys()].filter(isTensorKey).map((key) => decodeText(Buffer.from(key, "latin1")));
  }

  has(name: string): boolean {
    const key = nameKey(name);
    return isTensorKey(key) && this.entries.has(key);
  }

  info(name: string): CheckpointEntry {
    const { dtype, shape, slices } = this.entry(name);
    return { dtype, shape, sliced: slices.length > 0 };
  }

  read(name: string): Tensor {
    const entry = this.entry(name);
    return entry.slices.length === 0 ? this.readEntry(entry) : this.readPart(name, entry, wholeOf(entry));
  }

  readSlice(name: string, slice: TensorSlice): Tensor {
    const entry = this.entry(name);
    const wanted = resolveSlice(slice, entry.shape, entry.what);
    if (entry.slices.length > 0) return this.readPart(name, entry, wanted);
    if (isWhole(wanted, entry.shape)) return this.readEntry(entry);
    return this.readRows(entry, wanted);
  }

  location(name: string): StoredBytes | undefined {
    const entry = this.entry(name);
    if (entry.dtype === "string" || entry.slices.length > 0) return undefined;
    return { file: this.shardFile(entry), offset: entry.offset, length: entry.size };
  }

  slices(name: string): readonly TensorSlice[] {
    return this.entry(name).slices;
  }

  /**
   * The bytes of a tensor in parts of at most `chunkBytes`, for those larger than memory: little-endian, row-major, each
   * part valid until the next is asked for. INVALID_ARGUMENT for strings and sliced tensors; DATA_LOSS after the last
   * part when the checksum is wrong.
   */
  *chunks(name: string, chunkBytes = CHUNK_BYTES): Generator<Uint8Array> {
    const entry = this.entry(name);
    if (entry.dtype === "string" || entry.slices.length > 0) {
      throw invalidArgument(`${entry.what} is not stored in one piece of bytes`);
    }
    yield* this.chunksOf(entry, new Uint8Array(Math.min(chunkBytes, entry.size)));
  }

  verify(name: string): void {
    const entry = this.entry(name);
    const parts =
      entry.slices.length === 0 ? [entry] : entry.slices.map((slice) => this.sliceEntry(name, slice));
    for (const part of parts) {
      if (part.dtype === "string") this.readEntry(part);
      else this.verifyBytes(part);
    }
  }

  close(): void {
    for (const shard of this.shards.values()) shard.close();
    this.shards.clear();
  }

  private entry(name: string): Entry {
    const key = nameKey(name);
    const bytes = isTensorKey(key) ? this.entries.get(key) : undefined;
    if (bytes === undefined) throw notFound(`Key ${name} not found in checkpoint ${this.prefix}`);
    return this.decodeEntry(bytes, `tensor "${name}" in checkpoint ${this.prefix}`);
  }

  private sliceEntry(name: string, slice: TensorSlice): Entry {
    const bytes = this.entries.get(keyText(encodeTensorNameSlice(encodeText(name), slice)));
    const what = `a slice of tensor "${name}" in checkpoint ${this.prefix}`;
    if (bytes === undefined)
      throw dataLoss(`${what} is listed but not stored: start ${slice.start.join(",")}`);
    return this.decodeEntry(bytes, what);
  }

  private decodeEntry(bytes: Uint8Array, what: string): Entry {
    const proto = decodeMessage(BundleEntryProtoSchema, bytes, what);
    const dtype = dtypeFromNumber(proto.dtype);
    if (dtype === undefined)
      throw unimplemented(`${what} is of ${dataTypeName(proto.dtype)}, which holds no values`);
    const shape = shapeFromProto(proto.shape, what);
    const size = Number(proto.size);
    const slices = proto.slices.map(sliceFromProto);
    if (slices.length === 0) requireSize(dtype, shape, size, what);
    const crc = unmaskCrc32c(proto.crc32c);
    return { what, dtype, shape, shard: proto.shardId, offset: Number(proto.offset), size, crc, slices };
  }

  private readEntry(entry: Entry): Tensor {
    const bytes = this.shardOf(entry).read(entry.offset, entry.size);
    const { dtype, shape } = entry;
    if (dtype === "string") return { dtype, shape, data: this.stringsOf(entry, bytes) };
    this.requireCrc(entry, crc32c(bytes));
    return { dtype, shape, data: dataFromBytes(dtype, bytes) } as Tensor;
  }

  private stringsOf(entry: Entry, bytes: Uint8Array): Uint8Array[] {
    const stored = readStoredStrings(bytes, elementCount(entry.shape));
    if ("problem" in stored) {
      throw dataLoss(
        `${entry.what}: ${stored.problem}, at byte ${entry.offset + stored.offset} of ${this.shardFile(entry)}`,
      );
    }
    this.requireCrc(entry, stored.crc);
    return stored.strings;
  }

  /** Part of a tensor in one piece: its checksum is checked first, then only the rows needed are read. */
  private readRows(entry: Entry, wanted: TensorSlice): Tensor {
    const { dtype, shape } = entry;
    if (dtype === "string") return cutSlice(this.readEntry(entry), wanted);
    this.verifyBytes(entry);
    const rowBytes = (stridesOf(shape)[0] as number) * dtypeInfo(dtype).size;
    const [firstRow, rows] = [wanted.start[0] as number, wanted.length[0] as number];
    const bytes = this.shardOf(entry).read(entry.offset + firstRow * rowBytes, rows * rowBytes);
    const band = { dtype, shape: [rows, ...shape.slice(1)], data: dataFromBytes(dtype, bytes) } as Tensor;
    return cutSlice(band, { start: [0, ...wanted.start.slice(1)], length: wanted.length });
  }

  private readPart(name: string, entry: Entry, wanted: TensorSlice): Tensor {
    const { what, dtype, shape, slices } = entry;
    const parts = new Map(slices.map((slice) => [slice, this.checkedSlice(name, entry, slice)]));
    this.requireStored(entry, [...parts.values()]);
    const readSlice = (slice: TensorSlice) => this.readEntry(parts.get(slice) as Entry);
    return assemble({ what, dtype, shape, slices, readSlice }, wanted);
  }

  private checkedSlice(name: string, whole: Entry, slice: TensorSlice): Entry {
    const part = this.sliceEntry(name, slice);
    const { length } = resolveSlice(slice, whole.shape, whole.what);
    if (part.dtype !== whole.dtype || !sameShape(part.shape, length) || part.slices.length > 0) {
      throw dataLoss(
        `${part.what} is ${part.dtype} of shape ${shapeText(part.shape)}; ` +
          `expected ${whole.dtype} of shape ${shapeText(length)}`,
      );
    }
    return part;
  }

  /** A sliced tensor cannot be larger than the shards it lies in: checked before its memory is allocated. */
  private requireStored(whole: Entry, parts: readonly Entry[]): void {
    const shards = new Set(parts.map((part) => this.shardOf(part)));
    const stored = [...shards].reduce((sum, shard) => sum + shard.size, 0);
    const smallest = elementCountOf(whole.shape, whole.what) * Math.max(dtypeInfo(whole.dtype).size, 1);
    if (smallest > stored) {
      throw dataLoss(`${whole.what} needs ${smallest} bytes, but its shards have ${stored} altogether`);
    }
  }

  /** Through one buffer for all tensors: buffers that are dropped stay in memory until the next major collection. */
  private verifyBytes(entry: Entry): void {
    this.verified ??= new Uint8Array(CHUNK_BYTES);
    for (const _ of this.chunksOf(entry, this.verified));
  }

  private *chunksOf(entry: Entry, chunk: Uint8Array): Generator<Uint8Array> {
    const file = this.shardOf(entry);
    let crc = 0;
    for (let done = 0; done < entry.size; ) {
      const part = chunk.subarray(0, Math.min(chunk.length, entry.size - done));
      file.readInto(part, entry.offset + done);
      crc = crc32c(part, crc);
      done += part.length;
      yield part;
    }
    this.requireCrc(entry, crc);
  }

  private requireCrc(entry: Entry, computed: number): void {
    if (computed === entry.crc) return;
    throw dataLoss(
      `${entry.what}: Checksum does not match: stored ${entry.crc} vs. calculated on the restored bytes ${computed}; ` +
        `${entry.size} bytes at offset ${entry.offset} of ${this.shardFile(entry)}`,
    );
  }

  private shardFile({ shard, what }: Entry): string {
    if (shard >= 0 && shard < this.shardCount) return shardFile(this.prefix, shard, this.shardCount);
    throw dataLoss(`${what} is in shard ${shard} of ${this.shardCount}`);
  }

  /** The shard of an entry, opened, with all of the entry's bytes in it. */
  private shardOf(entry: Entry): RandomAccessFile {
    const shard = this.shards.get(entry.shard) ?? RandomAccessFile.open(this.shardFile(entry));
    this.shards.set(entry.shard, shard);
    shard.requireRange(entry.offset, entry.size, entry.what);
    return shard;
  }
}

/**
 * The index file of a bundle.
 *
 * @example
 * assert.equal(indexFile("model.ckpt"), "model.ckpt.index");
 */
export function indexFile(prefix: string): string {
  return `${prefix}.index`;
}

/**
 * The file of one shard: `<prefix>.data-00000-of-00001`.
 *
 * @example
 * assert.equal(shardFile("model.ckpt", 0, 2), "model.ckpt.data-00000-of-00002");
 */
export function shardFile(prefix: string, shard: number, shardCount: number): string {
  return `${prefix}.data-${fiveDigits(shard)}-of-${fiveDigits(shardCount)}`;
}

function fiveDigits(number: number): string {
  return String(number).padStart(5, "0");
}

/** The header's key is empty, those of slices begin with a zero byte. */
function isTensorKey(key: string): boolean {
  return key !== "" && key.charCodeAt(0) !== 0;
}

function shardCountOf(bytes: Uint8Array, file: string): number {
  const header: BundleHeaderProto = decodeMessage(BundleHeaderProtoSchema, bytes, `the header of ${file}`);
  if (header.endianness === BundleHeaderProto_Endianness.BIG) {
    throw unimplemented(
      `${file}: the checkpoint was written by a big-endian machine, which is not supported`,
    );
  }
  requireReadable(header.version, file);
  if (header.numShards < 1) throw dataLoss(`${file} announces ${header.numShards} shards`);
  return header.numShards;
}

/** The stored size must be what dtype and shape ask for; a string takes a byte for its length at least. */
function requireSize(dtype: DType, shape: readonly number[], size: number, what: string): void {
  const count = elementCountOf(shape, what);
  const expected = count * dtypeInfo(dtype).size;
  if (dtype === "string" ? size >= count : size === expected) return;
  throw dataLoss(
    `${what}: Invalid size in bundle entry: stored size ${size}; expected size ${expected} for ${dtype} ` +
      `of shape ${shapeText(shape)}`,
  );
}

function elementCountOf(shape: readonly number[], what: string): number {
  try {
    return elementCount(shape);
  } catch (reason) {
    throw dataLoss(`${what}: ${StatusError.from(reason).message}`, { cause: reason });
  }
}

function wholeOf(entry: Entry): TensorSlice {
  return { start: entry.shape.map(() => 0), length: entry.shape };
}
