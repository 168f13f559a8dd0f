/**
 * Makes the variables of a graph constants, and leaves out what its outputs don't need: the graph is frozen then, and
 * needs no checkpoint. After tf.compat.v1.graph_util.convert_variables_to_constants and, for functions,
 * tensorflow/python/framework/convert_to_constants.py; a function whose parameters are handles gets a copy that takes
 * the values.
 */
import { create } from "@bufbuild/protobuf";
import type { CheckpointReader } from "../checkpoint/checkpoint-reader.js";
import { parseShapeAndSlice } from "../checkpoint/tensor-slice.js";
import { DT_RESOURCE, dtypeNumber } from "../dtype.js";
import { nodeOutputs } from "../op-defs/node-types.js";
import { opDef } from "../op-defs/op-def.js";
import {
  type AttrValue,
  AttrValue_ListValueSchema,
  AttrValueSchema,
} from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import type { FunctionDef } from "../protobuf/gen/tensorflow/core/framework/function_pb.js";
import type { GraphDef } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import { type NodeDef, NodeDefSchema } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import type { MetaGraphDef } from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { failedPrecondition, invalidArgument, notFound, resourceExhausted } from "../status.js";
import { type Tensor, tensor } from "../tensor.js";
import { tensorToProto } from "../tensor-proto.js";
import { callingOps, frozenForms, passingOps, referenceOps } from "./resource-free.js";
import { restoredVariables } from "./restored-variables.js";

/** A protocol buffer ends at 2 GiB. */
const MAX_CONSTANT_BYTES = 2 ** 31 - 2 ** 20;
/** Calls inside of calls. */
const MAX_DEPTH = 64;

/**
 * The graph with its variables as constants.
 *
 * @param values of the variables, by the names of their nodes; read when they are needed
 * @param outputs names of the nodes or tensors that the graph is for
 * @throws NOT_FOUND, listing all, for outputs that are not there and variables without a value; FAILED_PRECONDITION,
 *   listing all, for operations that need a variable to be one; RESOURCE_EXHAUSTED for more than 2 GiB
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [2], { name: "x" });
 * const w = graph.variable("float32", [2], { name: "w" });
 * graph.compute("Mul", [x, w.read()], {}, { name: "y" });
 * const values = new Map<string, Tensor>([["w", tensor("float32", [2], Float32Array.of(1, 2))]]);
 * const frozen = convertVariablesToConstants(graph.toGraphDef(), values, ["y"]);
 * assert.deepEqual(frozen.node.map(({ op }) => op), ["Placeholder", "Const", "Identity", "Mul"]);
 */
export function convertVariablesToConstants(
  graphDef: GraphDef,
  values: ReadonlyMap<string, Tensor> | ((variable: string) => Tensor | undefined),
  outputs: readonly string[],
): GraphDef {
  const read = typeof values === "function" ? values : (name: string) => values.get(name);
  return new Freezer(graphDef, read).freeze(outputs);
}

/**
 * The graph of a MetaGraph with the variables that its checkpoint restores as constants. Errors as for
 * convertVariablesToConstants, and DATA_LOSS for a damaged checkpoint.
 *
 * @param variables the open checkpoint; undefined for a model without variables
 * @param outputs names of the nodes or tensors that the graph is for; by default all outputs of all signatures
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [2], { name: "x" });
 * const y = graph.compute("Add", [x, graph.variable("float32", [2], { name: "b" }).read()], {}, { name: "y" });
 * const builder = new SavedModelBuilder("model");
 * const variables = new Map([["b", zeros("float32", [2]) as Tensor]]);
 * const signatures = { serving_default: predictSignatureDef({ x }, { y }) };
 * builder.addMetaGraphAndVariables(["serve"], { graph, signatures, variables });
 * builder.save();
 * const loaded = loadSavedModel(["serve"], "model");
 * const frozen = freezeMetaGraph(loaded.metaGraph, loaded.variables);
 * assert.equal(frozen.node.some(({ op }) => op === "VarHandleOp"), false);
 * loaded.close();
 */
