/**
 * Variables in parts: one tensor that is too large for one place, cut along an axis into variables of the graph, which
 * checkpoints hold as slices under the name of the whole. The partitioners are those of TensorFlow 1
 * (tensorflow/python/ops/partitioned_variables.py), and so are the names of the operations.
 */
import { cutSlice, partition } from "../checkpoint/tensor-slice.js";
import { type DType, dtypeInfo } from "../dtype.js";
import { type Shape, sameShape, shapeText } from "../shape.js";
import { invalidArgument } from "../status.js";
import { type Tensor, tensor } from "../tensor.js";
import type { GraphBuilder, OpOptions } from "./graph-builder.js";
import type { Output } from "./operation.js";
import type { Variable, VariableOptions } from "./variable.js";
import { joinParts } from "./variable-values.js";

/** Into how many parts a variable is cut along each axis; more than one along one axis only. */
export type Partitioner = (shape: Shape, dtype: DType) => Shape;

/**
 * So many parts along an axis, or as many as it has elements where that is less; tf.fixed_size_partitioner.
 *
 * @param axis negative from the end
 *
 * @example
 * assert.deepEqual(fixedSizePartitioner(3)([10, 4], "float32"), [3, 1]);
 */
export function fixedSizePartitioner(parts: number, axis = 0): Partitioner {
  if (!Number.isInteger(parts) || parts < 1) {
    throw invalidArgument(`The number of parts must be a positive integer, got ${parts}`);
  }
  return (shape) => partsAlong(shape, axis, () => parts);
}

/** What variable_axis_size_partitioner takes beside the size of a part. */
export interface AxisSizeOptions {
  /** The axis that is cut, negative from the end; 0 by default. */
  readonly axis?: number;
  /** No more parts than these, however large they become. */
  readonly maxParts?: number;
  /** What a string counts for; 16 by default. */
  readonly bytesPerString?: number;
}

/**
 * As few parts along an axis as leave each at most `maxPartBytes`, as far as whole rows of that axis allow;
 * tf.variable_axis_size_partitioner.
 *
 * @example
 * assert.deepEqual(axisSizePartitioner(40)([5, 3], "float32"), [2, 1]);
 */
export function axisSizePartitioner(
  maxPartBytes: number,
  { axis = 0, maxParts = Infinity, bytesPerString = 16 }: AxisSizeOptions = {},
): Partitioner {
  if (!(maxPartBytes >= 1) || !(maxParts >= 1) || !(bytesPerString >= 1)) {
    throw invalidArgument(
      `Bytes of a part (${maxPartBytes}), of a string (${bytesPerString}) and the most parts (${maxParts}) must be positive`,
    );
  }
  return (shape, dtype) =>
    partsAlong(shape, axis, (size) => {
      const elementBytes = dtype === "string" ? bytesPerString : dtypeInfo(dtype).size;
      const rowBytes = shape.reduce((product, dim) => product * dim, elementBytes) / Math.max(size, 1);
      const rowsOfPart = Math.max(1, Math.floor(maxPartBytes / Math.max(rowBytes, 1)));
      return Math.min(Math.ceil(size / rowsOfPart), Math.floor(maxParts));
    });
}

/** INVALID_ARGUMENT when the shape has no such axis. */
function partsAlong(shape: Shape, axis: number, partsOf: (size: number) => number): Shape {
  const at = axis < 0 ? axis + shape.length : axis;
  const size = shape[at];
  if (size === undefined) throw invalidArgument(`A shape ${shapeText(shape)} has no axis ${axis}`);
  return shape.map((_, i) => (i === at ? Math.max(1, Math.min(partsOf(size), size)) : 1));
}

export interface PartitionedVariableOptions extends Omit<VariableOptions, "partition" | "initialValue"> {
  readonly partitioner: Partitioner;
  /** Of the whole; zeros by default. */
  readonly initialValue?: Tensor;
}

