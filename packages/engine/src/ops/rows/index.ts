/** The row rules of all ops, one line each where a family fits. */

import { arrayRules } from "./arrays.js";
import { matrixRules } from "./matrices.js";
import {
  alongLast,
  batches,
  broadcast,
  elementwiseAll,
  first,
  mixed,
  outsideLast,
  perItem,
  type RowRule,
  type RowState,
  type RowTable,
  rows,
  shared,
  sizeProduct,
  sizes,
  withoutAxes,
} from "./row-rule.js";
import { batchToSpace, overPieces, spaceToBatch } from "./spread.js";

const family = (rule: RowRule, ops: string): RowTable =>
  Object.fromEntries(
    ops
      .trim()
      .split(/\s+/)
      .map((op) => [op, rule]),
  );

/** Each element of the output comes from that element of the inputs. */
const elementwise = family(
  broadcast,
  `Abs Acos Acosh Add AddV2 Asin Asinh Atan Atan2 Atanh BitwiseAnd BitwiseOr BitwiseXor Cast Ceil ClipByValue Complex
   ComplexAbs Conj Cos Cosh Digamma Div DivNoNan Elu Erf Erfc Erfinv Exp Expm1 Floor FloorDiv FloorMod Greater
   GreaterEqual Identity Imag Inv Invert IsFinite IsInf IsNan LeakyRelu LeftShift Less LessEqual Lgamma Log Log1p
   LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod Mul MulNoNan Ndtri Neg NextAfter OnesLike Pow Real
   RealDiv Reciprocal Relu Relu6 RightShift Rint Round Rsqrt SelectV2 Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt
   Square SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy ZerosLike Zeta Igamma Igammac Betainc
   FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars Bucketize CheckNumerics StopGradient Snapshot
   AsString StringToNumber StringLower StringUpper StringStrip StringLength StaticRegexReplace StaticRegexFullMatch
   RegexReplace RegexFullMatch StringJoin StringToHashBucket StringToHashBucketFast StringToHashBucketStrong Substr
   EncodeBase64 DecodeBase64 UnicodeTranscode UnicodeScript Angle UniformQuantize UniformDequantize
   BesselI0 BesselI0e BesselI1 BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1
   Dawsn Expint FresnelCos FresnelSin Spence PopulationCount PreventGradient DeepCopy ApproximateEqual Polygamma`,
);

/** Whether each element of an op's output comes from that element of the inputs, broadcast against each other. */
export function isElementwise(op: string): boolean {
  return op in elementwise;
}

/** One image, volume or sequence per row, rows along the first dimension. */
const items = family(
  perItem,
  `Conv2D Conv3D DepthwiseConv2dNative MaxPool MaxPoolV2 MaxPool3D AvgPool AvgPool3D LRN DepthToSpace SpaceToDepth Dilation2D ExtractImagePatches ResizeBilinear ResizeNearestNeighbor
   ResizeBicubic ResizeArea AdjustHue AdjustSaturation AdjustContrastv2 RGBToHSV HSVToRGB`,
);

/** Transposed convolutions: the sizes they give are those of an image, the filter is shared. */
const transposed: RowRule = ({ states: [size, filter, images], op }) => {
  if (size?.kind === "shared") return mixed(`${op} makes a batch of a fixed size`);
  if (filter?.kind !== "shared" || images?.kind !== "rows")
    return mixed(`the filter of ${op} depends on rows`);
  return images.axis === 0 ? images : mixed(`${op} has rows along dimension ${images.axis}`);
};

const transposedConvolutions = family(
  transposed,
  "Conv2DBackpropInput Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput",
);

/** With statistics of its own, a batch is normalised as a whole. */
const batchNorm: RowRule = (node) =>
  node.attrs.bool("is_training") ? mixed("a batch is normalised by its own statistics") : perItem(node);

const normalizations = family(batchNorm, "FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3");

const lastDimension = family(
  alongLast,
  "Softmax LogSoftmax TopK TopKV2 NthElement FFT IFFT RFFT IRFFT InTopK LayerNorm",
);

/** Lookups of each element; the table is shared. */
const lookups: RowTable = {
  LookupTableFind: (node) => lookup(node.states[1]),
  LookupTableFindV2: (node) => lookup(node.states[1]),
};

function lookup(keys: Parameters<RowRule>[0]["states"][number] | undefined): ReturnType<RowRule> {
  return keys?.kind === "rows" ? keys : mixed("a table is looked up by something that is no row");
}

const reductions: RowTable = Object.fromEntries(
  ["Sum", "Mean", "Prod", "Max", "Min", "All", "Any", "EuclideanNorm"].map((op) => [
    op,
    (node) => withoutAxes(node, node.ints(1), node.attrs.bool("keep_dims")),
  ]),
);

