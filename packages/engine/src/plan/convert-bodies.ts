/**
 * If, Case and While → ONNX If and Loop, where everything inside can be expressed too. Branches and bodies read what
 * they are given from the graph around them, by name, as ONNX allows; their weights move out to it, so that ONNX
 * Runtime prepares them once.
 */
import { type DType, type PartialShape, tensor } from "@servable/formats";
import { type ConstantSource, constantOf } from "../graph/constant.js";
import { type Edge, edgeName, edgeType, isInvariant, isLoop, type Node } from "../graph/graph.js";
import { carrierOf, type OnnxFragment, type OnnxValue } from "../onnx/emitter.js";
import type { OnnxAttr, OnnxGraph, OnnxOp, OnnxPort } from "../onnx/onnx-graph.js";
import { NotExpressible } from "../ops/op-table.js";
import { type Analyzed, knownOf } from "../passes/analyze.js";
import { overgrownConstants } from "./constant-growth.js";
import { type Conversion, convert } from "./convert.js";
import { convertRecurrence } from "./convert-recurrence.js";
import { carriedConstant, portShape, usedNames } from "./onnx-group.js";

/** Bodies nested deeper than this stay with the host: a loop's condition is written twice, with all that is in it. */
const MAX_DEPTH = 8;

/** A node with bodies as an ONNX fragment, or why there is none. */
export function convertBodies(node: Node, analyzed: Analyzed, depth = 0): Conversion {
  try {
    if (depth > MAX_DEPTH) throw new NotExpressible(`control flow nested deeper than ${MAX_DEPTH}`);
    return convertRecurrence(node, analyzed) ?? new BodiesConverter(node, analyzed, depth).convert();
  } catch (error) {
    if (error instanceof NotExpressible) return { refusal: error.message };
    throw error;
  }
}

/** Operators in order, with the values that they are for. */
interface Emitted {
  readonly ops: readonly OnnxOp[];
  readonly outputs: readonly OnnxValue[];
}

class BodiesConverter {
  private readonly initializers = new Map<string, ConstantSource>();
  private readonly inputs: readonly OnnxValue[];
  private readonly bodies: readonly Analyzed[];
  private count = 0;

  constructor(
    private readonly node: Node,
    private readonly analyzed: Analyzed,
    private readonly depth: number,
  ) {
    this.bodies = analyzed.bodies.get(node) ?? [];
    this.inputs = node.inputs.map((edge) => ({ name: edgeName(edge), dtype: carrierOfEdge(edge) }));
  }

  convert(): OnnxFragment {
    const { ops, outputs } = isLoop(this.node) ? this.loop() : this.choice();
    const named = outputs.map((value, index) => ({ ...value, name: edgeName({ node: this.node, index }) }));
    const copies = outputs.map((value, i) => copyOp(value.name, (named[i] as OnnxValue).name));
    return { ops: [...ops, ...copies], initializers: this.initializers, outputs: named };
  }

  // ---- branches ----

  private choice(): Emitted {
    const [selector, ...args] = this.inputs as [OnnxValue, ...OnnxValue[]];
    this.requireScalar(this.analyzed, this.node.inputs[0] as Edge);
    if (this.node.op.endsWith("Case")) return this.caseOf(selector, args, 0);
    const condition = this.truth(selector);
    const [yes, no] = this.bodies.map((body, i) => this.emit(body, `branch_${i}`, args));
    if (yes === undefined || no === undefined) throw new NotExpressible("a branch is missing");
    return this.ifOp(condition, yes, no);
  }

  /** Branch k when the selector is k; the last one for whatever no other is for. */
  private caseOf(selector: OnnxValue, args: readonly OnnxValue[], k: number): Emitted {
    const body = this.bodies[k];
    if (body === undefined) throw new NotExpressible("a branch is missing");
    const branch = this.emit(body, `branch_${k}`, args);
    if (k === this.bodies.length - 1) return branch;
    const index = this.constant(k);
    const isThis = this.fresh("Equal");
    const equal = op("Equal", [selector.name, index], [isThis]);
    const condition = { ops: [equal], outputs: [{ name: isThis, dtype: "bool" as const }] };
    return this.ifOp(condition, branch, this.caseOf(selector, args, k + 1));
  }

