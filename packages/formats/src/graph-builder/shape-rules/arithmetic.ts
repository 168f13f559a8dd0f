/** Shapes of what works on each element, of reductions, and of products of matrices. */
import type { PartialShape } from "../../shape.js";
import { integers } from "./known-values.js";
import {
  common,
  flag,
  fromFront,
  intAttr,
  merged,
  type RuleTable,
  type ShapeRule,
  sameAs,
  shapeAttr,
  shapeOf,
  textAttr,
  UNKNOWN_SIZE,
} from "./rule.js";

const elementwise: ShapeRule = ({ inputs }) => [
  inputs.map(({ shape }) => shape).reduce((a, b) => broadcast(a, b), []),
];

/** The shape of a two-operand result; null as soon as one rank is unknown. */
export function broadcast(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null) return null;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    return (
      sizes.find((size) => size > 1) ?? (sizes.includes(UNKNOWN_SIZE) ? UNKNOWN_SIZE : Math.min(...sizes))
    );
  });
}

/** Shapes that can't be broadcast may be allowed: a scalar comes out. */
const equality: ShapeRule = (node) => {
  const [a, b] = [shapeOf(node.inputs, 0), shapeOf(node.inputs, 1)];
  if (node.attrs.incompatible_shape_error?.value.value !== false) return elementwise(node);
  const fits = fitting(a, b);
  return fits === undefined ? [null] : fits ? elementwise(node) : [[]];
};

/** Whether two shapes can be broadcast; undefined where only a run tells. */
function fitting(a: PartialShape, b: PartialShape): boolean | undefined {
  if (a === null || b === null) return undefined;
  const pairs = Array.from({ length: Math.min(a.length, b.length) }, (_, i) => [a.at(-1 - i), b.at(-1 - i)]);
  const open = pairs.filter(([x, y]) => x !== 1 && y !== 1 && (x !== y || x === UNKNOWN_SIZE));
  if (open.length === 0) return true;
  return open.some((pair) => !pair.includes(UNKNOWN_SIZE)) ? false : undefined;
}

/** All inputs have one shape, and so has the output. */
const sameAsAll: ShapeRule = ({ inputs, attrs }) => [
  inputs.map(({ shape }) => shape).reduce(merged, shapeAttr(attrs, "shape")),
];

/** One of several inputs comes out. */
const oneOf: ShapeRule = ({ inputs }) => [
  inputs.map(({ shape }) => shape).reduce(common, shapeOf(inputs, 0)),
  [],
];

const reduction: ShapeRule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  const axes = integers(inputs, 1);
  if (shape === null) return [null];
  const keep = flag(attrs, "keep_dims");
  if (axes === undefined) return [keep ? shape.map(() => UNKNOWN_SIZE) : null];
  const reduced = fromFront(axes, shape.length);
  return keep
    ? [shape.map((size, axis) => (reduced.includes(axis) ? 1 : size))]
    : [shape.filter((_, axis) => !reduced.includes(axis))];
};

const argReduction: ShapeRule = (node) => reduction({ ...node, attrs: {} });

const matMul: ShapeRule = ({ inputs, attrs }) => {
  const [a, b] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  const rows = a?.[flag(attrs, "transpose_a") ? 1 : 0] ?? UNKNOWN_SIZE;
  const columns = b?.[flag(attrs, "transpose_b") ? 0 : 1] ?? UNKNOWN_SIZE;
  return [[rows, columns]];
};

const batchMatMul: ShapeRule = ({ inputs, attrs }) => {
  const [a, b] = [shapeOf(inputs, 0), shapeOf(inputs, 1)];
  if (a === null || b === null || a.length < 2 || b.length < 2) return [null];
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2));
  const rows = a.at(flag(attrs, "adj_x") ? -1 : -2) as number;
  const columns = b.at(flag(attrs, "adj_y") ? -2 : -1) as number;
  return [batch && [...batch, rows, columns]];
};

