/**
 * Signatures: what a caller may ask of a model, by name. Read from `SignatureDef`
 * (tensorflow/core/protobuf/meta_graph.proto) and used by the engine, the server and the client alike.
 */
import type { DType } from "../dtype.js";
import type { PartialShape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** Method names that TensorFlow's exporters write into a SignatureDef. */
export const PREDICT_METHOD = "tensorflow/serving/predict";
export const CLASSIFY_METHOD = "tensorflow/serving/classify";
export const REGRESS_METHOD = "tensorflow/serving/regress";

/** The signature that is used when a request names none. */
export const DEFAULT_SERVING_SIGNATURE = "serving_default";

/** One input or output of a signature. */
export interface TensorSpec {
  /** The tensor in the graph, such as "x:0"; for a sparse triple that of its values. */
  readonly name: string;
  readonly dtype: DType;
  /** As the model declares it. TensorFlow does not enforce it, so neither do we. */
  readonly shape: PartialShape;
  /** Graph tensors of a SparseTensor in COO form, when the model declares one. */
  readonly sparse?: { readonly values: string; readonly indices: string; readonly denseShape: string };
}

export interface Signature {
  readonly name: string;
  /** One of the method names above, or what the exporter wrote; may be empty. */
  readonly methodName: string;
  readonly inputs: ReadonlyMap<string, TensorSpec>;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  /** Values of inputs that a request may leave out. */
  readonly defaults: ReadonlyMap<string, Tensor>;
}
