/** Padding with a constant, or with what lies on the other side of the edge. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { joined } from "./joining.js";
import { checkScalar, constantNumbers, input, numbersOf, TO_END, value } from "./node-facts.js";

/** TensorFlow has a row (before, after) for each dimension, ONNX all befores and then all afters. */
function onnxPads(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const paddings = input(node, 1);
  if (paddings.tensor === undefined) {
    const long = g.cast(paddings.value, "int64");
    return g.op("Reshape", [g.op("Transpose", [long], { perm: [1, 0] }), g.ints([-1])]);
  }
  const all = numbersOf(paddings.tensor);
  if (all.some((each) => each < 0)) throw new NotExpressible("negative paddings");
  checkPaddings(node, all);
  return g.ints([...all.filter((_, i) => i % 2 === 0), ...all.filter((_, i) => i % 2 === 1)]);
}

/** Refuses paddings of which it is known that they are not those of the input's rank. */
function checkPaddings(node: OnnxNode, all: readonly number[]): void {
  const { shape } = input(node, 0);
  if (shape !== null && all.length !== 2 * shape.length) throw new NotExpressible("paddings of another rank");
}

function pad(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const x = value(node, 0);
  if (node.inputs.length > 2) checkScalar(node, 2, "the value of the padding");
  if (input(node, 0).shape?.length === 0) return g.op("Identity", [x]);
  if (
    input(node, 1).tensor !== undefined &&
    constantNumbers(input(node, 1), "").every((each) => each === 0)
  ) {
    return g.op("Identity", [x]);
  }
  const filler = node.inputs.length > 2 ? value(node, 2) : g.scalar(x.dtype, 0);
  return g.op("Pad", [x, onnxPads(g, node), filler]);
}

/** REFLECT leaves out the element at the edge, SYMMETRIC repeats it. */
function mirrorPad(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const all = constantNumbers(input(node, 1), "the paddings");
  checkPaddings(node, all);
  const skip = node.attrs.string("mode") === "REFLECT" ? 1 : 0;
  let x = value(node, 0);
  for (let axis = 0; axis < all.length / 2; axis++) {
    const [before, after] = [all[2 * axis] as number, all[2 * axis + 1] as number];
    if (before < 0 || after < 0) throw new NotExpressible("negative paddings");
    checkMirror(node, axis, Math.max(before, after), skip);
    const parts: OnnxValue[] = [];
    if (before > 0) parts.push(reversedSlice(g, x, axis, before + skip - 1, skip === 0 ? -TO_END : skip - 1));
    parts.push(x);
    if (after > 0) parts.push(reversedSlice(g, x, axis, -1 - skip, -1 - skip - after));
    x = joined(g, parts, axis);
  }
  return x;
}

/** Slices would come out short where TensorFlow refuses: the dimension must be known to be long enough. */
function checkMirror(node: OnnxNode, axis: number, padding: number, skip: number): void {
  if (padding === 0) return;
  const size = input(node, 0).shape?.[axis] ?? -1;
  if (size < padding + skip) throw new NotExpressible("paddings that may be longer than the dimension");
}

function reversedSlice(g: OnnxEmitter, x: OnnxValue, axis: number, start: number, end: number): OnnxValue {
  return g.op("Slice", [x, g.ints([start]), g.ints([end]), g.ints([axis]), g.ints([-1])]);
}

export const paddingRows: OnnxTable = {
  Pad: { build: pad },
  PadV2: { build: pad },
  MirrorPad: { build: mirrorPad },
};
