/**
 * Who computes which node. Nodes that ONNX can express and that lie together become one ONNX graph; the host runs the
 * rest. Each node gets a stage: that of its latest input, one more where the side changes. Nodes of one side and one
 * stage never wait for each other through the other side, so they form one group, and the number of hops is the least
 * that the graph's depth allows.
 */
import { elementCount, unimplemented } from "@servable/formats";
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

/**
 * UNIMPLEMENTED, naming every op and node that neither side can run.
 * `hostOnly` keeps ONNX Runtime out: for initialisation, which runs once.
 */
export function partition(analyzed: Analyzed, hostOnly = false): Partition {
  const { graph, known } = analyzed;
  const fragments = new Map<Node, OnnxFragment>();
  const refusals = new Map<Node, string>();
  const overgrown = overgrownConstants(graph, known);
  for (const node of computed(graph)) {
    if (hostOnly && (node.bodies !== undefined || node.op in hostRows)) continue;
    const conversion =
      overgrown.get(node) ??
      (node.bodies === undefined ? convert(node, known) : convertBodies(node, analyzed));
    if ("refusal" in conversion) refusals.set(node, conversion.refusal);
    else fragments.set(node, conversion);
  }
  checkSupport(graph, fragments, refusals);
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
  return { groups, fragments, refusals };
}

/** The nodes that some step computes: not what is fed, not what is known. */
function computed(graph: Graph): Node[] {
  return graph.nodes.filter((node) => node.op !== "Feed" && node.constant === undefined);
}

function checkSupport(
  graph: Graph,
  fragments: ReadonlyMap<Node, OnnxFragment>,
  refusals: ReadonlyMap<Node, string>,
): void {
  const missing = computed(graph).filter(
    (node) => !fragments.has(node) && !(node.op in hostRows) && node.bodies === undefined,
  );
  if (missing.length === 0) return;
  const list = missing.slice(0, 10).map((node) => `${node.op} (node "${node.name}": ${refusals.get(node)})`);
  const more = missing.length > 10 ? ` and ${missing.length - 10} more` : "";
  throw unimplemented(`no support for ${list.join(", ")}${more}`);
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
