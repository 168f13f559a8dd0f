/**
 * Picking and placing by index.
 *
 * ONNX counts a negative index from the end, TensorFlow refuses it. Clearing the sign bit makes it an index past
 * every end, which ONNX Runtime refuses too.
 */

import { tensor } from "@servable/formats";
import type { OnnxEmitter, OnnxValue } from "../../onnx/emitter.js";
import { NotExpressible, type OnnxInput, type OnnxNode, type OnnxRow, type OnnxTable } from "../op-table.js";
import {
  agrees,
  checkAxis,
  checkScalar,
  constantNumber,
  input,
  isUnsigned,
  numbersOf,
  outputCarrier,
  rankOf,
  sizeOf,
  value,
  values,
} from "./node-facts.js";
import { asVector, counted } from "./sizes.js";

const LARGEST_INT64 = 2n ** 63n - 1n;

/** Indices, of which negative ones are out of range. */
function checked(g: OnnxEmitter, indices: OnnxInput): OnnxValue {
  const { value: all, tensor: known } = indices;
  if (known !== undefined && numbersOf(known).every((index) => index >= 0)) return all;
  if (all.dtype === "int64") {
    return g.op("BitwiseAnd", [all, g.constant(tensor("int64", [], BigInt64Array.of(LARGEST_INT64)))]);
  }
  return g.op("BitwiseAnd", [g.cast(all, "int32"), g.scalar("int32", 2 ** 31 - 1)]);
}

function gather(g: OnnxEmitter, node: OnnxNode, axis: number, batchDims: number): OnnxValue {
  const [params, indices] = [input(node, 0), input(node, 1)];
  checkAxis(params, axis);
  checkBatches(params, indices, batchDims);
  if (batchDims === 0) return g.op("Gather", [params.value, checked(g, indices)], { axis });
  const rank = rankOf(params);
  const batch = batchDims < 0 ? batchDims + rankOf(indices) : batchDims;
  const from = axis < 0 ? axis + rank : axis;
  if (batch === 0) return g.op("Gather", [params.value, checked(g, indices)], { axis: from });
  const places = g.op("Unsqueeze", [g.cast(checked(g, indices), "int64"), g.ints([-1])]);
  if (from === batch) return g.op("GatherND", [params.value, places], { batch_dims: batch });
  // GatherND gathers right after the batch: the axis is moved there, and its result back.
  const others = range(batch, from);
  const tail = range(from + 1, rank);
  const moved = g.op("Transpose", [params.value], { perm: [...range(0, batch), from, ...others, ...tail] });
  const gathered = g.op("GatherND", [moved, places], { batch_dims: batch });
  const inner = rankOf(indices) - batch;
  const perm = [
    ...range(0, batch),
    ...range(batch + inner, batch + inner + others.length),
    ...range(batch, batch + inner),
    ...range(batch + inner + others.length, batch + inner + others.length + tail.length),
  ];
  return g.op("Transpose", [gathered], { perm });
}

/** Refuses batches of which it is known that they differ. */
function checkBatches(params: OnnxInput, indices: OnnxInput, batchDims: number): void {
  const batch = batchDims < 0 ? batchDims + (indices.shape?.length ?? 0) : batchDims;
  for (let axis = 0; axis < batch; axis++) {
    if (!agrees(sizeOf(params, axis), sizeOf(indices, axis))) throw new NotExpressible("batches that differ");
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);
}

function gatherV2(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  return gather(g, node, constantNumber(input(node, 2), "the axis"), node.attrs.int("batch_dims"));
}

function gatherNd(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const indices = input(node, 1);
  checkIndexDepth(indices);
  checkPolicy(node);
  return g.op("GatherND", [value(node, 0), g.cast(checked(g, indices), "int64")]);
}

/** Indices of no components stand for everything: ONNX has no such thing. */
function checkIndexDepth(indices: OnnxInput): void {
  if (indices.shape?.at(-1) === 0) throw new NotExpressible("indices without components");
}

/** Indices out of range are errors, unless the op is told to ignore them. */
function checkPolicy(node: OnnxNode): void {
  const policy = node.attrs.has("bad_indices_policy") ? node.attrs.string("bad_indices_policy") : "";
  if (policy === "IGNORE") throw new NotExpressible("indices out of range that are ignored");
}

/** Refuses updates of which it is known that they don't fit the indices: ONNX Runtime may read past them. */
function checkUpdates(indices: OnnxInput, updates: OnnxInput, shape: readonly number[] | null): void {
  checkIndexDepth(indices);
  if (indices.shape === null || updates.shape === null) return;
  const depth = indices.shape.at(-1) ?? 0;
  const places = indices.shape.slice(0, -1);
  const rank = shape === null || depth < 0 ? undefined : places.length + shape.length - depth;
  const fits =
    indices.shape.length > 1 &&
    (rank === undefined || updates.shape.length === rank) &&
    places.every((size, axis) => agrees(size, updates.shape?.[axis]));
  if (!fits) throw new NotExpressible("updates that don't fit the indices");
}

