/**
 * Who computes which node. Nodes that ONNX can express and that lie together become one ONNX graph; the host runs the
 * rest. Each node gets a stage: that of its latest input, one more where the side changes. Nodes of one side and one
 * stage never wait for each other through the other side, so they form one group, and the number of hops is the least
 * that the graph's depth allows.
 */
import { elementCount, resourceExhausted, type StatusError, unimplemented } from "@servable/formats";
import type { Graph, Known, Node } from "../graph/graph.js";
import type { OnnxFragment } from "../onnx/emitter.js";
import { hostRows } from "../ops/host/index.js";
import { type Analyzed, knownOf } from "../passes/analyze.js";
import { overgrownConstants } from "./constant-growth.js";
import { convert } from "./convert.js";
import { convertBodies } from "./convert-bodies.js";

export interface Group {
  readonly side: "host" | "onnx";
  /** In graph order. */
  readonly nodes: readonly Node[];
}

export interface Partition {
  /** In the order in which they run. */
  readonly groups: readonly Group[];
  /** What the nodes of the ONNX groups became. */
  readonly fragments: ReadonlyMap<Node, OnnxFragment>;
  /** Why the nodes of the host groups are not on the other side. */
  readonly refusals: ReadonlyMap<Node, string>;
}

/** Values of at most this many elements are cheaper computed here than handed to ONNX Runtime. */
const SMALL = 64;

/** A node that neither side can run, and why ONNX does not have it. */
export interface UnsupportedNode {
  readonly node: Node;
  readonly reason: string;
}

/**
 * UNIMPLEMENTED, naming every op and node that neither side can run.
 * `hostOnly` keeps ONNX Runtime out: for initialisation, which runs once.
 */
export function partition(analyzed: Analyzed, hostOnly = false): Partition {
  const { graph, known } = analyzed;
  const { fragments, refusals, unsupported } = convertNodes(analyzed, hostOnly);
  if (unsupported.length > 0) throw unsupportedError(unsupported);
  const onnx = new Set(fragments.keys());
  let groups = group(graph, onnx);
  for (let changed = true; changed; ) {
    changed = false;
    for (const { side, nodes } of groups) {
      if (side === "host" || !(nodes.every((node) => isSmall(node, known)) || nodes.every(isIndexing)))
        continue;
      for (const node of nodes) onnx.delete(node);
      changed = true;
    }
    if (changed) groups = group(graph, onnx);
  }
  const surplus = surplusGroups(groups);
  for (const node of surplus.flatMap(({ nodes }) => nodes)) onnx.delete(node);
  if (surplus.length > 0) groups = group(graph, onnx);
  return { groups, fragments, refusals };
}

/** Each ONNX group is a session of its own, which takes milliseconds to make and memory to keep. */
const MAX_SESSIONS = 256;

/** The smallest ONNX groups, where there are too many, as far as the host can run them. */
function surplusGroups(groups: readonly Group[]): Group[] {
  const sessions = groups.filter(({ side }) => side === "onnx");
  if (sessions.length <= MAX_SESSIONS) return [];
  const movable = sessions.filter(({ nodes }) => nodes.every((node) => node.op in hostRows));
  if (sessions.length - movable.length > MAX_SESSIONS) {
    throw resourceExhausted(
      `the graph changes between ONNX Runtime and the host ${sessions.length} times, more than ${MAX_SESSIONS}`,
    );
  }
  return movable.sort((a, b) => a.nodes.length - b.nodes.length).slice(0, sessions.length - MAX_SESSIONS);
}

export interface ConvertedNodes extends Omit<Partition, "groups"> {
  readonly unsupported: readonly UnsupportedNode[];
}

/** What each node becomes in ONNX, or why it does not; and which nodes the host has no kernel for either. */
export function convertNodes(analyzed: Analyzed, hostOnly = false): ConvertedNodes {
  const { graph, known } = analyzed;
  const fragments = new Map<Node, OnnxFragment>();
  const refusals = new Map<Node, string>();
  const unsupported: UnsupportedNode[] = [];
  const overgrown = overgrownConstants(graph, known);
  for (const node of computed(graph)) {
    const hasHost = node.bodies !== undefined || node.op in hostRows;
    if (hostOnly && hasHost) continue;
    const conversion =
      overgrown.get(node) ??
      (node.bodies === undefined ? convert(node, known) : convertBodies(node, analyzed));
    if (!("refusal" in conversion)) fragments.set(node, conversion);
    else {
      refusals.set(node, conversion.refusal);
      if (!hasHost) unsupported.push({ node, reason: conversion.refusal });
    }
  }
  return { fragments, refusals, unsupported };
}

/** UNIMPLEMENTED, naming the first nodes. */
export function unsupportedError(unsupported: readonly UnsupportedNode[]): StatusError {
  const list = unsupported
    .slice(0, 10)
    .map(({ node, reason }) => `${node.op} (node "${node.name}": ${reason})`);
  const more = unsupported.length > 10 ? ` and ${unsupported.length - 10} more` : "";
  return unimplemented(`no support for ${list.join(", ")}${more}`);
}

/** The nodes that some step computes: not what is fed, not what is known. */
function computed(graph: Graph): Node[] {
  return graph.nodes.filter((node) => node.op !== "Feed" && node.constant === undefined);
}

function isSmall(node: Node, known: ReadonlyMap<Node, readonly Known[]>): boolean {
  if (!(node.op in hostRows)) return false;
  return node.outputTypes.every((_, index) => {
    const { shape } = knownOf(known, { node, index });
    return shape?.every((size) => size >= 0) && elementCount(shape) <= SMALL;
  });
}

/** Arithmetic on positions and masks, as between string ops: a hop to ONNX Runtime costs more than computing it. */
function isIndexing(node: Node): boolean {
  return node.op in hostRows && node.outputTypes.every((type) => indexTypes.has(type));
}

const indexTypes: ReadonlySet<string> = new Set(["int32", "int64", "bool"]);

function group(graph: Graph, onnx: ReadonlySet<Node>): Group[] {
  const stages = new Map<Node, number>();
  const groups = new Map<number, Node[]>();
  for (const node of graph.nodes) {
    const isSource = node.op === "Feed" || node.constant !== undefined;
    if (isSource) continue;
    const side = onnx.has(node) ? 1 : 0;
    let stage = side;
    for (const before of [...node.inputs.map((edge) => edge.node), ...node.controls]) {
      const earlier = stages.get(before);
      if (earlier !== undefined) stage = Math.max(stage, earlier % 2 === side ? earlier : earlier + 1);
    }
    stages.set(node, stage);
    const nodes = groups.get(stage);
    if (nodes === undefined) groups.set(stage, [node]);
    else nodes.push(node);
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([stage, nodes]) => ({ side: stage % 2 === 1 ? "onnx" : "host", nodes }));
}
