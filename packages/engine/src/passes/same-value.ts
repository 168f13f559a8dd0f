/**
 * Whether two edges surely carry the same value: the same edge, equal constants, or the same pure op on the same values.
 * Producers compute a sequence's length again wherever they need it.
 */
import { equals } from "@bufbuild/protobuf";
import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import type { Edge, Node } from "../graph/graph.js";
import { hostRows } from "../ops/host/index.js";

/** Computations longer than this are not compared. */
const MAX_DEPTH = 12;

export function sameValue(a: Edge, b: Edge, depth = 0): boolean {
  if (a.index !== b.index) return false;
  return a.node === b.node || sameComputation(a.node, b.node, depth);
}

function sameComputation(a: Node, b: Node, depth: number): boolean {
  if (a.constant !== undefined || b.constant !== undefined) return sameConstant(a, b);
  const isPure = hostRows[a.op]?.effect === undefined && a.op !== "Feed" && a.bodies === undefined;
  if (!isPure || a.op !== b.op || depth >= MAX_DEPTH || a.inputs.length !== b.inputs.length) return false;
  if (!sameAttrs(a, b)) return false;
  return a.inputs.every((edge, i) => sameValue(edge, b.inputs[i] as Edge, depth + 1));
}

function sameConstant(a: Node, b: Node): boolean {
  const [x, y] = [a.constant, b.constant];
  if (x === undefined || y === undefined || x.dtype !== y.dtype) return false;
  if (x.shape.length !== y.shape.length || x.shape.some((size, axis) => size !== y.shape[axis])) return false;
  if (x.shape.reduce((count, size) => count * size, 1) > 64) return false;
  const [left, right] = [x.read().data, y.read().data];
  return left.length === right.length && Array.from(left, String).join() === Array.from(right, String).join();
}

function sameAttrs(a: Node, b: Node): boolean {
  const names = new Set([...a.attrs.names(), ...b.attrs.names()].filter((name) => !name.startsWith("_")));
  return [...names].every((name) => {
    const [x, y] = [a.attrs.raw(name), b.attrs.raw(name)];
    return x !== undefined && y !== undefined && equals(AttrValueSchema, x, y);
  });
}
