/**
 * Ops that compute each element from the elements at its place: arithmetic, elementary functions, bits.
 *
 * ONNX Runtime's integer division ends the process on a zero divisor (and on the lowest integer by -1), where
 * TensorFlow answers INVALID_ARGUMENT. Integer division is expressed only by constants that are neither.
 */
import type { DType } from "@servable/formats";
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxRow, type OnnxTable } from "../op-table.js";
import {
  agrees,
  checkSameShape,
  constantNumber,
  constantNumbers,
  input,
  isInteger,
  isUnsigned,
  rankOf,
  sizeOf,
  value,
  values,
} from "./node-facts.js";

export type Unary = (g: OnnxEmitter, x: OnnxValue, node: OnnxNode) => OnnxValue;
export type Binary = (g: OnnxEmitter, x: OnnxValue, y: OnnxValue, node: OnnxNode) => OnnxValue;

const unary = (build: Unary): OnnxRow => ({ build: (g, node) => build(g, value(node, 0), node) });
const binary = (build: Binary): OnnxRow => ({
  build: (g, node) => build(g, value(node, 0), value(node, 1), node),
});
const named = (onnx: string): OnnxRow => ({ onnx });

/** Rounds to the node's half type, if it has one: TensorFlow rounds after each step of what is one op. */
export function step(g: OnnxEmitter, node: OnnxNode, x: OnnxValue): OnnxValue {
  const type = node.outputTypes[0];
  return type === "float16" || type === "bfloat16" ? g.roundTo(x, type) : x;
}

const isZero = (g: OnnxEmitter, x: OnnxValue): OnnxValue => g.op("Equal", [x, g.scalar(x.dtype, 0)]);

/** 0 where a condition holds, the value elsewhere. */
const zeroWhere = (g: OnnxEmitter, condition: OnnxValue, x: OnnxValue): OnnxValue =>
  g.op("Where", [condition, g.scalar(x.dtype, 0), x]);

// ---- elementary functions ------------------------------------------------------------------------------------

/** exp(x) - 1, exact near 0 too: tanh(x/2) · (exp(x) + 1). */
export const expm1: Unary = (g, x) => {
  const half = g.op("Mul", [x, g.scalar(x.dtype, 0.5)]);
  return g.op("Mul", [g.op("Tanh", [half]), g.op("Add", [g.op("Exp", [x]), g.scalar(x.dtype, 1)])]);
};

/** log(1 + x), exact near 0 too: what rounding 1 + x loses is given back as a factor (Kahan). */
export const log1p: Unary = (g, x) => {
  const one = g.scalar(x.dtype, 1);
  const sum = g.op("Add", [one, x]);
  const log = g.op("Log", [sum]);
  const difference = g.op("Sub", [sum, one]);
  const corrected = g.op("Mul", [log, g.op("Div", [x, difference])]);
  const infinite = g.op("IsInf", [sum]);
  const exact = g.op("Or", [g.op("Equal", [difference, g.scalar(x.dtype, 0)]), infinite]);
  const direct = g.op("Where", [infinite, log, x]);
  return g.op("Where", [exact, direct, corrected]);
};

const tan: Unary = (g, x) =>
  x.dtype === "float64" ? g.op("Div", [g.op("Sin", [x]), g.op("Cos", [x])]) : g.op("Tan", [x]);

/** The angle of (x, y): that of y/x in the right quadrant. Of two infinities only the signs count. */
const atan2: Binary = (g, wholeY, wholeX) => {
  const infinite = g.op("And", [g.op("IsInf", [wholeX]), g.op("IsInf", [wholeY])]);
  const x = g.op("Where", [infinite, g.op("Sign", [wholeX]), wholeX]);
  const y = g.op("Where", [infinite, g.op("Sign", [wholeY]), wholeY]);
  const zero = g.scalar(x.dtype, 0);
  const pi = g.scalar(x.dtype, Math.PI);
  const angle = g.op("Atan", [g.op("Div", [y, x])]);
  // 1/y tells -0 from 0.
  const negativeY = g.op("Or", [g.op("Less", [y, zero]), g.op("Less", [g.op("Reciprocal", [y]), zero])]);
  const negativeX = g.op("Or", [
    g.op("Less", [x, zero]),
    g.op("And", [isZero(g, x), g.op("Less", [g.op("Reciprocal", [x]), zero])]),
  ]);
  const turned = g.op("Where", [negativeY, g.op("Sub", [angle, pi]), g.op("Add", [angle, pi])]);
  const general = g.op("Where", [negativeX, turned, angle]);
  const halfTurn = g.op("Where", [negativeX, pi, zero]);
  const onAxis = g.op("Where", [negativeY, g.op("Neg", [halfTurn]), halfTurn]);
  return g.op("Where", [g.op("And", [isZero(g, x), isZero(g, y)]), onAxis, general]);
};

