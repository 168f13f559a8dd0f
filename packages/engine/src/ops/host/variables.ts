/**
 * Resource variables: handles, reads, assignments, gathers and scatters.
 *
 * TF1's reference variables come here too: the compiler rewrites them into handles and reads. A scatter copies the
 * value, for tensors never change once made. Behaviour: tensorflow/core/kernels/resource_variable_ops.cc.
 */
import {
  type DType,
  elementCount,
  invalidArgument,
  type NumericTensor,
  outOfRange,
  type Shape,
  sameShape,
  shapeText,
  type Tensor,
  type TensorData,
  tensor,
} from "@servable/formats";
import { resourceName, Variable, variableOf } from "../../runtime/variable.js";
import { asTensor, type Value } from "../../values.js";
import type { HostRow, HostTable, Kernel, NodeFacts } from "../op-table.js";
import {
  type Combine,
  type CombineAt,
  combiner,
  computable,
  fromComputable,
  requireNumeric,
} from "./arithmetic.js";
import { copyEntries, copyOf, gatherRows, tensorOver } from "./element-memory.js";
import { type IndexData, indexData, indexTensor } from "./index-data.js";
import { indexText, rowsOfIndices } from "./index-rows.js";
import { withSlice } from "./slicing.js";
import { stateful } from "./stateful.js";
import { sliceMasks } from "./strided-slice.js";

/** The row of an op that has no attributes to read. */
const plain = (kernel: Kernel): HostRow => stateful(() => kernel);

function varHandle(node: NodeFacts): Kernel {
  const dtype = node.attrs.type("dtype");
  const name = resourceName(node);
  return (_, { resources }) => {
    const resource = resources.lookupOrCreate<Variable>("Variable", name, () => new Variable(name, dtype));
    return [{ dtype: "resource", shape: [], resource }];
  };
}

/** Assigns `change(current, update)` for an update of the variable's shape. */
function assignChanged(how: Combine): HostRow {
  return plain(([handle, update]) => {
    const variable = variableOf(handle);
    const current = requireNumeric(variable.read(), `Assign${how}`);
    const other = requireNumeric(asTensor(update), `Assign${how}`);
    if (!sameShape(current.shape, other.shape)) {
      throw invalidArgument(
        `Cannot update variable ${variable.name} with shape ${shapeText(current.shape)} using a Tensor with shape ` +
          `${shapeText(other.shape)}, shapes must be equal.`,
      );
    }
    variable.assign(combined(current, other, how));
    return [];
  });
}

function combined(current: NumericTensor, other: NumericTensor, how: Combine): Tensor {
  const data = computable(current).slice();
  const update = computable(other);
  const combine = combiner(current.dtype, how);
  const count = elementCount(current.shape);
  for (let i = 0; i < count; i++) combine(data, i, update, i);
  return fromComputable(current.dtype, current.shape, data);
}

// ---- gather --------------------------------------------------------------------------------------------------

function resourceGather(node: NodeFacts): Kernel {
  const batchDims = node.attrs.int("batch_dims");
  return ([handle, indicesInput]) => {
    const params = variableOf(handle).read();
    const indices = asTensor(indicesInput);
    if (params.shape.length <= batchDims) {
      throw invalidArgument(
        `params must be at least ${batchDims + 1} dimensional, got shape ${shapeText(params.shape)}`,
      );
    }
    const rows = batchedRows(params.shape, indices, indexData(indices), batchDims);
    const rowShape = params.shape.slice(batchDims + 1);
    const data = gatherRows(params.dtype, params.data, rows, elementCount(rowShape));
    return [tensorOver(params.dtype, [...indices.shape, ...rowShape], data)];
  };
}

