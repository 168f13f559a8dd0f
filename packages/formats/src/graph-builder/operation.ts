/**
 * Nodes of a graph under construction and the tensors on its edges. Both are made by GraphBuilder alone, complete and
 * checked, and never change afterwards.
 */
import { type DType, requireDtype } from "../dtype.js";
import type { NodeAttrs } from "../op-defs/node-types.js";
import { nodeOutputs } from "../op-defs/node-types.js";
import type { OpDef } from "../op-defs/op-def.js";
import type { NodeDef } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import type { PartialShape } from "../shape.js";
import { invalidArgument } from "../status.js";
import type { Tensor } from "../tensor.js";

/** What a new operation is made of. */
export interface OperationParts {
  readonly name: string;
  readonly def: OpDef;
  /** All attributes, defaults included. */
  readonly attrs: NodeAttrs;
  /** Flat. */
  readonly inputs: readonly Output[];
  readonly controlInputs: readonly Operation[];
  /** Empty for any device. */
  readonly device: string;
  /** The types and shapes of the outputs, flat. Read through to: an importer knows the shapes later. */
  readonly outputTypes: readonly number[];
  readonly outputShapes: readonly PartialShape[];
  /** The value, where the operation is a constant. */
  readonly constant?: Tensor;
  /** What an imported node carries that has no meaning for the graph; written as it was. */
  readonly annotations?: NodeAnnotations;
}

/** Where a node came from and what type analysis found: fields of NodeDef that are kept as they are. */
export type NodeAnnotations = Partial<Pick<NodeDef, "experimentalDebugInfo" | "experimentalType">>;

/**
 * One node of the graph.
 *
 * @example
 * const graph = new GraphBuilder();
 * const top = graph.op("TopKV2", [graph.placeholder("float32", [10]), tensor("int32", [], Int32Array.of(3))]);
 * assert.deepEqual(top.outputsOf("indices")[0]?.shape, [3]);
 */
export class Operation {
  readonly name: string;
  readonly def: OpDef;
  readonly attrs: NodeAttrs;
  readonly inputs: readonly Output[];
  readonly controlInputs: readonly Operation[];
  readonly device: string;
  readonly annotations: NodeAnnotations;
  /** Flat, as "name:0", "name:1" … count them. */
  readonly outputs: readonly Output[];

  constructor(parts: OperationParts) {
    this.name = parts.name;
    this.def = parts.def;
    this.attrs = parts.attrs;
    this.inputs = parts.inputs;
    this.controlInputs = parts.controlInputs;
    this.device = parts.device;
    this.annotations = parts.annotations ?? {};
    this.outputs = parts.outputTypes.map(
      (type, index) => new Output(this, index, type, parts.outputShapes, parts.constant),
    );
  }

  /** The op's type, such as "MatMul". */
  get type(): string {
    return this.def.name;
  }

  /** The output at a flat index. INVALID_ARGUMENT when there is none. */
  output(index = 0): Output {
    const output = this.outputs[index];
    if (output === undefined) {
      throw invalidArgument(
        `Node "${this.name}" (${this.type}) has ${this.outputs.length} outputs, asked for ${index}`,
      );
    }
    return output;
  }

  /** The tensors of a declared output, such as "values" of TopKV2. INVALID_ARGUMENT when none has that name. */
  outputsOf(arg: string): readonly Output[] {
    const args = nodeOutputs(this.def, this.attrs);
    const found = args.find(({ name }) => name === arg);
    if (found === undefined) {
      throw invalidArgument(
        `Node "${this.name}" (${this.type}) has no output "${arg}"; it has ${args.map(({ name }) => name).join(", ") || "none"}`,
      );
    }
    return this.outputs.slice(found.start, found.start + found.types.length);
  }
}

/**
 * One output of an operation: a tensor to come.
 *
 * @example
 * const x = new GraphBuilder().placeholder("float32", [-1, 3], { name: "x" });
 * assert.deepEqual([x.name, x.dtype, x.shape], ["x:0", "float32", [-1, 3]]);
 */
export class Output {
  constructor(
    readonly operation: Operation,
    readonly index: number,
    /** `DataType` number. */
    readonly type: number,
    private readonly shapes: readonly PartialShape[],
    /** Its value, where it is the output of a constant. */
    readonly constant?: Tensor,
  ) {}

  /** As far as it is known while the graph is built. */
  get shape(): PartialShape {
    return this.shapes[this.index] ?? null;
  }

  /** The tensor's name in the graph, such as "x:0". */
  get name(): string {
    return `${this.operation.name}:${this.index}`;
  }

  /** The dtype; INVALID_ARGUMENT for resources and variants, which hold no values. */
  get dtype(): DType {
    return requireDtype(this.type, `Tensor "${this.name}"`);
  }
}
