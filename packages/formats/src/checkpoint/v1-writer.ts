/**
 * Writes checkpoints of TensorFlow's first format, the one that v1-reader.ts reads: a single sstable with messages of
 * tensorflow/core/util/saved_tensor_slice.proto. After tensorflow/core/util/tensor_slice_writer.h and .cc; the bytes
 * are the same.
 *
 * The keys of a table ascend, so what is added is kept, encoded, until the end. Nothing appears under the path until
 * all is written.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { dtypeNumber } from "../dtype.js";
import type { TensorSliceProto } from "../protobuf/gen/tensorflow/core/framework/tensor_slice_pb.js";
import {
  type SavedSliceMeta,
  SavedSliceMetaSchema,
  SavedSliceSchema,
  SavedTensorSlicesSchema,
} from "../protobuf/gen/tensorflow/core/util/saved_tensor_slice_pb.js";
import { type Shape, sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import { encodeText, type Tensor } from "../tensor.js";
import { shapeToProto } from "../tensor-proto.js";
import type { CheckpointWriter } from "./checkpoint-writer.js";
import { FORMAT_VERSION } from "./format-version.js";
import { NewFile, syncFolder } from "./new-file.js";
import { encodeTensorNameSlice, FULL_EXTENT } from "./ordered-code.js";
import { SsTableWriter } from "./sstable-writer.js";
import { resolveSlice, sliceText, sliceToProto, type TensorSlice } from "./tensor-slice.js";
import { encodeTypedList, lengthDelimited } from "./typed-list.js";

/** A protocol buffer has at most 2 GiB. */
const MAX_MESSAGE_BYTES = 2 ** 31 - 1;

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Writes a V1 checkpoint in one file.
 *
 * @example
 * const writer = V1CheckpointWriter.create("model.ckpt");
 * writer.add("step", tensor("int64", [], BigInt64Array.of(7n)));
 * writer.finish();
 * assert.deepEqual(openCheckpoint("model.ckpt").names(), ["step"]);
 */
export class V1CheckpointWriter implements CheckpointWriter {
  private readonly metas = new Map<string, SavedSliceMeta>();
  private readonly shapes = new Map<string, Shape>();
  private readonly entries = new Map<string, Entry>();

  private constructor(private readonly file: NewFile) {}

  /** Begins a checkpoint in a file of this path; its folder must exist. */
  static create(path: string): V1CheckpointWriter {
    return new V1CheckpointWriter(NewFile.create(path));
  }

  /**
   * Adds a whole tensor.
   * INVALID_ARGUMENT for a name that is empty or taken, a dtype that the format lacks, or more than 2 GiB.
   */
  add(name: string, tensor: Tensor): void {
    const { shape } = tensor;
    const all = { start: shape.map(() => 0), length: shape.map(() => FULL_EXTENT) };
    this.addSlice(name, shape, all, tensor);
  }

  /**
   * Adds a part of a tensor, as partitioned variables are stored.
   * INVALID_ARGUMENT also when the slice is not inside of the shape, is there already, or its value has another shape,
   * and when another slice of the tensor said another shape or dtype.
   *
   * @param shape of the whole tensor
   */
  addSlice(name: string, shape: Shape, slice: TensorSlice, value: Tensor): void {
    if (name === "") throw invalidArgument("A tensor in a checkpoint needs a name");
    const what = `tensor "${name}"`;
    const { length } = resolveSlice(slice, shape, what);
    if (!sameShape(length, value.shape)) {
      throw invalidArgument(
        `${what}: slice ${sliceText(slice)} has shape ${shapeText(length)}, its value ${shapeText(value.shape)}`,
      );
    }
    const key = encodeTensorNameSlice(encodeText(name), slice);
    const id = Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
    if (this.entries.has(id))
      throw invalidArgument(`The checkpoint has slice ${sliceText(slice)} of ${what} already`);
    const proto = sliceToProto(slice);
    const entry = { key, value: encodeSlice(name, proto, value, what) };
    this.metaOf(name, shape, value, what).slice.push(proto);
    this.entries.set(id, entry);
  }

  private metaOf(name: string, shape: Shape, { dtype }: Tensor, what: string): SavedSliceMeta {
    const type = dtypeNumber(dtype);
    const known = this.metas.get(name);
    if (known === undefined) {
      const meta = create(SavedSliceMetaSchema, { name, type, shape: shapeToProto(shape) });
      this.metas.set(name, meta);
      this.shapes.set(name, shape);
      return meta;
    }
    if (known.type !== type || !sameShape(this.shapes.get(name) as Shape, shape)) {
      throw invalidArgument(`${what}: its slices must agree on dtype and shape`);
    }
    return known;
  }

  /** Writes all that was added and gives the file its name. */
  finish(): void {
    const table = new SsTableWriter((bytes) => this.file.append(bytes));
    const meta = { tensor: [...this.metas.values()], versions: { producer: FORMAT_VERSION } };
    try {
      table.add(
        new Uint8Array(0),
        toBinary(SavedTensorSlicesSchema, create(SavedTensorSlicesSchema, { meta })),
      );
      const entries = [...this.entries.values()].sort((a, b) => Buffer.compare(a.key, b.key));
      for (const { key, value } of entries) table.add(key, value);
      table.finish();
    } finally {
      this.file.close();
    }
    this.file.publish();
    syncFolder(this.file.path);
  }

  /** Gives up: nothing is left behind. */
  discard(): void {
    this.file.close();
    this.file.discard();
  }
}

/** A SavedTensorSlices message with one slice. Its values are put into their message by hand: there may be millions. */
function encodeSlice(name: string, slice: TensorSliceProto, value: Tensor, what: string): Uint8Array {
  const head = toBinary(SavedSliceSchema, create(SavedSliceSchema, { name, slice }));
  const data = lengthDelimited(SavedSliceSchema.field.data.number, [encodeTypedList(value, what)]);
  const message = lengthDelimited(SavedTensorSlicesSchema.field.data.number, [head, data]);
  if (message.length > MAX_MESSAGE_BYTES) {
    throw invalidArgument(
      `${what}: ${message.length} bytes are too many for one slice, which has at most 2 GiB`,
    );
  }
  return message;
}