/** Each index as a row of `params` with its batch dimensions and its axis made one. */
function batchedRows(params: Shape, indices: Tensor, entries: IndexData, batchDims: number): IndexData {
  const limit = params[batchDims] as number;
  const perBatch = elementCount(indices.shape.slice(batchDims));
  const rows = new Float64Array(entries.length);
  for (let i = 0; i < entries.length; i++) {
    const index = entries[i] as number;
    if (index < 0 || index >= limit) {
      throw invalidArgument(`indices[${indexText(i, indices.shape)}] = ${index} is not in [0, ${limit})`);
    }
    rows[i] = index + (batchDims === 0 ? 0 : Math.floor(i / perBatch) * limit);
  }
  return rows;
}

const resourceGatherNd: Kernel = ([handle, indicesInput]) => {
  const params = variableOf(handle).read();
  const indices = asTensor(indicesInput);
  const depth = indices.shape.at(-1) ?? 0;
  const rows = rowsOfIndices(indices, params.shape, "param shape");
  const rowShape = params.shape.slice(depth);
  const data = gatherRows(params.dtype, params.data, rows, elementCount(rowShape));
  return [tensorOver(params.dtype, [...indices.shape.slice(0, -1), ...rowShape], data)];
};

// ---- scatter -------------------------------------------------------------------------------------------------

function scatter(how: Combine): HostRow {
  return plain(([handle, indicesInput, updatesInput]) => {
    const variable = variableOf(handle);
    const params = variable.read();
    const [indices, updates] = [asTensor(indicesInput), asTensor(updatesInput)];
    const rowShape = params.shape.slice(1);
    if (updates.shape.length > 0 && !sameShape(updates.shape, [...indices.shape, ...rowShape])) {
      throw invalidArgument(
        `shape of indices (${shapeText(indices.shape)}) is not compatible with the shape of updates ` +
          `(${shapeText(updates.shape)})`,
      );
    }
    const rows = batchedRows(params.shape, indices, indexData(indices), 0);
    variable.assign(scattered(params, rows, elementCount(rowShape), updates, how));
    return [];
  });
}

function scatterNd(how: Combine): HostRow {
  return plain(([handle, indicesInput, updatesInput]) => {
    const variable = variableOf(handle);
    const params = variable.read();
    const [indices, updates] = [asTensor(indicesInput), asTensor(updatesInput)];
    const rowShape = params.shape.slice(indices.shape.at(-1) ?? 0);
    if (!sameShape(updates.shape, [...indices.shape.slice(0, -1), ...rowShape])) {
      throw invalidArgument(
        `updates of shape ${shapeText(updates.shape)} do not fit indices of shape ${shapeText(indices.shape)} ` +
          `into a variable of shape ${shapeText(params.shape)}`,
      );
    }
    const rows = rowsOfIndices(indices, params.shape, "shape");
    variable.assign(scattered(params, rows, elementCount(rowShape), updates, how));
    return [];
  });
}

/** `params` with row after row combined with its update; a scalar update serves every entry. */
function scattered(params: Tensor, rows: IndexData, width: number, updates: Tensor, how: Combine): Tensor {
  const isScalar = updates.shape.length === 0;
  if (how === "update" && !isScalar) {
    const data = copyOf(params);
    const entries = width * (params.data.length / Math.max(1, elementCount(params.shape)));
    for (const [i, row] of rows.entries())
      copyEntries(data, row * entries, updates.data, i * entries, entries);
    return tensorOver(params.dtype, params.shape, data);
  }
  return combinedRows(
    requireNumeric(params, `Scatter${how}`),
    rows,
    width,
    requireNumeric(updates, `Scatter${how}`),
    combiner(params.dtype, how),
  );
}

function combinedRows(
  params: NumericTensor,
  rows: IndexData,
  width: number,
  updates: NumericTensor,
  combine: CombineAt,
): Tensor {
  const data = computable(params).slice();
  const update = computable(updates);
  const step = updates.shape.length === 0 ? 0 : 1;
  for (const [i, row] of rows.entries()) {
    for (let j = 0; j < width; j++) combine(data, row * width + j, update, (i * width + j) * step);
  }
  return fromComputable(params.dtype, params.shape, data);
}

