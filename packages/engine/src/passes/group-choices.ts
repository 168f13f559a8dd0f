/**
 * Which Merges become one If. Those that are decided by one predicate and share nodes of a branch do, so that what
 * they share runs once, unless one needs what another yields.
 */
import type { Edge, Node } from "../graph/graph.js";
import type { Choice, Deadness } from "./deadness.js";

export function groupChoices(deadness: Deadness): Choice[][] {
  const sharing = new SharedBranches(deadness);
  const levels = levelsOf(deadness, sharing);
  const groups = new Map<string, Choice[]>();
  for (const choice of deadness.choices.values()) {
    const key = `${sharing.groupOf(choice)}/${levels.get(choice.merge)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [choice]);
    else group.push(choice);
  }
  return [...groups.values()];
}

/** Joins choices whose branches meet in a node. */
class SharedBranches {
  /** Each choice's representative: itself, or one nearer to the group's. */
  private readonly representative = new Map<Choice, Choice>();
  private readonly ids = new Map<Choice, number>();
  /** Who found a node first, by guard and side. */
  private readonly owners = new Map<string, Map<Node, Choice>>();

  constructor(private readonly deadness: Deadness) {
    for (const choice of deadness.choices.values()) {
      this.representative.set(choice, choice);
      this.ids.set(choice, this.ids.size);
      this.claim(choice, choice.whenTrue, true);
      this.claim(choice, choice.whenFalse, false);
    }
  }

  groupOf(choice: Choice): number {
    return this.ids.get(this.find(choice)) as number;
  }

  /** Visits the nodes of a branch that no other choice has visited, and joins the choice with those that have. */
  private claim(choice: Choice, branch: Edge, value: boolean): void {
    const owners = this.ownersFor(choice, value);
    const pending = [this.deadness.resolve(branch).node];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (this.deadness.guard(node)?.get(choice.key)?.value !== value) continue;
      const owner = owners.get(node);
      if (owner !== undefined) {
        this.representative.set(this.find(choice), this.find(owner));
        continue;
      }
      owners.set(node, choice);
      for (const edge of node.inputs) pending.push(this.deadness.resolve(edge).node);
      pending.push(...node.controls);
    }
  }

  private ownersFor({ key, guard }: Choice, value: boolean): Map<Node, Choice> {
    const conditions = [...guard].map(([name, condition]) => `${name}=${condition.value}`).sort();
    const id = JSON.stringify([key, value, conditions]);
    let owners = this.owners.get(id);
    if (owners === undefined) {
      owners = new Map();
      this.owners.set(id, owners);
    }
    return owners;
  }

  private find(choice: Choice): Choice {
    let found = choice;
    for (;;) {
      const next = this.representative.get(found) as Choice;
      if (next === found) return found;
      found = next;
    }
  }
}

/** How many choices of its own group, one after another, lead to each Merge. */
function levelsOf(deadness: Deadness, sharing: SharedBranches): Map<Node, number> {
  const levels = new Map<Node, number>();
  const sizes = new Map<number, number>();
  for (const choice of deadness.choices.values()) {
    const group = sharing.groupOf(choice);
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  /** Of each node, the highest level of each group of several choices that leads to it. */
  const reached = new Map<Node, ReadonlyMap<number, number>>();
  const none: ReadonlyMap<number, number> = new Map();
  for (const node of deadness.order) {
    const before = [...node.inputs.map((edge) => edge.node), ...node.controls];
    const highest = before.map((each) => reached.get(each) ?? none).reduce(highestOfBoth, none);
    const choice = deadness.choices.get(node);
    const group = choice === undefined ? undefined : sharing.groupOf(choice);
    if (group === undefined || sizes.get(group) === 1) {
      reached.set(node, highest);
      continue;
    }
    const level = (highest.get(group) ?? 0) + 1;
    levels.set(node, level);
    reached.set(node, new Map([...highest, [group, level]]));
  }
  return levels;
}

function highestOfBoth(
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  if (a === b || b.size === 0) return a;
  if (a.size === 0) return b;
  const merged = new Map(a);
  for (const [group, level] of b) merged.set(group, Math.max(level, merged.get(group) ?? 0));
  return merged;
}
