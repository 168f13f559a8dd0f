/** Ops that put elements where indices say. */
import {
  type DType,
  elementCount,
  isSmallFloat,
  type Shape,
  sameShape,
  shapeText,
  type Tensor,
} from "@servable/formats";
import { asTensor } from "../../values.js";
import type { HostRow, HostTable } from "../op-table.js";
import { type Combine, combiner, computable, fromComputable, requireNumeric } from "./arithmetic.js";
import { copyBox, copyElements, newLike, product } from "./boxes.js";
import { elementsOf, newElements, tensorOf } from "./domains.js";
import { concatenated } from "./elementwise-binary.js";
import { outOfBoundsPolicy } from "./gathering.js";
import { indexData } from "./index-data.js";
import { rowsOfIndices } from "./index-rows.js";
import { compute, type Dense, ensure, integersOf, listText, move, vectorOf } from "./kernel.js";

// ---- by index vectors ------------------------------------------------------------------------------------------

/**
 * Where each slice of `updates` goes in a tensor of `shape`, and how many elements it has. A vector of indices is a
 * column of them.
 */
function slicesToUpdate(given: Tensor, updates: Shape, shape: Shape, ignoreOutside: boolean) {
  const indices = given.shape.length === 1 ? ({ ...given, shape: [...given.shape, 1] } as Tensor) : given;
  const depth = indices.shape.at(-1) ?? 0;
  ensure(
    depth > 0,
    () => `Indices and updates specified for empty output. indices shape: ${shapeText(given.shape)}`,
  );
  const expected = [...indices.shape.slice(0, -1), ...shape.slice(depth)];
  ensure(
    indices.shape.length >= 1 && depth <= shape.length && sameShape(expected, updates),
    () =>
      `Must have updates.shape = indices.shape[:batch_dim] + params_shape[slice_dim:], got updates.shape: ${shapeText(updates)}, indices.shape: ${shapeText(indices.shape)}, params_shape: ${shapeText(shape)}`,
  );
  return { rows: rowsOfIndices(indices, shape, "shape", ignoreOutside), size: product(shape.slice(depth)) };
}

/** Combines slices of `updates` into `target`, which is the caller's own. Small floats add up unrounded. */
function combineSlices(
  dtype: DType,
  target: Tensor,
  indices: Tensor,
  updates: Tensor,
  how: Combine,
  ignore: boolean,
): Tensor {
  const { rows, size } = slicesToUpdate(indices, updates.shape, target.shape, ignore);
  const numeric = requireNumeric(target, "scattering");
  const data = isSmallFloat(dtype) ? computable(numeric) : numeric.data;
  const source = computable(requireNumeric(updates, "scattering"));
  const combine = combiner(dtype, how);
  for (const [i, row] of rows.entries()) {
    if (row < 0) continue;
    for (let k = 0; k < size; k++) combine(data, row * size + k, source, i * size + k);
  }
  return fromComputable(dtype, target.shape, data);
}

/** For strings, adding is joining. */
function joinSlices(shape: Shape, indices: Tensor, updates: Tensor, ignore: boolean): Tensor {
  const { rows, size } = slicesToUpdate(indices, updates.shape, shape, ignore);
  const joined = newElements<Uint8Array>("string", shape);
  const source = elementsOf<Uint8Array>(updates);
  for (const [i, row] of rows.entries()) {
    for (let k = 0; k < size && row >= 0; k++) {
      const at = row * size + k;
      joined[at] = concatenated(joined[at] as Uint8Array, source[i * size + k] as Uint8Array);
    }
  }
  return tensorOf("string", shape, joined);
}

/** Replaces slices, whatever the elements are. */
function replaceSlices(target: Dense, indices: Tensor, updates: Dense, ignore: boolean): Dense {
  const { rows, size } = slicesToUpdate(indices, updates.shape, target.shape, ignore);
  for (const [i, row] of rows.entries()) {
    if (row >= 0) copyElements(updates, i * size, size, target, row * size);
  }
  return target;
}

function copied(x: Dense): Dense {
  const copy = newLike(x, x.shape);
  copyBox(x.shape, { value: x }, { value: copy });
  return copy;
}

const tensorScatter = (how: Exclude<Combine, "update">): HostRow =>
  compute((node) => {
    const ignore = outOfBoundsPolicy(node.attrs.string("bad_indices_policy")) === "ignore";
    return (x, indices, updates) =>
      combineSlices(x.dtype, copied(x) as Tensor, indices, updates, how, ignore);
  });

