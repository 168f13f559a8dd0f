/**
 * Set operations over the last dimension: the elements of each innermost row are a set (tensorflow/core/kernels/set_kernels.cc).
 * Results come sorted, each element once.
 */
import {
  allocate,
  elementCount,
  invalidArgument,
  type Shape,
  sameShape,
  shapeText,
  stridesOf,
  type Tensor,
} from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { bytesOfLatin1, latin1Of } from "../byte-strings.js";
import { tensorOver } from "../element-memory.js";
import { int64Tensor } from "../index-data.js";
import { compute, countOf, type TensorFunction } from "../kernel.js";
import { checkInside, checkOrder, rowGroups, shapeTensor, sparseTensor } from "./sparse-tensor.js";

/** Strings one character a byte, so that they compare as bytes do. */
type Element = string | number | bigint;
/** The set of each group of leading coordinates, by the group's position; a group without a set has none. */
interface Sets {
  readonly groupShape: Shape;
  readonly sets: ReadonlyMap<number, ReadonlySet<Element>>;
}

type SetOperation = "a-b" | "b-a" | "intersection" | "union";

const operations: Readonly<
  Record<SetOperation, (a: ReadonlySet<Element>, b: ReadonlySet<Element>) => Element[]>
> = {
  "a-b": (a, b) => [...a].filter((element) => !b.has(element)),
  "b-a": (a, b) => [...b].filter((element) => !a.has(element)),
  intersection: (a, b) => [...a].filter((element) => b.has(element)),
  union: (a, b) => [...new Set([...a, ...b])],
};

function operationOf({ attrs }: NodeFacts): (a: ReadonlySet<Element>, b: ReadonlySet<Element>) => Element[] {
  const name = attrs.string("set_operation").toLowerCase();
  if (!Object.hasOwn(operations, name)) throw invalidArgument(`Invalid set_operation ${name}.`);
  return operations[name as SetOperation];
}

function elementAt({ data }: Tensor, i: number): Element {
  const element = data[i] as Uint8Array | number | bigint;
  return typeof element === "object" ? latin1Of(element) : element;
}

/** A dense tensor's rows. */
function setsOfDense(tensor: Tensor): Sets {
  if (tensor.shape.length < 2) {
    throw invalidArgument(`Input rank of a set must be at least 2, got shape ${shapeText(tensor.shape)}`);
  }
  const groupShape = tensor.shape.slice(0, -1);
  const width = tensor.shape.at(-1) as number;
  const sets = new Map<number, Set<Element>>();
  for (let group = 0; group < elementCount(groupShape); group++) {
    const set = new Set<Element>();
    for (let i = 0; i < width; i++) set.add(elementAt(tensor, group * width + i));
    sets.set(group, set);
  }
  return { groupShape, sets };
}

/** A sparse tensor's rows: the values, wherever they stand. */
function setsOfSparse(inputs: readonly Tensor[], from: number, validate: boolean): Sets {
  const sparse = sparseTensor(inputs[from], inputs[from + 1], inputs[from + 2]);
  const { indices, count, rank } = sparse;
  if (rank < 2)
    throw invalidArgument(`Input rank of a set must be at least 2, got shape ${shapeText(sparse.shape)}`);
  if (validate) {
    checkInside(sparse);
    checkOrder(sparse);
  }
  const groupShape = sparse.shape.slice(0, -1);
  const strides = stridesOf(groupShape);
  const sets = new Map<number, Set<Element>>();
  for (const { start, end } of rowGroups(indices, count, rank, rank - 1)) {
    const group = strides.reduce(
      (at, stride, axis) => at + stride * (indices[start * rank + axis] as number),
      0,
    );
    const set = sets.get(group) ?? new Set<Element>();
    for (let i = start; i < end; i++) set.add(elementAt(sparse.values, i));
    sets.set(group, set);
  }
  return { groupShape, sets };
}

const NONE: ReadonlySet<Element> = new Set();

/** The result of every group as a sparse tensor. */
function combined(
  a: Sets,
  b: Sets,
  operation: (a: ReadonlySet<Element>, b: ReadonlySet<Element>) => Element[],
  dtype: Tensor["dtype"],
): Tensor[] {
  if (!sameShape(a.groupShape, b.groupShape)) {
    throw invalidArgument(`Mismatched shapes ${shapeText(a.groupShape)} vs ${shapeText(b.groupShape)}`);
  }
  const groups = [...new Set([...a.sets.keys(), ...b.sets.keys()])].sort((x, y) => x - y);
  const results = groups.map((group) =>
    operation(a.sets.get(group) ?? NONE, b.sets.get(group) ?? NONE).sort(compare),
  );
  const strides = stridesOf(a.groupShape);
  const indices = results.flatMap((elements, g) => {
    const position = groups[g] as number;
    const coordinates = strides.map(
      (stride, axis) => Math.floor(position / stride) % (a.groupShape[axis] as number),
    );
    return elements.flatMap((_, i) => [...coordinates, i]);
  });
  const all = results.flat();
  const widest = results.reduce((most, elements) => Math.max(most, elements.length), 0);
  return [
    int64Tensor([all.length, a.groupShape.length + 1], indices),
    tensorOfElements(dtype, all),
    shapeTensor([...a.groupShape, widest]),
  ];
}

function compare(a: Element, b: Element): number {
  return a < b ? -1 : Number(a > b);
}

function tensorOfElements(dtype: Tensor["dtype"], elements: readonly Element[]): Tensor {
  const data = allocate(dtype, elements.length);
  const target = data as unknown as unknown[];
  for (const [i, element] of elements.entries())
    target[i] = typeof element === "string" ? bytesOfLatin1(element) : element;
  return tensorOver(dtype, [elements.length], data);
}

function denseToDense(node: NodeFacts): TensorFunction {
  const operation = operationOf(node);
  return (a, b) =>
    combined(setsOfDense(a as Tensor), setsOfDense(b as Tensor), operation, (a as Tensor).dtype);
}

function denseToSparse(node: NodeFacts): TensorFunction {
  const operation = operationOf(node);
  const validate = node.attrs.bool("validate_indices");
  return (...inputs) => {
    const dense = inputs[0] as Tensor;
    return combined(setsOfDense(dense), setsOfSparse(inputs, 1, validate), operation, dense.dtype);
  };
}

function sparseToSparse(node: NodeFacts): TensorFunction {
  const operation = operationOf(node);
  const validate = node.attrs.bool("validate_indices");
  return (...inputs) => {
    const [a, b] = [setsOfSparse(inputs, 0, validate), setsOfSparse(inputs, 3, validate)];
    return combined(a, b, operation, (inputs[1] as Tensor).dtype);
  };
}

/** How many different elements each row has. */
function setSize({ attrs }: NodeFacts): TensorFunction {
  const validate = attrs.bool("validate_indices");
  return (...inputs) => {
    const { groupShape, sets } = setsOfSparse(inputs, 0, validate);
    const sizes = new Int32Array(countOf(groupShape));
    for (const [group, set] of sets) sizes[group] = set.size;
    return tensorOver("int32", groupShape, sizes);
  };
}

export const setKernels: HostTable = {
  DenseToDenseSetOperation: compute(denseToDense),
  DenseToSparseSetOperation: compute(denseToSparse),
  SparseToSparseSetOperation: compute(sparseToSparse),
  SetSize: compute(setSize),
};
