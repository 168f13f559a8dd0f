/** VariableDefs of a MetaGraph's collection as variables of the graph that was imported with it. */
import { dtypeFromNumber } from "../dtype.js";
import type { VariableDef } from "../protobuf/gen/tensorflow/core/framework/variable_pb.js";
import { partialShapeFromProto } from "../tensor-proto.js";
import type { GraphBuilder } from "./graph-builder.js";
import type { Output } from "./operation.js";
import { Variable, type VariablePartition } from "./variable.js";

/** Those whose operations are in the graph and whose handle says dtype and full shape; others only a loader knows. */
export function importVariables(graph: GraphBuilder, defs: readonly VariableDef[]): Variable[] {
  return defs.flatMap((def) => importVariable(graph, def) ?? []);
}

function importVariable(graph: GraphBuilder, def: VariableDef): Variable | undefined {
  const handle = graph.tensor(def.variableName);
  const initializer = graph.operation(def.initializerName);
  const snapshot = graph.tensor(def.snapshotName || def.variableName);
  const initialValue = graph.tensor(def.initialValueName) ?? initializer?.inputs[1];
  if (!handle || !initializer || !snapshot || !initialValue) return undefined;
  const declared = declaredType(handle);
  if (declared === undefined) return undefined;
  const partition = partitionOf(def);
  return new Variable(graph, declared.dtype, declared.shape, {
    handle,
    initialValue,
    initializer,
    snapshot,
    isResource: def.isResource,
    trainable: def.trainable,
    ...(partition !== undefined && { partition }),
  });
}

function declaredType({ operation }: Output) {
  if (!/^(VarHandleOp|Variable|VariableV2)$/.test(operation.type)) return undefined;
  const { dtype: type, shape: size } = operation.attrs;
  const dtype = type?.value.case === "type" ? dtypeFromNumber(type.value.value) : undefined;
  const shape = size?.value.case === "shape" ? partialShapeFromProto(size.value.value) : null;
  return dtype === undefined || shape === null || shape.includes(-1) ? undefined : { dtype, shape };
}

function partitionOf({ saveSliceInfoDef: info }: VariableDef): VariablePartition | undefined {
  if (info === undefined) return undefined;
  const slice = { start: info.varOffset.map(Number), length: info.varShape.map(Number) };
  return { fullName: info.fullName, fullShape: info.fullShape.map(Number), slice };
}