export function freezeMetaGraph(
  metaGraph: MetaGraphDef,
  variables: CheckpointReader | undefined,
  outputs: readonly string[] = signatureOutputs(metaGraph),
): GraphDef {
  if (metaGraph.graphDef === undefined) throw invalidArgument("The MetaGraph has no graph");
  const restored = restoredVariables(metaGraph);
  const read = (variable: string): Tensor | undefined => {
    const from = restored.get(variable);
    if (from === undefined || variables === undefined) return undefined;
    const slice = parseShapeAndSlice(from.slice)?.slice;
    return slice === undefined ? variables.read(from.name) : variables.readSlice(from.name, slice);
  };
  return convertVariablesToConstants(metaGraph.graphDef, read, outputs);
}

function signatureOutputs({ signatureDef }: MetaGraphDef): string[] {
  const infos = Object.values(signatureDef)
    .filter(({ methodName }) => methodName !== "")
    .flatMap(({ outputs }) => Object.values(outputs));
  return infos.flatMap(({ encoding }) => {
    if (encoding.case === "name") return [encoding.value];
    if (encoding.case !== "cooSparse") return [];
    const { valuesTensorName, indicesTensorName, denseShapeTensorName } = encoding.value;
    return [valuesTensorName, indicesTensorName, denseShapeTensorName];
  });
}

/** How tensors are named: in a graph "node:1" by flat index, in a function "node:output:1". */
interface Naming {
  key(node: NodeDef, flat: number): string;
  /** The edge to the first output of a node. */
  edge(name: string, output: string): string;
}

const graphNaming: Naming = {
  key: ({ name }, flat) => `${name}:${flat}`,
  edge: (name) => name,
};

const functionNaming: Naming = {
  key: (node, flat) => {
    const def = opDef(node.op);
    const arg =
      def && nodeOutputs(def, node.attr).findLast(({ start, types }) => start <= flat && types.length > 0);
    return `${node.name}:${arg?.name}:${flat - (arg?.start ?? 0)}`;
  },
  edge: (name, output) => `${name}:${output}:0`,
};

/** A tensor that was a handle, and is the value now. */
interface Body {
  readonly naming: Naming;
  /** Names the graph or function in errors. */
  readonly where: string;
  /** The type of each tensor that was a handle, by its key. */
  readonly converted: Map<string, number>;
  /** The tensors that were references. */
  readonly references: Set<string>;
  readonly nodes: NodeDef[];
  /** Edges of functions whose output is called otherwise now. */
  readonly renamed: Map<string, string>;
}

interface FrozenFunction {
  readonly name: string;
  /** The types of results that were handles, by index. */
  readonly results: ReadonlyMap<number, number>;
}

class Freezer {
  private readonly functions: ReadonlyMap<string, FunctionDef>;
  private readonly frozenFunctions = new Map<string, FrozenFunction>();
  private readonly newFunctions: FunctionDef[] = [];
  private readonly problems: string[] = [];
  private readonly missing: string[] = [];
  private constantBytes = 0;
  private depth = 0;

  constructor(
    private readonly graphDef: GraphDef,
    private readonly readValue: (variable: string) => Tensor | undefined,
  ) {
    this.functions = new Map(
      (graphDef.library?.function ?? []).map((def) => [def.signature?.name ?? "", def]),
    );
  }

  freeze(outputs: readonly string[]): GraphDef {
    const needed = neededNodes(this.graphDef, outputs);
    const body: Body = {
      naming: graphNaming,
      where: "",
      converted: new Map(),
      references: new Set(),
      nodes: [],
      renamed: new Map(),
    };
    for (const node of inOrder(needed)) this.convert(node, body);
    if (this.missing.length > 0) throw notFound(`No value for the variables "${this.missing.join('", "')}"`);
    if (this.problems.length > 0)
      throw failedPrecondition(`Can't freeze the graph: ${this.problems.join("; ")}`);
    const position = new Map(this.graphDef.node.map(({ name }, i) => [name, i]));
    const at = ({ name }: NodeDef) => position.get(name) ?? position.get(name.replace(/\/axis$/, "")) ?? 0;
    const node = body.nodes.sort((a, b) => at(a) - at(b));
    return { ...this.graphDef, node, ...this.library(node) };
  }

