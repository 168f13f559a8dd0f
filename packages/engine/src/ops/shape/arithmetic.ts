/** Elementwise mathematics, comparisons and casts. */
import type { ShapeRule, ShapeTable } from "../op-table.js";
import { combineEntries, type Entries, withEntries } from "./entries.js";
import {
  broadcast,
  broadcastInputs,
  broadcastWith,
  forAll,
  mapWith,
  passThrough,
  sameAsInput,
  scalars,
  sharedShape,
} from "./families.js";
import { isFullyKnown } from "./partial-shape.js";

// biome-ignore format: a list of names
const unary = [
  "Acos", "Acosh", "Angle", "Asin", "Asinh", "Atan", "Atanh", "BesselI0", "BesselI0e", "BesselI1", "BesselI1e",
  "BesselJ0", "BesselJ1", "BesselK0", "BesselK0e", "BesselK1", "BesselK1e", "BesselY0", "BesselY1", "Bucketize", "Ceil",
  "ComplexAbs", "Conj", "Cos", "Cosh", "Dawsn", "Digamma", "Erf", "Erfc", "Erfinv", "Exp", "Expint", "Expm1", "Floor",
  "FresnelCos", "FresnelSin", "Imag", "Inv", "Invert", "IsFinite", "IsInf", "IsNan", "Lgamma", "Log", "Log1p",
  "LogicalNot", "Ndtri", "PopulationCount", "Real", "Reciprocal", "Rint", "Round", "Rsqrt", "Sigmoid", "Sign", "Sin",
  "Sinh", "Spence", "Sqrt", "Tan", "Tanh",
];

// biome-ignore format: a list of names
const binary = [
  "Atan2", "Betainc", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "ClipByValue", "Complex", "DivNoNan", "Greater",
  "GreaterEqual", "Igamma", "IgammaGradA", "Igammac", "LeftShift", "Less", "LessEqual", "LogicalAnd", "LogicalOr",
  "MulNoNan", "NextAfter", "Polygamma", "Pow", "RightShift", "SquaredDifference", "TruncateMod", "Xdivy", "Xlog1py",
  "Xlogy", "Zeta",
];

/** Gradients of activations, which forward graphs borrow now and then: all operands have one shape. */
// biome-ignore format: a list of names
const gradients = [
  "EluGrad", "InvGrad", "LeakyReluGrad", "ReciprocalGrad", "Relu6Grad", "ReluGrad", "RsqrtGrad", "SeluGrad",
  "SigmoidGrad", "SoftplusGrad", "SoftsignGrad", "SqrtGrad", "TanhGrad",
];

/** Operands that can't be broadcast may be allowed to compare as one scalar. */
const equality: ShapeRule = (node) => {
  const shape = broadcastInputs(node);
  if (node.attrs.bool("incompatible_shape_error")) return [shape];
  if (!isFullyKnown(node.shape(0)) || !isFullyKnown(node.shape(1))) return [null];
  return [isFullyKnown(shape) ? shape : []];
};

// Remainders are exact where quotients of large integers are not.
const floorMod = (x: number, y: number): number => ((x % y) + y) % y;
const truncateDiv = (x: number, y: number): number => (x - (x % y)) / y;

export const arithmeticShapes: ShapeTable = {
  ...forAll(unary, sameAsInput),
  ...forAll(binary, broadcast),
  ...forAll(gradients, sharedShape()),
  Abs: mapWith(Math.abs),
  Add: broadcastWith((x, y) => x + y),
  AddV2: broadcastWith((x, y) => x + y),
  Div: broadcastWith(truncateDiv),
  FloorDiv: broadcastWith((x, y) => (x - floorMod(x, y)) / y),
  FloorMod: broadcastWith(floorMod),
  Maximum: broadcastWith(Math.max),
  Minimum: broadcastWith(Math.min),
  Mod: broadcastWith((x, y) => x % y),
  Mul: broadcastWith((x, y) => x * y),
  Neg: mapWith((x) => -x),
  RealDiv: broadcastWith((x, y) => x / y),
  Square: mapWith((x) => x * x),
  Sub: broadcastWith((x, y) => x - y),
  TruncateDiv: broadcastWith(truncateDiv),
  Cast: passThrough,
  ApproximateEqual: sharedShape(),
  ...forAll(["Equal", "NotEqual"], equality),
  AddN: (node) => {
    const [shape = null] = sharedShape()(node);
    const sum = node.inputs
      .map((_, i) => node.entries(i))
      .reduce<Entries | undefined>((total, entries) => combineEntries(total, entries, (x, y) => x + y), [0]);
    return [withEntries(node.outputTypes[0], shape as readonly number[] | null, sum)];
  },
  AccumulateNV2: (node) => [node.attrs.shape("shape")],
  L2Loss: scalars,
};
