/** One element of a tensor as JavaScript has it: what may be passed for it, what it is read as, and what to call it. */
import type { DType, NumericData } from "@servable/formats";

export interface Complex {
  readonly re: number;
  readonly im: number;
}

/** One element, of any dtype. */
export type Element = number | bigint | boolean | string | Uint8Array | Complex;

type WideInteger = "int64" | "uint64";
type ComplexDType = "complex64" | "complex128";

/** What may stand for an element of a dtype in an input. */
export type InputElement<D extends DType> = D extends "string"
  ? string | Uint8Array
  : D extends "bool"
    ? boolean
    : D extends ComplexDType
      ? Complex | number
      : D extends WideInteger
        ? bigint | number
        : number;

/** What `toNested` makes of an element when no option says otherwise. */
export type OutputElement<D extends DType> = D extends "string"
  ? string
  : D extends "bool"
    ? boolean
    : D extends ComplexDType
      ? Complex
      : D extends WideInteger
        ? bigint
        : number;

/** Whether a value is an array of numbers or bigints (and no DataView). */
export function isTypedArray(value: unknown): value is NumericData | Uint8ClampedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

export function isComplex(value: unknown): value is Complex {
  if (typeof value !== "object" || value === null) return false;
  const { re, im } = value as Partial<Complex>;
  return typeof re === "number" && typeof im === "number";
}

/** What a value is, never what it holds: errors must not carry tensor contents. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (isTypedArray(value)) return `a ${value.constructor.name}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
