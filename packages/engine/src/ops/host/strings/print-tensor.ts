/**
 * Tensors as people read them, for StringFormat and PrintV2: nested brackets, the middle of long dimensions left out.
 * The layout is that of Tensor::SummarizeValue (tensorflow/core/framework/tensor.cc), numbers those of strings::StrCat.
 */
import {
  dtypeInfo,
  elementCount,
  isSmallFloat,
  type NumericTensor,
  type Shape,
  smallFloatsOf,
  stridesOf,
  type Tensor,
} from "@servable/formats";
import { printFloat } from "./printf.js";

/** `atEnds`: how many elements to print at both ends of each dimension; -1 for all. */
export function printTensor(tensor: Tensor, atEnds: number): string {
  if (elementCount(tensor.shape) === 0) return "[]";
  const layout: Layout = {
    shape: tensor.shape,
    strides: stridesOf(tensor.shape),
    atEnds: atEnds < 0 ? Number.POSITIVE_INFINITY : atEnds,
    print: elementPrinter(tensor),
  };
  return printFrom(0, 0, layout);
}

interface Layout {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly atEnds: number;
  readonly print: (element: number) => string;
}

function printFrom(axis: number, offset: number, layout: Layout): string {
  const { shape, strides, atEnds, print } = layout;
  if (axis === shape.length) return print(offset);
  const size = shape[axis] as number;
  const part = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) =>
      printFrom(axis + 1, offset + (from + i) * (strides[axis] as number), layout),
    );
  const parts = size > 2 * atEnds ? [...part(0, atEnds), "...", ...part(size - atEnds, size)] : part(0, size);
  return `[${parts.join(spacing(axis, shape.length))}]`;
}

/** A blank between numbers; between rows a line break for each bracket that closes, and the indent. */
function spacing(axis: number, rank: number): string {
  return axis === rank - 1 ? " " : "\n".repeat(rank - axis - 1) + " ".repeat(axis + 1);
}

function elementPrinter(tensor: Tensor): (element: number) => string {
  if (tensor.dtype === "string") {
    const { data } = tensor;
    return (i) => `"${escaped(data[i] as Uint8Array)}"`;
  }
  const numeric: NumericTensor = tensor;
  const { kind } = dtypeInfo(numeric.dtype);
  // TensorFlow has no text for these either.
  if (kind === "complex") return () => "?";
  if (kind !== "float") return (i) => String(numeric.data[i]);
  const data = isSmallFloat(numeric.dtype) ? smallFloatsOf(numeric) : numeric.data;
  const isDouble = numeric.dtype === "float64";
  return (i) => shortestText(Number(data[i]), isDouble);
}

/** The digits that every such float can be read back from, unless fewer do. */
function shortestText(value: number, isDouble: boolean): string {
  const [few, enough] = isDouble ? [15, 17] : [6, 9];
  const text = general(value, few);
  const back = isDouble ? Number(text) : Math.fround(Number(text));
  return back === value || !Number.isFinite(value) ? text : general(value, enough);
}

function general(value: number, precision: number): string {
  return printFloat(value, { flag: "", width: -1, precision, conversion: "g" });
}

const escapes = new Map([
  [0x0a, "\\n"],
  [0x0d, "\\r"],
  [0x09, "\\t"],
  [0x22, '\\"'],
  [0x27, "\\'"],
  [0x5c, "\\\\"],
]);

/** C escapes for what is not printable; one character per byte, so that UTF-8 passes through. */
function escaped(text: Uint8Array): string {
  let result = "";
  for (const byte of text) {
    const replacement = escapes.get(byte);
    if (replacement !== undefined) result += replacement;
    else if (byte < 0x20 || byte === 0x7f) result += `\\${byte.toString(8).padStart(3, "0")}`;
    else result += String.fromCharCode(byte);
  }
  return result;
}