/** Arithmetic on sizes, as a reshape that merges dimensions computes it. */
const sizeProducts: RowTable = {
  Prod: (node) => {
    const [state] = node.states;
    return state?.kind === "sizes"
      ? sizeProduct(state.entries)
      : withoutAxes(node, node.ints(1), node.attrs.bool("keep_dims"));
  },
  Mul: (node) => {
    if (!node.states.some((state) => state.kind === "sizes")) return broadcast(node);
    const factors = node.states.map((state) =>
      state.kind === "sizes" ? state.entries : state.kind === "shared" ? (["fixed"] as const) : [],
    );
    const isScalar = factors.every((entries) => entries.length === 1);
    return isScalar ? sizeProduct([...factors.flat(), "fixed"]) : mixed("sizes are multiplied with rows");
  },
};

const positions: RowTable = {
  ArgMax: (node) => withoutAxes(node, node.ints(1), false),
  ArgMin: (node) => withoutAxes(node, node.ints(1), false),
};

/** One serialized tf.Example per row; sparse and ragged outputs join all rows. */
const parsing: RowTable = {
  ParseExample: (node) => parseExample(node, node.attrs.int("Nsparse")),
  ParseExampleV2: (node) =>
    parseExample(node, node.attrs.int("num_sparse"), node.attrs.raw("ragged_value_types")),
};

function parseExample(
  node: Parameters<RowRule>[0],
  sparse: number,
  ragged?: ReturnType<typeof node.attrs.raw>,
): ReturnType<RowRule> {
  if (node.states[0]?.kind !== "rows") return mixed("ParseExample without a batch of examples");
  const raggedCount = ragged?.value.case === "list" ? ragged.value.value.type.length : 0;
  const dense = node.outputTypes.length - 3 * sparse - 2 * raggedCount;
  const shapes = node.attrs.shapes("dense_shapes");
  return node.outputTypes.map((_, i) => {
    if (i < 3 * sparse) return mixed("sparse features of an example join all rows");
    if (i >= 3 * sparse + dense) return mixed("ragged features of an example join all rows");
    const padded = shapes[i - 3 * sparse]?.[0] === -1;
    return padded ? mixed("features of varying length are padded to the longest of the batch") : rows();
  });
}

/** A list is read and written element by element; its rows lie inside the elements. */
const lists: RowTable = {
  TensorListFromTensor: (node) => shiftAxis(node.states[0], -1, node.op),
  TensorListStack: (node) => shiftAxis(node.states[0], 1, node.op),
  TensorListGetItem: (node) =>
    node.states[1]?.kind === "shared"
      ? (node.states[0] ?? shared)
      : mixed("a list is read at a position that differs by row"),
  TensorListSetItem: (node) =>
    node.states[1]?.kind === "shared"
      ? (node.states[2] ?? shared)
      : mixed("a list is written at a position that differs by row"),
  TensorListPushBack: (node) => node.states[1] ?? shared,
  TensorListLength: () => shared,
  TensorListReserve: (node) =>
    node.states[1]?.kind === "shared" ? shared : mixed("a list as long as the batch"),
};

function shiftAxis(
  state: Parameters<RowRule>[0]["states"][number] | undefined,
  by: number,
  op: string,
): ReturnType<RowRule> {
  if (state?.kind !== "rows") return state ?? shared;
  return state.axis + by < 0 ? mixed(`${op} takes the batch apart`) : rows(state.axis + by, state.block);
}

/** Where operands don't fit, one answer stands for all rows, unless the op says that it is an error. */
const equality: RowRule = (node) =>
  node.attrs.bool("incompatible_shape_error")
    ? broadcast(node)
    : mixed(`${node.op} may compare whole batches`);

/** Ops on matrices, which the last two dimensions are. */
const matrices = family(
  outsideLast(2),
  `MatrixBandPart MatrixInverse MatrixDeterminant Cholesky MatrixExponential MatrixLogarithm MatrixSquareRoot
   FFT2D IFFT2D RFFT2D IRFFT2D MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3`,
);

/** Several inputs of one row each. */
const rowsOfBatches: RowTable = {
  LSTMBlockCell: batches(0, 1, 2),
  GRUBlockCell: batches(0, 1),
  SoftmaxCrossEntropyWithLogits: batches(0, 1),
  SparseSoftmaxCrossEntropyWithLogits: batches(0, 1),
  CombinedNonMaxSuppression: batches(0, 1),
  InTopKV2: batches(0, 1),
  DenseBincount: (node) =>
    node.shape(0)?.length === 2 ? batches(0)(node) : mixed("a vector is counted as a whole"),
};

