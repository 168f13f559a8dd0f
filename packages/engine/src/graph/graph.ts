/**
 * The compiler's graph: TensorFlow nodes as typed data.
 *
 * A `Graph` is a directed acyclic graph of `Node`s reached from its outputs and effects. Passes never change a node
 * that another graph can see: they rebuild (see `rewrite`). The one exception is import and the lifting of TF1
 * control flow, where cycles exist and nodes are still private to the importer.
 */
import type { DType, PartialShape, Tensor } from "@servable/formats";
import type { Attrs } from "./attrs.js";
import type { ConstantSource } from "./constant.js";

/** What flows along an edge: a tensor dtype, a handle of a resource, or a variant (lists, ragged, optional). */
export type ValueType = DType | "resource" | "variant";

/** One output of a node. */
export interface Edge {
  readonly node: Node;
  readonly index: number;
}

export interface Node {
  /** Unique in its graph; inlined nodes are prefixed by the call's name. Errors name it. */
  readonly name: string;
  /** TensorFlow op type, or one of the compiler's own: "Feed" and "Constant". */
  readonly op: string;
  readonly inputs: readonly Edge[];
  /** Nodes that must have run before, though nothing of theirs is read. */
  readonly controls: readonly Node[];
  readonly attrs: Attrs;
  readonly outputTypes: readonly ValueType[];
  /** Of a "Constant": its value. */
  readonly constant?: ConstantSource;
  /** Of If, Case and While once lowered: their branch or condition and body graphs, in the op's order. */
  readonly bodies?: readonly Graph[];
}

export interface Graph {
  /** Every node, inputs and controls before their users. */
  readonly nodes: readonly Node[];
  /** "Feed" nodes in the order of the caller's feeds (of a function: its arguments). */
  readonly inputs: readonly Node[];
  readonly outputs: readonly Edge[];
  /** Nodes that must run for their effect, such as an assignment or an assertion. */
  readonly effects: readonly Node[];
}

/** What is known of an output before the graph runs. */
export interface Known {
  readonly type: ValueType;
  readonly shape: PartialShape;
  /** The value, when it is constant. */
  readonly constant?: ConstantSource;
  /** Of an integer scalar or vector that is partly known: each entry, undefined where it is not. */
  readonly partial?: readonly (number | undefined)[];
}

/** A tensor read from a constant, when it is small enough for the compiler to look at. */
export type KnownTensor = Tensor;

/** "name:index", as TensorFlow writes tensor names. */
export function edgeName(edge: Edge): string {
  return `${edge.node.name}:${edge.index}`;
}

/** The type of an edge. */
export function edgeType(edge: Edge): ValueType {
  return edge.node.outputTypes[edge.index] as ValueType;
}
