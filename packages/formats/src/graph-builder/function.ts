/**
 * Functions of a graph's library: FunctionDef (tensorflow/core/framework/function.proto), written from a graph whose
 * placeholders stand for the parameters.
 */
import { create } from "@bufbuild/protobuf";
import type { DType } from "../dtype.js";
import {
  type FunctionDef,
  FunctionDefSchema,
} from "../protobuf/gen/tensorflow/core/framework/function_pb.js";
import {
  type OpDef_ArgDef,
  OpDef_ArgDefSchema,
} from "../protobuf/gen/tensorflow/core/framework/op_def_pb.js";
import type { PartialShape } from "../shape.js";
import { invalidArgument } from "../status.js";
import type { GraphBuilder } from "./graph-builder.js";
import { functionEdgeName, nodeDef } from "./node-def.js";
import type { Operation, Output } from "./operation.js";

/** One parameter of a function. */
export interface FunctionParameter {
  /** Lower-case letters, digits and underscores, beginning with a letter. */
  readonly name: string;
  /** A resource is a variable's or table's handle. */
  readonly type: DType | "resource" | "variant";
  /** Unknown by default. */
  readonly shape?: PartialShape;
}

/** Adds the operations of a function to `graph` and returns its results by name. */
export type FunctionBody = (graph: GraphBuilder, ...parameters: Output[]) => Readonly<Record<string, Output>>;

const validName = /^[a-z][a-z0-9_]*$/;

/**
 * A function of a graph's library; GraphBuilder.function makes them.
 *
 * @example
 * const graph = new GraphBuilder();
 * const twice = graph.function("twice", [{ name: "x", type: "float32" }], (g, x) => ({
 *   y: g.compute("AddV2", [x, x]),
 * }));
 * const call = graph.call(twice, [graph.placeholder("float32", [2])]);
 * assert.deepEqual([call.type, twice.stateful], ["PartitionedCall", false]);
 */
export class GraphFunction {
  private constructor(
    readonly name: string,
    readonly def: FunctionDef,
    /** `DataType` numbers of the results, in order. */
    readonly resultTypes: readonly number[],
    /** Whether a call may change or depend on anything but its arguments. */
    readonly stateful: boolean,
  ) {}

  /**
   * Writes a function; `graph` is empty and for the body alone.
   * INVALID_ARGUMENT for names that a signature can't have, or for variables or assets declared in the body.
   */
  static build(
    name: string,
    parameters: readonly FunctionParameter[],
    graph: GraphBuilder,
    body: FunctionBody,
  ): GraphFunction {
    const placeholders = parameters.map(({ name, type, shape = null }) =>
      graph.compute("Placeholder", [], { dtype: type, shape }, { name }),
    );
    const results = body(graph, ...placeholders);
    checkNames(name, [...parameters.map((parameter) => parameter.name), ...Object.keys(results)]);
    if (graph.variables.length + graph.assets.length + graph.tableInitializers.length > 0) {
      throw invalidArgument(
        `Function "${name}": variables, tables and assets belong to the graph; pass their handles as parameters`,
      );
    }
    const nodes = graph.operations.filter(
      (operation) => !placeholders.some((placeholder) => placeholder.operation === operation),
    );
    const def = functionDef(name, placeholders, nodes, results);
    const types = Object.values(results).map(({ type }) => type);
    return new GraphFunction(name, def, types, def.signature?.isStateful ?? false);
  }
}

function checkNames(name: string, argNames: readonly string[]): void {
  const wrong = argNames.filter((arg) => !validName.test(arg));
  if (wrong.length === 0) return;
  throw invalidArgument(
    `Function "${name}": parameters and results are named in lower-case letters, digits and underscores, got "${wrong.join('", "')}"`,
  );
}

function functionDef(
  name: string,
  placeholders: readonly Output[],
  nodes: readonly Operation[],
  results: Readonly<Record<string, Output>>,
): FunctionDef {
  const inputName = (input: Output): string =>
    placeholders.includes(input) ? input.operation.name : functionEdgeName(input);
  // What has an effect must run even if no result depends on it.
  const effects = nodes.filter(({ def }) => def.stateful).map((operation) => operation.name);
  return create(FunctionDefSchema, {
    signature: {
      name,
      inputArg: placeholders.map((placeholder) => argDef(placeholder.operation.name, placeholder)),
      outputArg: Object.entries(results).map(([result, output]) => argDef(result, output)),
      isStateful: effects.length > 0,
      controlOutput: effects,
    },
    nodeDef: nodes.map((operation) => nodeDef(operation, inputName)),
    ret: Object.fromEntries(Object.entries(results).map(([result, output]) => [result, inputName(output)])),
    controlRet: Object.fromEntries(effects.map((effect) => [effect, effect])),
  });
}

function argDef(name: string, { type }: Output): OpDef_ArgDef {
  return create(OpDef_ArgDefSchema, { name, type });
}
