/** Tensors for people to read, in rows as NumPy prints them; and for programs, as JSON. */
import {
  decodeText,
  dtypeInfo,
  elementCount,
  isSmallFloat,
  type NumericTensor,
  smallFloatsOf,
  type Tensor,
} from "@servable/formats";

/** Tensors of more elements are shown by their first and last rows. */
const SUMMARIZED = 1000;
const EDGE = 3;
const MAX_TEXT = 200;

/** The elements in nested brackets, the innermost in one line, numbers in columns. */
export function tensorText(tensor: Tensor, isWhole = false): string {
  const { shape } = tensor;
  const isShort = !isWhole && elementCount(shape) > SUMMARIZED;
  const shown = shownIndices(shape, isShort);
  const element = alikeElements(tensor, shown);
  const width =
    tensor.dtype === "string" ? 0 : shown.reduce((widest, i) => Math.max(widest, element(i).length), 0);
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const write = (axis: number, offset: number, indent: string): string => {
    if (axis === shape.length) return element(offset).padStart(shape.length === 0 ? 0 : width);
    const size = shape[axis] as number;
    const parts = edges(size, isShort).map((i) =>
      i === undefined ? "..." : write(axis + 1, offset + i * (strides[axis] as number), `${indent} `),
    );
    const isInnermost = axis === shape.length - 1;
    const separator = isInnermost ? " " : `\n${"\n".repeat(Math.max(0, shape.length - axis - 2))}${indent} `;
    return `[${parts.join(separator)}]`;
  };
  return write(0, 0, "");
}

/** Positions along an axis; undefined stands for those left out. */
function edges(size: number, isShort: boolean): (number | undefined)[] {
  const all = Array.from({ length: isShort && size > 2 * EDGE ? 0 : size }, (_, i) => i);
  if (all.length === size) return all;
  const first = Array.from({ length: EDGE }, (_, i) => i);
  return [...first, undefined, ...first.map((i) => size - EDGE + i)];
}

function shownIndices(shape: readonly number[], isShort: boolean): number[] {
  return shape.reduce<number[]>(
    (offsets, size) =>
      offsets.flatMap((offset) =>
        edges(size, isShort).flatMap((i) => (i === undefined ? [] : [offset * size + i])),
      ),
    [0],
  );
}

/** Digits after the point, at most. */
const MAX_DECIMALS = 8;

/** As elementOf, but floats all with as many digits, and with exponents where their sizes differ much. */
function alikeElements(tensor: Tensor, shown: readonly number[]): (index: number) => string {
  const element = elementOf(tensor);
  if (tensor.dtype === "string" || dtypeInfo(tensor.dtype).kind !== "float") return element;
  const values = numbersOf(tensor);
  const sizes = shown
    .map((i) => Math.abs(Number(values[i])))
    .filter((size) => size > 0 && size < Number.POSITIVE_INFINITY);
  const [least, most] = sizes.reduce(([a, b], size) => [Math.min(a, size), Math.max(b, size)], [1, 0]);
  const isWide = most >= 1e8 || least < 1e-4 || most / least > 1e4;
  const written = (i: number) => {
    const number = Number(element(i));
    return isWide ? number.toExponential() : element(i);
  };
  const decimals = Math.min(
    MAX_DECIMALS,
    shown.reduce((n, i) => Math.max(n, decimalsOf(written(i))), 0),
  );
  return (i) => {
    const number = Number(element(i));
    if (!Number.isFinite(number)) return element(i);
    return isWide ? number.toExponential(decimals) : number.toFixed(decimals);
  };
}

/** How many digits stand behind the point. */
function decimalsOf(text: string): number {
  return /\.(\d+)/.exec(text)?.[1]?.length ?? 0;
}

/** The text of an element by its index. */
function elementOf(tensor: Tensor): (index: number) => string {
  if (tensor.dtype === "string") return (i) => stringText(tensor.data[i] as Uint8Array);
  const { dtype } = tensor;
  const values = numbersOf(tensor);
  if (dtypeInfo(dtype).kind === "complex") {
    return (i) => {
      const imaginary = floatText(values[2 * i + 1] as number, dtype);
      return `${floatText(values[2 * i] as number, dtype)}${/^[-]/.test(imaginary) ? "" : "+"}${imaginary}j`;
    };
  }
  if (dtype === "bool") return (i) => (values[i] ? "true" : "false");
  if (dtypeInfo(dtype).kind === "float") return (i) => floatText(values[i] as number, dtype);
  return (i) => String(values[i]);
}

function numbersOf(tensor: NumericTensor): ArrayLike<number | bigint> {
  return isSmallFloat(tensor.dtype) ? smallFloatsOf(tensor) : tensor.data;
}

/** The shortest decimal that is this float. */
function floatText(value: number, dtype: Tensor["dtype"]): string {
  if (dtype === "float64" || dtype === "complex128" || !Number.isFinite(value)) return String(value);
  for (let digits = dtype === "float32" || dtype === "complex64" ? 6 : 3; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (
      Math.fround(text) === value ||
      (isSmallFloat(dtype) && Math.abs(text - value) < Math.abs(value) * 1e-4)
    )
      return String(text);
  }
  return String(Number(value.toPrecision(9)));
}

/** UTF-8 in quotes; other bytes by their number. */
function stringText(bytes: Uint8Array): string {
  const text = textOf(bytes);
  if (text === undefined) return `<${bytes.length} bytes>`;
  return JSON.stringify(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
}

function textOf(bytes: Uint8Array): string | undefined {
  const text = decodeText(bytes);
  return text.includes("\ufffd") || text.includes("\0") ? undefined : text;
}

/**
 * The elements as nested JSON lists. Integers keep all their digits; NaN and the infinities, which JSON lacks, are
 * strings; strings that are no text are {"b64": …}.
 */
export function tensorJson(tensor: Tensor): string {
  const { shape } = tensor;
  const element = jsonElementOf(tensor);
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const write = (axis: number, offset: number): string => {
    if (axis === shape.length) return element(offset);
    const size = shape[axis] as number;
    const parts = Array.from({ length: size }, (_, i) =>
      write(axis + 1, offset + i * (strides[axis] as number)),
    );
    return `[${parts.join(",")}]`;
  };
  return write(0, 0);
}

function jsonElementOf(tensor: Tensor): (index: number) => string {
  if (tensor.dtype === "string") {
    return (i) => {
      const bytes = tensor.data[i] as Uint8Array;
      const text = textOf(bytes);
      return JSON.stringify(text ?? { b64: Buffer.from(bytes).toString("base64") });
    };
  }
  const element = elementOf(tensor);
  const isComplex = dtypeInfo(tensor.dtype).kind === "complex";
  return (i) => {
    const text = element(i);
    return isComplex || /^(NaN|-?Infinity)$/.test(text) ? JSON.stringify(text) : text;
  };
}
