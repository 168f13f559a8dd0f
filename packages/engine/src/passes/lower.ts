/**
 * From imported nodes to graphs without calls: what is asked for is cut out at the feeds, TF1 control flow is lifted,
 * functions are inlined, and If, Case and While get their branches and bodies as graphs.
 */
import { bytesBeyondProto, invalidArgument, resourceExhausted, unimplemented } from "@servable/formats";
import {
  type Edge,
  edgeName,
  edgeType,
  type Graph,
  isLoop,
  makeGraph,
  type Node,
  type ValueType,
} from "../graph/graph.js";
import type { FunctionLibrary, ImportedNode } from "../graph/import.js";
import { isTf1ControlFlow, liftControlFlow } from "./lift-control-flow.js";
import { type Replacement, rewriteAll, type Visited } from "./rewrite.js";

/** Calls nested deeper than this are refused. */
const MAX_DEPTH = 100;

/** What inlining may make for one request: functions that call each other can stand for any number of nodes. */
const LIMITS = {
  /** Beyond ten times what the file has. */
  nodes: 50_000,
  /** A node's name begins with those of all calls around it. */
  "characters of names": 2 ** 28,
  /** Constants that the file writes as one value, for each of their copies. */
  "bytes of constants": 2 ** 28,
} as const;
type Amounts = Record<keyof typeof LIMITS, number>;
const GROWTH = 10;

const NOTHING: Amounts = { nodes: 0, "characters of names": 0, "bytes of constants": 0 };

/** Part of an imported graph, cut at what is fed. Its nodes are private and may have cycles. */
export interface Cut {
  readonly inputs: readonly Node[];
  readonly nodes: readonly ImportedNode[];
  readonly outputs: readonly Edge[];
  readonly effects: readonly Node[];
}

/**
 * Copies what `outputs` and `effects` need, with each fed edge replaced by its Feed node.
 * `feeds` maps edge names to Feed nodes.
 */
export function cut(
  feeds: ReadonlyMap<string, Node>,
  outputs: readonly Edge[],
  effects: readonly Node[],
  inputs: readonly Node[] = [...feeds.values()],
): Cut {
  const copies = new Map<Node, ImportedNode>();
  const pending: Node[] = [];
  const copyOf = (node: Node): Node => {
    if (node.op === "Feed") return node;
    let copy = copies.get(node);
    if (copy === undefined) {
      copy = { ...node, inputs: [], controls: [], outputTypes: [...node.outputTypes] };
      copies.set(node, copy);
      pending.push(node);
    }
    return copy;
  };
  const edgeOf = (edge: Edge): Edge => {
    const fed = feeds.get(edgeName(edge));
    return fed !== undefined ? { node: fed, index: 0 } : { node: copyOf(edge.node), index: edge.index };
  };
  const cutOutputs = outputs.map(edgeOf);
  const cutEffects = effects.map(copyOf);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const copy = copies.get(node) as ImportedNode;
    copy.inputs = node.inputs.map(edgeOf);
    copy.controls = node.controls.map(copyOf);
  }
  return { inputs, nodes: [...copies.values()], outputs: cutOutputs, effects: cutEffects };
}

/** Makes graphs without calls out of cuts, and of the functions of a library. */
export class Lowering {
  private readonly functions = new Map<string, Graph>();
  private readonly open = new Set<string>();
  private readonly limits: Readonly<Amounts>;
  private inlined: Amounts = { ...NOTHING };

  constructor(private readonly library: FunctionLibrary) {
    this.limits = { ...LIMITS, nodes: LIMITS.nodes + GROWTH * library.nodeCount };
  }

  /** RESOURCE_EXHAUSTED when inlining makes too much of it; UNIMPLEMENTED when a function calls itself. */
  lower(part: Cut): Graph {
    this.inlined = { ...NOTHING };
    return this.lowerPart(part);
  }

  private lowerPart(part: Cut): Graph {
    const lifted = part.nodes.some(isTf1ControlFlow) ? liftControlFlow(part) : part;
    const graph = makeGraph(lifted.inputs, lifted.outputs, lifted.effects);
    return rewriteAll(graph, (visited) => this.visit(visited));
  }

  /** The body of a function, lowered. UNIMPLEMENTED when it calls itself. */
  functionGraph(name: string): Graph {
    const known = this.functions.get(name);
    if (known !== undefined) return known;
    if (this.open.has(name))
      throw unimplemented(`function "${name}" calls itself; recursion is not supported`);
    if (this.open.size >= MAX_DEPTH) throw resourceExhausted(`functions are nested deeper than ${MAX_DEPTH}`);
    this.open.add(name);
    try {
      const { args, results, effects } = this.library.import(name);
      const graph = this.lowerPart(cut(new Map(), results, effects, args));
      this.functions.set(name, graph);
      return graph;
    } finally {
      this.open.delete(name);
    }
  }

  private visit(visited: Visited): Replacement | undefined {
    const { node } = visited;
    if (node.op === "PartitionedCall" || node.op === "StatefulPartitionedCall") {
      return this.inline(visited, node.attrs.func("f"));
    }
    // Batches are made outside of the graph: what comes is one already.
    if (node.op === "BatchFunction") return this.inline(visited, node.attrs.func("f"));
    if (node.bodies === undefined) {
      const names = bodyNames(node);
      if (names !== undefined) return this.withBodies(visited, names);
      if (this.library.has(node.op)) return this.inline(visited, node.op);
    }
    return undefined;
  }

