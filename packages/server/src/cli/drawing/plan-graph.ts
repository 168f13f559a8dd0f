/** A compiled graph as boxes and lines: where each value comes from, and which box takes it. */
import type { ExplainedGraph, ExplainedNode, ExplainedTensor } from "@servable/engine";
import type { LayoutLine } from "./layered-layout.js";

/** Something that is drawn as one box, in the order in which it runs. */
export interface PlanUnit {
  readonly kind: "input" | "group" | "node" | "output";
  /** Of an input or output: its tensor. */
  readonly port?: ExplainedTensor;
  /** The nodes in it. */
  readonly nodes: readonly ExplainedNode[];
  /** Which of the graph's groups it is, or belongs to. */
  readonly group?: number;
}

export interface PlanGraph {
  readonly units: readonly PlanUnit[];
  readonly lines: readonly PlanLine[];
}

export interface PlanLine {
  readonly ends: LayoutLine;
  /** No value, only the order. */
  readonly isControl: boolean;
  /** Where it is one tensor. */
  readonly tensor?: ExplainedTensor;
}

/** @param splits whether a group is drawn as its nodes */
export function planGraph(graph: ExplainedGraph, splits: (group: number) => boolean): PlanGraph {
  const units: PlanUnit[] = graph.inputs.map((port) => ({ kind: "input", port, nodes: [] }));
  graph.groups.forEach(({ nodes }, group) => {
    if (splits(group)) units.push(...nodes.map((node): PlanUnit => ({ kind: "node", nodes: [node], group })));
    else units.push({ kind: "group", nodes, group });
  });
  const sources = sourcesOf(units);
  const lines = units.flatMap((unit, to) => linesInto(unit, to, units, sources));
  const outputs = graph.outputs.map((port): PlanUnit => ({ kind: "output", port, nodes: [] }));
  const ends = graph.outputs.flatMap((port, i): PlanLine[] => {
    const from = sources.get(port.name) ?? sources.get(port.name.replace(/:\d+$/, ""));
    return from === undefined ? [] : [{ ends: [from, units.length + i], isControl: false, tensor: port }];
  });
  return { units: [...units, ...outputs], lines: [...lines, ...ends] };
}

/** Which unit gives a node's values, or is an input of this name. */
function sourcesOf(units: readonly PlanUnit[]): Map<string, number> {
  const sources = new Map<string, number>();
  units.forEach(({ port, nodes }, i) => {
    if (port !== undefined) sources.set(port.name, i);
    for (const { name } of nodes) sources.set(name, i);
  });
  return sources;
}

function linesInto(
  unit: PlanUnit,
  to: number,
  units: readonly PlanUnit[],
  sources: ReadonlyMap<string, number>,
): PlanLine[] {
  const lines = new Map<number, PlanLine>();
  const readers = unit.nodes.flatMap(({ inputs }) => inputs);
  for (const name of new Set(readers)) {
    const from = sources.get(name);
    if (from === undefined || from === to) continue;
    const tensor = onlyTensor(units[from] as PlanUnit, name);
    const isSecond = lines.has(from);
    lines.set(from, { ends: [from, to], isControl: false, ...(tensor && !isSecond && { tensor }) });
  }
  for (const name of unit.nodes.flatMap(({ controls }) => controls)) {
    const from = sources.get(name);
    if (from !== undefined && from < to && !lines.has(from))
      lines.set(from, { ends: [from, to], isControl: true });
  }
  return [...lines.values()];
}

/** What a unit gives under a name, when that is one tensor. */
function onlyTensor({ port, nodes }: PlanUnit, name: string): ExplainedTensor | undefined {
  if (port !== undefined) return port;
  const outputs = nodes.find((node) => node.name === name)?.outputs ?? [];
  return outputs.length === 1 ? outputs[0] : undefined;
}
