/** Ops that put strings together: StringJoin, ReduceJoin, UnsortedSegmentJoin, names of shards. */
import {
  elementCount,
  encodeText,
  invalidArgument,
  outOfRange,
  type Shape,
  sameShape,
  shapeText,
  stridesOf,
  type Tensor,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { indexData } from "../index-data.js";
import { compute, integerOf, type TensorFunction } from "../kernel.js";
import { stringsOf } from "./map-strings.js";

/** Byte strings one after another with a separator between them. */
export function joinBytes(parts: readonly Uint8Array[], separator: Uint8Array): Uint8Array {
  let length = Math.max(0, parts.length - 1) * separator.length;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const [i, part] of parts.entries()) {
    if (i > 0) {
      joined.set(separator, at);
      at += separator.length;
    }
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Element by element; scalars go with every element. */
function stringJoin({ attrs }: NodeFacts): TensorFunction {
  const separator = attrs.bytes("separator");
  return (...inputs) => {
    const tensors = inputs.map(stringsOf);
    let shape: Shape = [];
    for (const tensor of tensors) {
      if (tensor.shape.length === 0) continue;
      if (shape.length > 0 && !sameShape(shape, tensor.shape)) {
        throw invalidArgument(
          `Input shapes do not match: ${shapeText(shape)} vs. ${shapeText(tensor.shape)}`,
        );
      }
      shape = tensor.shape;
    }
    const joined = Array.from({ length: elementCount(shape) }, (_, i) =>
      joinBytes(
        tensors.map(({ shape: own, data }) => data[own.length === 0 ? 0 : i] as Uint8Array),
        separator,
      ),
    );
    return tensorOver("string", shape, joined);
  };
}

/** Joins along the axes in the order in which they are given: the first one runs fastest. */
function reduceJoin({ attrs }: NodeFacts): TensorFunction {
  const separator = attrs.bytes("separator");
  const keepDims = attrs.bool("keep_dims");
  return (input, axesInput) => {
    const { shape, data } = stringsOf(input);
    const axes = [...indexData(axesInput)].map((axis) => reducedAxis(axis, shape.length));
    for (const [i, axis] of axes.entries()) {
      if (axes.indexOf(axis) < i) throw invalidArgument(`Duplicate reduction dimension ${axis}`);
    }
    if (axes.length === 0) return tensorOver("string", shape, data);
    const strides = stridesOf(shape);
    const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const inner = offsetsAlong(axes.toReversed(), shape, strides);
    const joined = offsetsAlong(kept, shape, strides).map((start) =>
      joinBytes(
        inner.map((offset) => data[start + offset] as Uint8Array),
        separator,
      ),
    );
    const result = keepDims
      ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
      : kept.map((axis) => shape[axis] as number);
    return tensorOver("string", result, joined);
  };
}

function reducedAxis(axis: number, rank: number): number {
  if (axis < -rank || axis >= rank) {
    throw outOfRange(`Invalid reduction dimension ${axis} for input with ${rank} dimension(s)`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Positions of all combinations of coordinates along some axes, the last axis running fastest. */
function offsetsAlong(axes: readonly number[], shape: Shape, strides: readonly number[]): number[] {
  let offsets = [0];
  for (const axis of axes) {
    const [size, stride] = [shape[axis] as number, strides[axis] as number];
    offsets = offsets.flatMap((offset) => Array.from({ length: size }, (_, i) => offset + i * stride));
  }
  return offsets;
}

function unsortedSegmentJoin({ attrs }: NodeFacts): TensorFunction {
  const separator = attrs.bytes("separator");
  return (input, ids, count) => {
    const { shape, data } = stringsOf(input);
    const idShape = (ids as Tensor).shape;
    const segments = integerOf(count, "num_segments");
    if (segments < 0) throw invalidArgument(`num_segments must be non-negative, got ${segments}`);
    if (!sameShape(shape.slice(0, idShape.length), idShape)) {
      throw invalidArgument(
        `input shape ${shapeText(shape)} must start with the shape of segment_ids, ${shapeText(idShape)}`,
      );
    }
    const rowShape = shape.slice(idShape.length);
    const width = elementCount(rowShape);
    const parts: Uint8Array[][] = Array.from({ length: segments * width }, () => []);
    for (const [row, segment] of indexData(ids).entries()) {
      if (segment < 0 || segment >= segments) {
        throw invalidArgument(
          "segment_ids are not allowed to exceed num_segments or to have negative values.",
        );
      }
      for (let j = 0; j < width; j++) {
        (parts[segment * width + j] as Uint8Array[]).push(data[row * width + j] as Uint8Array);
      }
    }
    const joined = parts.map((strings) => joinBytes(strings, separator));
    return tensorOver("string", [segments, ...rowShape], joined);
  };
}

const fiveDigits = (number: number): string => String(number).padStart(5, "0");

const shardedFilename: TensorFunction = (basename, shard, count) => {
  const suffix = `-${fiveDigits(integerOf(shard, "shard"))}-of-${fiveDigits(integerOf(count, "num_shards"))}`;
  return withSuffix(basename, suffix);
};

const shardedFilespec: TensorFunction = (basename, count) =>
  withSuffix(basename, `-?????-of-${fiveDigits(integerOf(count, "num_shards"))}`);

function withSuffix(basename: Tensor | undefined, suffix: string): Tensor {
  const { shape, data } = stringsOf(basename);
  return tensorOver("string", shape, [
    joinBytes([data[0] as Uint8Array, encodeText(suffix)], new Uint8Array(0)),
  ]);
}

export const joiningStringKernels: HostTable = {
  StringJoin: compute(stringJoin),
  ReduceJoin: compute(reduceJoin),
  UnsortedSegmentJoin: compute(unsortedSegmentJoin),
  ShardedFilename: compute(() => shardedFilename),
  ShardedFilespec: compute(() => shardedFilespec),
};
