/**
 * Writes TensorBundles, TensorFlow's V2 checkpoints: `prefix.data-00000-of-00001` holds the tensors one after the
 * other, `prefix.index` an sstable of name → BundleEntryProto, with a BundleHeaderProto under the empty name. After
 * tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
 *
 * Tensors go to the file as they come and are not kept. Nothing appears under the prefix until all is written.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { crc32c, maskCrc32c } from "../crc32c.js";
import { dtypeNumber } from "../dtype.js";
import {
  type BundleEntryProto,
  BundleEntryProtoSchema,
  BundleHeaderProto_Endianness,
  BundleHeaderProtoSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/tensor_bundle_pb.js";
import { invalidArgument } from "../status.js";
import { bytesOf, encodeText, type Tensor } from "../tensor.js";
import { shapeToProto } from "../tensor-proto.js";
import { varintLength, writeVarint } from "../varint.js";
import { NewFile } from "./new-file.js";
import { SsTableWriter } from "./sstable-writer.js";
import { crcOfLengths } from "./stored-strings.js";

/** Version of the format, written into the header. */
const BUNDLE_VERSION = 1;
const CHECKSUM_BYTES = 4;

export class TensorBundleWriter {
  private readonly entries = new Map<string, BundleEntryProto>();

  private constructor(
    private readonly prefix: string,
    private readonly data: NewFile,
  ) {}

  /**
   * Begins a checkpoint.
   *
   * @param prefix path of its files without their endings; the folder must exist
   */
  static create(prefix: string): TensorBundleWriter {
    return new TensorBundleWriter(prefix, NewFile.create(`${prefix}.data-00000-of-00001`));
  }

  /** Writes a tensor. INVALID_ARGUMENT for an empty name or one that is there already. */
  add(name: string, tensor: Tensor): void {
    if (name === "") throw invalidArgument("A tensor in a checkpoint needs a name");
    if (this.entries.has(name)) throw invalidArgument(`The checkpoint has a tensor "${name}" already`);
    const offset = this.data.size;
    const checksum =
      tensor.dtype === "string" ? this.appendStrings(tensor.data) : this.append(bytesOf(tensor.data));
    this.entries.set(
      name,
      create(BundleEntryProtoSchema, {
        dtype: dtypeNumber(tensor.dtype),
        shape: shapeToProto(tensor.shape),
        offset: BigInt(offset),
        size: BigInt(this.data.size - offset),
        crc32c: maskCrc32c(checksum),
      }),
    );
  }

  private append(bytes: Uint8Array, checksum = 0): number {
    this.data.append(bytes);
    return crc32c(bytes, checksum);
  }

  private appendStrings(strings: readonly Uint8Array[]): number {
    const lengthChecksum = crcOfLengths(strings.map(({ length }) => length));
    const stored = new Uint8Array(CHECKSUM_BYTES);
    new DataView(stored.buffer).setUint32(0, maskCrc32c(lengthChecksum), true);
    this.data.append(encodeLengths(strings));
    let checksum = this.append(stored, lengthChecksum);
    for (const string of strings) checksum = this.append(string, checksum);
    return checksum;
  }

  /** Writes the index and gives both files their names, the index last: a checkpoint is there when it is. */
  finish(): void {
    this.data.close();
    const index = NewFile.create(`${this.prefix}.index`);
    try {
      this.writeIndex(index);
    } finally {
      index.close();
    }
    this.data.publish();
    index.publish();
  }

  private writeIndex(index: NewFile): void {
    const header = create(BundleHeaderProtoSchema, {
      numShards: 1,
      endianness: BundleHeaderProto_Endianness.LITTLE,
      version: { producer: BUNDLE_VERSION },
    });
    const table = new SsTableWriter((bytes) => index.append(bytes));
    table.add(encodeText(""), toBinary(BundleHeaderProtoSchema, header));
    const entries = [...this.entries].map(([name, entry]) => ({ key: encodeText(name), entry }));
    entries.sort((a, b) => Buffer.compare(a.key, b.key));
    for (const { key, entry } of entries) table.add(key, toBinary(BundleEntryProtoSchema, entry));
    table.finish();
  }

  /** Gives up: nothing is left behind. */
  discard(): void {
    this.data.close();
    this.data.discard();
  }
}

function encodeLengths(strings: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(strings.reduce((size, { length }) => size + varintLength(length), 0));
  let at = 0;
  for (const { length } of strings) at = writeVarint(length, bytes, at);
  return bytes;
}
