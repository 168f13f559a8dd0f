/**
 * GraphDef and its function library → nodes. What is imported here may still have cycles (TF1 loops) and reference
 * edges (TF1 variables); the passes that follow remove both. Every op must be one that TensorFlow knows or a function
 * of the library: otherwise NOT_FOUND, as TensorFlow says when it loads.
 *
 * Formats: tensorflow/core/framework/{graph,node_def,function}.proto.
 */
import {
  attrProblems,
  bytesBeyondProto,
  DT_RESOURCE,
  DT_VARIANT,
  dataTypeName,
  dtypeFromNumber,
  GRAPH_PRODUCER_VERSION,
  inputTypes,
  invalidArgument,
  nodeOutputs,
  notFound,
  type OpDef,
  opDef,
  resourceExhausted,
} from "@servable/formats";
import type { FunctionDef } from "@servable/formats/protobuf/tensorflow/core/framework/function_pb";
import type { GraphDef } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import type { NodeDef } from "@servable/formats/protobuf/tensorflow/core/framework/node_def_pb";
import type { OpDef_ArgDef } from "@servable/formats/protobuf/tensorflow/core/framework/op_def_pb";
import type { VersionDef } from "@servable/formats/protobuf/tensorflow/core/framework/versions_pb";
import { Attrs, partialShape } from "./attrs.js";
import { type Edge, edgeName, edgeType, feedNode, type Node, type ValueType } from "./graph.js";

/** A node while the importer and the TF1 passes may still change it. */
export interface ImportedNode extends Node {
  op: string;
  inputs: Edge[];
  controls: Node[];
  attrs: Attrs;
  outputTypes: ValueType[];
}

/** Nodes by name, with the names of their tensors. */
export interface ImportedGraph {
  readonly nodes: Map<string, ImportedNode>;
  /** Of a function: one Feed per argument. */
  readonly args: readonly Node[];
  readonly results: readonly Edge[];
  /** Nodes that a call must run whatever is fetched. */
  readonly effects: readonly Node[];
}

/** Constants that are written as one value may stand for this much memory altogether. */
const MAX_EXPANSION = 2 ** 28;

/** The functions of a graph, imported when first called. */
export class FunctionLibrary {
  private readonly definitions: ReadonlyMap<string, FunctionDef>;
  private readonly signatures = new Map<string, OpDef>();
  private expansion = 0;

  constructor(functions: readonly FunctionDef[]) {
    this.definitions = new Map(functions.map((def) => [def.signature?.name ?? "", def]));
  }

  has(name: string): boolean {
    return this.definitions.has(name);
  }

  /** Nodes of all functions together, as the file has them. */
  get nodeCount(): number {
    return [...this.definitions.values()].reduce((sum, def) => sum + def.nodeDef.length, 0);
  }

  /** A fresh import of a function's body. INVALID_ARGUMENT when the library has no such function. */
  import(name: string): ImportedGraph {
    const def = this.definitions.get(name);
    if (def === undefined) throw invalidArgument(`function "${name}" is not in the graph's library`);
    return importFunction(def, this);
  }

  /** The definition of an op: TensorFlow's, or a function's signature. NOT_FOUND for what is neither. */
  definitionOf(op: string, node: string): OpDef {
    const known = opDef(op) ?? this.signatureOf(op);
    if (known === undefined) {
      throw notFound(
        `Op type not registered '${op}' (node "${node}"). It is neither one of TensorFlow's ops nor a function of the graph`,
      );
    }
    return known;
  }

  /** NOT_FOUND when any function has an op that nobody knows, or calls a function that is missing. */
  check(): void {
    for (const def of this.definitions.values()) {
      for (const node of def.nodeDef) this.definitionOf(node.op, node.name);
    }
  }

  /**
   * INVALID_ARGUMENT for a constant that is of another type than it says, RESOURCE_EXHAUSTED when the constants met so
   * far stand for far more memory than the file has.
   */
  noteConstant(node: NodeDef): void {
    const value = node.attr.value?.value;
    const dtype = node.attr.dtype?.value;
    if (node.op !== "Const" || value?.case !== "tensor" || dtype?.case !== "type") return;
    if (value.value.dtype !== dtype.value) {
      throw invalidArgument(
        `Const node "${node.name}": Type mismatch between value (${dataTypeName(value.value.dtype)}) ` +
          `and dtype (${dataTypeName(dtype.value)})`,
      );
    }
    this.expansion += bytesBeyondProto(value.value);
    if (this.expansion > MAX_EXPANSION) {
      throw resourceExhausted(
        `Const node "${node.name}": the constants that the graph writes as one value stand for ${this.expansion} ` +
          `bytes, more than ${MAX_EXPANSION}`,
      );
    }
  }

