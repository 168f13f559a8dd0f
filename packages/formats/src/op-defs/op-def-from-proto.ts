/**
 * OpDef messages (tensorflow/core/framework/op_def.proto) as definitions: the signatures of functions are such
 * messages, and a node may call a function by having its name as op.
 */

import type { AttrValue } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import type {
  OpDef_ArgDef,
  OpDef_AttrDef,
  OpDef as OpDefProto,
} from "../protobuf/gen/tensorflow/core/framework/op_def_pb.js";
import { decodeText } from "../tensor.js";
import type { ArgDef, AttrDef, AttrType, OpDef } from "./op-def.js";

/**
 * The definition that a message holds.
 *
 * @example
 * const graph = new GraphBuilder();
 * const twice = graph.function("twice", [{ name: "x", type: "int32" }], (g, x) => ({
 *   y: g.compute("AddV2", [x, x]),
 * }));
 * const def = twice.def.signature && opDefFromProto(twice.def.signature);
 * assert.deepEqual(def?.inputs, [{ name: "x", isRef: false, type: 3 }]);
 */
export function opDefFromProto(proto: OpDefProto): OpDef {
  return {
    name: proto.name,
    inputs: proto.inputArg.map(argOf),
    outputs: proto.outputArg.map(argOf),
    attrs: new Map(proto.attr.map((attr) => [attr.name, attrOf(attr)])),
    stateful: proto.isStateful,
    commutative: proto.isCommutative,
    aggregate: proto.isAggregate,
  };
}

function argOf({ name, isRef, type, typeAttr, typeListAttr, numberAttr }: OpDef_ArgDef): ArgDef {
  return {
    name,
    isRef,
    ...(numberAttr !== "" && { numberAttr }),
    ...(typeListAttr !== "" ? { typeListAttr } : typeAttr !== "" ? { typeAttr } : { type }),
  };
}

function attrOf({ name, type, defaultValue, hasMinimum, minimum, allowedValues }: OpDef_AttrDef): AttrDef {
  return {
    name,
    type: type as AttrType,
    ...(defaultValue !== undefined && { default: defaultValue }),
    ...(hasMinimum && { minimum: Number(minimum) }),
    ...(allowedValues !== undefined && { allowed: allowedOf(allowedValues) }),
  };
}

function allowedOf({ value }: AttrValue): (number | string)[] {
  return value.case === "list" ? [...value.value.type, ...value.value.s.map(decodeText)] : [];
}