/** "...ij,jk->...ik" by its labels; the axes of an ellipsis are broadcast. */
const einsum: ShapeRule = ({ inputs, attrs }) => {
  const [from = "", to] = textAttr(attrs, "equation").replaceAll(" ", "").split("->");
  if (to === undefined) return [null];
  const sizes = new Map<string, number>();
  let rest: PartialShape = [];
  for (const [i, term] of from.split(",").entries()) {
    const shape = shapeOf(inputs, i);
    const [before = "", after] = term.split("...");
    const takeSizes = (labels: string, part: readonly number[]) => {
      for (const [axis, label] of [...labels].entries()) {
        if ((part[axis] ?? UNKNOWN_SIZE) >= 0) sizes.set(label, part[axis] as number);
      }
    };
    takeSizes(before, shape ?? []);
    if (after === undefined) continue;
    const end = shape === null ? 0 : shape.length - after.length;
    takeSizes(after, shape?.slice(end) ?? []);
    rest = broadcast(rest, shape?.slice(before.length, end) ?? null);
  }
  const sizesOf = (labels: string) => [...labels].map((label) => sizes.get(label) ?? UNKNOWN_SIZE);
  const [head = "", tail] = to.split("...");
  if (tail === undefined) return [sizesOf(head)];
  return [rest && [...sizesOf(head), ...rest, ...sizesOf(tail)]];
};

/** Losses of a batch, and their gradients. */
const crossEntropy: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  return [shape?.slice(0, 1) ?? null, shape];
};

const diagonalMatrix: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  return [shape && [...shape, ...shape.slice(-1)]];
};

const diagonalPart: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  if (shape === null || shape.length < 2) return [null];
  const [rows, columns] = shape.slice(-2) as [number, number];
  return [[...shape.slice(0, -2), rows < 0 || columns < 0 ? UNKNOWN_SIZE : Math.min(rows, columns)]];
};

const cholesky: ShapeRule = sameAs(0);

const decomposition: ShapeRule = ({ inputs }) => {
  const shape = shapeOf(inputs, 0);
  return [shape?.slice(0, -2) ?? null];
};

const histogram: ShapeRule = ({ inputs }) => [[integers(inputs, 2)?.[0] ?? UNKNOWN_SIZE]];

const quantizedLike: ShapeRule = ({ inputs }) => [shapeOf(inputs, 0), [], []];

const cumulative: ShapeRule = sameAs(0);

const range: ShapeRule = ({ inputs }) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => inputs[i]?.constant);
  const numbers = [start, limit, delta].map((value) =>
    value === undefined || value.dtype === "string" ? Number.NaN : Number(value.data[0]),
  ) as [number, number, number];
  const size = Math.ceil(Math.abs((numbers[1] - numbers[0]) / numbers[2]));
  return [[Number.isSafeInteger(size) ? size : UNKNOWN_SIZE]];
};

const linSpace: ShapeRule = ({ inputs }) => [[integers(inputs, 2)?.[0] ?? UNKNOWN_SIZE]];

const bias: ShapeRule = ({ inputs, attrs }) => {
  const shape = shapeOf(inputs, 0);
  const size = shapeOf(inputs, 1)?.[0] ?? UNKNOWN_SIZE;
  if (shape === null || shape.length < 2) return [shape];
  const axis = textAttr(attrs, "data_format") === "NCHW" ? 1 : shape.length - 1;
  return [shape.map((known, i) => (i === axis && known < 0 ? size : known))];
};

const segments: ShapeRule = ({ inputs }) => {
  const [data, ids, count] = [shapeOf(inputs, 0), shapeOf(inputs, 1), integers(inputs, 2)?.[0]];
  return [data && ids && [count ?? UNKNOWN_SIZE, ...data.slice(ids.length)]];
};

const sortedSegments: ShapeRule = ({ inputs }) => {
  const data = shapeOf(inputs, 0);
  return [data && [UNKNOWN_SIZE, ...data.slice(1)]];
};

const bincount: ShapeRule = ({ inputs }) => {
  const [shape, size] = [shapeOf(inputs, 0), integers(inputs, 1)?.[0] ?? UNKNOWN_SIZE];
  return [shape && (shape.length === 2 ? [shape[0] as number, size] : [size])];
};

const fft: ShapeRule = sameAs(0);

/** The last axis holds half of the spectrum, or the samples that the spectrum stands for. */
const rfft: ShapeRule = ({ inputs }) => {
  const [shape, length] = [shapeOf(inputs, 0), integers(inputs, 1)?.at(-1)];
  if (shape === null) return [null];
  return [
    shape.with(-1, length === undefined ? UNKNOWN_SIZE : length === 0 ? 0 : Math.floor(length / 2) + 1),
  ];
};

const irfft: ShapeRule = ({ inputs }) => {
  const [shape, length] = [shapeOf(inputs, 0), integers(inputs, 1)?.at(-1)];
  return [shape?.with(-1, length ?? UNKNOWN_SIZE) ?? null];
};

