/**
 * What rows read off a node under conversion. Whatever is not known at compile time, and without which the op can't be
 * expressed, is NotExpressible: the host then runs the node.
 */
import { type DType, isSmallFloat, smallFloatsOf, type Tensor } from "@servable/formats";
import { carrierOf, type OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxInput, type OnnxNode } from "../op-table.js";

/** Entries of shapes and axes are far below this; ONNX reads it as "to the end". */
export const TO_END = Number.MAX_SAFE_INTEGER;

/** An input that the op's definition has, so that it is there. */
export function input(node: OnnxNode, index: number): OnnxInput {
  return node.inputs[index] as OnnxInput;
}

/** The ONNX value of an input. */
export function value(node: OnnxNode, index: number): OnnxValue {
  return input(node, index).value;
}

/** The ONNX values of all inputs from one on. */
export function values(node: OnnxNode, from = 0): OnnxValue[] {
  return node.inputs.slice(from).map((each) => each.value);
}

/** Sizes of a tensor whose rank is known; -1 where a size is not. */
export function shapeOf(of: OnnxInput): readonly number[] {
  if (of.shape === null) throw new NotExpressible("the rank of an input is unknown");
  return of.shape;
}

export function rankOf(of: OnnxInput): number {
  return shapeOf(of).length;
}

/** Sizes of a tensor of which every one is known. */
export function staticShape(of: OnnxInput): readonly number[] {
  const shape = shapeOf(of);
  if (shape.some((size) => size < 0)) throw new NotExpressible("a size of an input is unknown");
  return shape;
}

/** The size of a dimension (negative ones count from the end); undefined when it is not known. */
export function sizeOf(of: OnnxInput, axis: number): number | undefined {
  const size = of.shape?.at(axis);
  return size === undefined || size < 0 ? undefined : size;
}

/**
 * Refuses inputs of which it is known that their shapes differ: ONNX would broadcast them, or refuse the whole model. The
 * host knows TensorFlow's error.
 */
export function checkSameShape(inputs: readonly OnnxInput[]): void {
  for (const [i, { shape }] of inputs.entries()) {
    const before = inputs[i - 1]?.shape ?? null;
    if (shape === null || before === null) continue;
    const fits = shape.length === before.length && shape.every((size, axis) => agrees(size, before[axis]));
    if (!fits) throw new NotExpressible("inputs of different shapes");
  }
}

/** Refuses an input of which it is known that it is no scalar. */
export function checkScalar(node: OnnxNode, index: number, what: string): void {
  if ((input(node, index).shape?.length ?? 0) > 0) throw new NotExpressible(`${what} is no scalar`);
}

/** An axis that a dimension is known for; unknown ranks are taken on trust. */
export function checkAxis(of: OnnxInput, axis: number): void {
  const rank = of.shape?.length;
  if (rank !== undefined && (axis < -rank || axis >= rank))
    throw new NotExpressible(`axis ${axis} of a tensor of rank ${rank}`);
}

/** Whether two sizes may be the same. */
export function agrees(a: number | undefined, b: number | undefined): boolean {
  return a === undefined || b === undefined || a < 0 || b < 0 || a === b;
}

/** The elements of a constant input as JavaScript numbers. */
export function constantNumbers(of: OnnxInput, what: string): number[] {
  if (of.partial?.every((entry) => entry !== undefined)) return of.partial as number[];
  if (of.tensor === undefined) throw new NotExpressible(`${what} is not constant`);
  return numbersOf(of.tensor);
}

/** The one element of a constant input. */
export function constantNumber(of: OnnxInput, what: string): number {
  const numbers = constantNumbers(of, what);
  if (numbers.length !== 1) throw new NotExpressible(`${what} has ${numbers.length} elements`);
  return numbers[0] as number;
}

/** What is known of an integer scalar or vector, entry by entry; undefined when not even its length is. */
export function entriesOf(of: OnnxInput): readonly (number | undefined)[] | undefined {
  if (of.partial !== undefined) return of.partial;
  if (of.tensor !== undefined) return numbersOf(of.tensor);
  if (of.shape === null || of.shape.length > 1) return undefined;
  const length = of.shape[0] ?? 1;
  return length < 0 ? undefined : new Array<undefined>(length).fill(undefined);
}

/** Elements as JavaScript numbers; those of 64-bit integers past 2^53 lose precision. */
export function numbersOf(tensor: Tensor): number[] {
  if (tensor.dtype === "string") throw new NotExpressible("a constant of strings");
  if (isSmallFloat(tensor.dtype)) return Array.from(smallFloatsOf(tensor));
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** The ONNX element type of an output. */
export function outputCarrier(node: OnnxNode, index = 0): DType {
  return carrierOfType(node.outputTypes[index]);
}

/** The ONNX element type of a TensorFlow type. */
export function carrierOfType(type: OnnxNode["outputTypes"][number] | undefined): DType {
  const carrier =
    type === undefined || type === "resource" || type === "variant" ? undefined : carrierOf(type);
  if (carrier === undefined) throw new NotExpressible(`a value of type ${type}`);
  return carrier;
}

/** Whether elements are integers on the ONNX side. */
export function isInteger(dtype: DType): boolean {
  return /^u?int/.test(dtype);
}

/** Whether elements are unsigned integers. */
export function isUnsigned(dtype: DType): boolean {
  return dtype.startsWith("uint");
}
