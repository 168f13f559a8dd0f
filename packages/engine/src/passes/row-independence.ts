/**
 * Proves, or fails to prove, that row i of every output depends on row i of the inputs alone. Where it is proven,
 * requests may be joined into one batch without being asked. The rules are in ops/rows; this pass walks the graph.
 */
import { elementCount, type Tensor } from "@servable/formats";
import { type Edge, type Graph, isLoop, type Node } from "../graph/graph.js";
import { hostRows } from "../ops/host/index.js";
import { rowRules } from "../ops/rows/index.js";
import { mixed, type RowContext, type RowState, rows, shared } from "../ops/rows/row-rule.js";
import { type Analyzed, facts, knownOf } from "./analyze.js";

/** The outcome for one signature; the reason names the node that ended the proof. */
export type RowIndependence =
  | { readonly independent: true }
  | { readonly independent: false; readonly reason: string };

const no = (reason: string): RowIndependence => ({ independent: false, reason });

export function proveRowIndependence(analyzed: Analyzed): RowIndependence {
  const { graph } = analyzed;
  if (graph.inputs.length === 0) return no("there are no inputs");
  const write = findWrite(graph);
  if (write !== undefined) return no(`running it changes state (${write.op} node "${write.name}")`);
  for (const input of graph.inputs) {
    const shape = input.shape ?? null;
    if (shape !== null && shape[0] !== -1) return no(`input "${input.name}" has no batch dimension`);
  }
  const states = walk(
    analyzed,
    graph.inputs.map(() => rows()),
  );
  const check = findCheckOfRows(graph, states);
  if (check !== undefined)
    return no(`a bad row would fail the others of its batch (${check.op} node "${check.name}")`);
  for (const edge of graph.outputs) {
    const state = stateOf(states, edge);
    if (state.kind === "mixed") return no(state.why);
    if (state.kind !== "rows") return no(`output "${edge.node.name}" is the same for all rows`);
    if (state.axis !== 0 || state.block !== 1) {
      return no(`output "${edge.node.name}" does not have one row for each row of the inputs`);
    }
  }
  return { independent: true };
}

/** Ops on resources that leave what is in them as it is. */
const reading = new Set(
  `VarHandleOp ReadVariableOp VarIsInitializedOp VariableShape ResourceGather ResourceGatherNd
   HashTable HashTableV2 AnonymousHashTable MutableHashTable MutableHashTableV2 MutableHashTableOfTensors
   MutableHashTableOfTensorsV2 MutableDenseHashTable MutableDenseHashTableV2
   LookupTableFind LookupTableFindV2 LookupTableSize LookupTableSizeV2 LookupTableExport LookupTableExportV2`.split(
    /\s+/,
  ),
);