const tensorScatterUpdate = move((node) => {
  const ignore = outOfBoundsPolicy(node.attrs.string("bad_indices_policy")) === "ignore";
  return (x, indices, updates) => replaceSlices(copied(x), asTensor(indices), updates, ignore);
});

const scatterNd = compute((node) => {
  const ignore = outOfBoundsPolicy(node.attrs.string("bad_indices_policy")) === "ignore";
  return (indices, updates, shapeInput) => {
    const shape = vectorOf(shapeInput, "shape");
    ensure(
      shape.every((size) => size >= 0),
      () => `shape must have non-negative sizes, got ${listText(shape)}`,
    );
    if (updates.dtype === "string") return joinSlices(shape, indices, updates, ignore);
    return combineSlices(updates.dtype, newLike(updates, shape) as Tensor, indices, updates, "add", ignore);
  };
});

// ---- by rows ---------------------------------------------------------------------------------------------------

/** InplaceUpdate and its like: rows i[k] of x combined with rows k of v. */
const inplace = (how: Combine): HostRow =>
  compute(() => (x, rows, v) => {
    const column: Tensor = { ...rows, shape: [elementCount(rows.shape), 1] } as Tensor;
    const updates = { ...v, shape: [elementCount(rows.shape), ...x.shape.slice(1)] } as Tensor;
    return combineSlices(x.dtype, copied(x) as Tensor, column, updates, how, false);
  });

// ---- partitions ------------------------------------------------------------------------------------------------

/** `count` outputs: the rows of data whose partition is 0, 1, …. */
function dynamicPartition(data: Dense, partitions: Dense, count: number): Dense[] {
  const prefix = partitions.shape;
  ensure(
    sameShape(data.shape.slice(0, prefix.length), prefix),
    () =>
      `data.shape must start with partitions.shape, got data.shape = ${shapeText(data.shape)}, partitions.shape = ${shapeText(prefix)}`,
  );
  const rest = data.shape.slice(prefix.length);
  const size = product(rest);
  const members = Array.from({ length: count }, (): number[] => []);
  for (const [row, partition] of integersOf(partitions).entries()) {
    const rows = members[partition];
    ensure(rows !== undefined, () => `partitions[${row}] = ${partition} is not in [0, ${count})`);
    rows.push(row);
  }
  return members.map((rows) => {
    const part = newLike(data, [rows.length, ...rest]);
    for (const [to, from] of rows.entries()) copyElements(data, from * size, size, part, to * size);
    return part;
  });
}

/** Rows of many tensors into one: row k of data[n] becomes row indices[n][k]; later ones win. */
function dynamicStitch(indices: readonly Dense[], data: readonly Dense[]): Dense {
  const [first] = data as [Dense];
  const constant = first.shape.slice((indices[0] as Dense).shape.length);
  for (const [n, values] of data.entries()) {
    const { shape } = indices[n] as Dense;
    ensure(
      sameShape(values.shape, [...shape, ...constant]),
      () =>
        `data[${n}].shape = ${shapeText(values.shape)} must be indices[${n}].shape = ${shapeText(shape)} followed by ${shapeText(constant)}`,
    );
  }
  const rows = indices.map((each) => indexData(each));
  let length = 0;
  for (const each of rows) for (const row of each) length = Math.max(length, row + 1);
  const size = product(constant);
  const out = newLike(first, [length, ...constant]);
  for (const [n, values] of data.entries()) {
    for (const [from, to] of (rows[n] as Float64Array).entries()) {
      ensure(to >= 0, () => `indices[${n}] is out of range`);
      copyElements(values, from * size, size, out, to * size);
    }
  }
  return out;
}

const stitch = move(() => (...inputs) => {
  const count = inputs.length / 2;
  return dynamicStitch(inputs.slice(0, count), inputs.slice(count));
});

export const scatteringKernels: HostTable = {
  ScatterNd: scatterNd,
  ScatterNdNonAliasingAdd: tensorScatter("add"),
  TensorScatterAdd: tensorScatter("add"),
  TensorScatterSub: tensorScatter("sub"),
  TensorScatterMin: tensorScatter("min"),
  TensorScatterMax: tensorScatter("max"),
  TensorScatterUpdate: tensorScatterUpdate,
  InplaceUpdate: inplace("update"),
  InplaceAdd: inplace("add"),
  InplaceSub: inplace("sub"),
  DynamicPartition: move((node) => {
    const count = node.attrs.int("num_partitions");
    return (data, partitions) => dynamicPartition(data, partitions, count);
  }),
  DynamicStitch: stitch,
  ParallelDynamicStitch: stitch,
};
