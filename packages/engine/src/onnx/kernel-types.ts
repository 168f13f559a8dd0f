/**
 * Facts about ONNX Runtime 1.30's CPU kernels at the opset we emit: which element types an operator's governing input
 * may have, and what types its outputs have. An operator that is not listed in `accepted` is taken to accept what it is given.
 */
import type { DType } from "@servable/formats";

/** The operator set that all models are written in. */
export const OPSET = 21;

export interface OutputTypeRule {
  /** The input that decides the kernel's type; 0 by default. */
  readonly typeInput?: number;
  /** Types of outputs that do not follow that input. */
  readonly fixed?: readonly (DType | undefined)[];
}

const toBool: OutputTypeRule = { fixed: ["bool"] };
const toInt64: OutputTypeRule = { fixed: ["int64"] };

const rules: Readonly<Record<string, OutputTypeRule>> = {
  Equal: toBool,
  Less: toBool,
  LessOrEqual: toBool,
  Greater: toBool,
  GreaterOrEqual: toBool,
  IsNaN: toBool,
  IsInf: toBool,
  Shape: toInt64,
  Size: toInt64,
  NonZero: toInt64,
  ArgMax: toInt64,
  ArgMin: toInt64,
  TopK: { fixed: [undefined, "int64"] },
  Where: { typeInput: 1 },
  OneHot: { typeInput: 2 },
};

export function outputTypeRule(type: string): OutputTypeRule {
  return rules[type] ?? {};
}

const floats: readonly DType[] = ["float32", "float64"];
const arithmetic: readonly DType[] = ["float32", "float64", "int32", "int64"];

const accepted: Readonly<Record<string, readonly DType[]>> = {
  Add: arithmetic,
  Sub: arithmetic,
  Mul: arithmetic,
  Div: arithmetic,
  Sqrt: floats,
  Exp: floats,
};

/** Element types that the operator's kernels accept; undefined when nothing is known against any. */
export function acceptedTypes(type: string): readonly DType[] | undefined {
  return accepted[type];
}
