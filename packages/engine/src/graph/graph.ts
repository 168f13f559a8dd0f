/**
 * The compiler's graph: TensorFlow nodes as typed data.
 *
 * A `Graph` is a directed acyclic graph of `Node`s reached from its outputs and effects. Passes never change a node
 * that another graph can see: they rebuild (see `rewrite`). The one exception is import and the lifting of TF1
 * control flow, where cycles exist and nodes are still private to the importer.
 */
import { type DType, invalidArgument, type PartialShape } from "@servable/formats";
import { Attrs } from "./attrs.js";
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
  /** Of a "Feed": its shape as far as it is declared. */
  readonly shape?: PartialShape;
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
  /** Of a variable's handle: the shape of its value. Of a TensorList: what every element's shape agrees with. */
  readonly element?: PartialShape;
}

/** "name:index", as TensorFlow writes tensor names. */
export function edgeName(edge: Edge): string {
  return `${edge.node.name}:${edge.index}`;
}

/** The type of an edge. */
export function edgeType(edge: Edge): ValueType {
  return edge.node.outputTypes[edge.index] as ValueType;
}

/** Whether a node with bodies is a loop rather than a choice between branches. */
export function isLoop(node: Node): boolean {
  return node.op === "While" || node.op === "StatelessWhile";
}

/** Whether a loop's body passes its i-th argument on unchanged. */
export function isInvariant(body: Graph, index: number): boolean {
  return body.outputs[index]?.node === body.inputs[index];
}

const NO_ATTRS = new Attrs("compiler node", {});

/** A node that stands for what the caller feeds. */
export function feedNode(name: string, type: ValueType, shape: PartialShape): Node {
  return { name, op: "Feed", inputs: [], controls: [], attrs: NO_ATTRS, outputTypes: [type], shape };
}

/** A node that stands for a known value. */
export function constantNode(name: string, constant: ConstantSource): Node {
  return {
    name,
    op: "Constant",
    inputs: [],
    controls: [],
    attrs: NO_ATTRS,
    outputTypes: [constant.dtype],
    constant,
  };
}

/**
 * The graph of everything that outputs and effects need, users after what they use. Iterative, for graphs are deep.
 * INVALID_ARGUMENT, naming a node, on a cycle.
 */
export function makeGraph(
  inputs: readonly Node[],
  outputs: readonly Edge[],
  effects: readonly Node[] = [],
): Graph {
  const nodes: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  for (const root of [...inputs, ...outputs.map((edge) => edge.node), ...effects]) {
    const stack = [root];
    while (stack.length > 0) {
      const node = stack[stack.length - 1] as Node;
      const seen = state.get(node);
      if (seen === undefined) {
        state.set(node, "open");
        pushMissing(stack, node, state);
        continue;
      }
      stack.pop();
      if (seen === "open") {
        state.set(node, "done");
        nodes.push(node);
      }
    }
  }
  return { nodes, inputs, outputs, effects };
}

function pushMissing(stack: Node[], node: Node, state: ReadonlyMap<Node, "open" | "done">): void {
  const push = (before: Node) => {
    const seen = state.get(before);
    if (seen === "open") throw invalidArgument(`the graph has a cycle through node "${before.name}"`);
    if (seen === undefined) stack.push(before);
  };
  for (let i = node.inputs.length - 1; i >= 0; i--) push((node.inputs[i] as Edge).node);
  node.controls.forEach(push);
}
