/**
 * Which tensor of its checkpoint a variable of a MetaGraph is restored from. Names of variables and of tensors are the
 * same in most graphs of TensorFlow 1 and in none of TensorFlow 2: what counts is what the restore operation assigns,
 * in the graph or in functions that it calls.
 */
import type { FunctionDef } from "../protobuf/gen/tensorflow/core/framework/function_pb.js";
import type { NodeDef } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import type { MetaGraphDef } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { decodeText } from "../tensor.js";
import { tensorFromProto } from "../tensor-proto.js";

/** A tensor in a checkpoint. */
export interface RestoredFrom {
  readonly name: string;
  /** "4 3 0,2:-" for a slice of it; empty for all. */
  readonly slice: string;
}

/** Functions that call each other deeper than this restore nothing. */
const MAX_CALLS = 16;
const MAX_STEPS = 64;

/** The variables that restoring assigns, by the names of their nodes. */
export function restoredVariables({ graphDef, saverDef }: MetaGraphDef): Map<string, RestoredFrom> {
  const functions = new Map(
    (graphDef?.library?.function ?? []).map((def) => [def.signature?.name ?? "", def]),
  );
  const found = new Map<string, RestoredFrom>();
  const restoreOp = saverDef?.restoreOpName.replace(/:0$/, "");
  if (graphDef === undefined || !restoreOp) return found;
  const graph = new Scope(graphDef.node, functions, found);
  graph.visit([restoreOp]);
  return found;
}

/** A node's tensor: in a graph by a flat index, in a function by the output's name and an index in it. */
interface TensorRef {
  readonly node: NodeDef;
  readonly index: number;
}

class Scope {
  private readonly nodes: Map<string, NodeDef>;

  constructor(
    nodes: readonly NodeDef[],
    private readonly functions: ReadonlyMap<string, FunctionDef>,
    private readonly found: Map<string, RestoredFrom>,
    /** What stands for the parameters, in a function. */
    private readonly parameters: ReadonlyMap<string, NodeDef | undefined> = new Map(),
    private readonly depth = 0,
  ) {
    this.nodes = new Map(nodes.map((node) => [node.name, node]));
  }

  /** Takes note of all assignments that these nodes need. */
  visit(names: readonly string[]): void {
    const seen = new Set<string>();
    const left = [...names];
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const node = this.nodes.get(name);
      if (node === undefined || seen.has(name)) continue;
      seen.add(name);
      this.take(node);
      left.push(...node.input.map((input) => input.replace(/^\^/, "").replace(/:.*$/, "")));
    }
  }

  private take(node: NodeDef): void {
    if (node.op === "Assign" || node.op === "AssignVariableOp") this.takeAssign(node);
    const callee = node.attr.f?.value;
    if (callee?.case === "func" && this.depth < MAX_CALLS) this.enter(node, callee.value.name);
  }

  private takeAssign(node: NodeDef): void {
    const variable = this.variable(node.input[0]);
    const from = this.restored(node.input[1]);
    if (variable !== undefined && from !== undefined) this.found.set(variable.name, from);
  }

  private enter(call: NodeDef, name: string): void {
    const def = this.functions.get(name);
    if (def === undefined) return;
    const parameters = new Map(
      (def.signature?.inputArg ?? []).map((arg, i) => [arg.name, this.variable(call.input[i])] as const),
    );
    const inner = new Scope(def.nodeDef, this.functions, this.found, parameters, this.depth + 1);
    inner.visit(def.nodeDef.map((node) => node.name));
  }

  /** The node of the variable that a handle is of. */
  private variable(input: string | undefined): NodeDef | undefined {
    const ref = this.source(input);
    if (ref !== undefined)
      return /^(VarHandleOp|VariableV2|Variable)$/.test(ref.node.op) ? ref.node : undefined;
    return this.parameters.get((input ?? "").replace(/:.*$/, ""));
  }

  private restored(input: string | undefined): RestoredFrom | undefined {
    const ref = this.source(input);
    if (ref === undefined || !/^Restore(V2|Slice)?$/.test(ref.node.op)) return undefined;
    const name = this.strings(ref.node.input[1])[ref.index];
    const slice = ref.node.op === "Restore" ? "" : this.strings(ref.node.input[2])[ref.index];
    return name === undefined ? undefined : { name, slice: slice ?? "" };
  }

  /** Where a tensor comes from, behind operations that pass it on. */
  private source(input: string | undefined): TensorRef | undefined {
    let at = input;
    for (let i = 0; i < MAX_STEPS && at !== undefined; i++) {
      const [, name = "", index = "0"] = /^([^:]*)(?:.*?:(\d+))?$/s.exec(at) ?? [];
      const node = this.nodes.get(name);
      if (node === undefined) return undefined;
      if (!/^(Identity|RefIdentity|Reshape|Cast|NoOp|EnsureShape)$/.test(node.op))
        return { node, index: Number(index) };
      at = node.input[0];
    }
    return undefined;
  }

  private strings(input: string | undefined): string[] {
    const value = this.source(input)?.node.attr.value?.value;
    if (value?.case !== "tensor") return [];
    const tensor = tensorFromProto(value.value, "names of tensors");
    return tensor.dtype === "string" ? tensor.data.map(decodeText) : [];
  }
}