/** The first node, here or in a branch or body, that may change what later requests see. */
function findWrite(graph: Graph): Node | undefined {
  for (const node of graph.nodes) {
    if (hostRows[node.op]?.effect === "state" && !reading.has(node.op)) return node;
    for (const body of node.bodies ?? []) {
      const found = findWrite(body);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** An assertion whose condition depends on rows; of those in branches and bodies nothing is known. */
function findCheckOfRows(graph: Graph, states: States): Node | undefined {
  return graph.nodes.find(
    (node) =>
      (isCheck(node) && node.inputs[0] !== undefined && stateOf(states, node.inputs[0]).kind !== "shared") ||
      node.bodies?.some(hasCheck),
  );
}

function isCheck(node: Node): boolean {
  return hostRows[node.op]?.effect === "check";
}

function hasCheck(body: Graph): boolean {
  return body.nodes.some((node) => isCheck(node) || node.bodies?.some(hasCheck));
}

type States = Map<Node, readonly RowState[]>;

function stateOf(states: States, edge: Edge): RowState {
  return states.get(edge.node)?.[edge.index] ?? shared;
}

function walk(analyzed: Analyzed, args: readonly RowState[]): States {
  const states: States = new Map();
  const { graph } = analyzed;
  graph.inputs.forEach((node, i) => {
    states.set(node, [args[i] ?? shared]);
  });
  for (const node of graph.nodes) {
    if (!states.has(node)) states.set(node, statesOf(node, analyzed, states));
  }
  return states;
}

function statesOf(node: Node, analyzed: Analyzed, states: States): readonly RowState[] {
  const inputs = node.inputs.map((edge) => stateOf(states, edge));
  const all = (state: RowState) => node.outputTypes.map(() => state);
  if (node.bodies !== undefined) return bodyStates(node, analyzed, inputs);
  const effect = hostRows[node.op]?.effect;
  if (effect === "random") return all(mixed(`random numbers (node "${node.name}")`));
  const bad = inputs.find((state) => state.kind === "mixed");
  if (bad !== undefined) return all(bad);
  if (inputs.every((state) => state.kind === "shared")) return all(shared);
  const rule = rowRules[node.op];
  if (rule === undefined)
    return all(mixed(`nothing is known of the rows of ${node.op} (node "${node.name}")`));
  const result = rule(rowContext(node, analyzed, inputs));
  const named = (state: RowState) =>
    state.kind === "mixed" ? mixed(`${state.why} (node "${node.name}")`) : state;
  return "kind" in result ? all(named(result)) : result.map(named);
}

function rowContext(node: Node, { known }: Analyzed, states: readonly RowState[]): RowContext {
  const inputs = node.inputs.map((edge) => knownOf(known, edge));
  const tensor = (i: number): Tensor | undefined => {
    const constant = inputs[i]?.constant;
    return constant !== undefined && elementCount(constant.shape) <= 1024 ? constant.read() : undefined;
  };
  return {
    ...facts(node),
    states,
    inputs,
    outputs: node.outputTypes.map((_, index) => knownOf(known, { node, index })),
    shape: (i) => inputs[i]?.shape ?? null,
    tensor,
    ints: (i) => {
      const value = tensor(i);
      return value?.dtype === "int32" || value?.dtype === "int64"
        ? Array.from(value.data, Number)
        : undefined;
    },
  };
}

// ---- branches and loops --------------------------------------------------------------------------------------

function bodyStates(node: Node, analyzed: Analyzed, inputs: readonly RowState[]): readonly RowState[] {
  const bodies = analyzed.bodies.get(node) ?? [];
  const all = (state: RowState) => node.outputTypes.map(() => state);
  if (!isLoop(node)) {
    if (inputs[0]?.kind !== "shared")
      return all(mixed(`rows decide which branch is taken (node "${node.name}")`));
    return bodies
      .map((body) => outputStates(body, walk(body, inputs.slice(1))))
      .reduce((a, b) => a.map((state, i) => join(state, b[i] ?? shared, node)));
  }
  const [cond, body] = bodies as readonly [Analyzed, Analyzed];
  let carried = inputs;
  for (let round = 0; round < 8; round++) {
    const next = outputStates(body, walk(body, carried)).map((state, i) =>
      join(carried[i] ?? shared, state, node),
    );
    if (next.every((state, i) => same(state, carried[i] ?? shared))) {
      const decision = outputStates(cond, walk(cond, carried))[0] ?? shared;
      return decision.kind === "shared"
        ? carried
        : all(mixed(`rows decide how often a loop runs (node "${node.name}")`));
    }
    carried = next;
  }
  return all(mixed(`a loop whose rows don't settle (node "${node.name}")`));
}

function outputStates(body: Analyzed, states: States): RowState[] {
  return body.graph.outputs.map((edge) => stateOf(states, edge));
}

/** What holds on both ways. A list that is still empty is shared until rows are written into it. */
function join(a: RowState, b: RowState, node: Node): RowState {
  if (same(a, b)) return a;
  if (a.kind === "mixed") return a;
  if (b.kind === "mixed") return b;
  const isList = node.outputTypes.includes("variant");
  if (isList && a.kind === "shared") return b;
  if (isList && b.kind === "shared") return a;
  return mixed(`rows differ between the ways through node "${node.name}"`);
}

function same(a: RowState, b: RowState): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
