/** Layers that join several tensors (keras/src/layers/merging). */
import type { Output } from "../../graph-builder/operation.js";
import { invalidArgument } from "../../status.js";
import { type Layer, type LayerArgs, type LayerTensor, tensorsOf } from "../layer.js";
import { dimsOf, frontAxis, type Nodes, rankOf } from "../nodes.js";
import type { LayerRow, LayerTable } from "./row.js";

function inputsOf(layer: Layer, args: LayerArgs): LayerTensor[] {
  const inputs = tensorsOf(args.positional[0] ?? args.named.inputs);
  if (inputs.length === 0) throw invalidArgument(`${layer.where} is called without inputs`);
  return inputs;
}

/** Inputs of fewer axes get axes of size 1 behind the batch. */
function withEqualRanks(n: Nodes, inputs: readonly LayerTensor[]): Output[] {
  const rank = Math.max(...inputs.map(({ output }) => rankOf(output)));
  return inputs.map(({ output }) => {
    let wide = output;
    while (rankOf(wide) < rank) wide = n.expand(wide, 1);
    return wide;
  });
}

/** What counts in all inputs; undefined when one has no mask. */
function commonMask(n: Nodes, inputs: readonly LayerTensor[]): { mask?: Output } {
  const masks = inputs.map(({ mask }) => mask);
  if (masks.some((mask) => mask === undefined)) return {};
  const ranks = new Set(masks.map((mask) => rankOf(mask as Output)));
  if (ranks.size > 1) return {};
  return { mask: (masks as Output[]).reduce((all, mask) => n.op("LogicalAnd", [all, mask])) };
}

type Merge = (n: Nodes, inputs: readonly Output[]) => Output;

const fold =
  (op: string): Merge =>
  (n, inputs) =>
    inputs.reduce((merged, input) => n.op(op, [merged, input]));

const merge = (join: Merge): LayerRow => ({
  call: (layer, args) => {
    const inputs = inputsOf(layer, args);
    return [{ output: join(layer.n, withEqualRanks(layer.n, inputs)), ...commonMask(layer.n, inputs) }];
  },
});

const concatenate: LayerRow = {
  call: (layer, args) => {
    const { n } = layer;
    const inputs = inputsOf(layer, args);
    const axis = layer.config.number("axis", -1);
    const output = n.concat(
      inputs.map((input) => input.output),
      axis,
    );
    if (inputs.every(({ mask }) => mask === undefined)) return [{ output }];
    return [{ output, ...concatenatedMask(n, inputs, axis) }];
  },
};

/** Inputs without a mask count whole. A mask of fewer axes than its input counts for all of the others. */
function concatenatedMask(n: Nodes, inputs: readonly LayerTensor[], axis: number): { mask: Output } {
  const rank = rankOf((inputs[0] as LayerTensor).output);
  const wide = inputs.map(({ output, mask }) => {
    if (mask === undefined) return n.cast(n.op("OnesLike", [n.cast(output, "float32")]), "bool");
    let grown = mask;
    while (rankOf(grown) < rank) grown = n.expand(grown, -1);
    return n.op("LogicalAnd", [grown, n.cast(n.op("OnesLike", [n.cast(output, "float32")]), "bool")]);
  });
  return { mask: n.reduce("All", n.concat(wide, axis), [-1]) };
}

const average: Merge = (n, inputs) => {
  const sum = fold("AddV2")(n, inputs);
  return n.div(sum, n.number(sum, inputs.length));
};

const subtract: Merge = (n, inputs) => {
  const [a, b, ...more] = inputs;
  if (a === undefined || b === undefined || more.length > 0) {
    throw invalidArgument(`Subtract takes two inputs, got ${inputs.length}`);
  }
  return n.sub(a, b);
};

/** The product over one axis of each, batch by batch: the axes that are left stand one after the other. */
const dot: LayerRow = {
  call: (layer, args) => {
    const { n, config } = layer;
    const [a, b] = inputsOf(layer, args).map(({ output }) => output);
    if (a === undefined || b === undefined) throw invalidArgument(`${layer.where} takes two inputs`);
    const axes = config.numbers("axes");
    const [axisA, axisB] = [
      frontAxis(axes[0] as number, rankOf(a)),
      frontAxis(axes.at(-1) as number, rankOf(b)),
    ];
    const isNormalized = config.boolean("normalize", false);
    const [x, y] = isNormalized ? [normalized(n, a, axisA), normalized(n, b, axisB)] : [a, b];
    return [{ output: batchDot(n, x, axisA, y, axisB) }];
  },
};

/** Of Euclidean length 1 along an axis. */
export function normalized(n: Nodes, x: Output, axis: number): Output {
  const square = n.reduce("Sum", n.op("Square", [x]), [axis], true);
  return n.mul(x, n.op("Rsqrt", [n.op("Maximum", [square, n.number(x, 1e-12)])]));
}

function batchDot(n: Nodes, a: Output, axisA: number, b: Output, axisB: number): Output {
  const lettersA = [..."bcdefghi"].slice(0, rankOf(a));
  const lettersB = ["b", ..."jklmnop"].slice(0, rankOf(b));
  lettersB[axisB] = lettersA[axisA] as string;
  const kept = [
    ...lettersA.filter((_, i) => i !== axisA),
    ...lettersB.filter((_, i) => i !== axisB && i !== 0),
  ];
  const product = n.einsum(`${lettersA.join("")},${lettersB.join("")}->${kept.join("")}`, a, b);
  return dimsOf(product).length === 1 ? n.expand(product, 1) : product;
}

export const mergingRows: LayerTable = {
  Add: merge(fold("AddV2")),
  Subtract: merge(subtract),
  Multiply: merge(fold("Mul")),
  Average: merge(average),
  Maximum: merge(fold("Maximum")),
  Minimum: merge(fold("Minimum")),
  Concatenate: concatenate,
  Dot: dot,
};