  /** The functions that the nodes still call. */
  private library(nodes: readonly NodeDef[]): Pick<GraphDef, "library"> {
    if (this.graphDef.library === undefined) return {};
    const all = new Map(
      [...this.functions].concat(this.newFunctions.map((def) => [def.signature?.name ?? "", def])),
    );
    const called = new Set<string>();
    const left = nodes.flatMap(calledFunctions);
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const def = all.get(name);
      if (def === undefined || called.has(name)) continue;
      called.add(name);
      left.push(...def.nodeDef.flatMap(calledFunctions));
    }
    const { gradient, ...rest } = this.graphDef.library;
    const kept = gradient.filter(
      ({ functionName, gradientFunc }) => called.has(functionName) && called.has(gradientFunc),
    );
    return {
      library: { ...rest, gradient: kept, function: [...called].map((name) => all.get(name) as FunctionDef) },
    };
  }

  private convert(node: NodeDef, body: Body): void {
    if (/^(VarHandleOp|VariableV2|Variable)$/.test(node.op)) this.convertVariable(node, body);
    else this.convertOther(node, body);
  }

  private convertOther(node: NodeDef, body: Body): void {
    const handles = node.input.flatMap((input, i) => {
      const type = body.converted.get(keyOfInput(input, body.naming));
      return type === undefined ? [] : [{ index: i, type }];
    });
    const renamedInputs = node.input.map((input) => body.renamed.get(input) ?? input);
    const base = { ...node, input: renamedInputs, op: referenceOps[node.op] ?? node.op };
    const [first] = handles;
    this.checkReferences(node, body);
    if (first === undefined) body.nodes.push(base);
    else if (frozenForms[node.op] !== undefined && first.index === 0) this.convertUse(base, first.type, body);
    else if (passingOps.has(node.op)) this.convertPass(base, first.type, body);
    else if (callingOps[node.op] !== undefined) this.convertCall(base, handles, body);
    else this.problems.push(`node "${node.name}" (${node.op})${body.where} needs a variable to be one`);
  }

  private convertVariable(node: NodeDef, body: Body): void {
    const value = this.readValue(node.name);
    if (value === undefined) {
      this.missing.push(node.name);
      return;
    }
    const proto = tensorToProto(value, { asContent: true });
    this.constantBytes += proto.tensorContent.length;
    if (this.constantBytes > MAX_CONSTANT_BYTES) {
      throw resourceExhausted(
        "The variables have more than 2 GiB together, which no graph can hold as constants",
      );
    }
    const type = dtypeNumber(value.dtype);
    const attr = { dtype: typeAttr(type), value: attrOf({ case: "tensor", value: proto }) };
    const controls = node.input.filter((input) => input.startsWith("^"));
    body.nodes.push(
      create(NodeDefSchema, { name: node.name, op: "Const", input: controls, device: node.device, attr }),
    );
    if (node.op === "VarHandleOp") body.converted.set(body.naming.key(node, 0), type);
    else body.references.add(body.naming.key(node, 0));
  }

  /** Reads of references are reads of values now; whatever else takes one changes it. */
  private checkReferences(node: NodeDef, body: Body): void {
    if (body.references.size === 0 || node.op === "Identity") return;
    const isReference = (input: string) => body.references.has(keyOfInput(input, body.naming));
    if (!node.input.some(isReference)) return;
    if (referenceOps[node.op] !== undefined) {
      const outputs = opDef(node.op)?.outputs.length ?? 0;
      for (let i = 0; i < outputs; i++) body.references.add(body.naming.key(node, i));
    } else if (opDef(node.op)?.inputs.some(({ isRef }, i) => isRef && isReference(node.input[i] ?? ""))) {
      this.problems.push(`node "${node.name}" (${node.op})${body.where} needs a variable to be one`);
    }
  }

  private convertUse(node: NodeDef, type: number, body: Body): void {
    const form = frozenForms[node.op] as (typeof frozenForms)[string];
    const attr: Record<string, AttrValue> = {};
    for (const [name, source] of Object.entries(form.attrs)) {
      const value =
        source === "dtype"
          ? typeAttr(type)
          : (node.attr[source.from] ?? opDef(node.op)?.attrs.get(source.from)?.default);
      if (value !== undefined) attr[name] = value;
    }
    const input = node.input.slice();
    if (form.takesAxis === true) {
      const batchDims = attr.batch_dims?.value.case === "i" ? Number(attr.batch_dims.value.value) : 0;
      const axis = axisConstant(`${node.name}/axis`, batchDims);
      body.nodes.push(axis);
      input.splice(2, 0, body.naming.edge(axis.name, "output"));
      attr.Taxis = typeAttr(dtypeNumber("int32"));
    }
    const old = functionNaming.key(node, 0);
    const edge = `${node.name}:${form.output}:0`;
    if (body.naming === functionNaming && old !== edge) body.renamed.set(old, edge);
    body.nodes.push(
      create(NodeDefSchema, { name: node.name, op: form.op, input, device: node.device, attr }),
    );
  }

  private convertPass(node: NodeDef, type: number, body: Body): void {
    body.nodes.push({ ...node, attr: { ...withoutShapes(node.attr), T: typeAttr(type) } });
    const outputs = opDef(node.op)?.outputs.filter(({ typeAttr: attr }) => attr === "T").length ?? 1;
    for (let i = 0; i < outputs; i++) body.converted.set(body.naming.key(node, i), type);
  }

  private convertCall(node: NodeDef, handles: readonly { index: number; type: number }[], body: Body): void {
    const { types, skip, functions } = callingOps[node.op] as (typeof callingOps)[string];
    const parameters = new Map(handles.map(({ index, type }) => [index - skip, type]));
    const attr = withoutShapes(node.attr);
    const listed = attr[types]?.value;
    if (listed?.case === "list") {
      attr[types] = typeList(listed.value.type.map((type, i) => parameters.get(i) ?? type));
    }
    let results: ReadonlyMap<number, number> = new Map();
    const frozen = (name: string): string => {
      const made = this.freezeFunction(name, parameters);
      if (made.results.size > 0) results = made.results;
      return made.name;
    };
    for (const name of functions) {
      const value = attr[name]?.value;
      if (value?.case === "func") {
        attr[name] = attrOf({ case: "func", value: { ...value.value, name: frozen(value.value.name) } });
      } else if (value?.case === "list") {
        const func = value.value.func.map((each) => ({ ...each, name: frozen(each.name) }));
        attr[name] = attrOf({ case: "list", value: { ...value.value, func } });
      }
    }
    const outputs = attr.Tout?.value;
    if (outputs?.case === "list") {
      attr.Tout = typeList(outputs.value.type.map((type, i) => results.get(i) ?? type));
    }
    const made = { ...node, attr };
    body.nodes.push(made);
    for (const [i, type] of results) body.converted.set(body.naming.key(made, i), type);
  }

  /** A copy of a function that takes values where the parameters of these indices were handles. */
  private freezeFunction(name: string, parameters: ReadonlyMap<number, number>): FrozenFunction {
    const id = `${name} ${[...parameters].map(([index, type]) => `${index}:${type}`).join(" ")}`;
    const known = this.frozenFunctions.get(id);
    if (known !== undefined) return known;
    const def = this.functions.get(name);
    if (def?.signature === undefined) throw invalidArgument(`The graph has no function "${name}"`);
    if (this.depth >= MAX_DEPTH)
      throw invalidArgument(`Function "${name}": more than ${MAX_DEPTH} calls inside each other`);
    this.depth++;
    const made = this.frozenCopy(def, def.signature, parameters);
    this.depth--;
    this.frozenFunctions.set(id, made);
    return made;
  }

  private frozenCopy(
    def: FunctionDef,
    signature: NonNullable<FunctionDef["signature"]>,
    parameters: ReadonlyMap<number, number>,
  ): FrozenFunction {
    const converted = new Map([...parameters].map(([i, type]) => [signature.inputArg[i]?.name ?? "", type]));
    const where = ` in function "${signature.name}"`;
    const body: Body = {
      naming: functionNaming,
      where,
      converted,
      references: new Set(),
      nodes: [],
      renamed: new Map(),
    };
    for (const node of inOrder(def.nodeDef)) this.convert(node, body);
    const ret = Object.fromEntries(
      Object.entries(def.ret).map(([key, edge]) => [key, body.renamed.get(edge) ?? edge]),
    );
    const results = new Map<number, number>();
    for (const [i, { name }] of signature.outputArg.entries()) {
      const type = converted.get(def.ret[name] ?? "");
      if (type !== undefined) results.set(i, type);
    }
    const name = `${signature.name}_frozen_${this.newFunctions.length}`;
    const attrsOfArgs = Object.entries(def.argAttr).filter(([index]) => !parameters.has(Number(index)));
    this.newFunctions.push({
      ...def,
      signature: {
        ...signature,
        name,
        inputArg: signature.inputArg.map((arg, i) => withType(arg, parameters.get(i))),
        outputArg: signature.outputArg.map((arg, i) => withType(arg, results.get(i))),
      },
      nodeDef: body.nodes,
      ret,
      argAttr: Object.fromEntries(attrsOfArgs),
      resourceArgUniqueId: Object.fromEntries(
        Object.entries(def.resourceArgUniqueId).filter(([index]) => !parameters.has(Number(index))),
      ),
    });
    return { name, results };
  }
}

