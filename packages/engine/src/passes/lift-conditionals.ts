/**
 * TF1 conditionals (Switch and Merge outside of loops) → If nodes. Where a predicate decides which input a Merge takes
 * (see deadness.ts), the two inputs, with everything that is alive only on their side, become the branches.
 */
import { opDef, tensor, unimplemented } from "@servable/formats";
import { Attrs } from "../graph/attrs.js";
import { constantOf } from "../graph/constant.js";
import {
  constantNode,
  type Edge,
  edgeName,
  edgeType,
  feedNode,
  type Graph,
  makeGraph,
  type Node,
  type ValueType,
} from "../graph/graph.js";
import type { ImportedNode } from "../graph/import.js";
import { type Choice, Deadness, type Guard, isMerge, isSwitch } from "./deadness.js";
import { Extraction } from "./extract-region.js";
import { groupChoices } from "./group-choices.js";

/** The graph with If nodes in place of Switches and Merges. UNIMPLEMENTED, naming a node, where that can't be. */
export function liftConditionals(graph: Graph): Graph {
  return graph.nodes.some((node) => isSwitch(node) || isMerge(node))
    ? new ConditionalLifter(graph).lift()
    : graph;
}

/** An If in the making. */
interface Conditional {
  readonly node: ImportedNode & { bodies?: readonly Graph[] };
  readonly predicate: Edge;
  readonly key: string;
  readonly guard: Guard;
  /** Merges whose values it yields. */
  readonly choices: readonly Choice[];
  /** What happens on one side for its effect alone. */
  readonly effects: readonly { readonly node: Node; readonly value: boolean }[];
}

class ConditionalLifter {
  private readonly deadness: Deadness;
  private readonly conditionals: Conditional[] = [];
  /** What stands for the outputs of each Merge. */
  private readonly merged = new Map<Node, readonly Edge[]>();
  /** Merges that are asked which of their inputs came. */
  private readonly asked: ReadonlySet<Node>;

  constructor(private readonly graph: Graph) {
    this.deadness = new Deadness(graph);
    const read = [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs];
    this.asked = new Set(
      read.filter((edge) => edge.index === 1 && isMerge(edge.node)).map((edge) => edge.node),
    );
  }

  lift(): Graph {
    for (const edge of this.graph.outputs) this.checkAlwaysAlive(edge);
    for (const choices of groupChoices(this.deadness)) this.addMerges(choices);
    const effects = this.graph.effects.flatMap((node) => this.guardedEffect(node));
    // What lies in another's branch has the longer guard, and must be complete before that branch is copied.
    for (const each of [...this.conditionals].sort((a, b) => b.guard.size - a.guard.size))
      this.complete(each);
    const whole = new Extraction({
      resolve: (edge) => this.resolve(edge),
      inside: () => true,
      capture: (edge) => edge,
    });
    const outputs = this.graph.outputs.map((edge) => whole.edge(edge));
    const kept = whole.controls(effects);
    whole.copyPending();
    return makeGraph(this.graph.inputs, outputs, kept);
  }

  private checkAlwaysAlive(edge: Edge): void {
    const guard = this.deadness.edgeGuard(edge);
    if (guard?.size === 0) return;
    const [condition] = guard?.values() ?? [];
    const when = condition === undefined ? "never" : `only as "${edgeName(condition.predicate)}" decides`;
    throw unimplemented(`"${edgeName(edge)}" is computed ${when}, and no Merge takes it`);
  }

  private resolve(edge: Edge): Edge {
    let resolved = this.deadness.resolve(edge);
    for (;;) {
      const output = this.merged.get(resolved.node)?.[resolved.index];
      if (output === undefined) return resolved;
      resolved = this.deadness.resolve(output);
    }
  }

  // ---- making If nodes, first without inputs and branches ----

