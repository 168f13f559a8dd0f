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
  /** The value; repeated calls give equal tensors. */
  read(): Tensor;
}

/** A constant that is in memory already. */
export function constantOf(tensor: Tensor): ConstantSource {
  return { dtype: tensor.dtype, shape: tensor.shape, read: () => tensor };
}