/** Into zeros of a given shape; updates of one place add up. */
function scatterNd(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [indices, updates, shape] = [input(node, 0), value(node, 1), input(node, 2)];
  checkUpdates(indices, input(node, 1), shape.partial === undefined ? null : shape.partial.map(() => -1));
  checkPolicy(node);
  const zeros = g.op("Expand", [g.scalar(updates.dtype, 0), asVector(g, shape)]);
  return g.op("ScatterND", [zeros, g.cast(checked(g, indices), "int64"), updates], { reduction: "add" });
}

const tensorScatter = (reduction: "none" | "add" | "min" | "max", negate = false): OnnxRow => ({
  build: (g, node) => {
    const [x, , updates] = values(node) as [OnnxValue, OnnxValue, OnnxValue];
    const indices = input(node, 1);
    checkUpdates(indices, input(node, 2), input(node, 0).shape);
    checkPolicy(node);
    const places = g.cast(checked(g, indices), "int64");
    const signed = negate ? negative(g, updates) : updates;
    return g.op("ScatterND", [x, places, signed], reduction === "none" ? {} : { reduction });
  },
});

function negative(g: OnnxEmitter, x: OnnxValue): OnnxValue {
  return isUnsigned(x.dtype) ? g.op("Sub", [g.scalar(x.dtype, 0), x]) : g.op("Neg", [x]);
}

/** By comparing with every class: an index that is none of them, a negative one too, has no hot element. */
function oneHot(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const [indices, depth] = [input(node, 0), input(node, 1)];
  const [on, off] = [value(node, 2), value(node, 3)];
  const axis = node.attrs.int("axis");
  checkScalar(node, 1, "the depth");
  const rank = indices.shape?.length;
  if (axis < -1 || (rank !== undefined && axis > rank)) throw new NotExpressible(`axis ${axis}`);
  if (depth.tensor !== undefined && (numbersOf(depth.tensor)[0] as number) < 0)
    throw new NotExpressible("a negative depth");
  const long = g.cast(indices.value, "int64");
  const classes = counted(
    g,
    depth.tensor === undefined ? asVector(g, depth) : (numbersOf(depth.tensor)[0] as number),
  );
  const trailing = axis === -1 ? 0 : rankOf(indices) - axis;
  const along =
    trailing === 0
      ? classes
      : g.op("Reshape", [classes, g.ints([-1, ...new Array<number>(trailing).fill(1)])]);
  const hot = g.op("Equal", [g.op("Unsqueeze", [long, g.ints([axis])]), along]);
  return g.op("Where", [hot, on, off]);
}

/** Places of elements that are not zero, one row each. */
function where(g: OnnxEmitter, node: OnnxNode): OnnxValue {
  const x = input(node, 0);
  if (rankOf(x) === 0) throw new NotExpressible("places in a scalar");
  const condition = x.value.dtype === "bool" ? x.value : g.cast(x.value, "bool");
  return g.op("Transpose", [g.op("NonZero", [condition])], { perm: [1, 0] });
}

/** Distinct elements in the order in which they come. ONNX Runtime has NaNs compare equal, TensorFlow does not. */
const unique =
  (counts: boolean) =>
  (g: OnnxEmitter, node: OnnxNode): OnnxValue[] => {
    const x = value(node, 0);
    if (x.dtype.startsWith("float")) throw new NotExpressible("distinct floats");
    if (node.inputs.length > 1) {
      const axis = input(node, 1);
      if (axis.tensor === undefined || numbersOf(axis.tensor).length > 0)
        throw new NotExpressible("slices along an axis");
    }
    if (rankOf(input(node, 0)) !== 1) throw new NotExpressible("distinct elements of what is no vector");
    const [distinct, , places, count] = g.opWithOutputs("Unique", 4, [x], { sorted: 0 }) as [
      OnnxValue,
      OnnxValue,
      OnnxValue,
      OnnxValue,
    ];
    const outputs = [distinct, g.cast(places, outputCarrier(node, 1))];
    return counts ? [...outputs, g.cast(count, outputCarrier(node, 2))] : outputs;
  };

export const gatherScatterRows: OnnxTable = {
  Gather: { build: (g, node) => gather(g, node, 0, 0) },
  GatherV2: { build: gatherV2 },
  GatherNd: { build: gatherNd },
  ScatterNd: { build: scatterNd },
  TensorScatterUpdate: tensorScatter("none"),
  TensorScatterAdd: tensorScatter("add"),
  TensorScatterSub: tensorScatter("add", true),
  TensorScatterMin: tensorScatter("min"),
  TensorScatterMax: tensorScatter("max"),
  OneHot: { build: oneHot },
  Where: { build: where },
  Unique: { build: unique(false) },
  UniqueV2: { build: unique(false) },
  UniqueWithCounts: { build: unique(true) },
  UniqueWithCountsV2: { build: unique(true) },
};