  private addMerges(choices: readonly Choice[]): void {
    const [{ merge, predicate, key, guard }] = choices as [Choice, ...Choice[]];
    const node = this.add(merge.name, { predicate, key, guard, choices, effects: [] });
    for (const { merge: each } of choices) {
      const types: ValueType[] = [edgeType({ node: each, index: 0 })];
      if (this.asked.has(each)) types.push("int32");
      this.merged.set(
        each,
        types.map((type) => ({ node, index: node.outputTypes.push(type) - 1 })),
      );
    }
  }

  private add(name: string, what: Omit<Conditional, "node">): ImportedNode {
    const node: ImportedNode = {
      name,
      op: "If",
      inputs: [],
      controls: [],
      attrs: new Attrs(`If node "${name}"`, {}, opDef("If")),
      outputTypes: [],
    };
    this.deadness.setGuard(node, what.guard);
    this.conditionals.push({ ...what, node });
    return node;
  }

  /** The effect, inside of one If for each predicate that guards it. */
  private guardedEffect(node: Node): Node[] {
    const guard = this.deadness.guard(node);
    if (guard === undefined) return [];
    const depth = ({ predicate }: { predicate: Edge }) => this.deadness.edgeGuard(predicate)?.size ?? 0;
    const innermostFirst = [...guard].sort(([, a], [, b]) => depth(b) - depth(a));
    let effect = node;
    let rest = innermostFirst;
    for (const [key, { predicate, value }] of innermostFirst) {
      rest = rest.slice(1);
      const what = { predicate, key, guard: new Map(rest), choices: [], effects: [{ node: effect, value }] };
      effect = this.add(`${node.name}/if_${edgeName(predicate)}`, what);
    }
    return [effect];
  }

  // ---- filling in branches ----

  private complete(conditional: Conditional): void {
    const { node, predicate } = conditional;
    const captures = new Map<string, Edge>();
    const sides = [true, false].map((value) => this.branch(conditional, value, captures));
    node.inputs = [predicate, ...captures.values()];
    const waits = conditional.choices.flatMap(({ merge }) => merge.controls);
    node.controls = [...new Set([...sides.flatMap((side) => [...side.outerControls]), ...waits])];
    node.bodies = sides.map((side) => {
      const inputs = [...captures].map(([name, edge]) => side.feed(name, edge));
      return makeGraph(inputs, side.outputs, side.effects);
    });
  }

  private branch(
    { node: owner, key, choices, effects }: Conditional,
    value: boolean,
    captures: Map<string, Edge>,
  ) {
    const feeds = new Map<string, Node>();
    const feed = (name: string, edge: Edge): Node => {
      const known = feeds.get(name) ?? feedNode(`${owner.name}/${name}`, edgeType(edge), null);
      feeds.set(name, known);
      return known;
    };
    const extraction = new Extraction({
      resolve: (edge) => this.resolve(edge),
      inside: (node) => this.deadness.guard(node)?.get(key)?.value === value,
      capture: (edge) => {
        const name = edgeName(edge);
        captures.set(name, edge);
        return { node: feed(name, edge), index: 0 };
      },
    });
    const outputs = choices.flatMap((choice) => this.branchOutputs(choice, value, extraction));
    const happening = effects.filter((effect) => effect.value === value).map((effect) => effect.node);
    const inside = extraction.controls(happening);
    extraction.copyPending();
    return { outputs, effects: inside, outerControls: extraction.outerControls, feed };
  }

  private branchOutputs(choice: Choice, value: boolean, extraction: Extraction): Edge[] {
    const { merge } = choice;
    const taken = value ? choice.whenTrue : choice.whenFalse;
    const output = extraction.edge(taken);
    if (!this.asked.has(merge)) return [output];
    const index = merge.inputs.findIndex((edge) => edge.node === taken.node && edge.index === taken.index);
    if (index < 0) {
      throw unimplemented(`${merge.op} node "${merge.name}" is asked which of more than two inputs came`);
    }
    const constant = constantOf(tensor("int32", [], Int32Array.of(index)));
    return [output, { node: constantNode(`${merge.name}/value_index`, constant), index: 0 }];
  }
}
