/**
 * What is known before a graph runs: shapes, constants, partly known integer vectors. Nodes whose inputs are all
 * constant are computed here, by their host kernels, and become constants. Branches and bodies are analyzed with what
 * is known of their arguments; a loop's arguments are widened until nothing changes.
 */
import {
  elementCount,
  invalidArgument,
  type PartialShape,
  StatusError,
  type Tensor,
} from "@servable/formats";
import { type ConstantSource, constantOf } from "../graph/constant.js";
import {
  constantNode,
  type Edge,
  edgeType,
  type Graph,
  isInvariant,
  isLoop,
  type Known,
  type Node,
  type ValueType,
} from "../graph/graph.js";
import { hostRows } from "../ops/host/index.js";
import type { Inferred, ShapeContext } from "../ops/op-table.js";
import { shapeRows } from "../ops/shape/index.js";
import { ResourceManager } from "../runtime/resource-manager.js";
import { asTensor, isTensor } from "../values.js";
import { LoadBudget } from "./load-budget.js";
import { tripCount } from "./loop-counters.js";
import { type Replacement, rewrite, unique, type Visited, wholeNode } from "./rewrite.js";

/** Constants up to this many elements are looked at and folded. */
const MAX_FOLDED = 1 << 16;
/**
 * A loop's argument shapes settle in a few rounds: sizes become unknown, then ranks. Loops in loops get fewer, by depth,
 * for their bodies are analyzed in each round of the loops around them.
 */
const ROUNDS = [8, 3, 3, 1, 1, 1];

export interface Analyzed {
  readonly graph: Graph;
  /** Of every output of every node of the graph. */
  readonly known: ReadonlyMap<Node, readonly Known[]>;
  /** Of the nodes inside If, Case and While: the analysis of each of their bodies. */
  readonly bodies: ReadonlyMap<Node, readonly Analyzed[]>;
}

/** The analysis of one graph in the making. */
interface Scope {
  readonly known: Map<Node, readonly Known[]>;
  readonly bodies: Map<Node, readonly Analyzed[]>;
  readonly place: Place;
}

interface Place {
  /** How many loops are around. */
  readonly depth: number;
  /** For folding. */
  readonly budget: LoadBudget;
}

/** Analyzes and folds. `args` says what is known of the graph's inputs; their declared shapes by default. */
export function analyze(graph: Graph, args?: readonly Known[]): Analyzed {
  return analyzeAt({ depth: 0, budget: LoadBudget.forFolding() }, graph, args);
}

function analyzeAt(place: Place, graph: Graph, args?: readonly Known[]): Analyzed {
  const known = new Map<Node, readonly Known[]>();
  const bodies = new Map<Node, readonly Analyzed[]>();
  const argIndex = new Map(graph.inputs.map((node, i) => [node, i]));
  const visit = (visited: Visited): Replacement => {
    const { node } = visited;
    const arg = argIndex.get(node);
    if (arg !== undefined) {
      known.set(node, [args?.[arg] ?? { type: node.outputTypes[0] as ValueType, shape: node.shape ?? null }]);
      return wholeNode(node);
    }
    return visitNode(visited, { known, bodies, place });
  };
  return { graph: rewrite(graph, visit), known, bodies };
}

export function knownOf(known: ReadonlyMap<Node, readonly Known[]>, edge: Edge): Known {
  return known.get(edge.node)?.[edge.index] ?? { type: edgeType(edge), shape: null };
}

function visitNode({ node, inputs, controls }: Visited, scope: Scope): Replacement {
  const { known } = scope;
  const copy: Node = { ...node, inputs, controls };
  if (node.constant !== undefined) {
    known.set(copy, [knownConstant(node.constant)]);
    return wholeNode(copy);
  }
  const inputKnown = inputs.map((edge) => knownOf(known, edge));
  if (node.op === "Const") return constants(node, [constantOf(node.attrs.tensor("value"))], known);
  if (node.bodies !== undefined) return visitBodies(copy, inputKnown, scope);
  const inferred = infer(copy, inputKnown);
  const folded = controls.length === 0 ? fold(copy, inputKnown, inferred, scope.place.budget) : undefined;
  if (folded !== undefined) return constants(node, folded, known);
  known.set(copy, inferred);
  return wholeNode(copy);
}

