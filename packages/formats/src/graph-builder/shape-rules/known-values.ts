/**
 * What is known of small integer tensors before anything runs: constants, and what is put together from the shapes of
 * other tensors, as in Reshape(x, Pack(StridedSlice(Shape(x)), 10)). Sizes, axes and paddings of other rules.
 */
import type { Output } from "../operation.js";
import { intAttr, UNKNOWN_SIZE } from "./rule.js";

/** How far back through a graph a value is followed. */
const MAX_DEPTH = 12;
const MAX_VALUES = 1024;

/** The integers of an input that is a constant, undefined when it is computed. */
export function integers(inputs: readonly Output[], i: number): number[] | undefined {
  return constantOf(inputs[i]);
}

function constantOf(output: Output | undefined): number[] | undefined {
  const value = output?.constant;
  if (value === undefined || value.dtype === "string" || value.data.length > MAX_VALUES) return undefined;
  return Array.from(value.data, Number);
}

/** The entries of an input, UNKNOWN_SIZE for those that only a run tells; undefined when not even their number is known. */
export function knownSizes(inputs: readonly Output[], i: number): number[] | undefined {
  return sizesOf(inputs[i], 0);
}

function sizesOf(output: Output | undefined, depth: number): number[] | undefined {
  if (output === undefined || depth > MAX_DEPTH) return undefined;
  const value = constantOf(output);
  if (value !== undefined) return value;
  const { operation } = output;
  const { inputs, attrs } = operation;
  switch (operation.type) {
    case "Identity":
    case "Cast":
      return sizesOf(inputs[0], depth + 1);
    case "Shape":
      return inputs[0]?.shape?.slice();
    case "Pack":
      return output.shape?.length === 1 ? joined(inputs, depth) : undefined;
    case "ConcatV2":
      return joined(inputs.slice(0, -1), depth);
    case "ExpandDims":
      return output.shape?.length === 1 ? sizesOf(inputs[0], depth + 1) : undefined;
    case "StridedSlice":
      return intAttr(attrs, "new_axis_mask") === 0 ? slicedSizes(output, depth) : unknownEntries(output);
    default:
      return unknownEntries(output);
  }
}

/** As many unknown entries as a vector has, or the one of a scalar. */
function unknownEntries({ shape }: Output): number[] | undefined {
  if (shape === null || shape.length > 1) return undefined;
  const length = shape[0] ?? 1;
  return length >= 0 && length <= MAX_VALUES ? new Array<number>(length).fill(UNKNOWN_SIZE) : undefined;
}

function joined(parts: readonly Output[], depth: number): number[] | undefined {
  const all: number[] = [];
  for (const part of parts) {
    const entries = sizesOf(part, depth + 1);
    if (entries === undefined || all.length + entries.length > MAX_VALUES) return undefined;
    all.push(...entries);
  }
  return all;
}

/** A slice of a known vector, or one element of it. */
function slicedSizes(output: Output, depth: number): number[] | undefined {
  const { inputs, attrs } = output.operation;
  const entries = sizesOf(inputs[0], depth + 1);
  const [begin, end, stride] = [integers(inputs, 1), integers(inputs, 2), integers(inputs, 3)];
  if (entries === undefined || begin?.length !== 1 || end?.length !== 1 || stride?.[0] !== 1) {
    return unknownEntries(output);
  }
  const from = intAttr(attrs, "begin_mask") & 1 ? 0 : (begin[0] as number);
  if (intAttr(attrs, "shrink_axis_mask") & 1) {
    const entry = entries.at(begin[0] as number);
    return entry === undefined ? undefined : [entry];
  }
  return entries.slice(from, intAttr(attrs, "end_mask") & 1 ? undefined : end[0]);
}