  private signatureOf(name: string): OpDef | undefined {
    const signature = this.definitions.get(name)?.signature;
    if (signature === undefined) return undefined;
    let known = this.signatures.get(name);
    if (known === undefined) {
      known = {
        name,
        inputs: signature.inputArg.map(argDef),
        outputs: signature.outputArg.map(argDef),
        attrs: new Map(),
        stateful: signature.isStateful,
        commutative: false,
        aggregate: false,
      };
      this.signatures.set(name, known);
    }
    return known;
  }
}

function argDef(arg: OpDef_ArgDef): OpDef["inputs"][number] {
  return {
    name: arg.name,
    isRef: arg.isRef,
    ...(arg.type !== 0 && { type: arg.type }),
    ...(arg.typeAttr !== "" && { typeAttr: arg.typeAttr }),
    ...(arg.typeListAttr !== "" && { typeListAttr: arg.typeListAttr }),
    ...(arg.numberAttr !== "" && { numberAttr: arg.numberAttr }),
  };
}

/** The type of a `DataType` number, references as what they refer to. INVALID_ARGUMENT for types we don't know. */
export function valueType(number: number, where: string): ValueType {
  const base = number > 100 ? number - 100 : number;
  if (base === DT_RESOURCE) return "resource";
  if (base === DT_VARIANT) return "variant";
  const dtype = dtypeFromNumber(base);
  if (dtype === undefined) throw invalidArgument(`${where}: unknown DataType ${number}`);
  return dtype;
}

/** Whether the graph's producer allows consumers as old as this one (tensorflow/core/framework/versions.cc). */
function checkVersions(versions: VersionDef | undefined): void {
  const { minConsumer = 0, badConsumers = [] } = versions ?? {};
  if (minConsumer > GRAPH_PRODUCER_VERSION) {
    throw invalidArgument(
      `the graph wants a consumer of version ${minConsumer} at least; this one knows version ${GRAPH_PRODUCER_VERSION}`,
    );
  }
  if (badConsumers.includes(GRAPH_PRODUCER_VERSION))
    throw invalidArgument(`the graph refuses consumers of version ${GRAPH_PRODUCER_VERSION}`);
}

/** The main graph. INVALID_ARGUMENT on a repeated name or an input that does not exist. */
export function importGraph(graph: GraphDef, library: FunctionLibrary): ImportedGraph {
  checkVersions(graph.versions);
  const nodes = createNodes(graph.node, library);
  for (const def of graph.node) {
    const node = nodes.get(def.name) as ImportedNode;
    connect(node, def, (name) => mainTensor(nodes, name), nodes);
    checkInputs(node, def, library);
  }
  return { nodes, args: [], results: [], effects: [] };
}

/** The tensor "name:index" or "name" of a main graph. NOT_FOUND when there is none. */
export function mainTensor(nodes: ReadonlyMap<string, Node>, name: string): Edge {
  const colon = name.lastIndexOf(":");
  const index = colon < 0 ? 0 : Number(name.slice(colon + 1));
  const node = nodes.get(colon < 0 ? name : name.slice(0, colon));
  if (node === undefined) throw notFound(`tensor "${name}" is not in the graph`);
  if (!(index < node.outputTypes.length)) {
    throw notFound(
      `tensor "${name}": node "${node.name}" (${node.op}) has ${node.outputTypes.length} outputs`,
    );
  }
  return { node, index };
}

function importFunction(def: FunctionDef, library: FunctionLibrary): ImportedGraph {
  const name = def.signature?.name ?? "";
  const args = functionArgs(def);
  const nodes = createNodes(def.nodeDef, library);
  const definitions = new Map(def.nodeDef.map((node) => [node.name, node]));
  const resolve = (tensor: string): Edge => {
    const arg = args.get(tensor);
    if (arg !== undefined) return { node: arg, index: 0 };
    return functionTensor(tensor, nodes, definitions, library, name);
  };
  const everything = new Map<string, Node>([...args, ...nodes]);
  for (const nodeDef of def.nodeDef) {
    const node = nodes.get(nodeDef.name) as ImportedNode;
    connect(node, nodeDef, resolve, everything);
    checkInputs(node, nodeDef, library);
  }
  const results = (def.signature?.outputArg ?? []).map((output) =>
    resolve(Object.hasOwn(def.ret, output.name) ? (def.ret[output.name] as string) : output.name),
  );
  const effects = Object.values(def.controlRet).map((target) => controlTarget(everything, target, name));
  return { nodes, args: [...args.values()], results, effects };
}

