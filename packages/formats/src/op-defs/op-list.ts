/**
 * OpList (tensorflow/core/framework/op_def.proto) of the ops that a graph uses. A MetaGraph carries it, without
 * descriptions, so that a consumer knows which attributes the producer's ops had.
 */
import { create } from "@bufbuild/protobuf";
import { type AttrValue, AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import type { GraphDef } from "../protobuf/gen/tensorflow/core/framework/graph_pb.js";
import {
  type OpDef as OpDefProto,
  OpDefSchema,
  type OpList,
  OpListSchema,
} from "../protobuf/gen/tensorflow/core/framework/op_def_pb.js";
import { encodeText } from "../tensor.js";
import { type ArgDef, type AttrDef, type OpDef, opDef } from "./op-def.js";

/**
 * The definitions of the ops of a graph and its functions, by name; calls of functions and unknown ops are left out.
 *
 * @example
 * const graph = new GraphBuilder();
 * graph.compute("Neg", [graph.placeholder("float32", [2])]);
 * assert.deepEqual(strippedOpList(graph.toGraphDef()).op.map(({ name }) => name), ["Neg", "Placeholder"]);
 */
export function strippedOpList(graphDef: GraphDef): OpList {
  const nodes = [...graphDef.node, ...(graphDef.library?.function ?? []).flatMap((def) => def.nodeDef)];
  const names = [...new Set(nodes.map(({ op }) => op))].sort();
  return create(OpListSchema, { op: names.flatMap((name) => opDef(name) ?? []).map(protoOf) });
}

function protoOf(def: OpDef): OpDefProto {
  return create(OpDefSchema, {
    name: def.name,
    inputArg: def.inputs.map(argOf),
    outputArg: def.outputs.map(argOf),
    attr: [...def.attrs.values()].map(attrOf),
    isStateful: def.stateful,
    isCommutative: def.commutative,
    isAggregate: def.aggregate,
  });
}

function argOf({ name, type = 0, typeAttr = "", typeListAttr = "", numberAttr = "", isRef }: ArgDef) {
  return { name, type, typeAttr, typeListAttr, numberAttr, isRef };
}

function attrOf({ name, type, default: defaultValue, minimum, allowed }: AttrDef) {
  return {
    name,
    type,
    ...(defaultValue !== undefined && { defaultValue }),
    ...(minimum !== undefined && { hasMinimum: true, minimum: BigInt(minimum) }),
    ...(allowed !== undefined && { allowedValues: listOf(allowed) }),
  };
}

function listOf(allowed: readonly (number | string)[]): AttrValue {
  const type = allowed.filter((value) => typeof value === "number");
  const s = allowed.filter((value) => typeof value === "string").map(encodeText);
  return create(AttrValueSchema, { value: { case: "list", value: { type, s } } });
}