function stridedSliceAssign(node: NodeFacts): Kernel {
  const masks = sliceMasks(node.attrs);
  return ([handle, begin, end, strides, value]) => {
    const variable = variableOf(handle);
    const current = variable.read();
    const copy = tensorOver(current.dtype, current.shape, copyOf(current));
    withSlice(copy, [asTensor(begin), asTensor(end), asTensor(strides)], asTensor(value), masks);
    variable.assign(copy);
    return [];
  };
}

// ---- the rest ------------------------------------------------------------------------------------------------

function destroyResource(node: NodeFacts): Kernel {
  const ignoreMissing = node.attrs.bool("ignore_lookup_error");
  return ([handle], { resources }) => {
    if (handle?.dtype !== "resource") throw invalidArgument(`${node.name}: input is no resource`);
    const { name } = handle.resource;
    if (handle.resource instanceof Variable) delete handle.resource.value;
    if (!resources.delete(name) && !ignoreMissing) throw invalidArgument(`Resource "${name}" does not exist`);
    return [];
  };
}

function countUpTo(node: NodeFacts): Kernel {
  const limit = node.attrs.int("limit");
  return ([handle]) => {
    const variable = variableOf(handle);
    const current = variable.read();
    if (Number(current.data[0]) >= limit) throw outOfRange(`Reached limit of ${limit}`);
    const one = tensorOver(current.dtype, [], filledWithOne(current.dtype));
    variable.assign(combined(requireNumeric(current, node.op), requireNumeric(one, node.op), "add"));
    return [current];
  };
}

function filledWithOne(dtype: DType): TensorData {
  return dtype === "int64" ? BigInt64Array.of(1n) : Int32Array.of(1);
}

function readVariable(node: NodeFacts): Kernel {
  const dtype = node.attrs.type("dtype");
  return ([handle]) => {
    const value = variableOf(handle).read();
    if (value.dtype !== dtype) {
      throw invalidArgument(
        `Trying to read variable with wrong dtype. Expected ${dtype} got ${value.dtype} (variable ${variableOf(handle).name})`,
      );
    }
    return [value];
  };
}

const assign: Kernel = ([handle, value]) => {
  variableOf(handle).assign(asTensor(value));
  return [];
};

const isInitialized = ([handle]: readonly Value[]): Value[] => [
  tensor("bool", [], Uint8Array.of(variableOf(handle).value === undefined ? 0 : 1)),
];

function variableShape(node: NodeFacts): Kernel {
  const dtype = node.attrs.type("out_type") as "int32" | "int64";
  return ([handle]) => {
    const { shape } = variableOf(handle).read();
    return [indexTensor(dtype, [shape.length], shape)];
  };
}

export const variableKernels: HostTable = {
  VarHandleOp: stateful(varHandle),
  ReadVariableOp: stateful(readVariable),
  AssignVariableOp: plain(assign),
  AssignAddVariableOp: assignChanged("add"),
  AssignSubVariableOp: assignChanged("sub"),
  VarIsInitializedOp: plain(isInitialized),
  VariableShape: stateful(variableShape),
  DestroyResourceOp: stateful(destroyResource),
  ResourceCountUpTo: stateful(countUpTo),
  ResourceGather: stateful(resourceGather),
  ResourceGatherNd: plain(resourceGatherNd),
  ResourceScatterAdd: scatter("add"),
  ResourceScatterSub: scatter("sub"),
  ResourceScatterMul: scatter("mul"),
  ResourceScatterDiv: scatter("div"),
  ResourceScatterMin: scatter("min"),
  ResourceScatterMax: scatter("max"),
  ResourceScatterUpdate: scatter("update"),
  ResourceScatterNdAdd: scatterNd("add"),
  ResourceScatterNdSub: scatterNd("sub"),
  ResourceScatterNdMin: scatterNd("min"),
  ResourceScatterNdMax: scatterNd("max"),
  ResourceScatterNdUpdate: scatterNd("update"),
  ResourceStridedSliceAssign: stateful(stridedSliceAssign),
};
