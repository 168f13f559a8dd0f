/** Puts JavaScript values into the memory of a tensor, by the rules of its dtype. */
import {
  allocate,
  type DType,
  type DTypeArrays,
  dtypeInfo,
  encodeText,
  fromFloat32,
  isSmallFloat,
  type NumericData,
} from "@servable/formats";
import { describe, type Element, isComplex } from "./element.js";

/** Takes the elements of one tensor. */
export interface ElementWriter {
  /** Whether a Uint8Array is one element, not a row of numbers. */
  readonly bytesAreElements: boolean;
  /** Stores an element, or says what is wrong with it. */
  put(element: Element, index: number): string | undefined;
  /** The memory of the tensor. */
  finish(): DTypeArrays[DType];
}

/** The writer of a tensor of so many elements. */
export function elementWriter(dtype: DType, count: number): ElementWriter {
  if (isSmallFloat(dtype)) {
    const wide = allocate("float32", count);
    return { ...floatWriter(dtype, wide), finish: () => fromFloat32(dtype, wide) };
  }
  switch (dtype) {
    case "string":
      return stringWriter(allocate(dtype, count));
    case "bool":
      return boolWriter(allocate(dtype, count));
    case "float32":
    case "float64":
      return floatWriter(dtype, allocate(dtype, count));
    case "complex64":
    case "complex128":
      return complexWriter(dtype, allocate(dtype, count));
    default:
      return integerWriter(dtype, allocate(dtype, count));
  }
}

const expected = (what: string, dtype: DType, got: unknown) =>
  `must be ${what} for dtype ${dtype}, got ${describe(got)}`;

function stringWriter(data: Uint8Array[]): ElementWriter {
  return {
    bytesAreElements: true,
    put(element, index) {
      if (typeof element === "string") data[index] = encodeText(element);
      else if (element instanceof Uint8Array) data[index] = element;
      else return expected("a string or a Uint8Array", "string", element);
      return undefined;
    },
    finish: () => data,
  };
}

function boolWriter(data: Uint8Array): ElementWriter {
  return {
    bytesAreElements: false,
    put(element, index) {
      if (typeof element !== "boolean") return expected("true or false", "bool", element);
      data[index] = element ? 1 : 0;
      return undefined;
    },
    finish: () => data,
  };
}

function floatWriter(dtype: DType, data: Float32Array | Float64Array): ElementWriter {
  return {
    bytesAreElements: false,
    put(element, index) {
      if (typeof element !== "number") return expected("a number", dtype, element);
      data[index] = element;
      return undefined;
    },
    finish: () => data,
  };
}

function complexWriter(dtype: DType, data: Float32Array | Float64Array): ElementWriter {
  return {
    bytesAreElements: false,
    put(element, index) {
      const value = typeof element === "number" ? { re: element, im: 0 } : element;
      if (!isComplex(value)) return expected("a number or { re, im }", dtype, element);
      data[2 * index] = value.re;
      data[2 * index + 1] = value.im;
      return undefined;
    },
    finish: () => data,
  };
}

function integerWriter(dtype: Exclude<DType, "string">, data: NumericData): ElementWriter {
  const [least, most] = integerRange(dtype);
  const wide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  return {
    bytesAreElements: false,
    put(element, index) {
      if (typeof element !== "number" && typeof element !== "bigint") {
        return expected("an integer", dtype, element);
      }
      if (typeof element === "number" && !Number.isInteger(element)) {
        return `must be an integer for dtype ${dtype}, got a number that is not whole`;
      }
      if (element < least || element > most) return `is outside the range of ${dtype}, ${least} to ${most}`;
      if (wide) data[index] = BigInt(element);
      else data[index] = Number(element);
      return undefined;
    },
    finish: () => data,
  };
}

/** The least and greatest integer of a dtype. */
function integerRange(dtype: DType): readonly [bigint, bigint] {
  const { bits, kind } = dtypeInfo(dtype);
  const signed = kind === "int" || dtype.startsWith("qint");
  return signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n];
}