export const arithmeticRules: RuleTable = [
  [
    sameAs(0),
    `Abs Acos Acosh AdjustHue AdjustSaturation AdjustContrast AdjustContrastv2 Angle Asin Asinh AsString Atan Atanh
     BesselI0 BesselI0e BesselI1 BesselI1e Bucketize Cast Ceil CheckNumerics CheckNumericsV2 ClipByValue
     ComplexAbs Conj Cos Cosh Cross DecodeBase64 DeepCopy Dequantize Digamma Elu EncodeBase64 Enter Erf Erfc Erfinv
     Exit Exp Expm1 FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Floor HSVToRGB
     Identity Imag InvertPermutation Invert IsFinite IsInf IsNan LRN LeakyRelu Lgamma Log Log1p LogSoftmax
     LogicalNot MatrixBandPart MatrixExponential MatrixInverse MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3 Ndtri Neg
     NextIteration OnesLike PopulationCount PreventGradient Print
     QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 
     RandomShuffle Real Reciprocal RefEnter RefExit RefIdentity RefNextIteration RegexFullMatch RegexReplace Relu Relu6
     Reverse ReverseSequence ReverseV2 Rint Roll Round Rsqrt Selu Sigmoid Sign Sin Sinh Snapshot Softmax Softplus
     Softsign Sqrt Square StaticRegexFullMatch StaticRegexReplace StopGradient StringLength StringLower StringStrip
     StringToHashBucket StringToHashBucketFast StringToHashBucketStrong StringToNumber StringUpper Tan Tanh
     TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate UnicodeScript
     UnicodeTranscode ZerosLike Inv StatelessShuffle`,
  ],
  [
    elementwise,
    `Add AddV2 ApproximateEqual Atan2 BitwiseAnd BitwiseOr BitwiseXor Complex Div DivNoNan FloorDiv FloorMod Greater
     GreaterEqual Igamma Igammac LeftShift Less LessEqual LogicalAnd LogicalOr Maximum Minimum Mod Mul MulNoNan
     NextAfter Polygamma Pow RealDiv RightShift SelectV2 SquaredDifference Sub TruncateDiv TruncateMod Xdivy
     Xlog1py Xlogy Zeta Betainc`,
  ],
  [equality, "Equal NotEqual"],
  [sameAsAll, "AddN AccumulateNV2"],
  [oneOf, "Merge RefMerge"],
  [({ inputs }) => [shapeOf(inputs, 0), shapeOf(inputs, 0)], "Switch RefSwitch"],
  [({ inputs }) => inputs.map(({ shape }) => shape), "IdentityN"],
  [reduction, "All Any EuclideanNorm Max Mean Min Prod ReduceJoin Sum"],
  [argReduction, "ArgMax ArgMin"],
  [matMul, "MatMul SparseMatMul"],
  [batchMatMul, "BatchMatMul BatchMatMulV2 BatchMatMulV3"],
  [einsum, "Einsum"],
  [crossEntropy, "SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits"],
  [diagonalMatrix, "MatrixDiag"],
  [diagonalPart, "MatrixDiagPart"],
  [cholesky, "Cholesky"],
  [decomposition, "MatrixDeterminant"],
  [histogram, "HistogramFixedWidth"],
  [quantizedLike, "QuantizedRelu QuantizedRelu6 Requantize QuantizeV2"],
  [cumulative, "Cumsum Cumprod CumulativeLogsumexp"],
  [range, "Range"],
  [linSpace, "LinSpace"],
  [bias, "BiasAdd BiasAddV1"],
  [segments, "UnsortedSegmentSum UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd"],
  [sortedSegments, "SegmentSum SegmentMean SegmentMax SegmentMin SegmentProd"],
  [bincount, "DenseBincount"],
  [fft, "FFT FFT2D FFT3D IFFT IFFT2D IFFT3D"],
  [rfft, "RFFT"],
  [irfft, "IRFFT"],
  [() => [[]], "L2Loss Rank Size"],
  [({ inputs }) => [(shapeOf(inputs, 1) ?? [UNKNOWN_SIZE]).slice(0, 1)], "InTopK InTopKV2"],
  [
    ({ inputs, attrs }) => {
      const shape = shapeOf(inputs, 0);
      if (shape === null) return [null, null];
      const k = intAttr(attrs, "k", integers(inputs, 1)?.[0] ?? UNKNOWN_SIZE);
      const result = [...shape.slice(0, -1), k];
      return [result, result];
    },
    "TopK TopKV2",
  ],
];
