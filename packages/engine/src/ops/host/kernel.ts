/**
 * How the rows of the host tables are written: `compute` and `move` turn a function over tensors into a row, and the
 * readers below take small arguments (axes, sizes, scalars) out of tensors.
 *
 * Functions over tensors throw errors about their arguments only; the row puts the node's name before the message.
 */
import {
  type DType,
  dtypeInfo,
  elementCount,
  invalidArgument,
  resourceExhausted,
  type Shape,
  StatusError,
  shapeText,
  type Tensor,
} from "@servable/formats";
import { asTensor, type Value, type VariantValue } from "../../values.js";
import type { HostRow, NodeFacts } from "../op-table.js";

/** A value whose elements lie in one array: what ops that only move elements work on. */
export type Dense = Tensor | VariantValue;

/** Computes a node's outputs; a single output may be returned as it is. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];
export type DenseFunction = (...inputs: Dense[]) => Dense | readonly Dense[];

/** The row of an op over tensors. `make` reads the attributes, once per node. */
export function compute(make: (node: NodeFacts) => TensorFunction, effect?: HostRow["effect"]): HostRow {
  return rowOf(make as (node: NodeFacts) => (...inputs: Value[]) => Tensor, asTensor, effect);
}

/** The row of an op that moves elements without looking at them: variants are welcome. */
export function move(make: (node: NodeFacts) => DenseFunction): HostRow {
  return rowOf(make as (node: NodeFacts) => (...inputs: Value[]) => Value, asDense);
}

/** The row of an op that takes values as they are, handles of resources too. */
export function pass(make: (node: NodeFacts) => (...inputs: Value[]) => Value | readonly Value[]): HostRow {
  return rowOf(make, (value) => value);
}

function rowOf(
  make: (node: NodeFacts) => (...inputs: Value[]) => Value | readonly Value[],
  narrow: (value: Value) => Value,
  effect?: HostRow["effect"],
): HostRow {
  return {
    kernel(node) {
      const run = make(node);
      return (inputs) => {
        try {
          const outputs = run(...inputs.map(narrow));
          return "dtype" in outputs ? [outputs] : outputs;
        } catch (error) {
          throw namingNode(error, node);
        }
      };
    },
    ...(effect !== undefined && { effect }),
  };
}

function asDense(value: Value): Dense {
  return value.dtype === "variant" ? value : asTensor(value);
}

/** An error of a kernel, with its node. */
export function namingNode(error: unknown, { op, name }: NodeFacts): StatusError {
  return StatusError.from(error).about(`${op} node "${name}"`);
}

/** More elements than this are refused before memory is asked for. */
const MAX_ELEMENTS = 2 ** 31;

/**
 * The number of elements of an output. INVALID_ARGUMENT on a negative size, RESOURCE_EXHAUSTED over 2^31 elements.
 */
export function countOf(shape: Shape): number {
  const negative = shape.find((size) => size < 0);
  if (negative !== undefined)
    throw invalidArgument(`Dimension ${negative} must be >= 0 in ${listText(shape)}`);
  const product = shape.reduce((count, size) => count * size, 1);
  if (!(product <= MAX_ELEMENTS)) {
    throw resourceExhausted(`OOM when allocating tensor with shape${shapeText(shape)}`);
  }
  return elementCount(shape);
}

/** Elements that are JavaScript objects (strings, pairs, variants) cost some 40 bytes each: more are refused. */
const MAX_OBJECTS = 2 ** 26;

/** Like countOf, for elements that are objects. */
export function countOfObjects(shape: Shape): number {
  const count = countOf(shape);
  if (count > MAX_OBJECTS) {
    throw resourceExhausted(`OOM when allocating tensor with shape${shapeText(shape)} of objects`);
  }
  return count;
}

/** "[1,-2]": a list as it is, unlike shapeText, for which negative sizes are unknown. */
export function listText(values: readonly (number | bigint)[]): string {
  return `[${values.join(",")}]`;
}

/** The elements of an integer tensor of any rank as numbers. INVALID_ARGUMENT where one is no safe integer. */
export function integersOf(value: Value | undefined): number[] {
  const { dtype, data } = asTensor(value);
  const { kind } = dtypeInfo(dtype);
  if (kind !== "int" && kind !== "uint") throw invalidArgument(`expected integers, got a ${dtype} tensor`);
  const numbers = Array.from(data as ArrayLike<number | bigint>, Number);
  const unsafe = numbers.find((number) => !Number.isSafeInteger(number));
  if (unsafe !== undefined) throw invalidArgument(`${unsafe} is out of range for a size or an index`);
  return numbers;
}

/** The elements of an integer vector (or scalar, where TensorFlow takes one). INVALID_ARGUMENT for higher ranks. */
export function vectorOf(value: Value | undefined, what: string): number[] {
  const { shape } = asTensor(value);
  if (shape.length > 1) throw invalidArgument(`${what} must be a vector, got shape ${shapeText(shape)}`);
  return integersOf(value);
}

/** The one element of an integer scalar; as in TensorFlow, a tensor of one element will do. */
export function integerOf(value: Value | undefined, what: string): number {
  const { shape } = asTensor(value);
  if (elementCount(shape) !== 1) {
    throw invalidArgument(`${what} must be a scalar, got shape ${shapeText(shape)}`);
  }
  return integersOf(value)[0] as number;
}

/** An axis as a non-negative index. INVALID_ARGUMENT outside [-rank, rank). */
export function axisOf(axis: number, rank: number, what = "axis"): number {
  if (axis < -rank || axis >= rank) {
    throw invalidArgument(`Expected ${what} in the range [${-rank}, ${rank}), but got ${axis}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/**
 * INVALID_ARGUMENT with the message unless the condition holds. A message that costs something is given as a
 * function.
 */
export function ensure(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw invalidArgument(typeof message === "string" ? message : message());
}

/** The dtype of a node's output that holds values. */
export function outputDtype(node: NodeFacts, index = 0): DType {
  const type = node.outputTypes[index];
  if (type === undefined || type === "resource" || type === "variant") {
    throw invalidArgument(`${node.op} node "${node.name}": output ${index} must be a tensor, is ${type}`);
  }
  return type;
}
