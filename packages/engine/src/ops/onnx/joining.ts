/** Joining tensors along a dimension, old or new, and splitting them. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { checkAxis, constantNumber, constantNumbers, input, sizeOf, value, values } from "./node-facts.js";
import { divide, sizeAt, subtract } from "./sizes.js";

export function joined(g: OnnxEmitter, parts: readonly OnnxValue[], axis: number): OnnxValue {
  return parts.length === 1 ? (parts[0] as OnnxValue) : g.op("Concat", parts, { axis });
}

function pack(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const axis = node.attrs.int("axis");
  const parts = values(node).map((part) => g.op("Unsqueeze", [part, g.ints([axis])]));
  return joined(g, parts, axis);
}

function unpack(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const axis = node.attrs.int("axis");
  const count = node.outputTypes.length;
  if (count === 0) return [];
  const x = value(node, 0);
  // Equal sizes of 1, so that a dimension of any other size is an error.
  const parts = split(g, x, axis, new Array<number>(count).fill(1));
  return parts.map((part) => g.op("Squeeze", [part, g.ints([axis])]));
}

function split(g: OnnxEmitter, x: OnnxValue, axis: number, sizes: readonly number[]): OnnxValue[] {
  return g.opWithOutputs("Split", sizes.length, [x, g.ints(sizes)], { axis });
}

/** Equal parts. Sizes are spelled out, for ONNX would make the last one smaller where they don't divide. */
function splitEqually(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const axis = constantNumber(input(node, 0), "the axis");
  const count = node.outputTypes.length;
  const x = input(node, 1);
  checkAxis(x, axis);
  if (count === 1) return [g.op("Identity", [x.value])];
  const size = sizeOf(x, axis);
  if (size === undefined) {
    const part = divide(g, sizeAt(g, x.value, axis), count) as OnnxValue;
    const sizes = g.op("Expand", [part, g.ints([count])]);
    return g.opWithOutputs("Split", count, [x.value, sizes], { axis });
  }
  if (size % count !== 0) throw new NotExpressible(`${count} parts of a dimension of ${size}`);
  return split(g, x.value, axis, new Array<number>(count).fill(size / count));
}

/** Parts of given sizes, one of which may be -1: what is left. */
function splitBySizes(g: OnnxEmitter, node: OnnxNode): OnnxValue[] {
  const [x, sizesInput] = [input(node, 0), input(node, 1)];
  const axis = constantNumber(input(node, 2), "the axis");
  const sizes = constantNumbers(sizesInput, "the sizes");
  checkAxis(x, axis);
  if (node.outputTypes.length === 1) {
    // A single part is the whole, of which TensorFlow wants the size.
    if (sizes.length !== 1 || sizes[0] !== sizeOf(x, axis))
      throw new NotExpressible("one part of another size");
    return [g.op("Identity", [x.value])];
  }
  if (!sizes.includes(-1)) return split(g, x.value, axis, sizes);
  const given = sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
  const whole = sizeOf(x, axis);
  if (whole !== undefined)
    return split(
      g,
      x.value,
      axis,
      sizes.map((size) => (size === -1 ? whole - given : size)),
    );
  const known = g.ints(sizes.map((size) => Math.max(size, 0)));
  const rest = subtract(g, sizeAt(g, x.value, axis), given) as OnnxValue;
  const isRest = g.ints(sizes.map((size) => (size === -1 ? 1 : 0)));
  const all = g.op("Add", [known, g.op("Mul", [rest, isRest])]);
  return g.opWithOutputs("Split", sizes.length, [x.value, all], { axis });
}

export const joiningRows: OnnxTable = {
  Concat: { build: (g, node) => joined(g, values(node, 1), constantNumber(input(node, 0), "the axis")) },
  ConcatV2: {
    build: (g, node) =>
      joined(g, values(node).slice(0, -1), constantNumber(input(node, node.inputs.length - 1), "the axis")),
  },
  Pack: { build: pack },
  Unpack: { build: unpack },
  Split: { build: splitEqually },
  SplitV: { build: splitBySizes },
};