  private withBodies(visited: Visited, names: readonly string[]): Replacement {
    const { node, inputs, controls } = visited;
    const bodies = names.map((name) => this.functionGraph(name));
    names.forEach((name, i) => {
      checkBody(visited, name, bodies[i] as Graph, i);
    });
    const lowered = { ...node, inputs, controls, bodies };
    return {
      outputs: node.outputTypes.map((_, index) => ({ node: lowered, index })),
      controls: [lowered],
    };
  }

  /** The call's outputs wait for the function's effects, so that fetching any of them runs them all. */
  private inline(call: Visited, name: string): Replacement {
    const template = this.functionGraph(name);
    this.charge(template, call.node);
    checkCall(call.node, name, template, call.inputs.map(edgeType), call.node.outputTypes);
    const body = instantiate(template, call);
    return { outputs: body.outputs, controls: [...body.effects, ...body.outputs.map((edge) => edge.node)] };
  }

  private charge(template: Graph, call: Node): void {
    const size = amountsOf(template);
    this.inlined.nodes += size.nodes;
    this.inlined["characters of names"] += size["characters of names"] + size.nodes * (call.name.length + 1);
    this.inlined["bytes of constants"] += size["bytes of constants"];
    for (const [what, limit] of Object.entries(this.limits)) {
      if (this.inlined[what as keyof Amounts] > limit) {
        throw resourceExhausted(`${call.op} node "${call.name}": inlining functions passes ${limit} ${what}`);
      }
    }
  }
}

const amounts = new WeakMap<Graph, Amounts>();

function amountsOf(template: Graph): Amounts {
  const known = amounts.get(template);
  if (known !== undefined) return known;
  const { nodes } = template;
  const made = {
    nodes: nodes.length,
    "characters of names": nodes.reduce((sum, { name }) => sum + name.length, 0),
    "bytes of constants": nodes.reduce((sum, node) => sum + expansionOf(node), 0),
  };
  amounts.set(template, made);
  return made;
}

function expansionOf({ op, attrs }: Node): number {
  const value = op === "Const" ? attrs.raw("value")?.value : undefined;
  return value?.case === "tensor" ? bytesBeyondProto(value.value) : 0;
}

/** A copy of a function's graph inside its caller: arguments bound, names prefixed, controls inherited. */
function instantiate(
  template: Graph,
  { node: call, inputs, controls }: Visited,
): Pick<Graph, "outputs" | "effects"> {
  const copies = new Map<Node, Node>();
  const bound = new Map(template.inputs.map((arg, i) => [arg, inputs[i] as Edge]));
  const edgeOf = (edge: Edge): Edge =>
    bound.get(edge.node) ?? { node: copies.get(edge.node) as Node, index: edge.index };
  const controlsOf = (nodes: readonly Node[]): Node[] =>
    nodes.map((node) => bound.get(node)?.node ?? (copies.get(node) as Node));
  for (const node of template.nodes) {
    if (bound.has(node)) continue;
    copies.set(node, {
      ...node,
      name: `${call.name}/${node.name}`,
      inputs: node.inputs.map(edgeOf),
      controls: [...controlsOf(node.controls), ...controls],
    });
  }
  const effects = controlsOf(template.effects);
  const outputs = template.outputs.map(edgeOf);
  return {
    outputs: effects.length === 0 ? outputs : outputs.map((edge, i) => afterEffects(edge, i, call, effects)),
    effects,
  };
}

function afterEffects(edge: Edge, index: number, call: Node, effects: readonly Node[]): Edge {
  const type = edge.node.outputTypes[edge.index] as Node["outputTypes"][number];
  const node: Node = {
    name: `${call.name}/result_${index}`,
    op: "Identity",
    inputs: [edge],
    controls: effects,
    attrs: call.attrs,
    outputTypes: [type],
  };
  return { node, index: 0 };
}

/** A branch takes the node's inputs but the first, a loop's functions take all; its condition gives one value. */
function checkBody({ node, inputs }: Visited, name: string, body: Graph, index: number): void {
  const loop = isLoop(node);
  const takes = inputs.slice(loop ? 0 : 1).map(edgeType);
  const [first] = body.outputs;
  const decides = first === undefined ? "bool" : edgeType(first);
  const gives = loop && index === 0 ? [decides] : node.outputTypes;
  checkCall(node, name, body, takes, gives);
}

/** INVALID_ARGUMENT unless a function takes and gives what the node that runs it has for inputs and outputs. */
function checkCall(
  node: Node,
  name: string,
  body: Graph,
  takes: readonly ValueType[],
  gives: readonly ValueType[],
): void {
  const args = body.inputs.map((arg) => arg.outputTypes[0] as ValueType);
  const results = body.outputs.map(edgeType);
  if (sameTypes(args, takes) && sameTypes(results, gives)) return;
  throw invalidArgument(
    `${node.op} node "${node.name}": function "${name}" takes (${args}) and gives (${results}), ` +
      `expected (${takes}) and (${gives})`,
  );
}

function sameTypes(a: readonly ValueType[], b: readonly ValueType[]): boolean {
  return a.length === b.length && a.every((type, i) => type === b[i]);
}

/** Names of the functions that an op of control flow runs, in the order of `Node.bodies`. */
function bodyNames(node: Node): string[] | undefined {
  switch (node.op) {
    case "If":
    case "StatelessIf":
      return [node.attrs.func("then_branch"), node.attrs.func("else_branch")];
    case "While":
    case "StatelessWhile":
      return [node.attrs.func("cond"), node.attrs.func("body")];
    case "Case":
    case "StatelessCase":
      return node.attrs.funcs("branches");
    default:
      return undefined;
  }
}
