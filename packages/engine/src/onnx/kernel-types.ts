/**
 * Facts about ONNX Runtime 1.30's CPU kernels at the opset we emit: which element types an operator's governing input
 * may have, and what types its outputs have. Accepted types are probed (scripts/probe-kernels.mjs); an operator that
 * was not probed is taken to accept what it is given.
 */
import type { DType } from "@servable/formats";
import { acceptedTypeNames } from "./gen/accepted-types.js";
import type { OnnxAttrs } from "./onnx-graph.js";

/** The operator set that all models are written in. */
export const OPSET = 21;

export interface OutputTypeRule {
  /** The input that decides the kernel's type; 0 by default. */
  readonly typeInput?: number;
  /** Inputs whose type is their own business, even when it is the same. */
  readonly freeInputs?: readonly number[];
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
  Not: toBool,
  And: toBool,
  Or: toBool,
  Xor: toBool,
  Shape: toInt64,
  Size: toInt64,
  NonZero: toInt64,
  ArgMax: toInt64,
  ArgMin: toInt64,
  TopK: { fixed: [undefined, "int64"] },
  MaxPool: { fixed: [undefined, "int64"] },
  Unique: { fixed: [undefined, "int64", "int64", "int64"] },
  Where: { typeInput: 1, freeInputs: [0] },
  Compress: { freeInputs: [1] },
  CumSum: { freeInputs: [1] },
  Gather: { freeInputs: [1] },
  ScatterND: { freeInputs: [1] },
};

export function outputTypeRule(type: string): OutputTypeRule {
  return rules[type] ?? {};
}

const accepted = new Map(
  Object.entries(acceptedTypeNames).map(([name, types]) => [name, types.split(" ") as DType[]]),
);

/** The attribute on whose value some operators' kernels depend, in the order of the probe's names: "Resize.linear". */
const kernelAttr: Readonly<Record<string, string>> = {
  Resize: "mode",
  ScatterND: "reduction",
  Mod: "fmod",
};

/** Element types that the operator's kernels accept; undefined when nothing is known against any. */
export function acceptedTypes(type: string, attrs: OnnxAttrs = {}): readonly DType[] | undefined {
  const variant = attrs[kernelAttr[type] ?? ""];
  return accepted.get(`${type}.${variant}`) ?? accepted.get(type);
}

/** Operators that move bits, or whose results wrap: they do the same to signed and unsigned integers of one width. */
const signless = new Set([
  "Where",
  "Pad",
  "Trilu",
  "ReduceSum",
  "ReduceProd",
  "CumSum",
  "Einsum",
  "SpaceToDepth",
  "DepthToSpace",
  "Unique",
]);

export function isSignless(type: string): boolean {
  return signless.has(type);
}