// ---- integers ------------------------------------------------------------------------------------------------

/** Refuses to divide integers by what may be 0 or -1. */
function checkDivisor(node: OnnxNode): void {
  const divisors = constantNumbers(input(node, 1), "the divisor");
  if (divisors.some((divisor) => divisor === 0 || divisor === -1))
    throw new NotExpressible("division by 0 or -1");
}

const divide: Binary = (g, x, y, node) => {
  if (isInteger(x.dtype)) checkDivisor(node);
  return g.op("Div", [x, y]);
};

const truncateDiv: Binary = (g, x, y, node) => {
  const quotient = divide(g, x, y, node);
  if (isInteger(x.dtype)) return quotient;
  const exact = step(g, node, quotient);
  const isNegative = g.op("Less", [exact, g.scalar(x.dtype, 0)]);
  return g.op("Where", [isNegative, g.op("Ceil", [exact]), g.op("Floor", [exact])]);
};

const truncateMod: Binary = (g, x, y, node) => {
  if (!isInteger(x.dtype)) return g.op("Mod", [x, y], { fmod: 1 });
  checkDivisor(node);
  return g.op("Sub", [x, g.op("Mul", [g.op("Div", [x, y]), y])]);
};

const floorDiv: Binary = (g, x, y, node) => {
  if (!isInteger(x.dtype)) return g.op("Floor", [step(g, node, g.op("Div", [x, y]))]);
  checkDivisor(node);
  const quotient = g.op("Div", [x, y]);
  if (isUnsigned(x.dtype)) return quotient;
  const rest = g.op("Sub", [x, g.op("Mul", [quotient, y])]);
  return g.op("Sub", [quotient, g.cast(hasOtherSign(g, rest, y), x.dtype)]);
};

const floorMod: Binary = (g, x, y, node) => {
  if (isInteger(x.dtype)) {
    checkDivisor(node);
    return g.op("Mod", [x, y]);
  }
  const rest = g.op("Mod", [x, y], { fmod: 1 });
  return g.op("Where", [hasOtherSign(g, rest, y), g.op("Add", [rest, y]), rest]);
};

/** Where a remainder is not 0 and on the other side of 0 than the divisor. */
function hasOtherSign(g: OnnxEmitter, rest: OnnxValue, divisor: OnnxValue): OnnxValue {
  const zero = g.scalar(rest.dtype, 0);
  const differs = g.op("Xor", [g.op("Less", [rest, zero]), g.op("Less", [divisor, zero])]);
  return g.op("And", [differs, g.op("Not", [isZero(g, rest)])]);
}

/** Integer powers by multiplication, so that they wrap; the exponent must be one small constant. */
const pow: Binary = (g, x, y, node) => {
  if (!isInteger(x.dtype)) return g.op("Pow", [x, y]);
  const exponent = constantNumber(input(node, 1), "an integer exponent");
  if (exponent < 1 || exponent > 8) throw new NotExpressible(`the integer exponent ${exponent}`);
  let power = x;
  for (let i = 1; i < exponent; i++) power = g.op("Mul", [power, x]);
  return power;
};

const unsignedTwin: Partial<Record<DType, DType>> = {
  int8: "uint8",
  int16: "uint32",
  int32: "uint32",
  int64: "uint64",
  uint16: "uint32",
};
const bitsOf = (dtype: DType): number => Number(/\d+$/.exec(dtype)?.[0]);