function functionArgs(def: FunctionDef): Map<string, Node> {
  return new Map(
    (def.signature?.inputArg ?? []).map((arg, i) => {
      const shapes = def.argAttr[i]?.attr._output_shapes?.value;
      const shape = shapes?.case === "list" ? shapes.value.shape[0] : undefined;
      const type = valueType(arg.type, `function "${def.signature?.name}", argument "${arg.name}"`);
      return [arg.name, feedNode(arg.name, type, shape === undefined ? null : partialShape(shape))];
    }),
  );
}

/** "node:output:index" → flat output; `output` is an output argument of the node's op. */
function functionTensor(
  tensor: string,
  nodes: ReadonlyMap<string, Node>,
  definitions: ReadonlyMap<string, NodeDef>,
  library: FunctionLibrary,
  where: string,
): Edge {
  const [nodeName = "", output, index = "0"] = tensor.split(":");
  const node = nodes.get(nodeName);
  const def = definitions.get(nodeName);
  if (node === undefined || def === undefined) {
    throw invalidArgument(`function "${where}": tensor "${tensor}" does not exist`);
  }
  if (output === undefined) return { node, index: 0 };
  const arg = nodeOutputs(library.definitionOf(def.op, nodeName), def.attr).find((a) => a.name === output);
  const flat = (arg?.start ?? Number.NaN) + Number(index);
  if (!(flat < node.outputTypes.length)) {
    throw invalidArgument(
      `function "${where}": node "${nodeName}" (${def.op}) has no output "${output}:${index}"`,
    );
  }
  return { node, index: flat };
}

function createNodes(defs: readonly NodeDef[], library: FunctionLibrary): Map<string, ImportedNode> {
  const nodes = new Map<string, ImportedNode>();
  for (const def of defs) {
    if (nodes.has(def.name)) throw invalidArgument(`node "${def.name}" is defined twice`);
    nodes.set(def.name, createNode(def, library));
    library.noteConstant(def);
  }
  return nodes;
}

function createNode(def: NodeDef, library: FunctionLibrary): ImportedNode {
  const definition = library.definitionOf(def.op, def.name);
  const owner = `${def.op} node "${def.name}"`;
  const problems = attrProblems(definition, def.attr);
  if (problems.length > 0) throw invalidArgument(`${owner}: ${problems.join("; ")}`);
  const types = nodeOutputs(definition, def.attr).flatMap((arg) => arg.types);
  return {
    name: def.name,
    op: def.op,
    inputs: [],
    controls: [],
    attrs: new Attrs(owner, def.attr, definition),
    outputTypes: types.map((number) => valueType(number, owner)),
  };
}

function connect(
  node: ImportedNode,
  def: NodeDef,
  resolve: (tensor: string) => Edge,
  everything: ReadonlyMap<string, Node>,
): void {
  for (const input of def.input) {
    if (input.startsWith("^")) node.controls.push(controlTarget(everything, input.slice(1), def.name));
    else node.inputs.push(resolveInput(input, node, resolve));
  }
}

/** What a node is given must be what its op takes: rows and kernels rely on it. */
function checkInputs(node: Node, def: NodeDef, library: FunctionLibrary): void {
  const owner = `${node.op} node "${node.name}"`;
  const expected = inputTypes(library.definitionOf(def.op, def.name), def.attr).map((number) =>
    valueType(number, owner),
  );
  const given = node.inputs.map(edgeType);
  if (given.length !== expected.length) {
    throw invalidArgument(`${owner} takes ${expected.length} inputs, got ${given.length}`);
  }
  const wrong = given.flatMap((type, i) =>
    type === expected[i]
      ? []
      : [`input ${i} is ${type} from "${edgeName(node.inputs[i] as Edge)}", expected ${expected[i]}`],
  );
  if (wrong.length > 0) throw invalidArgument(`${owner}: ${wrong.join("; ")}`);
}

function resolveInput(input: string, node: Node, resolve: (tensor: string) => Edge): Edge {
  try {
    return resolve(input);
  } catch (cause) {
    throw invalidArgument(`${node.op} node "${node.name}": input "${input}" does not exist`, { cause });
  }
}

function controlTarget(everything: ReadonlyMap<string, Node>, name: string, user: string): Node {
  const node = everything.get(name);
  if (node === undefined) throw invalidArgument(`"${user}": control input "^${name}" does not exist`);
  return node;
}