type Arg = NonNullable<FunctionDef["signature"]>["inputArg"][number];

/** An argument that is no handle any more says nothing of one. */
function withType(arg: Arg, type: number | undefined): Arg {
  return type === undefined || arg.type !== DT_RESOURCE ? arg : { ...arg, type, handleData: [] };
}

/** A tensor's key by the input that names it. */
function keyOfInput(input: string, naming: Naming): string {
  return naming === graphNaming && !input.includes(":") && !input.startsWith("^") ? `${input}:0` : input;
}

function attrOf(value: AttrValue["value"]): AttrValue {
  return { ...create(AttrValueSchema), value };
}

function typeAttr(type: number): AttrValue {
  return attrOf({ case: "type", value: type });
}

function typeList(type: number[]): AttrValue {
  return attrOf({ case: "list", value: create(AttrValue_ListValueSchema, { type }) });
}

/** What a producer noted of shapes and handles is no longer true. */
function withoutShapes(attr: NodeDef["attr"]): Record<string, AttrValue> {
  const { _output_shapes, _handle_dtypes, _handle_shapes, ...rest } = attr;
  return rest;
}

function axisConstant(name: string, axis: number): NodeDef {
  const value = attrOf({ case: "tensor", value: tensorToProto(tensor("int32", [], Int32Array.of(axis))) });
  return create(NodeDefSchema, { name, op: "Const", attr: { dtype: typeAttr(dtypeNumber("int32")), value } });
}

