/** What both kinds of checkpoint offer: named tensors, read one at a time. */
import type { DType } from "../dtype.js";
import type { Tensor } from "../tensor.js";
import type { TensorSlice } from "./tensor-slice.js";

export interface CheckpointEntry {
  readonly dtype: DType;
  /** Of the whole tensor, also when it is stored in slices. */
  readonly shape: readonly number[];
  /** Whether it is stored in slices, as partitioned variables are. */
  readonly sliced: boolean;
}

/** Where the bytes of a tensor lie, little-endian and row-major, as ONNX's external data wants them. */
export interface StoredBytes {
  /** Path of the shard. */
  readonly file: string;
  /** Of the first byte. Not aligned. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

/**
 * Reads a checkpoint. Every method that takes a name throws NOT_FOUND when there is no such tensor. Reading checks
 * the checksums of what it reads: DATA_LOSS names the tensor, the file and the offset.
 */
export interface CheckpointReader {
  /** The names of all tensors, sorted by their bytes. */
  names(): string[];
  has(name: string): boolean;
  info(name: string): CheckpointEntry;
  /** The tensor, put together when it is stored in slices. */
  read(name: string): Tensor;
  /** A part of a tensor. INVALID_ARGUMENT when it is not inside of the tensor's shape. */
  readSlice(name: string, slice: TensorSlice): Tensor;
  /** Undefined for strings, sliced tensors and checkpoints whose tensors do not lie in files as they are. */
  location(name: string): StoredBytes | undefined;
  /** The slices that a tensor is stored in, as they are written; none for one that is stored in one piece. */
  slices(name: string): readonly TensorSlice[];
  /** Checks the tensor's checksum without keeping its data. */
  verify(name: string): void;
  close(): void;
}
