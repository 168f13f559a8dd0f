/**
 * From declared args to flat tensors: a node's attributes say how many inputs and outputs it has and of what type.
 *
 * Works on NodeDef attributes as they are in a file, with defaults filled in from the op's definition. The rules are
 * those of InOutTypesForNode in tensorflow/core/framework/node_def_util.cc.
 */
import type { AttrValue } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { invalidArgument } from "../status.js";
import type { ArgDef, OpDef } from "./op-def.js";

/** A node's attributes by name, as NodeDef has them. */
export type NodeAttrs = Readonly<Record<string, AttrValue>>;

/** One declared input or output of a node, with the `DataType` number of each tensor that it stands for. */
export interface NodeArg {
  readonly name: string;
  /** The flat index of its first tensor. */
  readonly start: number;
  readonly types: readonly number[];
}

/** More tensors than this in one arg are a damaged file, not a graph. */
const MAX_ARG_TENSORS = 1 << 20;
const REF_OFFSET = 100;

/**
 * A node's value of an attribute: its own, or the op's default; undefined when there is neither.
 *
 * @example
 * const def = opDef("MatMul");
 * const transpose = def && attrOrDefault(def, {}, "transpose_a");
 * assert.equal(transpose?.value.value, false);
 */
export function attrOrDefault(def: OpDef, attrs: NodeAttrs, name: string): AttrValue | undefined {
  return (Object.hasOwn(attrs, name) ? attrs[name] : undefined) ?? def.attrs.get(name)?.default;
}

/**
 * The inputs of a node, in order, with the type of every tensor.
 * INVALID_ARGUMENT, naming op and attribute, when one that is needed is missing or of the wrong kind.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
 * const float32 = create(AttrValueSchema, { value: { case: "type", value: 1 } });
 * const def = opDef("AddV2");
 *
 * assert.deepEqual(def && nodeInputs(def, { T: float32 }).map(({ name }) => name), ["x", "y"]);
 */
export function nodeInputs(def: OpDef, attrs: NodeAttrs): NodeArg[] {
  return expand(def, def.inputs, attrs);
}

/**
 * The outputs of a node, in order. A tensor inside a function is "node:arg:i", i counted within the arg.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
 * const float32 = create(AttrValueSchema, { value: { case: "type", value: 1 } });
 * const def = opDef("AddV2");
 *
 * assert.deepEqual(def && nodeOutputs(def, { T: float32 }), [{ name: "z", start: 0, types: [1] }]);
 */
export function nodeOutputs(def: OpDef, attrs: NodeAttrs): NodeArg[] {
  return expand(def, def.outputs, attrs);
}

/**
 * The `DataType` numbers of a node's inputs, flat.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
 * const float32 = create(AttrValueSchema, { value: { case: "type", value: 1 } });
 * const def = opDef("AddV2");
 *
 * assert.deepEqual(def && inputTypes(def, { T: float32 }), [1, 1]);
 */
export function inputTypes(def: OpDef, attrs: NodeAttrs): number[] {
  return nodeInputs(def, attrs).flatMap((arg) => arg.types);
}

/**
 * The `DataType` numbers of a node's outputs, flat: "node:k" has the type at k.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
 * const float32 = create(AttrValueSchema, { value: { case: "type", value: 1 } });
 * const def = opDef("AddV2");
 *
 * assert.deepEqual(def && outputTypes(def, { T: float32 }), [1]);
 */
export function outputTypes(def: OpDef, attrs: NodeAttrs): number[] {
  return nodeOutputs(def, attrs).flatMap((arg) => arg.types);
}

/**
 * How many tensors a node takes; control inputs don't count.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
 * const float32 = create(AttrValueSchema, { value: { case: "type", value: 1 } });
 * const def = opDef("AddV2");
 *
 * assert.equal(def && inputArity(def, { T: float32 }), 2);
 */
export function inputArity(def: OpDef, attrs: NodeAttrs): number {
  return nodeInputs(def, attrs).reduce((count, arg) => count + arg.types.length, 0);
}

function expand(def: OpDef, args: readonly ArgDef[], attrs: NodeAttrs): NodeArg[] {
  let start = 0;
  return args.map((arg) => {
    const base = argTypes(def, arg, attrs);
    const types = arg.isRef ? base.map((type) => type + REF_OFFSET) : base;
    const expanded = { name: arg.name, start, types };
    start += types.length;
    return expanded;
  });
}

function argTypes(def: OpDef, arg: ArgDef, attrs: NodeAttrs): readonly number[] {
  if (arg.typeListAttr !== undefined) return requireAttr(def, attrs, arg.typeListAttr, "list").type;
  const type = arg.typeAttr === undefined ? (arg.type ?? 0) : requireAttr(def, attrs, arg.typeAttr, "type");
  return arg.numberAttr === undefined
    ? [type]
    : new Array<number>(tensorCount(def, attrs, arg.numberAttr)).fill(type);
}

function tensorCount(def: OpDef, attrs: NodeAttrs, name: string): number {
  const count = requireAttr(def, attrs, name, "i");
  if (count < 0n || count > BigInt(MAX_ARG_TENSORS)) {
    throw invalidArgument(
      `Op ${def.name}: attr "${name}" must be between 0 and ${MAX_ARG_TENSORS}, got ${count}`,
    );
  }
  return Number(count);
}

type AttrCase = NonNullable<AttrValue["value"]["case"]>;
type AttrOf<C extends AttrCase> = Extract<AttrValue["value"], { case: C }>["value"];

function requireAttr<C extends AttrCase>(def: OpDef, attrs: NodeAttrs, name: string, kind: C): AttrOf<C> {
  const attr = attrOrDefault(def, attrs, name);
  if (attr === undefined) throw invalidArgument(`Op ${def.name}: attr "${name}" is missing`);
  if (attr.value.case !== kind) {
    throw invalidArgument(
      `Op ${def.name}: attr "${name}" must be of type ${def.attrs.get(name)?.type}, got ${attr.value.case ?? "nothing"}`,
    );
  }
  return attr.value.value as AttrOf<C>;
}
