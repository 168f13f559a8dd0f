/**
 * TF1's TensorArrays → TensorLists. A TensorArray is a resource that reads and writes change in the order of a "flow"
 * value handed from one to the next; here the flow becomes the list itself, and the handle is forgotten. So there is
 * one kind of list to run and to convert, and an array is as pure as any other value.
 *
 * What is lost: TensorFlow fails when an element is read before it is written or, with clear_after_read, read twice.
 */
import { create } from "@bufbuild/protobuf";
import { opDef, type PartialShape, tensor, unimplemented } from "@servable/formats";
import {
  type AttrValue,
  AttrValueSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { Attrs } from "../graph/attrs.js";
import { constantOf } from "../graph/constant.js";
import { constantNode, type Edge, type Graph, isLoop, type Node, type ValueType } from "../graph/graph.js";
import { type Replacement, rewrite, type Visited, wholeNode } from "./rewrite.js";

/** What an edge carries besides ordinary values: an array's handle, or its flow (that is, its list). */
interface ArrayEdge {
  readonly carries: "handle" | "flow";
  readonly elementShape: PartialShape;
  /** Whether writing past the end makes it longer. */
  readonly grows: boolean;
}

/** Ops by their names without the version. */
const arrayOp =
  /^(TensorArray(?:|Write|Read|Gather|Scatter|Concat|Split|Size|Close|Grad|GradWithShape|Unpack|Pack))(?:V[23])?$/;

export function arraysToLists(graph: Graph): Graph {
  return hasArrays(graph) ? new ArrayConverter([]).convert(graph) : graph;
}

function hasArrays(graph: Graph): boolean {
  return graph.nodes.some((node) => arrayOp.test(node.op) || (node.bodies?.some(hasArrays) ?? false));
}

/** Converts one graph: the main one, a branch or a body. */
class ArrayConverter {
  /** Of nodes of the new graph: what their outputs carry. */
  private readonly edges = new Map<Node, readonly (ArrayEdge | undefined)[]>();
  private readonly results: (ArrayEdge | undefined)[] = [];

  /** `args` says what the graph's inputs carry. */
  constructor(private readonly args: readonly (ArrayEdge | undefined)[]) {}

  convert(graph: Graph): Graph {
    const index = new Map(graph.inputs.map((node, i) => [node, i]));
    const converted = rewrite(graph, (visited) => {
      const arg = index.get(visited.node);
      return arg === undefined ? this.visit(visited) : this.feed(visited.node, this.args[arg]);
    });
    this.results.push(...converted.outputs.map((edge) => this.of(edge)));
    return converted;
  }

  private of(edge: Edge | undefined): ArrayEdge | undefined {
    return edge === undefined ? undefined : this.edges.get(edge.node)?.[edge.index];
  }

  private feed(node: Node, array: ArrayEdge | undefined): Replacement {
    const copy: Node = { ...node, outputTypes: [typeOf(array, node.outputTypes[0] as ValueType)] };
    return this.replaced(copy, [array]);
  }

  private replaced(node: Node, carried: readonly (ArrayEdge | undefined)[]): Replacement {
    if (carried.some((array) => array !== undefined)) this.edges.set(node, carried);
    return wholeNode(node);
  }

  private visit(visited: Visited): Replacement | undefined {
    const { node, inputs } = visited;
    if (node.bodies !== undefined) return isLoop(node) ? this.loop(visited) : this.branches(visited);
    const op = arrayOp.exec(node.op)?.[1];
    if (op !== undefined) return this.arrayOp(op, visited);
    const [first] = inputs.map((edge) => this.of(edge)).filter((array) => array !== undefined);
    if (first === undefined) return undefined;
    if (node.op !== "Identity") {
      throw unimplemented(`${node.op} node "${node.name}" takes the flow of a TensorArray`);
    }
    const copy = { ...node, inputs, controls: visited.controls, outputTypes: [typeOf(first, "variant")] };
    return this.replaced(copy, [first]);
  }

  // ---- ops of arrays ----

  private arrayOp(op: string, visited: Visited): Replacement {
    const { node, inputs } = visited;
    const [handle, a, b, c] = inputs as [Edge, Edge, Edge, Edge];
    const array = this.of(handle);
    const type = node.attrs.raw("dtype") ?? node.attrs.raw("T");
    const attrs = { ...(type !== undefined && { element_dtype: type }) };
    switch (op) {
      case "TensorArray":
        return this.create(visited, handle);
      case "TensorArrayWrite": {
        const grows = { ...attrs, resize_if_index_out_of_bounds: boolAttr(array?.grows ?? true) };
        return this.flow(visited, array, "TensorListSetItem", [c, a, b], grows);
      }
      case "TensorArrayScatter":
        return this.flow(visited, array, "TensorListScatterIntoExistingList", [c, b, a], attrs);
      case "TensorArraySplit": {
        const shape = shapeEdge(node, array?.elementShape ?? null);
        return this.flow(visited, array, "TensorListSplit", [a, shape, b], { ...attrs, ...shapeType });
      }
      case "TensorArrayRead": {
        const shape = shapeEdge(node, array?.elementShape ?? null);
        return this.values(visited, "TensorListGetItem", [b, a, shape], { ...attrs, ...shapeAsT });
      }
      case "TensorArrayGather": {
        const declared = node.attrs.shape("element_shape");
        const shape = shapeEdge(node, declared ?? array?.elementShape ?? null);
        return this.values(visited, "TensorListGather", [b, a, shape], attrs);
      }
      case "TensorArrayConcat": {
        const inner = node.attrs.shape("element_shape_except0");
        const shape = shapeEdge(node, inner === null ? null : [-1, ...inner]);
        const none = constantNode(
          `${node.name}/leading_dims`,
          constantOf(tensor("int64", [0], new BigInt64Array())),
        );
        const leading = { node: none, index: 0 };
        return this.values(visited, "TensorListConcatV2", [a, shape, leading], { ...attrs, ...shapeType });
      }
      case "TensorArraySize":
        return this.values(visited, "TensorListLength", [a], {});
      case "TensorArrayClose":
        return { outputs: [], controls: visited.controls };
      default:
        throw unimplemented(`${node.op} node "${node.name}": only the forward ops of TensorArrays can run`);
    }
  }

  /** A handle that nobody looks at, and an empty list. */
  private create({ node, controls }: Visited, size: Edge): Replacement {
    const elementShape = node.attrs.shape("element_shape");
    const grows = node.attrs.bool("dynamic_size");
    const handle = constantNode(`${node.name}/handle`, constantOf(tensor("int32", [], Int32Array.of(0))));
    this.edges.set(handle, [{ carries: "handle", elementShape, grows }]);
    const type = node.attrs.raw("dtype") as AttrValue;
    const inputs = [shapeEdge(node, elementShape), size];
    const attrs = { element_dtype: type, ...shapeType };
    const list = listNode(node, "TensorListReserve", inputs, attrs, controls, ["variant"]);
    this.edges.set(list, [{ carries: "flow", elementShape, grows }]);
    return {
      outputs: [
        { node: handle, index: 0 },
        { node: list, index: 0 },
      ],
      controls: [list],
    };
  }

  private flow(
    { node, controls }: Visited,
    array: ArrayEdge | undefined,
    op: string,
    inputs: readonly Edge[],
    attrs: Readonly<Record<string, AttrValue>>,
  ): Replacement {
    const carried: ArrayEdge = { elementShape: null, grows: true, ...array, carries: "flow" };
    return this.replaced(listNode(node, op, inputs, attrs, controls, ["variant"]), [carried]);
  }

  private values(
    { node, controls }: Visited,
    op: string,
    inputs: readonly Edge[],
    attrs: Readonly<Record<string, AttrValue>>,
  ): Replacement {
    return wholeNode(listNode(node, op, inputs, attrs, controls, node.outputTypes));
  }

  // ---- branches and bodies ----

  private branches({ node, inputs, controls }: Visited): Replacement {
    const args = inputs.slice(1).map((edge) => this.of(edge));
    const converters = (node.bodies ?? []).map(() => new ArrayConverter(args));
    const bodies = (node.bodies ?? []).map((body, i) => (converters[i] as ArrayConverter).convert(body));
    const carried = node.outputTypes.map((_, i) =>
      converters.map((converter) => converter.results[i]).find((array) => array !== undefined),
    );
    const outputTypes = node.outputTypes.map((type, i) => typeOf(carried[i], type));
    return this.replaced({ ...node, inputs, controls, bodies, outputTypes }, carried);
  }

  private loop({ node, inputs, controls }: Visited): Replacement {
    const args = inputs.map((edge) => this.of(edge));
    const bodies = (node.bodies ?? []).map((body) => new ArrayConverter(args).convert(body));
    const outputTypes = node.outputTypes.map((type, i) => typeOf(args[i], type));
    return this.replaced({ ...node, inputs, controls, bodies, outputTypes }, args);
  }
}

function typeOf(array: ArrayEdge | undefined, type: ValueType): ValueType {
  if (array === undefined) return type;
  return array.carries === "flow" ? "variant" : "int32";
}

function listNode(
  node: Node,
  op: string,
  inputs: readonly Edge[],
  attrs: Readonly<Record<string, AttrValue>>,
  controls: readonly Node[],
  outputTypes: readonly ValueType[],
): Node {
  const owner = `${op} node "${node.name}"`;
  return { name: node.name, op, inputs, controls, attrs: new Attrs(owner, attrs, opDef(op)), outputTypes };
}

/** An element_shape input. */
function shapeEdge(node: Node, shape: PartialShape): Edge {
  const value =
    shape === null
      ? tensor("int32", [], Int32Array.of(-1))
      : tensor("int32", [shape.length], Int32Array.from(shape));
  return { node: constantNode(`${node.name}/element_shape`, constantOf(value)), index: 0 };
}

const typeAttr = (number: number): AttrValue =>
  create(AttrValueSchema, { value: { case: "type", value: number } });
const boolAttr = (value: boolean): AttrValue => create(AttrValueSchema, { value: { case: "b", value } });

const INT32 = 3;
const shapeType = { shape_type: typeAttr(INT32) };
const shapeAsT = { Tshape: typeAttr(INT32) };