  private ifOp(condition: Emitted, yes: Emitted, no: Emitted): Emitted {
    const outputs = yes.outputs.map(({ dtype }) => ({ name: this.fresh("If"), dtype }));
    const graphs = { then_branch: { graph: this.graph(yes) }, else_branch: { graph: this.graph(no) } };
    const names = outputs.map((value) => value.name);
    const ifOp = op("If", [(condition.outputs[0] as OnnxValue).name], names, graphs);
    return { ops: [...condition.ops, ifOp], outputs };
  }

  // ---- loops ----

  /** Variables go round; what the body never changes is read from outside; further outputs are stacked step by step. */
  private loop(): Emitted {
    const [cond, body] = this.bodies as [Analyzed, Analyzed];
    const carried = this.inputs.flatMap((_, i) => (isInvariant(body.graph, i) ? [] : [i]));
    const scanned = body.graph.outputs.slice(this.inputs.length).map((_, i) => this.inputs.length + i);
    const ports = carried.map((i) => ({
      name: this.fresh("var"),
      dtype: (this.inputs[i] as OnnxValue).dtype,
    }));
    const args = this.inputs.map((input, i) => ports[carried.indexOf(i)] ?? input);
    const step = this.emit(body, "body", args);
    const nexts = this.inputs.map((input, i) =>
      carried.includes(i) ? (step.outputs[i] as OnnxValue) : input,
    );
    const first = this.condition(cond, "enter", this.inputs);
    const again = this.condition(cond, "again", nexts);
    const results = [...carried, ...scanned].map((i) => step.outputs[i] as OnnxValue);
    const inputs: OnnxPort[] = [
      { name: this.fresh("iteration"), dtype: "int64", shape: [] },
      { name: this.fresh("go_on"), dtype: "bool", shape: [] },
      ...ports.map((port) => ({ ...port, shape: null })),
    ];
    const shapes = [null, ...carried.map(() => null), ...scanned.map((i) => stackedShape(body, i))];
    const graph = this.graph(
      { ops: [...step.ops, ...again.ops], outputs: [...again.outputs, ...results] },
      inputs,
      shapes,
    );
    const outputs = results.map(({ dtype }) => ({ name: this.fresh("Loop"), dtype }));
    const initial = carried.map((i) => (this.inputs[i] as OnnxValue).name);
    const loop = op(
      "Loop",
      ["", (first.outputs[0] as OnnxValue).name, ...initial],
      outputs.map((value) => value.name),
      { body: { graph } },
    );
    const all = this.inputs.map((input, i) => outputs[carried.indexOf(i)] ?? input);
    return { ops: [...first.ops, loop], outputs: [...all, ...outputs.slice(carried.length)] };
  }

  private condition(cond: Analyzed, name: string, args: readonly OnnxValue[]): Emitted {
    const edge = cond.graph.outputs[0];
    if (edge === undefined) throw new NotExpressible("a loop without a condition");
    this.requireScalar(cond, edge);
    const { ops, outputs } = this.emit(cond, name, args);
    const truth = this.truth(outputs[0] as OnnxValue);
    return { ops: [...ops, ...truth.ops], outputs: truth.outputs };
  }

  // ---- parts ----

  /** What makes a scalar a bool: anything but zero is true. */
  private truth(value: OnnxValue): Emitted {
    if (value.dtype === "bool") return { ops: [], outputs: [value] };
    const name = this.fresh("Cast");
    const cast = op("Cast", [value.name], [name], { to: { dtype: "bool" } });
    return { ops: [cast], outputs: [{ name, dtype: "bool" }] };
  }

  /** Other tensors are true when they have elements, which ONNX doesn't know of. */
  private requireScalar(where: Analyzed, edge: Edge): void {
    const { shape, type } = knownOf(where.known, edge);
    if (shape?.length !== 0 || type === "string") {
      throw new NotExpressible(`"${edgeName(edge)}" decides, and is not known to be a scalar`);
    }
  }

