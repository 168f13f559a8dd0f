/** Operators that compute each element by itself. */
import { dtypeNumber, type TfliteActivation } from "@servable/formats";
import { cast } from "../numbers.js";
import type { TfliteOp, TfliteRow, TfliteTable } from "../operator.js";
import { activated } from "./activation.js";

/** TensorFlow has the same operator under this name. */
const same =
  (op: string): TfliteRow =>
  (tflite) =>
    tflite.g.compute(op, tflite.inputs());

const withActivation =
  (op: string, activation: (tflite: TfliteOp) => TfliteActivation): TfliteRow =>
  (tflite) =>
    activated(tflite.g, tflite.g.compute(op, tflite.inputs()), activation(tflite));

/** Integers are divided towards zero. */
const divide: TfliteRow = (op) => {
  const quotient = op.input(0).dtype === "float32" ? "RealDiv" : "TruncateDiv";
  return activated(op.g, op.g.compute(quotient, op.inputs()), op.options("DivOptions").activation);
};

/** A cast changes what is stored, quantized or not. */
const castRow: TfliteRow = (op) => {
  const { type } = op.outputTensor();
  if (type === "resource" || type === "variant") return op.refuse(`a cast to ${type}`);
  return cast(op.g, op.stored(0), type);
};

const bitcast: TfliteRow = (op) => {
  const { type } = op.outputTensor();
  if (type === "resource" || type === "variant") return op.refuse(`a bitcast to ${type}`);
  return op.g.compute("Bitcast", [op.stored(0)], { type: dtypeNumber(type) });
};

const fakeQuant: TfliteRow = (op) => {
  const { min, max, numBits, narrowRange } = op.options("FakeQuantOptions");
  const attrs = { min, max, num_bits: numBits, narrow_range: narrowRange };
  return op.g.compute("FakeQuantWithMinMaxArgs", [op.input(0)], attrs);
};

export const elementwiseRows: TfliteTable = {
  ABS: same("Abs"),
  ADD: withActivation("AddV2", (op) => op.options("AddOptions").activation),
  ADD_N: (op) => op.g.compute("AddN", [op.inputs()]),
  ATAN2: same("Atan2"),
  BITCAST: bitcast,
  BITWISE_XOR: same("BitwiseXor"),
  BUCKETIZE: (op) =>
    op.g.compute("Bucketize", [op.input(0)], {
      boundaries: [...(op.options("BucketizeOptions").boundaries ?? [])],
    }),
  CAST: castRow,
  CEIL: same("Ceil"),
  COMPLEX_ABS: same("ComplexAbs"),
  COS: same("Cos"),
  DENSIFY: (op) => op.g.compute("Identity", [op.input(0)]),
  DEQUANTIZE: (op) => op.g.compute("Identity", [op.input(0)]),
  DIV: divide,
  EQUAL: same("Equal"),
  EXP: same("Exp"),
  FAKE_QUANT: fakeQuant,
  FLOOR: same("Floor"),
  FLOOR_DIV: same("FloorDiv"),
  FLOOR_MOD: same("FloorMod"),
  GREATER: same("Greater"),
  GREATER_EQUAL: same("GreaterEqual"),
  IMAG: same("Imag"),
  LESS: same("Less"),
  LESS_EQUAL: same("LessEqual"),
  LOG: same("Log"),
  LOGICAL_AND: same("LogicalAnd"),
  LOGICAL_NOT: same("LogicalNot"),
  LOGICAL_OR: same("LogicalOr"),
  MAXIMUM: same("Maximum"),
  MINIMUM: same("Minimum"),
  MUL: withActivation("Mul", (op) => op.options("MulOptions").activation),
  NEG: same("Neg"),
  NOT_EQUAL: same("NotEqual"),
  POW: same("Pow"),
  QUANTIZE: (op) => op.g.compute("Identity", [op.input(0)]),
  REAL: same("Real"),
  RIGHT_SHIFT: same("RightShift"),
  ROUND: same("Round"),
  RSQRT: same("Rsqrt"),
  SELECT: same("Select"),
  SELECT_V2: same("SelectV2"),
  SIGN: same("Sign"),
  SIN: same("Sin"),
  SQRT: same("Sqrt"),
  SQUARE: same("Square"),
  SQUARED_DIFFERENCE: same("SquaredDifference"),
  SUB: withActivation("Sub", (op) => op.options("SubOptions").activation),
  ZEROS_LIKE: same("ZerosLike"),
};
