/**
 * Reads checkpoints of TensorFlow's first format: one sstable, or several that are named `<prefix>-00000-of-00002` and
 * so on, with messages of tensorflow/core/util/saved_tensor_slice.proto. The empty key holds the names, dtypes,
 * shapes and slices of all tensors; every slice lies under its OrderedCode key as a TensorProto with a typed list,
 * which need not say its dtype or shape. Described in tensorflow/core/util/tensor_slice_writer.h and _reader.h.
 */
import { type DType, dataTypeName, dtypeFromNumber } from "../dtype.js";
import { decodeMessage } from "../protobuf/binary.js";
import {
  type SavedSliceMeta,
  type SavedTensorSliceMeta,
  SavedTensorSlicesSchema,
} from "../protobuf/gen/tensorflow/core/util/saved_tensor_slice_pb.js";
import { elementCount, sameShape, shapeText } from "../shape.js";
import { dataLoss, notFound, unimplemented } from "../status.js";
import { encodeText, type Tensor } from "../tensor.js";
import { shapeFromProto, tensorFromList } from "../tensor-proto.js";
import type { CheckpointEntry, CheckpointReader } from "./checkpoint-reader.js";
import { requireReadable } from "./format-version.js";
import { encodeTensorNameSlice } from "./ordered-code.js";
import { SsTable } from "./sstable.js";
import { assemble } from "./stored-slices.js";
import { isWhole, resolveSlice, sliceFromProto, type TensorSlice } from "./tensor-slice.js";

/** A tensor and where its slices are. */
interface StoredTensor {
  readonly what: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly slices: TensorSlice[];
  readonly tables: Map<TensorSlice, SsTable>;
}

/**
 * Reads a V1 checkpoint of one file or several. openCheckpoint opens either format.
 *
 * @example
 * const writer = V1CheckpointWriter.create("model.ckpt");
 * writer.add("w", tensor("float32", [2], Float32Array.of(1, 2)));
 * writer.finish();
 * const reader = V1CheckpointReader.open(["model.ckpt"], "model.ckpt");
 * assert.deepEqual(reader.read("w").data, Float32Array.of(1, 2));
 * reader.close();
 */
export class V1CheckpointReader implements CheckpointReader {
  private constructor(
    private readonly tables: readonly SsTable[],
    private readonly tensors: ReadonlyMap<string, StoredTensor>,
    private readonly path: string,
  ) {}

  /**
   * Opens the files of one checkpoint.
   * NOT_FOUND for a missing file, DATA_LOSS for a damaged one, INVALID_ARGUMENT for files of a newer format.
   *
   * @param path names the checkpoint in errors
   */
  static open(files: readonly string[], path: string): V1CheckpointReader {
    const tables: SsTable[] = [];
    const tensors = new Map<string, StoredTensor>();
    try {
      for (const file of files) {
        const table = SsTable.open(file);
        tables.push(table);
        for (const meta of metaOf(table, file).tensor) addTensor(tensors, meta, table, path);
      }
    } catch (reason) {
      for (const table of tables) table.close();
      throw reason;
    }
    return new V1CheckpointReader(tables, tensors, path);
  }

  names(): string[] {
    return [...this.tensors.keys()].sort((a, b) => Buffer.compare(encodeText(a), encodeText(b)));
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): CheckpointEntry {
    const { dtype, shape } = this.tensor(name);
    return { dtype, shape, sliced: !this.isInOnePiece(name) };
  }

  read(name: string): Tensor {
    const { shape } = this.tensor(name);
    return this.readPart(name, { start: shape.map(() => 0), length: shape });
  }

  readSlice(name: string, slice: TensorSlice): Tensor {
    const { shape, what } = this.tensor(name);
    return this.readPart(name, resolveSlice(slice, shape, what));
  }

  /** Never: the values lie in messages. */
  location(name: string): undefined {
    this.tensor(name);
    return undefined;
  }

  slices(name: string): readonly TensorSlice[] {
    return this.isInOnePiece(name) ? [] : this.tensor(name).slices;
  }

  verify(name: string): void {
    const tensor = this.tensor(name);
    for (const slice of tensor.slices) this.readStored(name, tensor, slice);
  }

  close(): void {
    for (const table of this.tables) table.close();
  }

  private tensor(name: string): StoredTensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw notFound(`Key ${name} not found in checkpoint ${this.path}`);
    return tensor;
  }

  private isInOnePiece(name: string): boolean {
    const { slices, shape, what } = this.tensor(name);
    const [only] = slices;
    return slices.length === 1 && only !== undefined && isWhole(resolveSlice(only, shape, what), shape);
  }

  private readPart(name: string, wanted: TensorSlice): Tensor {
    const tensor = this.tensor(name);
    const { what, dtype, shape, slices } = tensor;
    if (this.isInOnePiece(name) && isWhole(wanted, shape)) {
      return this.readStored(name, tensor, slices[0] as TensorSlice);
    }
    const readSlice = (slice: TensorSlice) => this.readStored(name, tensor, slice);
    return assemble({ what, dtype, shape, slices, readSlice }, wanted);
  }

  private readStored(name: string, tensor: StoredTensor, slice: TensorSlice): Tensor {
    const { what, dtype, shape, tables } = tensor;
    const value = tables.get(slice)?.get(encodeTensorNameSlice(encodeText(name), slice));
    if (value === undefined)
      throw dataLoss(`${what}: a slice is listed but not stored: start ${slice.start.join(",")}`);
    const { data } = decodeMessage(SavedTensorSlicesSchema, value, what);
    if (data?.data === undefined) throw dataLoss(`${what}: a slice has no values`);
    return tensorFromList(data.data, dtype, resolveSlice(slice, shape, what).length, what);
  }
}

function metaOf(table: SsTable, file: string): SavedTensorSliceMeta {
  const value = table.get(new Uint8Array(0));
  if (value === undefined) throw dataLoss(`${file} has no list of tensors: it is no checkpoint`);
  const { meta } = decodeMessage(SavedTensorSlicesSchema, value, `the list of tensors in ${file}`);
  if (meta === undefined) throw dataLoss(`${file} has no list of tensors: it is no checkpoint`);
  requireReadable(meta.versions, file);
  return meta;
}

function addTensor(
  tensors: Map<string, StoredTensor>,
  meta: SavedSliceMeta,
  table: SsTable,
  path: string,
): void {
  const what = `tensor "${meta.name}" in checkpoint ${path}`;
  const dtype = dtypeFromNumber(meta.type);
  if (dtype === undefined)
    throw unimplemented(`${what} is of ${dataTypeName(meta.type)}, which holds no values`);
  const shape = shapeFromProto(meta.shape, what);
  elementCount(shape);
  const known: StoredTensor = tensors.get(meta.name) ?? { what, dtype, shape, slices: [], tables: new Map() };
  if (known.dtype !== dtype || !sameShape(known.shape, shape)) {
    throw dataLoss(
      `${what} is ${dtype} of shape ${shapeText(shape)} in one file, ` +
        `${known.dtype} of shape ${shapeText(known.shape)} in another`,
    );
  }
  for (const slice of meta.slice.map(sliceFromProto)) {
    known.slices.push(slice);
    known.tables.set(slice, table);
  }
  tensors.set(meta.name, known);
}
