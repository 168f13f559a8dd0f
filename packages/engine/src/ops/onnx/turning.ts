/** Reversing and rolling along dimensions. */
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxNode, type OnnxTable } from "../op-table.js";
import { constantNumbers, input, numbersOf, rankOf, TO_END, value } from "./node-facts.js";
import { asVector, larger, sizeAt } from "./sizes.js";

function reverse(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const axes = input(node, 1);
  const known = axes.tensor === undefined ? undefined : numbersOf(axes.tensor);
  return reversed(g, value(node, 0), known ?? asVector(g, axes));
}

/** The first form has a boolean for each dimension. */
function reverseDims(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const dims = constantNumbers(input(node, 1), "the dimensions");
  return reversed(
    g,
    value(node, 0),
    dims.flatMap((turn, axis) => (turn === 0 ? [] : [axis])),
  );
}

function reversed(g: OnnxEmitter, x: OnnxValue, axes: readonly number[] | OnnxValue): OnnxValue {
  if ("dtype" in axes) {
    const each = (entry: number) => g.op("Expand", [g.ints([entry]), g.op("Shape", [axes])]);
    return g.op("Slice", [x, each(-1), each(-TO_END), axes, each(-1)]);
  }
  if (axes.length === 0) return g.op("Identity", [x]);
  const each = (entry: number) => g.ints(axes.map(() => entry));
  return g.op("Slice", [x, each(-1), each(-TO_END), g.ints(axes), each(-1)]);
}

/** ONNX knows batch and time as the first two dimensions, in either order; others are moved there. */
function reverseSequence(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [x, lengths] = [input(node, 0), g.cast(value(node, 1), "int64")];
  const [time, batch] = [node.attrs.int("seq_dim"), node.attrs.int("batch_dim")];
  if (time === batch || time < 0 || batch < 0)
    throw new NotExpressible(`sequences along ${time}, batch ${batch}`);
  if (time < 2 && batch < 2) {
    return g.op("ReverseSequence", [x.value, lengths], { time_axis: time, batch_axis: batch });
  }
  const rank = rankOf(x);
  const others = Array.from({ length: rank }, (_, axis) => axis).filter(
    (axis) => axis !== time && axis !== batch,
  );
  const perm = [batch, time, ...others];
  const back = perm.map((_, axis) => perm.indexOf(axis));
  const turned = g.op("ReverseSequence", [g.op("Transpose", [x.value], { perm }), lengths], {
    time_axis: 1,
    batch_axis: 0,
  });
  return g.op("Transpose", [turned], { perm: back });
}

/** Moves elements along axes, those at the end to the front: two slices that change places. */
function roll(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const shifts = constantNumbers(input(node, 1), "the shift");
  const axes = constantNumbers(input(node, 2), "the axis");
  if (shifts.length !== axes.length) throw new NotExpressible("not one shift for each axis");
  let x = value(node, 0);
  for (const [i, axis] of axes.entries()) {
    const start = rollStart(g, node, shifts[i] as number, axis);
    const from = g.op("Slice", [x, start, g.ints([TO_END]), g.ints([axis])]);
    const until = g.op("Slice", [x, g.ints([0]), start, g.ints([axis])]);
    x = g.op("Concat", [from, until], { axis });
  }
  return x;
}

/** Which element comes first: -shift modulo the size. */
function rollStart(g: OnnxEmitter, node: OnnxNode, shift: number, axis: number): OnnxValue {
  const x = input(node, 0);
  const size = x.shape?.at(axis) ?? -1;
  if (size >= 0) return g.ints([size === 0 ? 0 : ((-shift % size) + size) % size]);
  // ONNX Runtime does not survive a modulus of 0.
  const modulus = larger(g, sizeAt(g, x.value, axis), 1) as OnnxValue;
  return g.op("Mod", [g.ints([-shift]), modulus]);
}

export const turningRows: OnnxTable = {
  ReverseV2: { build: reverse },
  Reverse: { build: reverseDims },
  ReverseSequence: { build: reverseSequence },
  Roll: { build: roll },
};