/** TensorFlow shifts by at least 0 and at most the width less one. ONNX shifts unsigned integers only. */
const shift =
  (direction: "LEFT" | "RIGHT"): Binary =>
  (g, x, y) => {
    const zero = g.scalar(x.dtype, 0);
    const bits = g.op("Min", [g.op("Max", [y, zero]), g.scalar(x.dtype, bitsOf(x.dtype) - 1)]);
    const twin = unsignedTwin[x.dtype] ?? x.dtype;
    const shifted = (of: OnnxValue) =>
      g.cast(g.op("BitShift", [g.cast(of, twin), g.cast(bits, twin)], { direction }), x.dtype);
    if (direction === "LEFT" || isUnsigned(x.dtype)) return shifted(x);
    // The complement of a negative number is not negative, and shifts in zeros where ones are wanted.
    const negative = g.op("Less", [x, zero]);
    const folded = shifted(g.op("Where", [negative, g.op("BitwiseNot", [x]), x]));
    return g.op("Where", [negative, g.op("BitwiseNot", [folded]), folded]);
  };

// ---- the rest ------------------------------------------------------------------------------------------------

const finite: Unary = (g, x) => g.op("Equal", [g.op("Sub", [x, x]), g.scalar(x.dtype, 0)]);

const like =
  (element: number): Unary =>
  (g, x) =>
    g.op("Expand", [g.scalar(x.dtype, element), g.op("Shape", [x])]);

/** One number for all channels would broadcast, where TensorFlow refuses it. */
function checkBias(node: OnnxNode): void {
  const format = node.attrs.has("data_format") ? node.attrs.string("data_format") : "NHWC";
  const channels = sizeOf(input(node, 0), format === "NCHW" ? 1 : -1);
  if (!agrees(channels, sizeOf(input(node, 1), 0)))
    throw new NotExpressible("not one number for each channel");
}

/** Adds one number per channel: the last dimension, or the second in NCHW. */
const biasAdd: OnnxRow = {
  build: (g, node) => {
    const [x, bias] = values(node) as [OnnxValue, OnnxValue];
    checkBias(node);
    if (!node.attrs.has("data_format") || node.attrs.string("data_format") !== "NCHW")
      return g.op("Add", [x, bias]);
    const trailing = rankOf(input(node, 0)) - 2;
    return g.op("Add", [x, g.op("Reshape", [bias, g.ints([-1, ...new Array<number>(trailing).fill(1)])])]);
  },
};

const addAll: OnnxRow = {
  build: (g, node) => {
    checkSameShape(node.inputs);
    return values(node).reduce((sum, each) => g.op("Add", [sum, each]));
  },
};

/** Products of the elements after and before the next one, around the three of the last dimension. */
const cross: Binary = (g, a, b) => {
  const turned = (of: OnnxValue, order: number[]) => g.op("Gather", [of, g.ints(order)], { axis: -1 });
  const product = (first: number[], second: number[]) => g.op("Mul", [turned(a, first), turned(b, second)]);
  return g.op("Sub", [product([1, 2, 0], [2, 0, 1]), product([2, 0, 1], [1, 2, 0])]);
};

/** TensorFlow bounds from above first; bounds are scalars or as large as the input. */
const clip: OnnxRow = {
  build: (g, node) => {
    const bounds = node.inputs.slice(1).filter(({ shape }) => shape?.length !== 0);
    checkSameShape([input(node, 0), ...bounds]);
    const [x, low, high] = values(node) as [OnnxValue, OnnxValue, OnnxValue];
    return g.op("Max", [g.op("Min", [x, high]), low]);
  },
};

const halfSumOfSquares: Unary = (g, x) =>
  g.op("Mul", [g.op("ReduceSumSquare", [x], { keepdims: 0 }), g.scalar(x.dtype, 0.5)]);

/** Past this many boundaries the host's binary search is faster than comparing with each. */
const MAX_BOUNDARIES = 64;

/** How many boundaries each element has reached. */
const bucketize: Unary = (g, x, node) => {
  const boundaries = node.attrs.floats("boundaries");
  if (boundaries.length > MAX_BOUNDARIES || boundaries.length === 0) {
    throw new NotExpressible(`${boundaries.length} boundaries`);
  }
  const compared: DType = x.dtype === "float64" ? "float64" : "float32";
  const last = rankOf(input(node, 0));
  const each = g.op("Unsqueeze", [g.cast(x, compared), g.ints([last])]);
  const below = g.op("Less", [each, g.filled(compared, [boundaries.length], boundaries)]);
  // NaN is below none of them, and so past all.
  const left = g.op("ReduceSum", [g.cast(below, "int32"), g.ints([last])], { keepdims: 0 });
  return g.op("Sub", [g.scalar("int32", boundaries.length), left]);
};

