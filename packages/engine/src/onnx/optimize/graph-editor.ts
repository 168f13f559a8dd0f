/**
 * How rules change an ONNX graph: they are shown every operator once, in order, with those before it already changed,
 * and say what to write in its place. Operators that nobody reads any more disappear at the end.
 *
 * Names of values never change their meaning: whatever a rule writes gives the values that were there before under their
 * old names, so that graphs inside of operators, and outputs, find what they read.
 */
import { type DType, elementCount, type PartialShape } from "@servable/formats";
import type { ConstantSource } from "../../graph/constant.js";
import type { OnnxAttr, OnnxGraph, OnnxOp } from "../onnx-graph.js";

/** Operators in place of one; `{ same }` says that its only output is a value that is there already; undefined keeps it. */
export type Rewritten = readonly OnnxOp[] | { readonly same: string } | undefined;

export type Rule = (op: OnnxOp, g: GraphEditor) => Rewritten;

/** What is known of a value that TensorFlow's graph has as well. */
export interface KnownValue {
  readonly dtype: DType;
  readonly shape: PartialShape;
}

/** Constants of more elements are not looked at. */
const MAX_LOOKED_AT = 4096;

export class GraphEditor {
  private ops: OnnxOp[];
  private readonly initializers: Map<string, ConstantSource>;
  private readonly producers = new Map<string, OnnxOp>();
  private readonly aliases = new Map<string, string>();
  /** Values that must go on existing by their names. */
  private readonly pinned: ReadonlySet<string>;
  private readonly names: Set<string>;
  private readonly known: Map<string, KnownValue>;

  constructor(
    private readonly graph: OnnxGraph,
    known: ReadonlyMap<string, KnownValue>,
  ) {
    this.known = new Map(known);
    this.ops = [...graph.ops];
    this.initializers = new Map(graph.initializers);
    const nested = graph.ops.flatMap((op) => readInside(op));
    this.pinned = new Set([...graph.outputs.map(({ name }) => name), ...nested]);
    this.names = new Set([
      ...graph.inputs.map(({ name }) => name),
      ...graph.initializers.keys(),
      ...graph.ops.flatMap(({ outputs }) => outputs),
    ]);
  }

  /** Shows a rule every operator, those that it has written itself not again. */
  apply(rule: Rule): void {
    const written: OnnxOp[] = [];
    for (const each of this.ops) {
      const op = this.withAliases(each);
      const rewritten = rule(op, this) ?? [op];
      const kept = "same" in rewritten ? this.alias(op, rewritten.same) : rewritten;
      for (const made of kept) {
        written.push(made);
        for (const name of made.outputs) this.producers.set(name, made);
      }
    }
    this.ops = written;
  }

  /** The graph as it is now, without what nobody reads. */
  finish(): OnnxGraph {
    const used = new Set(this.pinned);
    const kept: OnnxOp[] = [];
    for (const op of [...this.ops].reverse()) {
      if (!op.outputs.some((name) => used.has(name))) continue;
      for (const name of op.inputs) used.add(name);
      kept.push(op);
    }
    const initializers = new Map([...this.initializers].filter(([name]) => used.has(name)));
    const inputs = this.graph.inputs;
    return { ...this.graph, inputs, ops: kept.reverse(), initializers };
  }

  /** The operator that makes a value, if it is of that type; an absent optional input has none. */
  producer(value: string | undefined, ...types: string[]): OnnxOp | undefined {
    const op = value === undefined ? undefined : this.producers.get(value);
    return op !== undefined && types.includes(op.type) ? op : undefined;
  }

  constant(value: string | undefined): ConstantSource | undefined {
    return value === undefined ? undefined : this.initializers.get(value);
  }

  /** The elements of a small constant. */
  numbers(value: string | undefined): number[] | undefined {
    const constant = this.constant(value);
    if (constant === undefined || constant.dtype === "string") return undefined;
    if (elementCount(constant.shape) > MAX_LOOKED_AT) return undefined;
    return Array.from(constant.read().data as ArrayLike<number | bigint>, Number);
  }

  /** The element of a constant without dimensions: what is broadcast to any shape, and leaves it as it is. */
  scalar(value: string | undefined): number | undefined {
    return this.constant(value)?.shape.length === 0 ? this.numbers(value)?.[0] : undefined;
  }

  /** Null for values that only ONNX's graph has. */
  shape(value: string | undefined): PartialShape {
    return this.knownOf(value)?.shape ?? null;
  }

  /** Undefined for values that only ONNX's graph has. */
  dtype(value: string | undefined): DType | undefined {
    return this.knownOf(value)?.dtype;
  }

  /** Tells what is known of a value that a rule brings in. */
  describe(value: string, known: KnownValue): void {
    this.known.set(value, known);
  }

  /** Adds a constant; returns its name. */
  add(hint: string, constant: ConstantSource): string {
    const name = this.fresh(hint);
    this.initializers.set(name, constant);
    return name;
  }

  /** A vector of int64: what ONNX takes as shapes, axes, pads. */
  addInts(hint: string, values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    const shape = [values.length];
    return this.add(hint, { dtype: "int64", shape, read: () => ({ dtype: "int64", shape, data }) });
  }

  /** The elements of a constant in another shape of as many; where they lie in a file stays known. */
  addReshaped(hint: string, of: ConstantSource, shape: readonly number[]): string {
    return this.add(hint, {
      ...of,
      shape,
      read: () => ({ ...of.read(), shape }) as ReturnType<typeof of.read>,
    });
  }

  /** A name that nothing else in the graph has. */
  fresh(hint: string): string {
    let name = hint;
    for (let i = 1; this.names.has(name); i++) name = `${hint}_${i}`;
    this.names.add(name);
    return name;
  }

  private knownOf(value: string | undefined): KnownValue | undefined {
    return value === undefined ? undefined : (this.initializers.get(value) ?? this.known.get(value));
  }

  private withAliases(op: OnnxOp): OnnxOp {
    if (!op.inputs.some((name) => this.aliases.has(name))) return op;
    return { ...op, inputs: op.inputs.map((name) => this.aliases.get(name) ?? name) };
  }

  private alias(op: OnnxOp, same: string): OnnxOp[] {
    const [output = ""] = op.outputs;
    this.aliases.set(output, this.aliases.get(same) ?? same);
    return this.pinned.has(output) ? [makeOp("Identity", [same], output)] : [];
  }
}

export function makeOp(
  type: string,
  inputs: readonly string[],
  output: string,
  attrs: OnnxOp["attrs"] = {},
  domain?: string,
): OnnxOp {
  return {
    type,
    name: output,
    inputs,
    outputs: [output],
    attrs,
    ...(domain === undefined ? {} : { domain }),
  };
}

/** An attribute that is a list of integers. */
export function intsAttr(op: OnnxOp, name: string): readonly number[] | undefined {
  const attr: OnnxAttr | undefined = op.attrs[name];
  return Array.isArray(attr) ? (attr as readonly number[]) : undefined;
}

/** Names that the graphs in an operator's attributes read. */
function readInside(op: OnnxOp): string[] {
  return Object.values(op.attrs).flatMap((attr) => {
    if (typeof attr !== "object" || !("graph" in attr)) return [];
    const outputs = attr.graph.outputs.map(({ name }) => name);
    return [...outputs, ...attr.graph.ops.flatMap((inside) => [...inside.inputs, ...readInside(inside)])];
  });
}