function constants(
  node: Node,
  values: readonly ConstantSource[],
  known: Map<Node, readonly Known[]>,
): Replacement {
  const nodes = values.map((value, i) => {
    const made = constantNode(i === 0 ? node.name : `${node.name}:${i}`, value);
    known.set(made, [knownConstant(value)]);
    return made;
  });
  return { outputs: nodes.map((made) => ({ node: made, index: 0 })), controls: [] };
}

/** A constant with the entries of small integer vectors, so that rules need not read it again. */
export function knownConstant(constant: ConstantSource): Known {
  const partial = integerEntries(constant);
  return {
    type: constant.dtype,
    shape: constant.shape,
    constant,
    ...(partial === undefined ? {} : { partial }),
  };
}

function integerEntries(constant: ConstantSource): number[] | undefined {
  const integer = constant.dtype === "int32" || constant.dtype === "int64";
  if (!integer || constant.shape.length > 1 || elementCount(constant.shape) > 1024) return undefined;
  const { data } = constant.read();
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

// ---- one node ------------------------------------------------------------------------------------------------

/** What is known of a node's outputs when this is known of its inputs. */
export function infer(node: Node, inputs: readonly Known[]): Known[] {
  const rule = shapeRows[node.op];
  const inferred = rule === undefined ? [] : rule(shapeContext(node, inputs));
  return node.outputTypes.map((type, i) => ({
    type,
    ...(rule === undefined ? declared(node, i) : normalize(inferred[i])),
  }));
}

function normalize(inferred: Inferred | undefined): Omit<Known, "type"> {
  if (inferred === undefined || inferred === null || Array.isArray(inferred))
    return { shape: (inferred ?? null) as PartialShape };
  return inferred as Exclude<Inferred, PartialShape>;
}

/** What the exporter wrote down of an op without a rule. */
function declared(node: Node, index: number): { shape: PartialShape } {
  const list = node.attrs.raw("_output_shapes");
  return { shape: list?.value.case === "list" ? (node.attrs.shapes("_output_shapes")[index] ?? null) : null };
}

function shapeContext(node: Node, inputs: readonly Known[]): ShapeContext {
  return {
    ...facts(node),
    inputs,
    shape: (i) => inputs[i]?.shape ?? null,
    tensor: (i) => smallTensor(inputs[i]?.constant),
    entries: (i) => entriesOf(inputs[i]),
  };
}

function entriesOf(known: Known | undefined): readonly (number | undefined)[] | undefined {
  if (known?.partial !== undefined) return known.partial;
  const shape = known?.shape;
  if (shape === null || shape === undefined || shape.length > 1) return undefined;
  const length = shape[0] ?? 1;
  return length >= 0 && length <= 1024 ? new Array<undefined>(length).fill(undefined) : undefined;
}

/** What op rows may know of a node. */
export function facts(
  node: Node,
): Pick<ShapeContext, "name" | "op" | "attrs" | "inputTypes" | "outputTypes"> {
  const { name, op, attrs, outputTypes } = node;
  return { name, op, attrs, inputTypes: node.inputs.map(edgeType), outputTypes };
}

function smallTensor(constant: ConstantSource | undefined): Tensor | undefined {
  return constant !== undefined && elementCount(constant.shape) <= MAX_FOLDED ? constant.read() : undefined;
}

// ---- folding -------------------------------------------------------------------------------------------------

const noResources = new ResourceManager();

/** The outputs as constants: computed, or known in full by inference (such as the Shape of a static tensor). */
function fold(
  node: Node,
  inputs: readonly Known[],
  outputs: readonly Known[],
  budget: LoadBudget,
): ConstantSource[] | undefined {
  const row = hostRows[node.op];
  if (row?.effect !== undefined || outputs.length === 0) return undefined;
  const inferred = outputs.map((known, i) => fromPartial(known, node.outputTypes[i]));
  if (inferred.every((value) => value !== undefined)) return inferred;
  if (row === undefined || (node.inputs.length === 0 && node.op !== "Const")) return undefined;
  if (outputs.some(({ shape }) => isTooLarge(node, shape))) return undefined;
  const tensors = inputs.map((known) => smallTensor(known.constant));
  if (tensors.some((value) => value === undefined)) return undefined;
  return compute(node, tensors as Tensor[], outputs, budget);
}

/** INVALID_ARGUMENT, naming the node, for sizes that no tensor has. */
function isTooLarge(node: Node, shape: PartialShape | undefined): boolean {
  if (!shape?.every((size) => size >= 0)) return false;
  try {
    return elementCount(shape) > MAX_FOLDED;
  } catch (reason) {
    const { message } = StatusError.from(reason);
    throw invalidArgument(`${node.op} node "${node.name}": ${message}`, { cause: reason });
  }
}

function compute(
  node: Node,
  inputs: readonly Tensor[],
  known: readonly Known[],
  budget: LoadBudget,
): ConstantSource[] | undefined {
  try {
    const kernel = hostRows[node.op]?.kernel(facts(node));
    if (kernel === undefined) return undefined;
    const run = () => kernel(inputs, { resources: noResources });
    const outputs = budget.runIfAffordable(node, inputs, known, run);
    if (outputs === undefined || !outputs.every(isTensor)) return undefined;
    return outputs.map((value) => constantOf(asTensor(value)));
  } catch (error) {
    // A branch that is never taken may hold nonsense; whoever does run the node gets the error then.
    if (error instanceof StatusError) return undefined;
    throw error;
  }
}

function fromPartial(known: Known, type: ValueType | undefined): ConstantSource | undefined {
  const { partial, shape } = known;
  if (partial === undefined || shape === null || partial.some((entry) => entry === undefined))
    return undefined;
  if (shape.some((size) => size < 0) || elementCount(shape) !== partial.length) return undefined;
  if (type === "int32")
    return constantOf({ dtype: "int32", shape, data: Int32Array.from(partial as number[]) });
  if (type === "int64") {
    return constantOf({ dtype: "int64", shape, data: BigInt64Array.from((partial as number[]).map(BigInt)) });
  }
  return undefined;
}

// ---- branches and bodies -------------------------------------------------------------------------------------

function visitBodies(node: Node, inputs: readonly Known[], scope: Scope): Replacement {
  const taken = isLoop(node) ? undefined : takenBranch(node, inputs[0]);
  if (taken !== undefined) return inlineBranch(node, taken, scope);
  const analyzed = isLoop(node)
    ? analyzeLoop(node, inputs, scope.place)
    : analyzeBranches(node, inputs, scope.place);
  const copy: Node = { ...node, bodies: analyzed.bodies.map((body) => body.graph) };
  scope.bodies.set(copy, analyzed.bodies);
  scope.known.set(copy, analyzed.outputs);
  return wholeNode(copy);
}

/** The branch that is always taken, because what decides is a constant. */
function takenBranch(node: Node, decides: Known | undefined): Graph | undefined {
  const value = smallTensor(decides?.constant);
  if (value === undefined || value.shape.length > 0 || value.dtype === "string") return undefined;
  const bodies = node.bodies ?? [];
  const number = Number(value.data[0]);
  if (!node.op.endsWith("Case")) return bodies[number === 0 ? 1 : 0];
  return bodies[number] ?? bodies.at(-1);
}

/** The nodes of a branch in place of the node that chooses it. */
function inlineBranch(node: Node, branch: Graph, scope: Scope): Replacement {
  const done = new Map<Node, Replacement>(
    branch.inputs.map((feed, i) => [feed, { outputs: [node.inputs[i + 1] as Edge], controls: [] }]),
  );
  const edgeOf = (edge: Edge) => done.get(edge.node)?.outputs[edge.index] as Edge;
  const controlsOf = (nodes: readonly Node[]) =>
    unique(nodes.flatMap((before) => controlsAfter(done.get(before))));
  for (const inside of branch.nodes) {
    if (done.has(inside)) continue;
    const named: Node = { ...inside, name: `${node.name}/${inside.name}` };
    const inputs = inside.inputs.map(edgeOf);
    const controls = unique([...controlsOf(inside.controls), ...node.controls]);
    done.set(inside, visitNode({ node: named, inputs, controls }, scope));
  }
  const outputs = branch.outputs.map(edgeOf);
  const effects = controlsOf(branch.effects);
  return { outputs, controls: unique([...effects, ...outputs.map((edge) => edge.node)]) };
}

function controlsAfter(replaced: Replacement | undefined): readonly Node[] {
  return replaced?.controls ?? replaced?.outputs.map((edge) => edge.node) ?? [];
}

interface AnalyzedBodies {
  readonly bodies: readonly Analyzed[];
  readonly outputs: readonly Known[];
}

function analyzeBranches(node: Node, inputs: readonly Known[], place: Place): AnalyzedBodies {
  const args = inputs.slice(1);
  const bodies = (node.bodies ?? []).map((body) => analyzeAt(place, body, args));
  const outputs = node.outputTypes.map((type, i) =>
    bodies.map((body) => widened(knownOf(body.known, outputEdge(node, body.graph, i)), type)).reduce(agreed),
  );
  return { bodies, outputs };
}

function analyzeLoop(node: Node, inputs: readonly Known[], place: Place): AnalyzedBodies {
  const [cond, body] = node.bodies as readonly [Graph, Graph];
  const rounds = ROUNDS[place.depth] ?? 0;
  const inside = { ...place, depth: place.depth + 1 };
  const vary = (known: readonly Known[], change: (each: Known, i: number) => Known) =>
    known.map((each, i) => (isInvariant(body, i) ? each : change(each, i)));
  // With one round only, sizes are taken for unknown from the start.
  const start = (shape: PartialShape) => (rounds > 1 ? shape : (shape?.map(() => -1) ?? null));
  let args = vary(inputs, (each) => widened({ ...each, shape: start(each.shape) }, each.type));
  for (let round = 0; ; round++) {
    const isLast = round >= rounds;
    if (isLast) args = vary(args, ({ type }) => ({ type, shape: null }));
    const analyzed = analyzeAt(inside, body, args);
    const next = vary(args, (each, i) =>
      agreed(each, widened(knownOf(analyzed.known, outputEdge(node, analyzed.graph, i)), each.type)),
    );
    if (isLast || next.every((known, i) => sameKnown(known, args[i] as Known))) {
      const bodies = [analyzeAt(inside, cond, args), analyzed];
      return { bodies, outputs: [...args, ...stackedItems(node, analyzed)] };
    }
    args = next;
  }
}

/** Of the outputs of a loop past its variables: the body's further outputs of all steps (see scan-loops.ts). */
function stackedItems(node: Node, body: Analyzed): Known[] {
  const steps = tripCount(node)?.count ?? -1;
  return body.graph.outputs.slice(node.inputs.length).map((edge) => {
    const { type, shape } = knownOf(body.known, edge);
    return { type, shape: shape === null ? null : [steps, ...shape] };
  });
}

function outputEdge(node: Node, body: Graph, index: number): Edge {
  const edge = body.outputs[index];
  if (edge === undefined) {
    throw invalidArgument(`${node.op} node "${node.name}": a branch or body has no output ${index}`);
  }
  return edge;
}

/** Without what holds only on one path: values. */
function widened(known: Known, type: ValueType): Known {
  const { shape, element } = known;
  return { type, shape, ...(element !== undefined && { element }) };
}

/** What holds of both. */
function agreed(a: Known, b: Known): Known {
  const isKnown = a.element !== undefined && b.element !== undefined;
  return {
    type: a.type,
    shape: commonShape(a.shape, b.shape),
    ...(isKnown && { element: commonShape(a.element ?? null, b.element ?? null) }),
  };
}

function sameKnown(a: Known, b: Known): boolean {
  return sameShape(a.shape, b.shape) && sameShape(a.element ?? null, b.element ?? null);
}

function commonShape(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null || a.length !== b.length) return null;
  return a.map((size, axis) => (size === b[axis] ? size : -1));
}

function sameShape(a: PartialShape, b: PartialShape): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