function calledFunctions(node: NodeDef): string[] {
  const named = Object.values(node.attr).flatMap(({ value }) => {
    if (value.case === "func") return [value.value.name];
    return value.case === "list" ? value.value.func.map(({ name }) => name) : [];
  });
  return [...named, node.op];
}

function producerOf(input: string): string {
  return input.replace(/^\^/, "").replace(/:.*$/s, "");
}

/** The nodes that outputs need, control inputs included. NOT_FOUND, listing all, for outputs that are not there. */
function neededNodes(graphDef: GraphDef, outputs: readonly string[]): NodeDef[] {
  const byName = new Map(graphDef.node.map((node) => [node.name, node]));
  const unknown = outputs.filter((name) => !byName.has(producerOf(name)));
  if (unknown.length > 0) throw notFound(`The graph has no outputs "${unknown.join('", "')}"`);
  const needed = new Set<string>();
  const left = outputs.map(producerOf);
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (needed.has(name)) continue;
    needed.add(name);
    left.push(...(byName.get(name)?.input ?? []).map(producerOf));
  }
  return graphDef.node.filter(({ name }) => needed.has(name));
}

/** Producers before consumers; the ways back of loops come last. */
function inOrder(nodes: readonly NodeDef[]): NodeDef[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const done = new Set<NodeDef>();
  const ordered: NodeDef[] = [];
  for (const root of nodes) {
    const stack: { node: NodeDef; next: number }[] = done.has(root) ? [] : [{ node: root, next: 0 }];
    done.add(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = top.node.input[top.next++];
      if (input === undefined) {
        ordered.push(top.node);
        stack.pop();
        continue;
      }
      const producer = byName.get(producerOf(input));
      if (producer === undefined || done.has(producer)) continue;
      done.add(producer);
      stack.push({ node: producer, next: 0 });
    }
  }
  return ordered;
}
