/**
 * Loops over TensorLists → loops over tensors. Programs read one row of a sequence a step and write one row of a result;
 * producers spell that with lists. Here a list that is only read becomes the tensor of its rows, and a list that gets
 * one element a step becomes a further output of the body, which the loop stacks: then ONNX Runtime can run it.
 *
 * A While that stacks has more outputs than variables: output `variables + k` is the k-th of the body's further outputs,
 * of all steps, along a new first axis.
 */
import { create } from "@bufbuild/protobuf";
import { type DType, dtypeNumber, opDef, type Tensor, tensor, zeros } from "@servable/formats";
import {
  type AttrValue,
  AttrValueSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { Attrs } from "../graph/attrs.js";
import { constantOf } from "../graph/constant.js";
import {
  constantNode,
  type Edge,
  edgeName,
  edgeType,
  type Graph,
  isInvariant,
  isLoop,
  makeGraph,
  type Node,
  type ValueType,
} from "../graph/graph.js";
import { tripCount, variableOf } from "./loop-counters.js";
import { type Replacement, rewrite, type Visited, wholeNode } from "./rewrite.js";
import { sameValue } from "./same-value.js";

/** The graph with what loops over lists it can express over tensors, also inside of bodies. Expects constants folded. */
export function scanLoops(graph: Graph): Graph {
  return new ListRewriter().rewrite(graph);
}

/** What is known of a list: its first elements as the rows of a tensor, and how long it is. */
interface ListRows {
  /** The elements that are set, all at the front; undefined when none is. */
  readonly rows: Edge | undefined;
  /** How many elements are set; undefined when all are. */
  readonly set: number | undefined;
  /** A scalar: how many elements there are. Undefined when all are set. */
  readonly length: Edge | undefined;
}

/** One list that a loop writes. */
interface WrittenList {
  readonly variable: number;
  /** Which output of the body is written: the list's own, whose item becomes a further output. */
  readonly item: Edge;
  readonly before: ListRows;
  /** "each": one element a step, in order; "same": always the first and only element. */
  readonly writes: "each" | "same";
  readonly grows: boolean;
}

interface LoopLists {
  /** By the index of the argument: the rows of a list that the loop only reads. */
  readonly read: ReadonlyMap<number, Edge>;
  readonly written: readonly WrittenList[];
}

class ListRewriter {
  /** By the name of an edge of the new graph. */
  private readonly lists = new Map<string, ListRows>();
  /** Ops that read each edge of the old graph, by its name; "" where the graph yields it. */
  private readonly readers = new Map<string, string[]>();

  /** `rows` says which of the graph's inputs have become tensors of rows. */
  rewrite(graph: Graph, rows: ReadonlyMap<number, ValueType> = new Map()): Graph {
    for (const node of graph.nodes) for (const edge of node.inputs) this.addReader(edge, node.op);
    for (const edge of graph.outputs) this.addReader(edge, "");
    const index = new Map(graph.inputs.map((node, i) => [node, i]));
    return rewrite(graph, (visited) => {
      const input = index.get(visited.node);
      const type = input === undefined ? undefined : rows.get(input);
      return type === undefined ? this.visit(visited) : this.rowsInput(visited.node, type);
    });
  }

  private addReader(edge: Edge, op: string): void {
    const readers = this.readers.get(edgeName(edge)) ?? [];
    this.readers.set(edgeName(edge), readers);
    readers.push(op);
  }

  /** The input as a tensor, and a list made of it for whoever does not look at the rows. See `rowsOf`. */
  private rowsInput(feed: Node, type: ValueType): Replacement {
    const rows: Edge = { node: { ...feed, outputTypes: [type] }, index: 0 };
    return { outputs: [this.listOf(rows, `${feed.name}/list`)] };
  }

  private listOf(rows: Edge, name: string): Edge {
    const shape = constantNode(`${name}/element_shape`, constantOf(int(-1)));
    const attrs = { element_dtype: typeAttr(edgeType(rows)), shape_type: typeAttr("int32") };
    const inputs = [rows, { node: shape, index: 0 }];
    this.lists.set(`${name}:0`, allSet(rows));
    return { node: nodeOf(name, "TensorListFromTensor", inputs, ["variant"], attrs), index: 0 };
  }

  private list(edge: Edge | undefined): ListRows | undefined {
    return edge === undefined ? undefined : this.lists.get(edgeName(edge));
  }

  private visit(visited: Visited): Replacement | undefined {
    const { node, inputs } = visited;
    const [first, second, third] = inputs as [Edge, Edge, Edge];
    switch (node.op) {
      case "TensorListFromTensor":
        return this.note(visited, allSet(first));
      case "TensorListReserve":
        return this.note(visited, { rows: undefined, set: 0, length: second });
      case "EmptyTensorList":
        return this.note(visited, { rows: undefined, set: 0, length: constant(node, "length", int(0)) });
      case "TensorListScatterIntoExistingList":
        return this.fillsAll(this.list(first), third) ? this.note(visited, allSet(second)) : undefined;
      case "TensorListSetItem":
        return this.setItem(visited);
      case "TensorListGetItem":
        return this.gather(visited, second);
      case "TensorListGather":
        return this.gather(visited, second);
      case "TensorListStack":
        return this.stack(first);
      case "TensorListLength":
        return this.lengthOf(visited);
      default:
        return node.bodies === undefined ? undefined : this.bodies(visited);
    }
  }

  // ---- lists outside of the loops that work on them ----

  private note({ node, inputs, controls }: Visited, list: ListRows): Replacement {
    const copy = { ...node, inputs, controls };
    this.lists.set(`${copy.name}:0`, list);
    return wholeNode(copy);
  }

  /** Whether these indices are those of all elements, in order. */
  private fillsAll(list: ListRows | undefined, indices: Edge): boolean {
    if (list?.length === undefined) return false;
    const known = smallInts(indices);
    const length = smallInts(list.length)?.[0];
    if (known !== undefined) {
      // Scattering past the end makes the list longer.
      return length !== undefined && known.length >= length && known.every((index, i) => index === i);
    }
    const { node } = indices;
    if (node.op !== "Range") return false;
    const [start, limit, delta] = node.inputs as [Edge, Edge, Edge];
    return (
      smallInts(start)?.[0] === 0 &&
      smallInts(delta)?.[0] === 1 &&
      (length === 0 || sameValue(limit, list.length))
    );
  }

  /** An element written after those that are set, before a loop takes over. */
  private setItem(visited: Visited): Replacement | undefined {
    const [handle, index, item] = visited.inputs as [Edge, Edge, Edge];
    const list = this.list(handle);
    if (list?.set === undefined || smallInts(index)?.[0] !== list.set) return undefined;
    const { node } = visited;
    const row = made(node, "row", "ExpandDims", [item, constant(node, "axis", int(0))], edgeType(item));
    const rows = list.rows === undefined ? row : concat(node, [list.rows, row]);
    return this.note(visited, { ...list, rows, set: list.set + 1 });
  }

  private gather({ node, inputs }: Visited, index: Edge): Replacement | undefined {
    const rows = this.allRows(inputs[0]);
    if (rows === undefined) return undefined;
    const axis = constant(node, "axis", int(0));
    const attrs = {
      Tparams: typeAttr(edgeType(rows)),
      Tindices: typeAttr("int32"),
      Taxis: typeAttr("int32"),
    };
    return wholeNode(nodeOf(node.name, "GatherV2", [rows, index, axis], [edgeType(rows)], attrs));
  }

  private stack(list: Edge): Replacement | undefined {
    const rows = this.allRows(list);
    return rows === undefined ? undefined : { outputs: [rows] };
  }

  private lengthOf({ node, inputs }: Visited): Replacement | undefined {
    const list = this.list(inputs[0]);
    if (list === undefined) return undefined;
    if (list.length !== undefined) return { outputs: [list.length] };
    return { outputs: [rowCount(node, list.rows as Edge)] };
  }

  /** The list as a tensor when every element is set. */
  private allRows(list: Edge | undefined): Edge | undefined {
    const known = this.list(list);
    return known?.length === undefined ? known?.rows : undefined;
  }

  // ---- loops and branches ----

  private bodies(visited: Visited): Replacement {
    const { node, inputs, controls } = visited;
    const scanned = isLoop(node) ? this.loop(visited) : undefined;
    if (scanned !== undefined) return scanned;
    const bodies = (node.bodies ?? []).map(scanLoops);
    return wholeNode({ ...node, inputs, controls, bodies });
  }

  /** The loop without lists; undefined when one of them has to stay. */
  private loop({ node: before, inputs, controls }: Visited): Replacement | undefined {
    const node: Node = { ...before, inputs, controls };
    const lists = this.listsOf(node, before);
    if (lists === undefined) return undefined;
    const { read, written } = lists;
    const kept = inputs.map((_, i) => i).filter((i) => !written.some(({ variable }) => variable === i));
    const loop = withoutLists(node, lists, kept);
    const outputs = inputs.map((edge, i) => {
      const list = written.findIndex(({ variable }) => variable === i);
      if (list < 0) return read.has(i) ? edge : { node: loop, index: kept.indexOf(i) };
      return this.writtenResult(node, loop, written[list] as WrittenList, kept, kept.length + list);
    });
    return { outputs, controls: [loop] };
  }

  /** What the loop does with its lists; undefined when it has none, or does something else with one of them. */
  private listsOf(node: Node, before: Node): LoopLists | undefined {
    const [cond, body] = node.bodies as [Graph, Graph];
    const read = new Map<number, Edge>();
    const written: WrittenList[] = [];
    for (const [i, edge] of node.inputs.entries()) {
      if (edgeType(edge) !== "variant") continue;
      const rows = this.allRows(edge);
      if (rows !== undefined && isInvariant(body, i) && onlyRead(cond, i) && onlyRead(body, i)) {
        read.set(i, rows);
        continue;
      }
      const list = this.needsOneShape(before, i) ? this.writtenList(node, i, node.inputs) : undefined;
      if (list === undefined) return undefined;
      written.push(list);
    }
    return read.size + written.length > 0 ? { read, written } : undefined;
  }

  /** Whether whoever reads a loop's list wants all elements to have one shape: others may be given several. */
  private needsOneShape(loop: Node, index: number): boolean {
    const readers = this.readers.get(edgeName({ node: loop, index })) ?? [];
    const known = readers.every(
      (op) => stackers.has(op) || op === "TensorListLength" || op === "TensorListGetItem",
    );
    return known && (readers.length === 0 || readers.some((op) => stackers.has(op)));
  }

  /** How a loop writes a list; undefined when in no way that is known. */
  private writtenList(node: Node, variable: number, inputs: readonly Edge[]): WrittenList | undefined {
    const [cond, body] = node.bodies as [Graph, Graph];
    const before = this.list(inputs[variable]);
    const write = (body.outputs[variable] as Edge).node;
    const [list, second, third] = write.inputs;
    const feed = body.inputs[variable] as Node;
    if (before?.length === undefined || before.set === undefined || list?.node !== feed) return undefined;
    if (usersOf(body, feed).length !== 1 || usersOf(cond, feed).length > 0) return undefined;
    const single = body.outputs.filter((edge) => edge.node === write).length === 1;
    if (!single || usersOf(body, write).length > 0) return undefined;
    if (write.op === "TensorListPushBack") {
      const isEmpty = smallInts(before.length)?.[0] === 0;
      return isEmpty ? { variable, item: second as Edge, before, writes: "each", grows: true } : undefined;
    }
    if (write.op !== "TensorListSetItem") return undefined;
    const grows = write.attrs.bool("resize_if_index_out_of_bounds");
    const item = third as Edge;
    const counter = variableOf(body, second as Edge);
    if (counter?.step === 1 && smallInts(inputs[counter.index])?.[0] === before.set) {
      return { variable, item, before, writes: "each", grows };
    }
    const isOnlyElement =
      smallInts(second)?.[0] === 0 && smallInts(before.length)?.[0] === 1 && before.set === 0;
    return isOnlyElement ? { variable, item, before, writes: "same", grows } : undefined;
  }

  /** What stands for a written list after the loop: a list again, known by its rows. */
  private writtenResult(
    node: Node,
    loop: Node,
    list: WrittenList,
    kept: readonly number[],
    scan: number,
  ): Edge {
    const rows = this.rowsAfter(node, loop, list, kept, { node: loop, index: scan });
    return this.listOf(rows, `${node.name}/list_${list.variable}`);
  }

  private rowsAfter(node: Node, loop: Node, list: WrittenList, kept: readonly number[], scan: Edge): Edge {
    const named: Node = { ...node, name: `${node.name}/rows_${list.variable}` };
    if (list.writes === "same") return this.lastRow(named, node, loop, list, kept, scan);
    const { before } = list;
    const parts = before.rows === undefined ? [scan] : [before.rows, scan];
    const rest = this.unsetRows(named, node, list, scan);
    if (rest !== undefined) parts.push(rest);
    return parts.length === 1 ? scan : concat(named, parts);
  }

  /** Of a list with one element, written again and again: what was written last. */
  private lastRow(
    named: Node,
    node: Node,
    loop: Node,
    list: WrittenList,
    kept: readonly number[],
    scan: Edge,
  ): Edge {
    const [, body] = node.bodies as [Graph, Graph];
    const zero = constant(named, "axis", int(0));
    // More often than not the element is a state too.
    const state = kept.findIndex((i) => sameOutput(body.outputs[i] as Edge, list.item));
    if (state >= 0) {
      return made(named, "last", "ExpandDims", [{ node: loop, index: state }, zero], edgeType(list.item));
    }
    const bounds = [-1, 0, 1].map((value, i) => constant(named, `bound_${i}`, ints([value])));
    return made(named, "last", "StridedSlice", [scan, ...bounds], edgeType(list.item), {
      T: typeAttr(edgeType(list.item)),
      Index: typeAttr("int32"),
      end_mask: intAttr(1),
    });
  }

  /** Zeros for the elements that the loop did not reach; undefined when it is sure to reach them all. */
  private unsetRows(named: Node, node: Node, list: WrittenList, scan: Edge): Edge | undefined {
    const { before, grows } = list;
    const set = before.set as number;
    const length = before.length as Edge;
    const known = smallInts(length)?.[0];
    if (grows && known !== undefined && known <= set) return undefined;
    const steps = tripCount(node);
    if (steps !== undefined && set === 0 && steps.limits.every((limit) => sameValue(limit, length)))
      return undefined;
    if (known !== undefined && steps?.count === known - set) return undefined;
    const type = edgeType(list.item) as DType;
    const reached = rowCount(named, scan);
    const left = made(named, "left", "Sub", [length, constant(named, "set", int(set))], "int32");
    const missing = made(named, "missing", "Sub", [left, reached], "int32");
    const atLeast = made(named, "at_least", "Maximum", [missing, constant(named, "zero", int(0))], "int32");
    const first = made(named, "first", "ExpandDims", [atLeast, constant(named, "axis_0", int(0))], "int32");
    const shape = made(named, "shape", "Shape", [scan], "int32");
    const bounds = [ints([1]), ints([0]), ints([1])].map((value, i) => constant(named, `inner_${i}`, value));
    const inner = made(named, "inner", "StridedSlice", [shape, ...bounds], "int32", {
      T: typeAttr("int32"),
      Index: typeAttr("int32"),
      end_mask: intAttr(1),
    });
    const dims = made(named, "dims", "ConcatV2", [first, inner, constant(named, "axis_1", int(0))], "int32", {
      N: intAttr(2),
      T: typeAttr("int32"),
    });
    const zero = constant(named, "fill", zeros(type, []) as Tensor);
    return made(named, "unset", "Fill", [dims, zero], type, {
      T: typeAttr(type),
      index_type: typeAttr("int32"),
    });
  }
}

/** The loop over the arguments `kept`, with rows in place of lists; what it writes are further outputs. */
function withoutLists(node: Node, { read, written }: LoopLists, kept: readonly number[]): Node {
  const types = new Map([...read].map(([i, rows]) => [i, edgeType(rows)]));
  const [cond, body] = (node.bodies ?? []).map((each) => new ListRewriter().rewrite(each, types)) as [
    Graph,
    Graph,
  ];
  const items = written.map(({ variable }) => itemOf(body, variable));
  // A list that is read has become a list made of rows: those are the argument.
  const argument = (i: number, edge: Edge) => (read.has(i) ? (edge.node.inputs[0] as Edge) : edge);
  const select = (edges: readonly Edge[]) => kept.map((i) => argument(i, edges[i] as Edge));
  const args = (graph: Graph) => select(graph.inputs.map(outputOf)).map((edge) => edge.node);
  const keptTypes = kept.map((i) => types.get(i) ?? (node.outputTypes[i] as ValueType));
  return {
    ...node,
    inputs: kept.map((i) => read.get(i) ?? (node.inputs[i] as Edge)),
    outputTypes: [...keptTypes, ...items.map(edgeType)],
    bodies: [
      makeGraph(args(cond), cond.outputs, cond.effects),
      makeGraph(args(body), [...select(body.outputs), ...items], body.effects),
    ],
  };
}

const stackers = new Set(["TensorListStack", "TensorListGather"]);

const outputOf = (node: Node): Edge => ({ node, index: 0 });

function allSet(rows: Edge): ListRows {
  return { rows, set: undefined, length: undefined };
}

/** Whether a body does nothing with a list but read its elements and its length. */
function onlyRead(body: Graph, index: number): boolean {
  const feed = body.inputs[index] as Node;
  return usersOf(body, feed).every(
    (node) => node.op === "TensorListGetItem" || node.op === "TensorListLength" || readsInside(node, feed),
  );
}

/** Whether a loop in the body only reads the list, or hands it on to one that does. */
function readsInside(node: Node, feed: Node): boolean {
  if (!isLoop(node)) return false;
  const [cond, body] = node.bodies as [Graph, Graph];
  return node.inputs.every(
    (edge, i) => edge.node !== feed || (isInvariant(body, i) && onlyRead(cond, i) && onlyRead(body, i)),
  );
}

function usersOf(graph: Graph, node: Node): Node[] {
  return graph.nodes.filter((user) => user.inputs.some((edge) => edge.node === node));
}

/** What the rewritten body writes into a list. */
function itemOf(body: Graph, variable: number): Edge {
  const write = (body.outputs[variable] as Edge).node;
  return write.inputs[write.op === "TensorListPushBack" ? 1 : 2] as Edge;
}

function sameOutput(a: Edge, b: Edge): boolean {
  return a.node === b.node && a.index === b.index;
}

/** The entries of a constant integer tensor. */
function smallInts(edge: Edge | undefined): number[] | undefined {
  const source = edge?.node.constant;
  if (source?.dtype !== "int32" && source?.dtype !== "int64") return undefined;
  if (source.shape.length > 1) return undefined;
  return Array.from(source.read().data as ArrayLike<number | bigint>, Number);
}

// ---- making nodes --------------------------------------------------------------------------------------------

function nodeOf(
  name: string,
  op: string,
  inputs: readonly Edge[],
  outputTypes: readonly ValueType[],
  attrs: Readonly<Record<string, AttrValue>> = {},
): Node {
  const owner = `${op} node "${name}"`;
  return { name, op, inputs, controls: [], attrs: new Attrs(owner, attrs, opDef(op)), outputTypes };
}

/** A node beside another, named after it. */
function made(
  beside: Node,
  suffix: string,
  op: string,
  inputs: readonly Edge[],
  type: ValueType,
  attrs: Readonly<Record<string, AttrValue>> = { T: typeAttr(type) },
): Edge {
  return { node: nodeOf(`${beside.name}/${suffix}`, op, inputs, [type], attrs), index: 0 };
}

function concat(beside: Node, parts: readonly Edge[]): Edge {
  const type = edgeType(parts[0] as Edge);
  const inputs = [...parts, constant(beside, "concat_axis", int(0))];
  return made(beside, "concat", "ConcatV2", inputs, type, { N: intAttr(parts.length), T: typeAttr(type) });
}

/** The number of rows of a tensor, as an int32 scalar. */
function rowCount(beside: Node, rows: Edge): Edge {
  const attrs = { T: typeAttr(edgeType(rows)), out_type: typeAttr("int32") };
  const shape = made(beside, "row_shape", "Shape", [rows], "int32", attrs);
  const zero = constant(beside, "row_axis", int(0));
  const gather = { Tparams: typeAttr("int32"), Tindices: typeAttr("int32"), Taxis: typeAttr("int32") };
  return made(beside, "row_count", "GatherV2", [shape, zero, zero], "int32", gather);
}

function constant(beside: Node, suffix: string, value: Tensor): Edge {
  return { node: constantNode(`${beside.name}/${suffix}`, constantOf(value)), index: 0 };
}

const int = (value: number): Tensor => tensor("int32", [], Int32Array.of(value));
const ints = (values: readonly number[]): Tensor => tensor("int32", [values.length], Int32Array.from(values));

function typeAttr(type: ValueType): AttrValue {
  const number = type === "resource" ? 20 : type === "variant" ? 21 : dtypeNumber(type);
  return create(AttrValueSchema, { value: { case: "type", value: number } });
}

const intAttr = (value: number): AttrValue =>
  create(AttrValueSchema, { value: { case: "i", value: BigInt(value) } });
