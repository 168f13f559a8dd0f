/**
 * Variables, in both forms that TensorFlow has: a resource, read and assigned by operations of its handle (TensorFlow
 * 2), or a reference to memory (VariableV2 and Assign of TensorFlow 1). VariableDef
 * (tensorflow/core/framework/variable.proto) tells importers which operations those are.
 */
import { create } from "@bufbuild/protobuf";
import type { TensorSlice } from "../checkpoint/tensor-slice.js";
import type { DType } from "../dtype.js";
import {
  type VariableDef,
  VariableDefSchema,
} from "../protobuf/gen/tensorflow/core/framework/variable_pb.js";
import type { Shape } from "../shape.js";
import { type Tensor, tensor, zeros } from "../tensor.js";
import type { GraphBuilder, OpInput, OpOptions } from "./graph-builder.js";
import type { Operation, Output } from "./operation.js";

/** Where a part of a partitioned variable lies in the whole. */
export interface VariablePartition {
  /** Name of the whole, under which checkpoints hold it. */
  readonly fullName: string;
  readonly fullShape: Shape;
  readonly slice: TensorSlice;
}

export interface VariableOptions extends OpOptions {
  /**
   * What the initializer assigns, where no checkpoint is restored; zeros by default. A trained value belongs in the
   * checkpoint alone: given here it makes the graph as large.
   */
  readonly initialValue?: OpInput;
  /** Listed among the trainable variables; true by default. */
  readonly trainable?: boolean;
  /** False for a reference variable of TensorFlow 1 (VariableV2, Assign); true by default. */
  readonly useResource?: boolean;
  /** Set for a part of a partitioned variable. */
  readonly partition?: VariablePartition;
}

/** The operations of a variable, and what is said of it. */
export interface VariableParts {
  /** A resource, or a reference. */
  readonly handle: Output;
  readonly initialValue: Output;
  readonly initializer: Operation;
  readonly snapshot: Output;
  readonly isResource: boolean;
  readonly trainable: boolean;
  readonly partition?: VariablePartition;
}

/**
 * A variable of a graph that is being built; GraphBuilder.variable makes them.
 *
 * @example
 * const graph = new GraphBuilder();
 * const steps = graph.variable("int64", [], { name: "steps", trainable: false });
 * const one = tensor("int64", [], BigInt64Array.of(1n));
 * const next = steps.assign(graph.compute("AddV2", [steps.read(), one]));
 * assert.deepEqual([steps.name, next.type], ["steps", "AssignVariableOp"]);
 */
export class Variable {
  constructor(
    private readonly graph: GraphBuilder,
    readonly dtype: DType,
    readonly shape: Shape,
    private readonly parts: VariableParts,
  ) {}

  /** Its name in the graph. */
  get name(): string {
    return this.handle.operation.name;
  }

  /** Where its value is in a checkpoint: its own name, or that of the whole that it is a part of. */
  get checkpointName(): string {
    return this.partition?.fullName ?? this.name;
  }

  get handle(): Output {
    return this.parts.handle;
  }

  get trainable(): boolean {
    return this.parts.trainable;
  }

  /** Whether it lives in a resource rather than behind a reference. */
  get isResource(): boolean {
    return this.parts.isResource;
  }

  get partition(): VariablePartition | undefined {
    return this.parts.partition;
  }

  /** Assigns the initial value. */
  get initializer(): Operation {
    return this.parts.initializer;
  }

  /** The value as it is when the operation runs; without options always the same operation. */
  read(options?: OpOptions): Output {
    if (options === undefined) return this.parts.snapshot;
    return readOf(this.graph, this.handle, this.dtype, this.isResource, options);
  }

  /** Gives the variable another value. */
  assign(value: OpInput, options: OpOptions = {}): Operation {
    return assignTo(this.graph, this.handle, value, this.isResource, options);
  }

  toProto(): VariableDef {
    const { handle, initialValue, initializer, snapshot, isResource, trainable, partition } = this.parts;
    return create(VariableDefSchema, {
      variableName: handle.name,
      initialValueName: initialValue.name,
      initializerName: initializer.name,
      snapshotName: snapshot.name,
      isResource,
      trainable,
      ...(partition !== undefined && {
        saveSliceInfoDef: {
          fullName: partition.fullName,
          fullShape: partition.fullShape.map(BigInt),
          varOffset: partition.slice.start.map(BigInt),
          varShape: partition.slice.length.map(BigInt),
        },
      }),
    });
  }
}

function readOf(graph: GraphBuilder, handle: Output, dtype: DType, isResource: boolean, options: OpOptions) {
  return isResource
    ? graph.compute("ReadVariableOp", [handle], { dtype }, options)
    : graph.compute("Identity", [handle], {}, options);
}

function assignTo(
  graph: GraphBuilder,
  handle: Output,
  value: OpInput,
  isResource: boolean,
  options: OpOptions,
): Operation {
  return graph.op(isResource ? "AssignVariableOp" : "Assign", [handle, value], {}, options);
}

/** Adds a variable's operations, named as TensorFlow names them. */
export function createVariable(
  graph: GraphBuilder,
  dtype: DType,
  shape: Shape,
  {
    name = "Variable",
    initialValue,
    trainable = true,
    useResource: isResource = true,
    partition,
    ...options
  }: VariableOptions,
): Variable {
  const attrs = (unique: string) => ({ dtype, shape, shared_name: isResource ? unique : "" });
  const handle = graph.compute(isResource ? "VarHandleOp" : "VariableV2", [], attrs, { ...options, name });
  return graph.scope(handle.operation, () => {
    const value = initialValueOf(graph, dtype, shape, initialValue);
    const initializer = assignTo(graph, handle, value, isResource, { ...options, name: "Assign" });
    const readName = isResource ? "Read/ReadVariableOp" : "read";
    const snapshot = readOf(graph, handle, dtype, isResource, { ...options, name: readName });
    return new Variable(graph, dtype, shape, {
      handle,
      initialValue: value,
      initializer,
      snapshot,
      isResource,
      trainable,
      ...(partition !== undefined && { partition }),
    });
  });
}

function initialValueOf(graph: GraphBuilder, dtype: DType, shape: Shape, given: OpInput | undefined): Output {
  if (given !== undefined)
    return graph.compute("Identity", [given], {}, { name: "Initializer/initial_value" });
  const dims = tensor("int32", [shape.length], Int32Array.from(shape));
  return graph.compute("Fill", [dims, zeros(dtype, []) as Tensor], {}, { name: "Initializer/zeros" });
}
