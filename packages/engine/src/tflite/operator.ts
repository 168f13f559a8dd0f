/**
 * How TensorFlow Lite's operators are told in TensorFlow's: one row an operator, in rows/*.ts. A row sees its operands
 * as numbers (float32 where they are stored as quantized integers or half floats) and returns numbers; what rounds
 * them to the output's grid is translate.ts.
 */
import {
  dataLoss,
  type GraphBuilder,
  type GraphFunction,
  type Operation,
  type OpInput,
  type OptionsKind,
  type Output,
  type Tensor,
  type TfliteOperator,
  type TfliteOptions,
  type TfliteTensor,
  tensor,
  unimplemented,
} from "@servable/formats";

/** What a row returns: its outputs in order. A float32 one is numbers, one of the stored type is stored already. */
export type TfliteResult = Output | readonly Output[];
export type TfliteRow = (op: TfliteOp) => TfliteResult;
export type TfliteTable = Readonly<Record<string, TfliteRow>>;

/** What an operator may ask of the translation that it is part of. */
export interface OperatorScope {
  readonly graph: GraphBuilder;
  readonly tensors: readonly TfliteTensor[];
  /** A tensor as numbers, or as it is stored. */
  numbers(index: number): Output;
  stored(index: number): Output;
  /** The numbers of a constant; undefined for computed tensors. */
  constant(index: number): Tensor | undefined;
  /** A subgraph as a function of stored tensors. */
  function(subgraph: number): GraphFunction;
  /** The outputs of a subgraph for these inputs, all stored. */
  inline(subgraph: number, inputs: readonly Output[]): readonly Output[];
  /** A name for a function that no other has. */
  functionName(hint: string): string;
  /** Runs before the first request. */
  initialize(operation: Operation): void;
}

/** An operator under translation. */
export class TfliteOp {
  readonly g: GraphBuilder;

  constructor(
    readonly operator: TfliteOperator,
    readonly scope: OperatorScope,
  ) {
    this.g = scope.graph;
  }

  /** For messages: `CONV_2D (tensor "a/b")`. */
  get what(): string {
    return describeOperator(this.operator, this.scope.tensors);
  }

  options<K extends OptionsKind>(kind: K): TfliteOptions<K> {
    return this.operator.options(kind);
  }

  get inputCount(): number {
    return this.operator.inputs.length;
  }

  /** Whether an optional input is there. */
  has(i: number): boolean {
    return (this.operator.inputs[i] ?? -1) >= 0;
  }

  /** An input as numbers. DATA_LOSS when it is absent. */
  input(i: number): Output {
    return this.scope.numbers(this.index(i));
  }

  optional(i: number): Output | undefined {
    return this.has(i) ? this.input(i) : undefined;
  }

  /** All inputs as numbers. */
  inputs(): Output[] {
    return this.operator.inputs.map((_, i) => this.input(i));
  }

  stored(i: number): Output {
    return this.scope.stored(this.index(i));
  }

  /** The numbers of a constant input; undefined when it is computed or absent. */
  constant(i: number): Tensor | undefined {
    return this.has(i) ? this.scope.constant(this.index(i)) : undefined;
  }

  /** The entries of a constant integer input. */
  integers(i: number): number[] | undefined {
    const value = this.constant(i);
    return value && Array.from(value.data as ArrayLike<number | bigint>, Number);
  }

  /** What the file says of an input. */
  tensor(i: number): TfliteTensor {
    return this.scope.tensors[this.index(i)] as TfliteTensor;
  }

  outputTensor(i = 0): TfliteTensor {
    const index = this.operator.outputs[i];
    if (index === undefined) throw dataLoss(`${this.what} has ${this.operator.outputs.length} outputs`);
    return this.scope.tensors[index] as TfliteTensor;
  }

  /** A scalar of an input that may be a vector of one. */
  scalar(i: number): OpInput {
    const value = this.constant(i);
    if (value !== undefined && value.data.length === 1) return { ...value, shape: [] };
    return this.g.compute("Reshape", [this.input(i), ints()]);
  }

  refuse(what: string): never {
    throw unimplemented(`${this.what}: ${what} is not supported`);
  }

  private index(i: number): number {
    const index = this.operator.inputs[i] ?? -1;
    if (index < 0) throw dataLoss(`${this.what} has no input ${i}`);
    return index;
  }
}

/** Names are as long as the file likes. */
const MAX_NAME_LENGTH = 200;

export function describeOperator(
  { name, outputs, inputs }: TfliteOperator,
  tensors: readonly TfliteTensor[],
): string {
  const index = outputs[0] ?? inputs.find((input) => input >= 0);
  const named =
    index === undefined ? "without tensors" : `tensor "${tensors[index]?.name.slice(0, MAX_NAME_LENGTH)}"`;
  return `${name} (${named})`;
}

/** An int32 vector: shapes, axes, permutations. */
export function ints(...values: number[]): Tensor {
  return tensor("int32", [values.length], Int32Array.from(values));
}

export function int(value: number): Tensor {
  return tensor("int32", [], Int32Array.of(value));
}

export function float(value: number): Tensor {
  return tensor("float32", [], Float32Array.of(value));
}
