/**
 * Writes TensorFlow graphs in TypeScript.
 *
 *     const g = new GraphBuilder();
 *     const x = g.placeholder("float32", [-1, 784], { name: "x" });
 *     const w = g.variable("float32", [784, 10], { name: "w" });
 *     const y = g.compute("Softmax", [g.compute("MatMul", [x, w.read()])], {}, { name: "y" });
 *
 * Any op of TensorFlow's registry can be added; its inputs and attributes are checked against the op's definition,
 * and what follows from the inputs or has a default need not be said. What a SavedModel has beside the graph
 * (variables, table initializers, assets) is kept here too, for SavedModelBuilder.
 */
import { create } from "@bufbuild/protobuf";
import type { DType } from "../dtype.js";
import { outputTypes } from "../op-defs/node-types.js";
import { type OpDef, opDef } from "../op-defs/op-def.js";
import { AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import {
  type FunctionDef,
  FunctionDefLibrarySchema,
} from "../protobuf/gen/tensorflow/core/framework/function_pb.js";
import { type GraphDef, GraphDefSchema } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import type { VariableDef } from "../protobuf/gen/tensorflow/core/framework/variable_pb.js";
import type { PartialShape, Shape } from "../shape.js";
import { invalidArgument } from "../status.js";
import { stringTensor, type Tensor } from "../tensor.js";
import { tensorToProto } from "../tensor-proto.js";
import { type Asset, assetFileName } from "./asset.js";
import { isTensor } from "./attr-value.js";
import { type FunctionBody, type FunctionParameter, GraphFunction } from "./function.js";
import { createHashTable, type HashTable, type HashTableInit } from "./hash-table.js";
import { importOperations } from "./import-graph.js";
import { importVariables } from "./import-variables.js";
import { NameScopes } from "./names.js";
import { type ArgInputs, type AttrInputs, completeAttrs } from "./node-completion.js";
import { edgeName, nodeDef } from "./node-def.js";
import { Operation, type Output } from "./operation.js";
import {
  createPartitionedVariable,
  type PartitionedVariable,
  type PartitionedVariableOptions,
} from "./partitioned-variable.js";
import { inferShapes } from "./shape-inference.js";
import { createVariable, type Variable, type VariableOptions } from "./variable.js";

/** An input: a tensor of the graph, or a value, which becomes a constant. */
export type OpInput = Output | Tensor;
/** The inputs of an op, one entry per declared input: a list for those that stand for several tensors. */
export type OpInputs = readonly (OpInput | readonly OpInput[])[];

/**
 * Attributes that neither the inputs nor a default determine, in the forms of attr-value.ts; as a function of the
 * node's name where an attribute repeats that.
 */
export type OpAttrs = AttrInputs | ((name: string) => AttrInputs);

/** What can be said of any new operation. */
export interface OpOptions {
  /** Name wanted, within the current scope; made unique. By default the op's type. */
  readonly name?: string;
  /** Operations that must have run before. */
  readonly controlInputs?: readonly Operation[];
  /** Device such as "/device:CPU:0"; by default any. */
  readonly device?: string;
}

/**
 * Graph version written into `GraphDef.versions.producer`: what TensorFlow 2.21 produces. Some ops change or lose
 * their meaning by this number (tensorflow/core/public/version.h), so graphs of ours claim that of the op table.
 */
export const GRAPH_PRODUCER_VERSION = 2474;

/** What a graph from a file has beside its nodes. */
export interface ImportedParts {
  /** Those whose operations are all in the graph become `variables`. */
  readonly variables?: readonly VariableDef[];
  /** Names of the operations that fill tables. */
  readonly tableInitializers?: readonly string[];
  /** The tensor that holds each path, such as "Const:0", and where the file is now. */
  readonly assets?: readonly {
    readonly tensorName: string;
    readonly path: string;
    readonly fileName: string;
  }[];
}

/**
 * A graph that is being written.
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder("float32", [-1, 3], { name: "x" });
 * const weights = graph.variable("float32", [3, 2], { name: "weights" });
 * const y = graph.compute("MatMul", [x, weights.read()], {}, { name: "y" });
 * assert.deepEqual([y.name, y.dtype, y.shape], ["y:0", "float32", [-1, 2]]);
 * assert.equal(graph.toGraphDef().node.at(-1)?.op, "MatMul");
 */
export class GraphBuilder {
  private readonly names = new NameScopes();
  private readonly operationsByName = new Map<string, Operation>();
  private readonly functions = new Map<string, FunctionDef>();
  /** The GraphDef that this graph began as; its nodes and functions are above. */
  private origin: GraphDef | undefined;
  private readonly assetList: Asset[] = [];
  private readonly variableList: Variable[] = [];
  private readonly tableInitializerList: Operation[] = [];

  /**
   * A graph that was read from a file, to be looked at, added to and written again. `toGraphDef` gives an equal GraphDef
   * as long as nothing is added.
   *
   * @throws INVALID_ARGUMENT, listing all, for nodes with unknown ops, wrong attributes or missing inputs
   */
  static fromGraphDef(graphDef: GraphDef, parts: ImportedParts = {}): GraphBuilder {
    const graph = new GraphBuilder();
    graph.origin = graphDef;
    for (const operation of importOperations(graphDef)) {
      graph.names.reserve(operation.name);
      graph.operationsByName.set(operation.name, operation);
    }
    for (const def of graphDef.library?.function ?? []) graph.addFunctionDef(def);
    graph.variableList.push(...importVariables(graph, parts.variables ?? []));
    graph.tableInitializerList.push(
      ...(parts.tableInitializers ?? []).flatMap((name) => graph.operation(name) ?? []),
    );
    for (const { tensorName, path, fileName } of parts.assets ?? []) {
      const tensor = graph.tensor(tensorName);
      if (tensor === undefined)
        throw invalidArgument(`Asset "${fileName}": the graph has no tensor "${tensorName}"`);
      graph.assetList.push({ path, fileName, tensor });
    }
    return graph;
  }

  /** In the order they were added. */
  get operations(): readonly Operation[] {
    return [...this.operationsByName.values()];
  }

  get variables(): readonly Variable[] {
    return this.variableList;
  }

  get assets(): readonly Asset[] {
    return this.assetList;
  }

  /** Operations that fill lookup tables; something has to run them before the tables are used. */
  get tableInitializers(): readonly Operation[] {
    return this.tableInitializerList;
  }

  /** The operation with a full name, undefined when there is none. */
  operation(name: string): Operation | undefined {
    return this.operationsByName.get(name);
  }

  /** The tensor with a name such as "x:0" ("x" means the same), undefined when there is none. */
  tensor(name: string): Output | undefined {
    const [, node = "", index = "0"] = /^(.*?)(?::(\d+))?$/s.exec(name) ?? [];
    return this.operationsByName.get(node)?.outputs[Number(index)];
  }

  /** The functions of the graph's library. */
  get functionDefs(): readonly FunctionDef[] {
    return [...this.functions.values()];
  }

  /**
   * Adds an operation of any type.
   *
   * @param inputs one entry per declared input
   * @throws INVALID_ARGUMENT for an unknown op, or listing all inputs and attributes that do not fit it
   */
  op(type: string, inputs: OpInputs = [], attrs: OpAttrs = {}, options: OpOptions = {}): Operation {
    const def = opDef(type);
    if (def === undefined) throw invalidArgument(`TensorFlow has no op "${type}"`);
    const name = this.names.unique(options.name ?? type);
    const given = typeof attrs === "function" ? attrs(name) : attrs;
    return this.add(def, name, this.tensorsOf(def, name, inputs), given, options);
  }

  /** Adds an operation that has one output, and returns that. INVALID_ARGUMENT when it has none or several. */
  compute(type: string, inputs: OpInputs = [], attrs: OpAttrs = {}, options: OpOptions = {}): Output {
    const operation = this.op(type, inputs, attrs, options);
    if (operation.outputs.length !== 1) {
      throw invalidArgument(
        `Node "${operation.name}" (${type}) has ${operation.outputs.length} outputs, expected one`,
      );
    }
    return operation.output();
  }

  /** A tensor to be fed. */
  placeholder(dtype: DType, shape: PartialShape, options: OpOptions = {}): Output {
    return this.compute("Placeholder", [], { dtype, shape }, options);
  }

  /** A tensor with a value. */
  constant(value: Tensor, options: OpOptions = {}): Output {
    const tensor = create(AttrValueSchema, {
      value: { case: "tensor", value: tensorToProto(value, { asContent: true }) },
    });
    const def = opDef("Const") as OpDef;
    const name = this.names.unique(options.name ?? "Const");
    return this.add(def, name, [], { dtype: value.dtype, value: tensor }, options, value).output();
  }

  /** A variable: a resource as TensorFlow 2 has them, or with `useResource: false` a reference as in TensorFlow 1. */
  variable(dtype: DType, shape: Shape, options: VariableOptions = {}): Variable {
    const variable = createVariable(this, dtype, shape, options);
    this.variableList.push(variable);
    return variable;
  }

  /**
   * A variable in parts along one axis, which checkpoints hold as slices of one tensor.
   *
   * @throws INVALID_ARGUMENT when the partitioner cuts along several axes or one that is not there
   */
  partitionedVariable(dtype: DType, shape: Shape, options: PartitionedVariableOptions): PartitionedVariable {
    return createPartitionedVariable(this, dtype, shape, options);
  }

  /** A lookup table with fixed content. */
  hashTable(init: HashTableInit, options: OpOptions = {}): HashTable {
    const table = createHashTable(this, init, options);
    this.tableInitializerList.push(table.initializer);
    return table;
  }

  /** An operation that fills all tables, such as a SavedModel's main op. */
  initializeTables(options: OpOptions = {}): Operation {
    return this.group(this.tableInitializerList, { name: "init_all_tables", ...options });
  }

  /**
   * A file that goes with the model. Its tensor holds the path when the model is loaded; until then its mere name.
   *
   * @param path where the file is now; it is copied when the model is saved
   */
  asset(path: string, options: OpOptions = {}): Asset {
    const fileName = assetFileName(path, this.assetList);
    const tensor = this.constant(stringTensor([], [fileName]), { name: "asset_path", ...options });
    const asset = { path, fileName, tensor };
    this.assetList.push(asset);
    return asset;
  }

  /** An operation that does nothing but wait for others. */
  group(operations: readonly Operation[], options: OpOptions = {}): Operation {
    const controlInputs = [...operations, ...(options.controlInputs ?? [])];
    return this.op("NoOp", [], {}, { name: "group_deps", ...options, controlInputs });
  }

  /**
   * A function of the graph's library, for `call` and for func attributes by its name.
   *
   * @param body adds to a graph of its own, where the parameters are tensors; returns the results by name
   */
  function(name: string, parameters: readonly FunctionParameter[], body: FunctionBody): GraphFunction {
    if (this.functions.has(name)) throw invalidArgument(`There is already a function "${name}"`);
    const graph = new GraphBuilder();
    const built = GraphFunction.build(name, parameters, graph, body);
    for (const def of graph.functionDefs) this.addFunctionDef(def);
    this.addFunctionDef(built.def);
    return built;
  }

  /** Adds a function as it is in another graph. INVALID_ARGUMENT when there is one of its name. */
  addFunctionDef(def: FunctionDef): void {
    const name = def.signature?.name ?? "";
    if (this.functions.has(name)) throw invalidArgument(`There is already a function "${name}"`);
    this.functions.set(name, def);
  }

  /** Calls a function. The outputs are its results, in their order. */
  call(callee: GraphFunction, inputs: readonly OpInput[], options: OpOptions = {}): Operation {
    const type = callee.stateful ? "StatefulPartitionedCall" : "PartitionedCall";
    return this.op(type, [inputs], { Tout: callee.resultTypes, f: callee.name }, options);
  }

  /**
   * Runs `body`; the names of what it adds begin with those of a new scope, or of an operation, and a slash. It gets the
   * full name of the scope.
   */
  scope<T>(below: string | Operation, body: (name: string) => T): T {
    const name = typeof below === "string" ? this.names.unique(below) : below.name;
    return this.names.within(name, () => body(name));
  }

  /** The graph as it is now. */
  toGraphDef(): GraphDef {
    const node = this.operations.map((operation) => nodeDef(operation, edgeName));
    const { origin, functionDefs } = this;
    if (origin === undefined) {
      const versions = { producer: GRAPH_PRODUCER_VERSION };
      return create(GraphDefSchema, { node, library: { function: [...functionDefs] }, versions });
    }
    if (origin.library === undefined && functionDefs.length === 0) return { ...origin, node };
    const library = { ...(origin.library ?? create(FunctionDefLibrarySchema)), function: [...functionDefs] };
    return { ...origin, node, library };
  }

  private add(
    def: OpDef,
    name: string,
    inputs: ArgInputs,
    given: AttrInputs,
    { controlInputs = [], device = "" }: OpOptions,
    constant?: Tensor,
  ): Operation {
    const flatInputs = inputs.flat();
    this.checkOwn(name, [...flatInputs.map((output) => output.operation), ...controlInputs]);
    const attrs = completeAttrs(name, def, inputs, given);
    const types = outputTypes(def, attrs);
    const operation = new Operation({
      name,
      def,
      attrs,
      inputs: flatInputs,
      controlInputs,
      device,
      outputTypes: types,
      outputShapes: inferShapes(def.name, { inputs: flatInputs, attrs, outputCount: types.length }),
      ...(constant !== undefined && { constant }),
    });
    this.operationsByName.set(name, operation);
    return operation;
  }

  private checkOwn(name: string, operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (this.operationsByName.get(operation.name) !== operation) {
        throw invalidArgument(`Node "${name}": "${operation.name}" belongs to another graph`);
      }
    }
  }

  /** The inputs, with values made constants below the node's name, as in "ArgMax/dimension". */
  private tensorsOf(def: OpDef, node: string, inputs: OpInputs): ArgInputs {
    const tensorOf = (input: OpInput, name: string): Output =>
      isTensor(input) ? this.constant(input, { name }) : input;
    return this.names.within(node, () =>
      inputs.map((input, i) => {
        const name = def.inputs[i]?.name ?? `input_${i}`;
        return isSingle(input)
          ? tensorOf(input, name)
          : input.map((item, k) => tensorOf(item, `${name}_${k}`));
      }),
    );
  }
}

function isSingle(input: OpInput | readonly OpInput[]): input is OpInput {
  return !Array.isArray(input);
}
