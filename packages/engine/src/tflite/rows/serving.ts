/**
 * Operators that TensorFlow Serving adds to TensorFlow Lite's own: tf.Examples are parsed in the model
 * (tensorflow/lite/kernels/parse_example/parse_example.cc).
 */
import { type DType, dataLoss, type Output, readFlexBuffer } from "@servable/formats";
import type { TfliteOp, TfliteRow, TfliteTable } from "../operator.js";
import { flexRow } from "./flex.js";

/** Options are a map of numbers; types and shapes are those of the output tensors. */
const parseExampleV2: TfliteRow = (op) => {
  const options = readFlexBuffer(op.operator.customOptions, "its options");
  if (Array.isArray(options)) return flexRow(op);
  const sparse = sparseCount(options);
  const dense = op.operator.outputs.length - 3 * sparse;
  if (dense < 0)
    throw dataLoss(`${op.what} has ${op.operator.outputs.length} outputs for ${sparse} sparse features`);
  const [serialized, names, sparseKeys, denseKeys, raggedKeys] = [0, 1, 2, 3, 4].map((i) => op.stored(i));
  const defaults = Array.from({ length: dense }, (_, i) => op.stored(5 + i));
  const typesFrom = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => op.outputTensor(first + i).type as DType);
  const inputs = [serialized, names, sparseKeys, denseKeys, raggedKeys, defaults] as (Output | Output[])[];
  return op.g.op("ParseExampleV2", inputs, {
    Tdense: typesFrom(3 * sparse, dense),
    num_sparse: sparse,
    sparse_types: typesFrom(sparse, sparse),
    ragged_value_types: [],
    ragged_split_types: [],
    dense_shapes: Array.from({ length: dense }, (_, i) => rowShape(op, 3 * sparse + i)),
  }).outputs;
};

function sparseCount(options: unknown): number {
  const count = Number((options as { readonly num_sparse?: number | bigint } | null)?.num_sparse ?? 0);
  if (!Number.isInteger(count) || count < 0) throw dataLoss("its number of sparse features is none");
  return count;
}

/** The shape of one example's feature. */
function rowShape(op: TfliteOp, output: number): readonly number[] {
  const { shape, declaredShape } = op.outputTensor(output);
  return (declaredShape ?? shape).slice(1);
}

export const servingRows: TfliteTable = { ParseExampleV2: parseExampleV2 };