export const elementwiseRows: OnnxTable = {
  // One operand.
  Abs: named("Abs"),
  Neg: named("Neg"),
  Sign: named("Sign"),
  Square: unary((g, x) => g.op("Mul", [x, x])),
  Sqrt: named("Sqrt"),
  Rsqrt: unary((g, x) => g.op("Reciprocal", [g.op("Sqrt", [x])])),
  Reciprocal: named("Reciprocal"),
  Inv: named("Reciprocal"),
  Exp: named("Exp"),
  Expm1: unary(expm1),
  Log: named("Log"),
  Log1p: unary(log1p),
  Sin: named("Sin"),
  Cos: named("Cos"),
  Tan: unary(tan),
  Asin: named("Asin"),
  Acos: named("Acos"),
  Atan: named("Atan"),
  Sinh: named("Sinh"),
  Cosh: named("Cosh"),
  Tanh: named("Tanh"),
  Asinh: named("Asinh"),
  Acosh: named("Acosh"),
  Atanh: named("Atanh"),
  Erf: named("Erf"),
  Erfc: unary((g, x) => g.op("Sub", [g.scalar(x.dtype, 1), g.op("Erf", [x])])),
  Ceil: named("Ceil"),
  Floor: named("Floor"),
  Round: named("Round"),
  Rint: named("Round"),
  IsNan: named("IsNaN"),
  IsInf: named("IsInf"),
  IsFinite: unary(finite),
  ZerosLike: unary(like(0)),
  OnesLike: unary(like(1)),
  Identity: named("Identity"),
  IdentityN: { build: (_, node) => values(node) },
  StopGradient: named("Identity"),
  PreventGradient: named("Identity"),
  Snapshot: named("Identity"),
  DeepCopy: named("Identity"),

  // Two operands.
  Add: named("Add"),
  AddV2: named("Add"),
  AddN: addAll,
  AccumulateNV2: addAll,
  BiasAdd: biasAdd,
  BiasAddV1: biasAdd,
  Sub: named("Sub"),
  Mul: named("Mul"),
  RealDiv: binary(divide),
  Div: binary(divide),
  TruncateDiv: binary(truncateDiv),
  TruncateMod: binary(truncateMod),
  Mod: binary(truncateMod),
  FloorDiv: binary(floorDiv),
  FloorMod: binary(floorMod),
  DivNoNan: binary((g, x, y) => zeroWhere(g, isZero(g, y), g.op("Div", [x, y]))),
  MulNoNan: binary((g, x, y) => zeroWhere(g, isZero(g, y), g.op("Mul", [x, y]))),
  Xdivy: binary((g, x, y) => zeroWhere(g, isZero(g, x), g.op("Div", [x, y]))),
  Xlogy: binary((g, x, y) => zeroWhere(g, isZero(g, x), g.op("Mul", [x, g.op("Log", [y])]))),
  Xlog1py: binary((g, x, y, node) => zeroWhere(g, isZero(g, x), g.op("Mul", [x, log1p(g, y, node)]))),
  Maximum: named("Max"),
  Minimum: named("Min"),
  Pow: binary(pow),
  SquaredDifference: binary((g, x, y, node) => {
    const difference = step(g, node, g.op("Sub", [x, y]));
    return g.op("Mul", [difference, difference]);
  }),
  Atan2: binary(atan2),
  Cross: binary(cross),
  ClipByValue: clip,
  L2Loss: unary(halfSumOfSquares),
  Bucketize: unary(bucketize),

  // Bits.
  BitwiseAnd: named("BitwiseAnd"),
  BitwiseOr: named("BitwiseOr"),
  BitwiseXor: named("BitwiseXor"),
  Invert: named("BitwiseNot"),
  LeftShift: binary(shift("LEFT")),
  RightShift: binary(shift("RIGHT")),
};
