/** Layers that keep their input's shape, normalizations, losses, cells, top-k and quantization. */
import type { PartialShape } from "@servable/formats";
import type { ShapeRule, ShapeTable } from "../op-table.js";
import { scalarEntry } from "./entries.js";
import { fixed, forAll, sameAsInput, sharedLeadingSize } from "./families.js";
import { mergeShapes, mergeSizes, sizeFrom, UNKNOWN, withRank, withSize } from "./partial-shape.js";

/** The bias tells the number of channels where the value doesn't. */
const biasAdd: ShapeRule = (node) => {
  const value = node.shape(0);
  if (value === null || value.length < 2) return [value];
  const axis =
    node.attrs.has("data_format") && node.attrs.string("data_format") === "NCHW" ? 1 : value.length - 1;
  const [bias = UNKNOWN] = withRank(node.shape(1), 1);
  return [withSize(value, axis, mergeSizes(value[axis] as number, bias))];
};

/** Image batch with the vectors of its channels; past output 2 come reserve spaces, of the same length or empty. */
const batchNorm =
  (reserve: (channels: number) => readonly PartialShape[]): ShapeRule =>
  (node) => {
    const format = node.attrs.string("data_format");
    const rank = format.length;
    const image = withRank(node.shape(0), rank);
    const axis = format.indexOf("C");
    const channels = sharedLeadingSize(
      node,
      [1, 2, 3, 4].slice(0, node.attrs.bool("is_training") ? 2 : 4),
      1,
    );
    const depth = mergeSizes(image[axis] as number, channels);
    return [withSize(image, axis, depth), [depth], [depth], ...reserve(depth)];
  };

const topK: ShapeRule = (node) => {
  const input = node.shape(0);
  const k = node.inputs.length > 1 ? scalarEntry(node, 1) : node.attrs.int("k");
  if (input === null || input.length === 0) return [null, null];
  const shape = withSize(input, input.length - 1, k === undefined || k < 0 ? UNKNOWN : k);
  return [shape, shape];
};

/** Rows of x with the units of the state: every output is like the state, where both say. */
const recurrentCell: ShapeRule = (node) => {
  const state = withRank(node.shape(1), 2);
  const batch = mergeSizes(withRank(node.shape(0), 2)[0] as number, state[0] as number);
  return node.outputTypes.map(() => [batch, state[1] as number]);
};

/** Steps of a whole sequence at once: x is [time, batch, inputs]. */
const recurrentBlock: ShapeRule = (node) => {
  const [steps, batch] = withRank(node.shape(1), 3) as [number, number, number];
  const weights = withRank(node.shape(4), 2)[1] as number;
  const units = sizeFrom([weights], (n) => n / 4);
  return node.outputTypes.map(() => [steps, batch, units]);
};

/** Loss per row, and the gradient of the features. */
const softmaxLoss: ShapeRule = (node) => {
  const features = withRank(node.shape(0), 2);
  const labels = node.shape(1);
  const batch = mergeSizes(features[0] as number, labels?.[0] ?? UNKNOWN);
  const backprop = labels?.length === 2 ? withRank(mergeShapes(features, labels), 2) : features;
  return [[batch], withSize(backprop, 0, batch)];
};

const inTopK: ShapeRule = (node) => {
  const rows = withRank(node.shape(0), 2)[0] as number;
  return [[mergeSizes(rows, withRank(node.shape(1), 1)[0] as number)]];
};

/** Sparse outputs per path, then a log probability per row and path. */
const ctcDecoder: ShapeRule = (node) => {
  const paths = node.attrs.has("top_paths") ? node.attrs.int("top_paths") : 1;
  const batch = mergeSizes(withRank(node.shape(0), 3)[1] as number, withRank(node.shape(1), 1)[0] as number);
  const each = (shape: PartialShape) => Array.from({ length: paths }, () => shape);
  return [...each([UNKNOWN, 2]), ...each([UNKNOWN]), ...each([2]), [batch, paths]];
};

/** The value quantized, and the range it stands for. */
const quantized: ShapeRule = (node) => {
  const axis = node.attrs.has("axis") ? node.attrs.int("axis") : -1;
  const size = axis < 0 ? [] : [node.shape(0)?.[axis] ?? UNKNOWN];
  return [node.shape(0), size, size];
};

// biome-ignore format: a list of names
const sameShape = [
  "Dequantize", "Elu", "FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel",
  "LeakyRelu", "LogSoftmax", "QuantizeAndDequantize", "QuantizeAndDequantizeV2", "QuantizeAndDequantizeV3",
  "QuantizeAndDequantizeV4", "Relu", "Relu6", "Selu", "Softmax", "Softplus", "Softsign", "UniformDequantize",
  "UniformQuantize",
];

export const neuralShapes: ShapeTable = {
  ...forAll(sameShape, sameAsInput),
  LRN: (node) => [withRank(node.shape(0), 4)],
  BiasAdd: biasAdd,
  BiasAddV1: biasAdd,
  ...forAll(
    ["FusedBatchNorm", "FusedBatchNormV2"],
    batchNorm((channels) => [[channels], [channels]]),
  ),
  // What the last one holds is between kernels.
  FusedBatchNormV3: batchNorm((channels) => [[channels], [channels], null]),
  BatchNormWithGlobalNormalization: (node) => {
    const depth = sharedLeadingSize(node, [1, 2, 3, 4], 1);
    const image = withRank(node.shape(0), 4);
    return [withSize(image, 3, mergeSizes(image[3] as number, depth))];
  },
  ...forAll(["TopK", "TopKV2"], topK),
  NthElement: (node) => {
    const input = node.shape(0);
    return [input === null || input.length === 0 ? null : input.slice(0, -1)];
  },
  ...forAll(["InTopK", "InTopKV2"], inTopK),
  GRUBlockCell: recurrentCell,
  LSTMBlockCell: recurrentCell,
  ...forAll(["BlockLSTM", "BlockLSTMV2"], recurrentBlock),
  ...forAll(["SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"], softmaxLoss),
  ...forAll(["CTCGreedyDecoder", "CTCBeamSearchDecoder"], ctcDecoder),
  QuantizeV2: quantized,
  Multinomial: (node) => [[withRank(node.shape(0), 2)[0] as number, scalarEntry(node, 1) ?? UNKNOWN]],
  DataFormatDimMap: sameAsInput,
  DataFormatVecPermute: sameAsInput,
  Requantize: (node) => [node.shape(0), [], []],
  ComputeAccidentalHits: fixed([UNKNOWN], [UNKNOWN], [UNKNOWN]),
};
