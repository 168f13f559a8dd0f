/**
 * When each node of a graph with Switches and Merges is alive. A Switch sends its value one way and leaves its other
 * output dead; deadness spreads to everything computed from it, until a Merge takes whichever of its inputs is alive.
 * So each node has a guard: the values that predicates must have for it to be alive.
 */
import { resourceExhausted, tensor, unimplemented } from "@servable/formats";
import { constantOf } from "../graph/constant.js";
import { constantNode, type Edge, edgeName, type Graph, type Node } from "../graph/graph.js";

export const isSwitch = (node: Node): boolean => node.op === "Switch" || node.op === "RefSwitch";
export const isMerge = (node: Node): boolean => node.op === "Merge" || node.op === "RefMerge";

/** What a predicate must be. */
export interface Condition {
  readonly predicate: Edge;
  readonly value: boolean;
}

/** All that must hold for a node to be alive, by the names of the predicates. */
export type Guard = ReadonlyMap<string, Condition>;

/** A Merge of one input that lives when a predicate is true and one that lives when it is false. */
export interface Choice {
  readonly merge: Node;
  /** The predicate that decides, and its name. */
  readonly predicate: Edge;
  readonly key: string;
  /** When the choice itself is alive. */
  readonly guard: Guard;
  readonly whenTrue: Edge;
  readonly whenFalse: Edge;
}

export const ALWAYS: Guard = new Map();

/** More inputs of one Merge, or more conditions on one node, than this are refused. */
const MAX_INPUTS = 1000;
const MAX_CONDITIONS = 256;

export class Deadness {
  readonly choices = new Map<Node, Choice>();
  /** All nodes, users after what they use, with the Merges that a Merge of more than two inputs was split into. */
  readonly order: Node[] = [];
  /** Undefined for nodes that are never alive. */
  private readonly guards = new Map<Node, Guard | undefined>();
  /** What stands for the outputs of a Merge that always takes the same input. */
  private readonly constantMerges = new Map<Node, readonly Edge[]>();

  constructor(graph: Graph) {
    for (const node of graph.nodes) this.visit(node);
  }

  /** When a node is alive; undefined for never. Nodes made later are alive as `setGuard` says. */
  guard(node: Node): Guard | undefined {
    return this.guards.has(node) ? this.guards.get(node) : ALWAYS;
  }

  setGuard(node: Node, guard: Guard): void {
    this.guards.set(node, guard);
  }

  /** When what an edge carries is alive. */
  edgeGuard(edge: Edge): Guard | undefined {
    const guard = this.guard(edge.node);
    if (!isSwitch(edge.node)) return guard;
    const predicate = this.canonical(edge.node.inputs[1] as Edge);
    return both(guard, new Map([[edgeName(predicate), { predicate, value: edge.index === 1 }]]));
  }

  /** Where an edge comes from: past Switches, and past Merges that always take the same input. */
  resolve(edge: Edge): Edge {
    let { node, index } = edge;
    for (;;) {
      const taken = this.constantMerges.get(node)?.[index];
      if (taken !== undefined) ({ node, index } = taken);
      else if (isSwitch(node)) ({ node, index } = node.inputs[0] as Edge);
      else return { node, index };
    }
  }

  /** The one edge for all that hand the same predicate on. */
  private canonical(edge: Edge): Edge {
    let resolved = this.resolve(edge);
    while (resolved.node.op === "Identity") resolved = this.resolve(resolved.node.inputs[0] as Edge);
    return resolved;
  }

  private visit(node: Node): void {
    const fromControls = node.controls
      .map((before) => this.guard(before))
      .reduce<Guard | undefined>(both, ALWAYS);
    const fromInputs = isMerge(node)
      ? this.mergeGuard(node)
      : node.inputs.map((edge) => this.edgeGuard(edge)).reduce<Guard | undefined>(both, ALWAYS);
    const guard = both(fromInputs, fromControls);
    if (guard !== undefined && guard.size > MAX_CONDITIONS) {
      throw resourceExhausted(`node "${node.name}" lies in more than ${MAX_CONDITIONS} conditionals`);
    }
    this.guards.set(node, guard);
    this.order.push(node);
  }

  private mergeGuard(merge: Node): Guard | undefined {
    const alive = merge.inputs.filter((edge) => this.edgeGuard(edge) !== undefined);
    const [only] = alive;
    if (only === undefined) return undefined;
    if (alive.length > 1) return this.choose(merge, alive).guard;
    const index = tensor("int32", [], Int32Array.of(merge.inputs.indexOf(only)));
    const indexNode = constantNode(`${merge.name}/value_index`, constantOf(index));
    this.constantMerges.set(merge, [only, { node: indexNode, index: 0 }]);
    return this.edgeGuard(only);
  }

  private choose(merge: Node, inputs: readonly Edge[]): Choice {
    if (inputs.length > MAX_INPUTS) {
      throw resourceExhausted(`${merge.op} node "${merge.name}" has more than ${MAX_INPUTS} inputs`);
    }
    const guards = inputs.map((edge) => this.edgeGuard(edge) as Guard);
    const [first] = guards as [Guard];
    const agreed = [...first].filter(([key, { value }]) =>
      guards.every((guard) => guard.get(key)?.value === value),
    );
    const common: Guard = new Map(agreed);
    const deciding = [...first].find(([key]) => !common.has(key) && guards.every((guard) => guard.has(key)));
    if (deciding === undefined) throw undecided(merge);
    const [key, { predicate }] = deciding;
    const side = (value: boolean) => inputs.filter((_, i) => guards[i]?.get(key)?.value === value);
    const whenTrue = this.oneOf(merge, side(true));
    const whenFalse = this.oneOf(merge, side(false));
    for (const edge of [whenTrue, whenFalse]) {
      // Were one side alive under further conditions, the Merge would be dead at times when its guard says otherwise.
      if (this.edgeGuard(edge)?.size !== common.size + 1) throw undecided(merge);
    }
    const choice = { merge, predicate, key, guard: common, whenTrue, whenFalse };
    this.choices.set(merge, choice);
    return choice;
  }

  /** The one edge, or a Merge of several that other predicates decide. */
  private oneOf(merge: Node, edges: readonly Edge[]): Edge {
    const [first] = edges;
    if (first === undefined) throw undecided(merge);
    if (edges.length === 1) return first;
    const part: Node = { ...merge, name: `${merge.name}/${edgeName(first)}`, inputs: edges, controls: [] };
    this.visit(part);
    return { node: part, index: 0 };
  }
}

/** What must hold for two things to be alive together; undefined when that can't be. */
function both(a: Guard | undefined, b: Guard | undefined): Guard | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === b || b.size === 0) return a;
  if (a.size === 0) return b;
  const all = new Map(a);
  for (const [key, condition] of b) {
    const known = all.get(key);
    if (known !== undefined && known.value !== condition.value) return undefined;
    all.set(key, condition);
  }
  return all.size === a.size ? a : all;
}

function undecided(merge: Node): Error {
  return unimplemented(`${merge.op} node "${merge.name}": no single predicate decides which input it takes`);
}