/** Quantization by a range that is given; one that is found is that of the batch. */
const quantized: RowRule = (node) => {
  const axis = node.attrs.has("axis") ? node.attrs.int("axis") : -1;
  const state = first(node) as RowState;
  if (state.kind === "rows" && axis >= 0 && state.axis === axis) return mixed("a range for each row");
  return node.attrs.bool("range_given") ? state : mixed("the range of a batch is found");
};

/** Each row is turned by a length of its own. */
const reverseSequence: RowRule = (node) => {
  const [x, lengths] = node.states;
  const [batch, time] = [node.attrs.int("batch_dim"), node.attrs.int("seq_dim")];
  if (x?.kind !== "rows" || x.axis === time) return mixed("the batch is turned");
  if (lengths?.kind === "rows")
    return x.axis === batch && lengths.axis === 0 && lengths.block === x.block
      ? x
      : mixed("lengths of other rows");
  return lengths?.kind === "shared" && x.axis !== batch ? x : mixed("lengths that may differ along the rows");
};

/** Vectors of indices into something shared; or into each row, with the same indices, is not proven. */
const gatherNd: RowRule = (node) => {
  const [params, indices] = node.states;
  const indexRank = node.shape(1)?.length;
  if (params?.kind !== "shared" || indices?.kind !== "rows")
    return mixed("rows are gathered by their number");
  return indexRank !== undefined && indices.axis < indexRank - 1
    ? indices
    : mixed("rows in what is one index");
};

/** A matrix from each vector, or from the vectors of several diagonals: the dimensions before stay where they are. */
const diagonal: RowRule = (node) => {
  const offsets = node.op === "MatrixDiag" ? [0] : node.ints(1);
  return new Set(offsets).size === 1 ? alongLast(node) : outsideLast(2)(node);
};

const diagonals = family(diagonal, "MatrixDiag MatrixDiagV2 MatrixDiagV3");

const others: RowTable = {
  AccumulateNV2: elementwiseAll,
  BiasAddV1: alongLast,
  BatchNormWithGlobalNormalization: perItem,
  FakeQuantWithMinMaxVarsPerChannel: alongLast,
  QuantizeAndDequantizeV2: quantized,
  QuantizeAndDequantizeV3: quantized,
  QuantizeAndDequantizeV4: quantized,
  MaxPoolWithArgmax: (node) =>
    node.attrs.bool("include_batch_in_index") ? mixed("places are counted over the batch") : perItem(node),
  ReverseSequence: reverseSequence,
  GatherNd: gatherNd,
  SpaceToBatchND: spaceToBatch,
  SpaceToBatch: spaceToBatch,
  Equal: equality,
  NotEqual: equality,
  EnsureShape: (node) => {
    const [state] = node.states;
    const wanted = node.attrs.shape("shape");
    if (state?.kind !== "rows") return state ?? shared;
    return wanted === null || (wanted[state.axis] ?? -1) < 0 ? state : mixed("the number of rows is checked");
  },
  AddN: elementwiseAll,
  IdentityN: (node) => node.states,
  Select: (node) => (node.states[0]?.kind === "shared" ? broadcastRest(node) : elementwiseAll(node)),
  Shape: (node) => {
    const [state] = node.states;
    const shape = node.shape(0);
    if (state?.kind !== "rows" || shape === null || state.block !== 1)
      return mixed("the shape of rows of unknown rank");
    return sizes(shape.map((_, axis) => (axis === state.axis ? "N" : "fixed")));
  },
  BiasAdd: (node) => (node.attrs.string("data_format") === "NHWC" ? alongLast(node) : perItem(node)),
  DecodeRaw: first,
  DecodePaddedRaw: first,
  Size: () => mixed("the number of elements of a batch"),
  Rank: () => shared,
  RandomUniform: () => mixed("random numbers"),
  DecodeJpeg: () => mixed("an image is decoded on its own"),
  L2Loss: () => mixed("a loss over the batch"),
  NoOp: first,
};

function broadcastRest(node: Parameters<RowRule>[0]): ReturnType<RowRule> {
  return node.shape(0)?.length === 0
    ? elementwiseAll({ ...node, states: node.states.slice(1) })
    : mixed("Select by a shared mask");
}

const rules: RowTable = {
  ...elementwise,
  ...matrices,
  ...diagonals,
  ...rowsOfBatches,
  ...items,
  ...transposedConvolutions,
  ...normalizations,
  ...lastDimension,
  ...lookups,
  ...reductions,
  ...sizeProducts,
  ...positions,
  ...parsing,
  ...lists,
  ...arrayRules,
  ...matrixRules,
  ...others,
};

export const rowRules: RowTable = {
  ...Object.fromEntries(Object.entries(rules).map(([op, rule]) => [op, overPieces(rule)])),
  BatchToSpaceND: batchToSpace,
  BatchToSpace: batchToSpace,
};
