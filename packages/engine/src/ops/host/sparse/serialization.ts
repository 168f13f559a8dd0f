/**
 * Sparse tensors as three serialized tensors (indices, values, shape), in strings or in variants: SerializeSparse and
 * SerializeManySparse, which takes a batch apart, and their reverse.
 */
import { toBinary } from "@bufbuild/protobuf";
import {
  allocate,
  Code,
  type DType,
  decodeMessage,
  internal,
  invalidArgument,
  type Shape,
  shapeText,
  type Tensor,
  tensorFromProto,
  tensorToProto,
} from "@servable/formats";
import { TensorProtoSchema } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import { asTensor, type Value, type Variant } from "../../../values.js";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { copyEntries, gatherRows, tensorOver } from "../element-memory.js";
import { int64Tensor } from "../index-data.js";
import { countOf, outputDtype, pass } from "../kernel.js";
import { checkInside, type SparseTensor, shapeTensor, sparseTensor } from "./sparse-tensor.js";

/** A tensor as one element of a variant tensor. */
export interface TensorVariant extends Variant {
  readonly kind: "Tensor";
  readonly tensor: Tensor;
}

type Parts = readonly [indices: Tensor, values: Tensor, shape: Tensor];

/** Serialized tensors of a shape, in the form that the node's output has. */
function packed(node: NodeFacts, shape: Shape, tensors: readonly Tensor[]): Value {
  if (node.outputTypes[0] === "variant") {
    return {
      dtype: "variant",
      shape,
      data: tensors.map((tensor): TensorVariant => ({ kind: "Tensor", tensor })),
    };
  }
  const bytes = tensors.map((tensor) =>
    toBinary(TensorProtoSchema, tensorToProto(tensor, { asContent: true })),
  );
  return tensorOver("string", shape, bytes);
}

function serializeSparse(node: NodeFacts) {
  return (...inputs: Value[]): Value => {
    const [indices, values, shape] = inputs.map(asTensor) as [Tensor, Tensor, Tensor];
    sparseTensor(indices, values, shape);
    return packed(node, [3], [indices, values, shape]);
  };
}

/** One row for each example; its coordinate is left out. */
function serializeManySparse(node: NodeFacts) {
  return (...inputs: Value[]): Value => {
    const [indices, values, shape] = inputs.map(asTensor) as [Tensor, Tensor, Tensor];
    const sparse = sparseTensor(indices, values, shape);
    if (sparse.rank < 2)
      throw invalidArgument(`Rank of input SparseTensor should be > 1, but saw rank: ${sparse.rank}`);
    checkInside(sparse);
    const examples = sparse.shape[0] as number;
    countOf([examples, 3]);
    const rows: number[][] = Array.from({ length: examples }, () => []);
    for (let i = 0; i < sparse.count; i++) rows[sparse.indices[i * sparse.rank] as number]?.push(i);
    const parts = rows.flatMap((entries) => exampleParts(sparse, entries));
    return packed(node, [examples, 3], parts);
  };
}

function exampleParts({ indices, values, rank, shape }: SparseTensor, rows: readonly number[]): Tensor[] {
  const coordinates = rows.flatMap((row) => [...indices.subarray(row * rank + 1, (row + 1) * rank)]);
  return [
    int64Tensor([rows.length, rank - 1], coordinates),
    tensorOver(values.dtype, [rows.length], gatherRows(values.dtype, values.data, rows, 1)),
    shapeTensor(shape.slice(1)),
  ];
}

// ---- back ----------------------------------------------------------------------------------------------------

/** The tensors that were serialized, in order. */
function unpacked(value: Value): Tensor[] {
  if (value.dtype === "variant") {
    return value.data.map((element) => {
      if (element.kind !== "Tensor")
        throw invalidArgument(`expected a serialized tensor, got a ${element.kind}`);
      return (element as TensorVariant).tensor;
    });
  }
  if (value.dtype !== "string") throw internal(`expected serialized tensors, got ${value.dtype}`);
  return value.data.map((bytes, i) => {
    const what = `serialized_sparse[${i}]`;
    return tensorFromProto(decodeMessage(TensorProtoSchema, bytes, what, Code.INVALID_ARGUMENT), what);
  });
}

/** The leading dimensions of the input become those of the sparse tensor; of a single one there are none. */
function deserialize(node: NodeFacts) {
  const dtype = outputDtype(node, 1);
  return (value: Value): Tensor[] => {
    const { shape } = value;
    if (shape.at(-1) !== 3) {
      throw invalidArgument(
        `Serialized sparse should have non-zero rank and 3 as the last dimension, got ${shapeText(shape)}`,
      );
    }
    const tensors = unpacked(value);
    const batch = shape.slice(0, -1);
    const parts = Array.from({ length: tensors.length / 3 }, (_, i) => {
      const part = tensors.slice(3 * i, 3 * i + 3) as unknown as Parts;
      return checkedPart(part, dtype);
    });
    return joined(parts, batch, dtype);
  };
}

function checkedPart([indices, values, shape]: Parts, dtype: DType): SparseTensor {
  if (indices.dtype !== "int64" || shape.dtype !== "int64") {
    throw invalidArgument(`Expected int64 indices and shape, got ${indices.dtype} and ${shape.dtype}`);
  }
  if (values.dtype !== dtype)
    throw invalidArgument(
      `Requested SparseTensor of type ${dtype} but SparseTensor has type ${values.dtype}`,
    );
  const sparse = sparseTensor(indices, values, shape);
  checkInside(sparse);
  return sparse;
}

function joined(parts: readonly SparseTensor[], batch: Shape, dtype: DType): Tensor[] {
  const rank = parts[0]?.rank ?? 0;
  const other = parts.find((part) => part.rank !== rank);
  if (other !== undefined)
    throw invalidArgument(`Inconsistent rank across SparseTensors: ${rank} and ${other.rank}`);
  const total = parts.reduce((sum, part) => sum + part.count, 0);
  const indices = new Float64Array(total * (batch.length + rank));
  const data = allocate(dtype, total);
  let [at, valueAt] = [0, 0];
  for (const [example, part] of parts.entries()) {
    const leading = coordinatesOf(example, batch);
    for (let i = 0; i < part.count; i++) {
      for (const coordinate of leading) indices[at++] = coordinate;
      for (let axis = 0; axis < rank; axis++) indices[at++] = part.indices[i * rank + axis] as number;
    }
    copyEntries(data, valueAt, part.values.data, 0, part.values.data.length);
    valueAt += part.values.data.length;
  }
  const sizes = Array.from({ length: rank }, (_, axis) =>
    Math.max(0, ...parts.map((part) => part.shape[axis] as number)),
  );
  return [
    int64Tensor([total, batch.length + rank], indices),
    tensorOver(dtype, [total], data),
    shapeTensor([...batch, ...sizes]),
  ];
}

function coordinatesOf(position: number, shape: Shape): number[] {
  const coordinates: number[] = [];
  let rest = position;
  for (const size of shape.toReversed()) {
    coordinates.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return coordinates;
}

export const sparseSerializationKernels: HostTable = {
  SerializeSparse: pass(serializeSparse),
  SerializeManySparse: pass(serializeManySparse),
  DeserializeSparse: pass((node) => deserialize(node) as (...inputs: Value[]) => Tensor[]),
  DeserializeManySparse: pass((node) => deserialize(node) as (...inputs: Value[]) => Tensor[]),
};