/**
 * A variable in parts; GraphBuilder.partitionedVariable makes them.
 *
 * A program gives its value whole, under `name`, or by the names of the parts: Saver and SavedModelBuilder take both.
 *
 * @example
 * const rows = tensor("float32", [3, 1], Float32Array.of(1, 2, 3));
 * const graph = new GraphBuilder();
 * const table = graph.partitionedVariable("float32", [3, 1], { name: "table", partitioner: fixedSizePartitioner(2) });
 * assert.deepEqual(table.parts.map(({ name, shape }) => [name, shape[0]]), [["table/part_0", 2], ["table/part_1", 1]]);
 *
 * const prefix = new Saver(graph, new Map([["table", rows]]), { writeVersion: "V2" }).save("model");
 * const other = new GraphBuilder();
 * const three = other.partitionedVariable("float32", [3, 1], { name: "table", partitioner: fixedSizePartitioner(3) });
 * const restored = new Saver(other, new Map([["table", rows]])).restore(prefix);
 * assert.deepEqual(restored.get("table/part_2")?.data, Float32Array.of(3));
 * assert.deepEqual(three.join(restored), rows);
 */
export class PartitionedVariable {
  constructor(
    /** Name of the whole, under which checkpoints hold it. */
    readonly name: string,
    readonly dtype: DType,
    readonly shape: Shape,
    readonly parts: readonly Variable[],
    private readonly snapshot: Output,
  ) {}

  /** The whole value as it is when the operation runs; always the same operation. */
  read(): Output {
    return this.snapshot;
  }

  /** The value of the whole from those of its parts. INVALID_ARGUMENT, listing all, when some are missing or don't fit. */
  join(values: ReadonlyMap<string, Tensor>): Tensor {
    return joinParts(this.parts, values);
  }
}

/** Adds the parts, each a variable of its own, and what reads them whole. */
export function createPartitionedVariable(
  graph: GraphBuilder,
  dtype: DType,
  shape: Shape,
  { name = "PartitionedVariable", partitioner, initialValue, ...options }: PartitionedVariableOptions,
): PartitionedVariable {
  checkInitialValue(dtype, shape, initialValue);
  const counts = partitioner(shape, dtype);
  const axis = axisOf(counts, shape);
  return graph.scope(name, (fullName) => {
    const parts = partition(shape, counts).map((slice, i) =>
      graph.variable(dtype, slice.length, {
        ...options,
        name: `part_${i}`,
        partition: { fullName, fullShape: shape, slice },
        ...(initialValue !== undefined && { initialValue: cutSlice(initialValue, slice) }),
      }),
    );
    return new PartitionedVariable(fullName, dtype, shape, parts, readWhole(graph, parts, axis, options));
  });
}

/** INVALID_ARGUMENT for parts along several axes, of which VariableDef and TensorFlow know nothing. */
function axisOf(counts: Shape, shape: Shape): number {
  const cut = counts.flatMap((count, axis) => (count > 1 ? [axis] : []));
  if (counts.length === shape.length && cut.length <= 1) return cut[0] ?? 0;
  throw invalidArgument(
    `A variable of shape ${shapeText(shape)} can't be cut into ${shapeText(counts)} parts: only along one axis`,
  );
}

function checkInitialValue(dtype: DType, shape: Shape, given: Tensor | undefined): void {
  if (given === undefined || (given.dtype === dtype && sameShape(given.shape, shape))) return;
  throw invalidArgument(
    `The initial value of a variable ${dtype} of shape ${shapeText(shape)} is ${given.dtype} of shape ${shapeText(given.shape)}`,
  );
}

function readWhole(
  graph: GraphBuilder,
  parts: readonly Variable[],
  axis: number,
  { device, controlInputs }: OpOptions,
): Output {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only.read();
  const options = {
    ...(device !== undefined && { device }),
    ...(controlInputs !== undefined && { controlInputs }),
  };
  const inputs = [parts.map((part) => part.read()), tensor("int32", [], Int32Array.of(axis))];
  return graph.compute("ConcatV2", inputs, {}, { ...options, name: "ConcatPartitions/concat" });
}
