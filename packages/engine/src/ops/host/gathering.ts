/** Ops that take the elements that indices name. Elements of any dtype are moved as they are. */
import {
  elementCount,
  invalidArgument,
  type Shape,
  shapeText,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import { asTensor } from "../../values.js";
import type { HostTable } from "../op-table.js";
import { aroundAxis, copyBox, copyElements, newLike, product } from "./boxes.js";
import { isFloat, tensorOfNumbers } from "./domains.js";
import { type IndexData, indexData } from "./index-data.js";
import { indexText, rowsOfIndices } from "./index-rows.js";
import { axisOf, compute, type Dense, ensure, integerOf, integersOf, move } from "./kernel.js";

/**
 * params[b…, :, indices[b…, i…], :]: for each batch, the slices along `axis` that its indices name. Shape:
 * params[:axis] + indices[batchDims:] + params[axis+1:].
 */
function gather(params: Dense, indices: Dense, axisGiven: number, batchDimsGiven: number): Dense {
  const rank = params.shape.length;
  const batchDims = batchDimsGiven < 0 ? batchDimsGiven + indices.shape.length : batchDimsGiven;
  ensure(
    batchDims >= 0 && batchDims <= indices.shape.length && batchDims < Math.max(rank, 1),
    () =>
      `batch_dims (${batchDimsGiven}) must be in [0, ${indices.shape.length}] and less than rank(params) (${rank}).`,
  );
  if (axisGiven < -rank || axisGiven >= rank) {
    throw invalidArgument(
      `Shape must be at least rank ${axisGiven < 0 ? -axisGiven : axisGiven + 1} but is rank ${rank}`,
    );
  }
  const axis = axisOf(axisGiven, rank);
  ensure(batchDims <= axis, () => `batch_dims (${batchDims}) must be less than or equal to axis (${axis}).`);
  requireSameBatches(params.shape, indices.shape, batchDims);

  const { size, inner } = aroundAxis(params.shape, axis);
  const batches = product(params.shape.slice(0, batchDims));
  const outer = product(params.shape.slice(batchDims, axis));
  const taken = product(indices.shape.slice(batchDims));
  const entries = indicesWithin(indices, size);
  const out = newLike(params, [
    ...params.shape.slice(0, axis),
    ...indices.shape.slice(batchDims),
    ...params.shape.slice(axis + 1),
  ]);
  if (out.shape.includes(0)) return out;
  for (let batch = 0; batch < batches; batch++) {
    for (let row = batch * outer; row < (batch + 1) * outer; row++) {
      for (let i = 0; i < taken; i++) {
        const index = entries[batch * taken + i] as number;
        copyElements(params, (row * size + index) * inner, inner, out, (row * taken + i) * inner);
      }
    }
  }
  return out;
}

function requireSameBatches(params: Shape, indices: Shape, batchDims: number): void {
  for (let dim = 0; dim < batchDims; dim++) {
    ensure(
      params[dim] === indices[dim],
      () => `params.shape[${dim}]: ${params[dim]} should be equal to indices.shape[${dim}]: ${indices[dim]}`,
    );
  }
}

/** The indices, checked to lie in [0, size). */
function indicesWithin(indices: Dense, size: number): IndexData {
  const entries = indexData(indices);
  const wrong = entries.findIndex((index) => !(index >= 0 && index < size));
  ensure(
    wrong < 0,
    () =>
      `indices[${indexText(Math.max(wrong, 0), indices.shape)}] = ${entries[wrong]} is not in [0, ${size})`,
  );
  return entries;
}

/** How an index outside is met: an error, or zeros in its place. */
type OutOfBounds = "error" | "ignore";

/** `bad_indices_policy` of GatherNd, ScatterNd and TensorScatter*: on a CPU the default is an error. */
export function outOfBoundsPolicy(policy: string): OutOfBounds {
  if (policy === "" || policy === "DEFAULT" || policy === "ERROR") return "error";
  if (policy === "IGNORE") return "ignore";
  throw invalidArgument(`bad_indices_policy "${policy}" is none of DEFAULT, ERROR, IGNORE`);
}

/** The slice of params that each index vector names; zeros where it names none and that is ignored. */
function gatherNd(params: Dense, indices: Dense, policy: OutOfBounds): Dense {
  const depth = indices.shape.at(-1);
  ensure(depth !== undefined && params.shape.length >= 1, "indices and params must be at least a vector");
  ensure(
    depth <= params.shape.length,
    () => `index innermost dimension length must be <= params rank; saw: ${depth} vs. ${params.shape.length}`,
  );
  const sliceShape = params.shape.slice(depth);
  const size = product(sliceShape);
  const rows = rowsOfIndices(asTensor(indices), params.shape, "param shape", policy === "ignore");
  const out = newLike(params, [...indices.shape.slice(0, -1), ...sliceShape]);
  for (const [i, row] of rows.entries()) {
    if (row < 0) continue;
    copyElements(params, row * size, size, out, i * size);
  }
  return out;
}

/** depth slices along a new axis, on_value where the index says so. */
function oneHot(indices: Dense, depthInput: Dense, on: Dense, off: Dense, axisGiven: number): Dense {
  ensure(
    depthInput.shape.length === 0,
    () => `depth must be a scalar, but got: ${shapeText(depthInput.shape)}`,
  );
  ensure(on.shape.length === 0 && off.shape.length === 0, "on_value and off_value must be scalars");
  const depth = integerOf(depthInput, "depth");
  ensure(depth >= 0, () => `depth must be non-negative, got: ${depth}`);
  const rank = indices.shape.length;
  const axis = axisGiven === -1 ? rank : axisGiven;
  ensure(
    axis >= 0 && axis <= rank,
    () => `Expected axis to be -1 or between [0, ${rank}]. But received: ${axisGiven}`,
  );
  const out = newLike(on, indices.shape.toSpliced(axis, 0, depth));
  const count = elementCount(out.shape);
  copyBox([count], { value: off, strides: [0] }, { value: out });
  const inner = product(indices.shape.slice(axis));
  for (const [i, index] of indexData(indices).entries()) {
    if (index < 0 || index >= depth) continue;
    const outer = Math.floor(i / inner);
    copyElements(on, 0, 1, out, (outer * depth + index) * inner + (i % inner));
  }
  return out;
}

/** Where the input is not zero: one row of coordinates for each such element. */
function where(x: Tensor): Tensor {
  if (x.dtype === "string") throw unimplemented("no kernel for string");
  ensure(x.shape.length > 0, "WhereOp : Unhandled input dimensions: 0");
  const lanes = x.dtype.startsWith("complex") ? 2 : 1;
  // The sign bit alone is a zero of a float kept as bits.
  const negativeZero = isFloat(x.dtype) && x.data instanceof Uint16Array ? 0x8000 : 0;
  const positions: number[] = [];
  const count = elementCount(x.shape);
  for (let i = 0; i < count; i++) {
    for (let lane = 0; lane < lanes; lane++) {
      const entry = Number(x.data[i * lanes + lane]);
      if (entry === 0 || (negativeZero !== 0 && entry === negativeZero)) continue;
      positions.push(i);
      break;
    }
  }
  const coordinates = new Float64Array(positions.length * x.shape.length);
  for (const [row, position] of positions.entries()) {
    let rest = position;
    for (let axis = x.shape.length - 1; axis >= 0; axis--) {
      coordinates[row * x.shape.length + axis] = rest % (x.shape[axis] as number);
      rest = Math.floor(rest / (x.shape[axis] as number));
    }
  }
  return tensorOfNumbers("int64", [positions.length, x.shape.length], coordinates);
}

/** The coordinates of flat positions, one column each. */
function unravelIndex(indices: Tensor, dims: Tensor): Tensor {
  const shape = integersOf(dims);
  ensure(dims.shape.length === 1, "The dims can only be 1-D or higher");
  ensure(indices.shape.length <= 1, "The indices can only be scalar or vector.");
  const limit = product(shape);
  const positions = integersOf(indices);
  for (const position of positions) {
    ensure(position >= 0 && position < limit, () => `index is out of bound as with dims: ${position}`);
  }
  const columns: number[] = [];
  let stride = limit;
  for (const size of shape) {
    stride /= size;
    for (const position of positions) columns.push(Math.floor(position / stride) % size);
  }
  return tensorOfNumbers(dims.dtype, [shape.length, ...indices.shape], columns);
}

function invertPermutation(x: Tensor): Tensor {
  ensure(
    x.shape.length === 1,
    () => `invert_permutation expects a 1D vector, got shape ${shapeText(x.shape)}`,
  );
  const inverse = new Float64Array(x.data.length).fill(-1);
  for (const [i, to] of integersOf(x).entries()) {
    ensure(to >= 0 && to < inverse.length, () => `${to} is not between 0 and ${inverse.length}`);
    ensure(inverse[to] === -1, () => `${to} is duplicated in the input.`);
    inverse[to] = i;
  }
  return tensorOfNumbers(x.dtype, x.shape, inverse);
}

export const gatheringKernels: HostTable = {
  Gather: move(() => (params, indices) => gather(params, indices, 0, 0)),
  GatherV2: move((node) => {
    const batchDims = node.attrs.int("batch_dims");
    return (params, indices, axis) => gather(params, indices, integerOf(axis, "axis"), batchDims);
  }),
  GatherNd: move((node) => {
    const policy = outOfBoundsPolicy(node.attrs.string("bad_indices_policy"));
    return (params, indices) => gatherNd(params, indices, policy);
  }),
  OneHot: move((node) => {
    const axis = node.attrs.int("axis");
    return (indices, depth, on, off) => oneHot(indices, depth, on, off, axis);
  }),
  Where: compute(() => where),
  UnravelIndex: compute(() => unravelIndex),
  InvertPermutation: compute(() => invertPermutation),
};