  /** The operators of a body, its inputs bound to values of the graph around it. */
  private emit(body: Analyzed, label: string, args: readonly OnnxValue[]): Emitted {
    const { graph, known } = body;
    const prefix = `${this.node.name}/${label}/`;
    const bound = new Map(graph.inputs.map((feed, i) => [`${feed.name}:0`, args[i] as OnnxValue]));
    const rename = (name: string) => (name === "" ? "" : (bound.get(name)?.name ?? prefix + name));
    const ops: OnnxOp[] = [];
    const overgrown = overgrownConstants(graph, known);
    for (const node of graph.nodes) {
      if (node.op === "Feed" || node.constant !== undefined) continue;
      const converted =
        overgrown.get(node) ??
        (node.bodies === undefined ? convert(node, known) : convertBodies(node, body, this.depth + 1));
      if ("refusal" in converted) {
        throw new NotExpressible(`it contains ${node.op} node "${node.name}": ${converted.refusal}`);
      }
      for (const [name, source] of converted.initializers) this.initializers.set(prefix + name, source);
      ops.push(...converted.ops.map((each) => renamedOp(each, rename)));
    }
    const outputs = graph.outputs.map((edge) => ({
      name: rename(edgeName(edge)),
      dtype: carrierOfEdge(edge),
    }));
    const used = new Set([...ops.flatMap(usedNames), ...outputs.map((value) => value.name)]);
    for (const { name, constant } of graph.nodes) {
      const constantName = rename(`${name}:0`);
      if (constant !== undefined && used.has(constantName)) {
        this.initializers.set(constantName, carriedConstant(constant));
      }
    }
    return { ops, outputs };
  }

  private constant(value: number): string {
    const name = this.fresh("const");
    this.initializers.set(name, constantOf(tensor("int32", [], Int32Array.of(value))));
    return name;
  }

  /** A graph as an attribute. Its outputs are copies: ONNX wants each to be made inside, and once. */
  private graph(
    { ops, outputs }: Emitted,
    inputs: readonly OnnxPort[] = [],
    shapes: readonly PartialShape[] = [],
  ): OnnxGraph {
    const ports = outputs.map(({ dtype }, i) => ({
      name: this.fresh("out"),
      dtype,
      shape: shapes[i] ?? null,
    }));
    const copies = outputs.map((value, i) => copyOp(value.name, (ports[i] as OnnxPort).name));
    const name = this.fresh("graph");
    return { name, inputs, outputs: ports, ops: [...ops, ...copies], initializers: new Map() };
  }

  private fresh(hint: string): string {
    return `${this.node.name}/${hint}__${this.count++}`;
  }
}

/**
 * The shape of what each step adds to a stacked output. When no step is taken ONNX Runtime makes the empty stack by it;
 * where it knows no rank it takes the stack for a vector, and operators that trust in the rank end the process.
 */
function stackedShape({ graph, known }: Analyzed, index: number): PartialShape {
  const edge = graph.outputs[index] as Edge;
  const { shape } = knownOf(known, edge);
  if (shape === null)
    throw new NotExpressible(`the rank of "${edgeName(edge)}", which is stacked, is unknown`);
  return portShape(shape);
}

function carrierOfEdge(edge: Edge): DType {
  const type = edgeType(edge);
  const carrier = type === "resource" || type === "variant" ? undefined : carrierOf(type);
  if (carrier === undefined) throw new NotExpressible(`"${edgeName(edge)}" is of type ${type}`);
  return carrier;
}

function op(
  type: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attrs: OnnxOp["attrs"] = {},
): OnnxOp {
  return { type, name: outputs[0] ?? type, inputs, outputs, attrs };
}

function copyOp(from: string, to: string): OnnxOp {
  return op("Identity", [from], [to]);
}

/** The operator with other names, also inside of the graphs that it has as attributes. */
function renamedOp(each: OnnxOp, rename: (name: string) => string): OnnxOp {
  const attrs = Object.entries(each.attrs).map(([name, attr]) => [name, renamedAttr(attr, rename)] as const);
  return {
    ...each,
    name: rename(each.name),
    inputs: each.inputs.map(rename),
    outputs: each.outputs.map(rename),
    attrs: Object.fromEntries(attrs),
  };
}

function renamedAttr(attr: OnnxAttr, rename: (name: string) => string): OnnxAttr {
  if (typeof attr !== "object" || !("graph" in attr)) return attr;
  const { graph } = attr;
  const port = (each: OnnxPort) => ({ ...each, name: rename(each.name) });
  return {
    graph: {
      name: graph.name,
      inputs: graph.inputs.map(port),
      outputs: graph.outputs.map(port),
      ops: graph.ops.map((each) => renamedOp(each, rename)),
      initializers: new Map([...graph.initializers].map(([name, source]) => [rename(name), source])),
    },
  };
}
