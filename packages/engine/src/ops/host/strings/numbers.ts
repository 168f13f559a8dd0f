/** Numbers as text and text as numbers: AsString, StringToNumber. */
import {
  allocate,
  type DType,
  dtypeInfo,
  encodeText,
  invalidArgument,
  isSmallFloat,
  type NumericTensor,
  smallFloatsOf,
  type Tensor,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { compute, outputDtype, type TensorFunction } from "../kernel.js";
import { parseBigInteger, parseFloat64, parseInteger } from "../number-parsing.js";
import { stringsOf } from "./map-strings.js";
import { type PrintfFormat, printFloat, printInteger } from "./printf.js";

// ---- AsString ------------------------------------------------------------------------------------------------

function asString(node: NodeFacts): TensorFunction {
  const dtype = node.attrs.type("T");
  const print = printer(dtype, printFormat(node, dtype));
  return (input) => {
    const tensor = input as Tensor;
    return tensorOver("string", tensor.shape, print(tensor));
  };
}

/** Of one number; printf would take gigabytes. */
const MAX_CHARACTERS = 4096;

function printFormat({ attrs }: NodeFacts, dtype: DType): PrintfFormat {
  const [scientific, shortest] = [attrs.bool("scientific"), attrs.bool("shortest")];
  const [flag, precision, width] = [attrs.string("fill"), attrs.int("precision"), attrs.int("width")];
  if (precision > MAX_CHARACTERS || width > MAX_CHARACTERS) {
    throw invalidArgument(
      `precision and width must be at most ${MAX_CHARACTERS}, got ${precision} and ${width}`,
    );
  }
  const { kind } = dtypeInfo(dtype);
  const isFloat = kind === "float" || kind === "complex";
  if (!isFloat && kind !== "string" && (scientific || shortest)) {
    throw invalidArgument(`scientific and shortest format not supported for datatype ${dtype}`);
  }
  if (!isFloat && kind !== "string" && precision >= 0) {
    throw invalidArgument(`precision not supported for datatype ${dtype}`);
  }
  if (scientific && shortest) throw invalidArgument("Cannot select both scientific and shortest notation");
  if (flag.length > 1) throw invalidArgument("Fill string must be one or fewer characters");
  if (!["", " ", "+", "-", "0", "#"].includes(flag)) {
    throw invalidArgument(`Fill argument not supported: "${flag}"`);
  }
  const notation = scientific ? "e" : "f";
  return { flag, precision, width, conversion: shortest ? "g" : notation };
}

type Printer = (tensor: Tensor) => Uint8Array[];

function printer(dtype: DType, format: PrintfFormat): Printer {
  switch (dtypeInfo(dtype).kind) {
    case "string":
      return (tensor) => stringsOf(tensor).data.map((text) => printString(text, format));
    case "bool":
      return (tensor) => Array.from(numbersOf(tensor), (value) => encodeText(value === 0 ? "false" : "true"));
    case "float":
      return (tensor) =>
        Array.from(numbersOf(tensor), (value) => encodeText(printFloat(Number(value), format)));
    case "complex":
      return (tensor) => printComplex(numbersOf(tensor), format);
    default: {
      // %u knows no signs.
      const flag = isUnsigned(dtype) && format.flag !== "-" && format.flag !== "0" ? "" : format.flag;
      return (tensor) =>
        Array.from(numbersOf(tensor), (value) => encodeText(printInteger(value, flag, format.width)));
    }
  }
}

function isUnsigned(dtype: DType): boolean {
  return dtypeInfo(dtype).kind === "uint";
}

function numbersOf(tensor: Tensor): ArrayLike<number | bigint> {
  const numeric = tensor as NumericTensor;
  return isSmallFloat(numeric.dtype) ? smallFloatsOf(numeric) : numeric.data;
}

function printComplex(pairs: ArrayLike<number | bigint>, format: PrintfFormat): Uint8Array[] {
  return Array.from({ length: pairs.length / 2 }, (_, i) => {
    const [re, im] = [Number(pairs[2 * i]), Number(pairs[2 * i + 1])];
    return encodeText(`(${printFloat(re, format)},${printFloat(im, format)})`);
  });
}

/** Width and precision of %s count bytes; the text itself may be anything. */
function printString(text: Uint8Array, { flag, width, precision }: PrintfFormat): Uint8Array {
  const cut = precision < 0 ? text : text.subarray(0, precision);
  if (cut.length >= width) return cut;
  const printed = new Uint8Array(width).fill(0x20);
  printed.set(cut, flag === "-" ? 0 : width - cut.length);
  return printed;
}

// ---- StringToNumber ------------------------------------------------------------------------------------------

type Parse = (text: Uint8Array) => number | bigint | undefined;

/** How text becomes an element of a dtype; undefined for dtypes that TensorFlow does not parse. */
export function numberParser(dtype: DType): Parse | undefined {
  switch (dtype) {
    case "float32":
    case "float64":
      return parseFloat64;
    case "int32":
      return (text) => parseInteger(text, -(2 ** 31), 2 ** 31 - 1);
    case "uint32":
      return (text) => parseInteger(text, 0, 2 ** 32 - 1);
    case "int64":
      return (text) => parseBigInteger(text, -(2n ** 63n), 2n ** 63n - 1n);
    case "uint64":
      return (text) => parseBigInteger(text, 0n, 2n ** 64n - 1n);
    default:
      return undefined;
  }
}

function stringToNumber(node: NodeFacts): TensorFunction {
  const dtype = outputDtype(node);
  const parse = numberParser(dtype);
  if (parse === undefined) throw invalidArgument(`StringToNumber makes no ${dtype}`);
  return (input) => {
    const { shape, data } = stringsOf(input);
    const numbers = allocate(dtype, data.length) as unknown as (number | bigint)[];
    for (const [i, text] of data.entries()) {
      const number = parse(text);
      if (number === undefined) {
        throw invalidArgument(
          `StringToNumberOp could not correctly convert string ${i} of ${data.length} to ${dtype}`,
        );
      }
      numbers[i] = number;
    }
    return tensorOver(dtype, shape, numbers as unknown as Float32Array);
  };
}

export const numberStringKernels: HostTable = {
  AsString: compute(asString),
  StringToNumber: compute(stringToNumber),
};
