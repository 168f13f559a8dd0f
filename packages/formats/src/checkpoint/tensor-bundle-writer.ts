/**
 * Writes TensorBundles, TensorFlow's V2 checkpoints: `prefix.data-00000-of-00001` holds the tensors one after the
 * other, `prefix.index` an sstable of name → BundleEntryProto, with a BundleHeaderProto under the empty name. After
 * tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
 *
 * Tensors go to the files as they come and are not kept. Nothing appears under the prefix until all is written, and the
 * index comes last: it decides which checkpoint is there. A checkpoint that replaces another has another number of
 * shards, so that the old one's files are whole until the new index takes the old one's place.
 */
import { rmSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { crc32c, maskCrc32c } from "../crc32c.js";
import { type DType, dtypeInfo, dtypeNumber } from "../dtype.js";
import {
  type BundleEntryProto,
  BundleEntryProtoSchema,
  BundleHeaderProto_Endianness,
  BundleHeaderProtoSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/tensor_bundle_pb.js";
import { elementCount, type Shape, sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import { bytesOf, encodeText, type Tensor } from "../tensor.js";
import { shapeToProto } from "../tensor-proto.js";
import { varintLength, writeVarint } from "../varint.js";
import { keyText, nameKey } from "./bundle-key.js";
import type { CheckpointWriter } from "./checkpoint-writer.js";
import { shardFilesOf } from "./files.js";
import { FORMAT_VERSION } from "./format-version.js";
import { NewFile, syncFolder, WRITE_BYTES } from "./new-file.js";
import { encodeTensorNameSlice } from "./ordered-code.js";
import { SsTableWriter } from "./sstable-writer.js";
import { crcOfLengths } from "./stored-strings.js";
import { indexFile, shardFile } from "./tensor-bundle-reader.js";
import { isWhole, resolveSlice, sliceText, sliceToProto, type TensorSlice } from "./tensor-slice.js";

const CHECKSUM_BYTES = 4;

export interface TensorBundleOptions {
  /** How many files hold the data; 1 by default. Each tensor goes to the one that has the least. */
  readonly shards?: number;
}

/** What is told about bytes in a shard. */
type Stored = Pick<BundleEntryProto, "shardId" | "offset" | "size" | "crc32c">;

/**
 * Writes a V2 checkpoint.
 *
 * @example
 * const writer = TensorBundleWriter.create("model.ckpt");
 * writer.add("bias", tensor("float32", [2], Float32Array.of(0.5, -1)));
 * const firstRow = { start: [0, 0], length: [1, 3] };
 * writer.addSlice("kernel", [2, 3], firstRow, zeros("float32", [1, 3]));
 * writer.addSlice("kernel", [2, 3], { start: [1, 0], length: [1, 3] }, zeros("float32", [1, 3]));
 * writer.finish();
 * assert.deepEqual(TensorBundleReader.open("model.ckpt").read("kernel").shape, [2, 3]);
 */
export class TensorBundleWriter implements CheckpointWriter {
  /** By key, the bytes of which are the characters' codes. */
  private readonly entries = new Map<string, BundleEntryProto>();

  private constructor(
    private readonly prefix: string,
    private readonly shards: readonly NewFile[],
    /** Shards of the checkpoint that this one replaces. */
    private readonly replaced: readonly string[],
  ) {}

  /**
   * Begins a checkpoint.
   *
   * @param prefix path of its files without their endings; the folder must exist
   */
  static create(prefix: string, { shards = 1 }: TensorBundleOptions = {}): TensorBundleWriter {
    const replaced = shardFilesOf(prefix);
    const isTaken = (count: number) => replaced.includes(shardFile(prefix, 0, count));
    let count = shards;
    while (isTaken(count)) count++;
    const files: NewFile[] = [];
    try {
      for (let i = 0; i < count; i++) files.push(NewFile.create(shardFile(prefix, i, count)));
    } catch (reason) {
      for (const file of files) discardFile(file);
      throw reason;
    }
    return new TensorBundleWriter(prefix, files, replaced);
  }

  /** Writes a tensor. INVALID_ARGUMENT for an empty name or one that is there already. */
  add(name: string, tensor: Tensor): void {
    this.requireNewName(name);
    this.set(nameKey(name), tensor.dtype, tensor.shape, this.store(tensor));
  }

  /**
   * Writes a tensor whose bytes come in parts, which need not fit into memory together.
   * INVALID_ARGUMENT also for strings, and when the bytes are not as many as dtype and shape ask for: the checkpoint
   * can only be discarded then.
   *
   * @param chunks little-endian and row-major
   */
  addChunks(name: string, dtype: Exclude<DType, "string">, shape: Shape, chunks: Iterable<Uint8Array>): void {
    this.requireNewName(name);
    const shardId = this.emptiestShard();
    const file = this.shards[shardId] as NewFile;
    const offset = file.size;
    const expected = elementCount(shape) * dtypeInfo(dtype).size;
    let checksum = 0;
    for (const chunk of chunks) checksum = append(file, chunk, checksum);
    const size = file.size - offset;
    if (size !== expected) {
      throw invalidArgument(
        `tensor "${name}": ${dtype} of shape ${shapeText(shape)} takes ${expected} bytes, got ${size}`,
      );
    }
    const stored = { shardId, offset: BigInt(offset), size: BigInt(size), crc32c: maskCrc32c(checksum) };
    this.set(nameKey(name), dtype, shape, stored);
  }

  /** Writes a part of a tensor. INVALID_ARGUMENT also when the part was written already. */
  addSlice(name: string, shape: Shape, slice: TensorSlice, value: Tensor): void {
    const what = `tensor "${name}"`;
    if (name === "") throw invalidArgument("A tensor in a checkpoint needs a name");
    const resolved = resolveSlice(slice, shape, what);
    if (!sameShape(resolved.length, value.shape)) {
      throw invalidArgument(
        `${what}: slice ${sliceText(slice)} has shape ${shapeText(resolved.length)}, its value ${shapeText(value.shape)}`,
      );
    }
    if (isWhole(resolved, shape)) {
      this.add(name, value);
      return;
    }
    const whole = this.wholeOf(name, shape, value.dtype, what);
    const key = keyText(encodeTensorNameSlice(encodeText(name), slice));
    if (this.entries.has(key)) {
      throw invalidArgument(`The checkpoint has slice ${sliceText(slice)} of ${what} already`);
    }
    this.set(key, value.dtype, value.shape, this.store(value));
    whole.slices.push(sliceToProto(slice));
  }

  /** The entry that lists the slices of a tensor. */
  private wholeOf(name: string, shape: Shape, dtype: DType, what: string): BundleEntryProto {
    const key = nameKey(name);
    const known = this.entries.get(key);
    if (known === undefined) {
      return this.set(key, dtype, shape, { shardId: 0, offset: 0n, size: 0n, crc32c: 0 });
    }
    const knownShape = (known.shape?.dim ?? []).map(({ size }) => Number(size));
    if (known.slices.length === 0) throw invalidArgument(`The checkpoint has all of ${what} already`);
    if (known.dtype !== dtypeNumber(dtype) || !sameShape(knownShape, shape)) {
      throw invalidArgument(`${what}: its slices must agree on dtype and shape`);
    }
    return known;
  }

  private requireNewName(name: string): void {
    if (name === "") throw invalidArgument("A tensor in a checkpoint needs a name");
    if (this.entries.has(nameKey(name))) {
      throw invalidArgument(`The checkpoint has a tensor "${name}" already`);
    }
  }

  private set(key: string, dtype: DType, shape: Shape, stored: Stored): BundleEntryProto {
    const entry = create(BundleEntryProtoSchema, {
      dtype: dtypeNumber(dtype),
      shape: shapeToProto(shape),
      ...stored,
    });
    this.entries.set(key, entry);
    return entry;
  }

  private store(tensor: Tensor): Stored {
    const shardId = this.emptiestShard();
    const file = this.shards[shardId] as NewFile;
    const offset = file.size;
    const checksum =
      tensor.dtype === "string" ? appendStrings(file, tensor.data) : append(file, bytesOf(tensor.data));
    const size = BigInt(file.size - offset);
    return { shardId, offset: BigInt(offset), size, crc32c: maskCrc32c(checksum) };
  }

  private emptiestShard(): number {
    const sizes = this.shards.map(({ size }) => size);
    return sizes.indexOf(Math.min(...sizes));
  }

  /** Writes the index and gives all files their names. */
  finish(): void {
    try {
      for (const shard of this.shards) shard.close();
      const index = NewFile.create(indexFile(this.prefix));
      try {
        this.publish(index);
      } catch (reason) {
        index.discard();
        throw reason;
      }
    } catch (reason) {
      for (const shard of this.shards) shard.discard();
      throw reason;
    }
    syncFolder(this.prefix);
    for (const file of this.replaced) rmSync(file, { force: true });
  }

  private publish(index: NewFile): void {
    try {
      this.writeIndex(index);
    } finally {
      index.close();
    }
    for (const shard of this.shards) shard.publish();
    // The index must not be on the disk before the shards' names are.
    syncFolder(this.prefix);
    index.publish();
  }

  private writeIndex(index: NewFile): void {
    const header = create(BundleHeaderProtoSchema, {
      numShards: this.shards.length,
      endianness: BundleHeaderProto_Endianness.LITTLE,
      version: { producer: FORMAT_VERSION },
    });
    const table = new SsTableWriter((bytes) => index.append(bytes));
    table.add(encodeText(""), toBinary(BundleHeaderProtoSchema, header));
    const entries = [...this.entries].map(([key, entry]) => ({ key: Buffer.from(key, "latin1"), entry }));
    entries.sort((a, b) => Buffer.compare(a.key, b.key));
    for (const { key, entry } of entries) table.add(key, toBinary(BundleEntryProtoSchema, entry));
    table.finish();
  }

  /** Gives up: nothing is left behind. */
  discard(): void {
    for (const shard of this.shards) discardFile(shard);
  }
}

function discardFile(file: NewFile): void {
  file.close();
  file.discard();
}

/** Writes and checksums piece by piece, so that the bytes are in the processor's cache the second time. */
function append(file: NewFile, bytes: Uint8Array, before = 0): number {
  let checksum = before;
  for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
    const piece = bytes.subarray(at, at + WRITE_BYTES);
    checksum = crc32c(piece, checksum);
    file.append(piece);
  }
  return checksum;
}

function appendStrings(file: NewFile, strings: readonly Uint8Array[]): number {
  const lengthChecksum = crcOfLengths(strings.map(({ length }) => length));
  const stored = new Uint8Array(CHECKSUM_BYTES);
  new DataView(stored.buffer).setUint32(0, maskCrc32c(lengthChecksum), true);
  file.append(encodeLengths(strings));
  const checksum = append(file, stored, lengthChecksum);
  return appendJoined(file, strings, checksum);
}

/** Short strings are joined: a call for each would take longer than all the rest. */
function appendJoined(file: NewFile, strings: readonly Uint8Array[], start: number): number {
  let checksum = start;
  let pending: Uint8Array[] = [];
  let bytes = 0;
  const flush = () => {
    checksum = append(file, Buffer.concat(pending), checksum);
    pending = [];
    bytes = 0;
  };
  for (const string of strings) {
    pending.push(string);
    bytes += string.length;
    if (bytes >= JOINED_BYTES) flush();
  }
  flush();
  return checksum;
}

const JOINED_BYTES = 2 ** 20;

function encodeLengths(strings: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(strings.reduce((size, { length }) => size + varintLength(length), 0));
  let at = 0;
  for (const { length } of strings) at = writeVarint(length, bytes, at);
  return bytes;
}
