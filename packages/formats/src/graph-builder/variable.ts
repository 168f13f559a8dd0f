/**
 * Variables as TensorFlow 2 has them: a resource, read and assigned by operations of its handle. VariableDef
 * (tensorflow/core/framework/variable.proto) tells importers which operations those are.
 */
import { create } from "@bufbuild/protobuf";
import type { DType } from "../dtype.js";
import {
  type VariableDef,
  VariableDefSchema,
} from "../protobuf/gen/tensorflow/core/framework/variable_pb.js";
import type { Shape } from "../shape.js";
import { type Tensor, tensor, zeros } from "../tensor.js";
import type { GraphBuilder, OpInput, OpOptions } from "./graph-builder.js";
import type { Operation, Output } from "./operation.js";

export interface VariableOptions extends OpOptions {
  /**
   * What the initializer assigns, where no checkpoint is restored; zeros by default. A trained value belongs in the
   * checkpoint alone: given here it makes the graph as large.
   */
  readonly initialValue?: OpInput;
  /** Listed among the trainable variables; true by default. */
  readonly trainable?: boolean;
}

interface VariableOperations {
  readonly handle: Output;
  readonly initialValue: Output;
  readonly initializer: Operation;
  readonly snapshot: Output;
}

export class Variable {
  constructor(
    private readonly graph: GraphBuilder,
    readonly dtype: DType,
    readonly shape: Shape,
    readonly trainable: boolean,
    private readonly operations: VariableOperations,
  ) {}

  /** Its name in graph and checkpoint. */
  get name(): string {
    return this.handle.operation.name;
  }

  get handle(): Output {
    return this.operations.handle;
  }

  /** Assigns the initial value. */
  get initializer(): Operation {
    return this.operations.initializer;
  }

  /** The value as it is when the operation runs; without options always the same operation. */
  read(options?: OpOptions): Output {
    if (options === undefined) return this.operations.snapshot;
    return this.graph.compute("ReadVariableOp", [this.handle], { dtype: this.dtype }, options);
  }

  /** Gives the variable another value. */
  assign(value: OpInput, options: OpOptions = {}): Operation {
    return this.graph.op("AssignVariableOp", [this.handle, value], {}, options);
  }

  toProto(): VariableDef {
    const { handle, initialValue, initializer, snapshot } = this.operations;
    return create(VariableDefSchema, {
      variableName: handle.name,
      initialValueName: initialValue.name,
      initializerName: initializer.name,
      snapshotName: snapshot.name,
      isResource: true,
      trainable: this.trainable,
    });
  }
}

/** Adds a variable's operations, named as TensorFlow names them. */
export function createVariable(
  graph: GraphBuilder,
  dtype: DType,
  shape: Shape,
  { name = "Variable", initialValue, trainable = true, ...options }: VariableOptions,
): Variable {
  const attrs = (unique: string) => ({ dtype, shape, shared_name: unique });
  const handle = graph.compute("VarHandleOp", [], attrs, { ...options, name });
  return graph.scope(handle.operation, () => {
    const dims = tensor("int32", [shape.length], Int32Array.from(shape));
    const value =
      initialValue === undefined
        ? graph.compute("Fill", [dims, zeros(dtype, []) as Tensor], {}, { name: "Initializer/zeros" })
        : graph.compute("Identity", [initialValue], {}, { name: "Initializer/initial_value" });
    const initializer = graph.op("AssignVariableOp", [handle, value], {}, { ...options, name: "Assign" });
    const snapshot = graph.compute(
      "ReadVariableOp",
      [handle],
      { dtype },
      { ...options, name: "Read/ReadVariableOp" },
    );
    return new Variable(graph, dtype, shape, trainable, {
      handle,
      initialValue: value,
      initializer,
      snapshot,
    });
  });
}
