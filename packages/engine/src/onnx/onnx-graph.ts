/** ONNX as data, before it is written as a ModelProto (see model-writer.ts). Nothing of TensorFlow is left here. */
import type { DType, PartialShape, Tensor } from "@servable/formats";
import type { ConstantSource } from "../graph/constant.js";

/**
 * An attribute: a number is INT, an array INTS, a string STRING; what JavaScript can't tell apart is wrapped:
 * `{ float: 1 }`, `{ floats: [1] }`, `{ strings: [...] }`, `{ tensor }`, `{ dtype: "float32" }` (an element type number), `{ graph }`.
 */
export type OnnxAttr =
  | number
  | readonly number[]
  | string
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Tensor }
  | { readonly dtype: DType }
  | { readonly graph: OnnxGraph };

export type OnnxAttrs = Readonly<Record<string, OnnxAttr>>;

export interface OnnxOp {
  readonly type: string;
  readonly domain?: string;
  readonly name: string;
  /** Value names; "" for an absent optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: OnnxAttrs;
}

export interface OnnxPort {
  readonly name: string;
  readonly dtype: DType;
  /** Undeclared when null: ONNX Runtime then takes any shape. */
  readonly shape: PartialShape;
}

export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  readonly ops: readonly OnnxOp[];
  readonly initializers: ReadonlyMap<string, ConstantSource>;
}
