/**
 * What flows between the steps of a plan: tensors, handles of resources, and variants. Resources outlive a run;
 * tensors and variants don't, and are never changed once made.
 */
import { type DType, internal, type Shape, type Tensor, type TensorOf } from "@servable/formats";

/** Anything a signature's run keeps between requests: a variable, a table, a TensorArray. */
export interface Resource {
  /** What it is, for messages: "Variable", "HashTable" … */
  readonly kind: string;
  readonly name: string;
  /** Gives back what it holds outside of JavaScript's memory. */
  close?(): void;
}

export interface ResourceValue {
  readonly dtype: "resource";
  readonly shape: Shape;
  readonly resource: Resource;
}

/** One element of a DT_VARIANT tensor; its subject's file defines and narrows it. */
export interface Variant {
  /** "TensorList", "Ragged", "Optional" … */
  readonly kind: string;
}

export interface VariantValue {
  readonly dtype: "variant";
  readonly shape: Shape;
  readonly data: readonly Variant[];
}

export type Value = Tensor | ResourceValue | VariantValue;

export function isTensor(value: Value): value is Tensor {
  return value.dtype !== "resource" && value.dtype !== "variant";
}

/** The value as a tensor; the importer has checked types, so anything else is a defect. */
export function asTensor(value: Value | undefined): Tensor {
  if (value === undefined || !isTensor(value)) throw internal(`expected a tensor, got ${value?.dtype}`);
  return value;
}

/** The value as a tensor of one dtype. */
export function asTensorOf<D extends DType>(value: Value | undefined, dtype: D): TensorOf<D> {
  if (value?.dtype !== dtype) throw internal(`expected a ${dtype} tensor, got ${value?.dtype}`);
  return value as unknown as TensorOf<D>;
}
