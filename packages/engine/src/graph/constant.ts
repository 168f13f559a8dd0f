/**
 * A constant's value, read only when somebody needs it. Weights stay in the checkpoint's files: `external` lets the
 * ONNX emitter point at them, and nothing is copied at load.
 */
import type { DType, Shape, Tensor } from "@servable/formats";

export interface ExternalData {
  /** Absolute path of the file that holds the little-endian elements. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface ConstantSource {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Where the bytes lie in a file, when they do. */
  readonly external?: ExternalData;
  /** The value; repeated calls give equal tensors. DATA_LOSS when its file is damaged. */
  read(): Tensor;
  /** Checks an external value against its checksum, for those who point at the file and never read it here. */
  verify?(): void;
}

/** The constant that a tensor holds. */
export function constantOf(tensor: Tensor): ConstantSource {
  if (tensor instanceof RestoredTensor) return tensor.source;
  return { dtype: tensor.dtype, shape: tensor.shape, read: () => tensor };
}

/** A tensor whose data is read when first looked at: what restoring a checkpoint yields. */
class RestoredTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  private loaded: Tensor | undefined;

  constructor(readonly source: ConstantSource) {
    this.dtype = source.dtype;
    this.shape = source.shape;
  }

  get isRead(): boolean {
    return this.loaded !== undefined;
  }

  get data(): Tensor["data"] {
    this.loaded ??= this.source.read();
    return this.loaded.data;
  }
}

/** Whether nobody has read a tensor's value from its file yet: its size costs no memory. */
export function isUnread(tensor: Tensor): boolean {
  return tensor instanceof RestoredTensor && !tensor.isRead;
}

/** The constant as a tensor that host ops can pass on without reading it. */
export function restoredTensor(source: ConstantSource): Tensor {
  return new RestoredTensor(source) as unknown as Tensor;
}
