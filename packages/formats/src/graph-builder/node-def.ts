/** Operations as NodeDefs. How an edge is written differs between a graph and the body of a function. */
import { create } from "@bufbuild/protobuf";
import { nodeOutputs } from "../op-defs/node-types.js";
import { type NodeDef, NodeDefSchema } from "../protobuf/gen/tensorflow/core/framework/node_def_pb.js";
import type { Operation, Output } from "./operation.js";

/** The NodeDef of an operation, its inputs written by `inputName`. */
export function nodeDef(operation: Operation, inputName: (input: Output) => string): NodeDef {
  return create(NodeDefSchema, {
    name: operation.name,
    op: operation.type,
    input: [...operation.inputs.map(inputName), ...operation.controlInputs.map(({ name }) => `^${name}`)],
    device: operation.device,
    attr: { ...operation.attrs },
    ...operation.annotations,
  });
}

/** An edge of a graph: "x" for the first output of a node, "x:1" for the second. */
export function edgeName({ operation, index }: Output): string {
  return index === 0 ? operation.name : `${operation.name}:${index}`;
}

/** An edge of a function's body: "x:values:0" for the first tensor of the output "values" of node x. */
export function functionEdgeName({ operation, index }: Output): string {
  const arg = nodeOutputs(operation.def, operation.attrs).findLast(
    ({ start, types }) => start <= index && types.length > 0,
  );
  return `${operation.name}:${arg?.name}:${index - (arg?.start ?? 0)}`;
}
