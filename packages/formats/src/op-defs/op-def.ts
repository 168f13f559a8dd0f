/**
 * The facts of every TensorFlow op: what it takes, what it gives, its attributes with types, defaults and limits.
 *
 * Importers need them because exporters strip attributes that equal their default and because edges name flat
 * outputs; graph builders need them to check and to complete nodes. The facts are OpDef's
 * (tensorflow/core/framework/op_def.proto), from TensorFlow's own registry.
 *
 * gen/op-defs.ts holds one op a line, parsed when first asked for. Its fields, tab-separated:
 *
 *     name  flags  inputs  outputs  attr…
 *
 * - flags: s stateful, c commutative, a aggregate;
 * - inputs, outputs: `name:type`, separated by blanks. A type is a `DataType` number, the name of the attribute that
 *   holds it, or the name of a list(type) attribute in brackets; before it `N*` for a list whose length is attribute
 *   N, and before that `&` for references (TF1 variables);
 * - attr: `name:type`, then `>=n` for a minimum, `<n>` for a row of `allowedSets`, `=json` for a default.
 */
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  type AttrValue,
  type AttrValue_ListValue,
  AttrValue_ListValueSchema,
  AttrValueSchema,
  NameAttrListSchema,
} from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { TensorProtoSchema } from "../protobuf/gen/tensorflow/core/framework/tensor_pb.js";
import {
  type TensorShapeProto,
  TensorShapeProtoSchema,
} from "../protobuf/gen/tensorflow/core/framework/tensor_shape_pb.js";
import { internal } from "../status.js";
import { encodeText } from "../tensor.js";
import { allowedSets, opTable } from "./gen/op-defs.js";

/** The kinds of values that an attribute holds, alone or in a list. */
export type AttrElementType = "string" | "int" | "float" | "bool" | "type" | "shape" | "tensor" | "func";
export type AttrType = AttrElementType | `list(${AttrElementType})`;

/**
 * One declared input or output. Exactly one of `type`, `typeAttr` and `typeListAttr` is there. It stands for one
 * tensor; with `numberAttr` for as many as that attribute says, with `typeListAttr` for one per listed type.
 */
export interface ArgDef {
  readonly name: string;
  /** A fixed `DataType` number. */
  readonly type?: number;
  /** The attribute that holds the type. */
  readonly typeAttr?: string;
  /** The list(type) attribute that holds one type per tensor. */
  readonly typeListAttr?: string;
  /** The int attribute that says how many tensors there are. */
  readonly numberAttr?: string;
  /** A reference to memory, as TF1 variables hand out: its `DataType` is the base type plus 100. */
  readonly isRef: boolean;
}

/** One declared attribute. */
export interface AttrDef {
  readonly name: string;
  readonly type: AttrType;
  /** What a node that does not mention the attribute has. Shared by all callers: never change it. */
  readonly default?: AttrValue;
  /** Least value of an int, least length of a list. */
  readonly minimum?: number;
  /** The only values allowed (list elements too): `DataType` numbers for types, texts for strings. */
  readonly allowed?: readonly (number | string)[];
}

export interface OpDef {
  readonly name: string;
  readonly inputs: readonly ArgDef[];
  readonly outputs: readonly ArgDef[];
  readonly attrs: ReadonlyMap<string, AttrDef>;
  /** Its result depends on more than its inputs, or it changes something: never folded, merged or dropped. */
  readonly stateful: boolean;
  /** Its inputs may be swapped. */
  readonly commutative: boolean;
  /** Its inputs may be grouped at will, as those of a sum. */
  readonly aggregate: boolean;
}

let linesByName: Map<string, string> | undefined;
const parsed = new Map<string, OpDef>();

function lines(): Map<string, string> {
  linesByName ??= new Map(opTable.split("\n").map((line) => [line.slice(0, line.indexOf("\t")), line]));
  return linesByName;
}

/**
 * The definition of a TensorFlow op, undefined when TensorFlow has none of that name. Always the same object.
 *
 * @example
 * assert.deepEqual(opDef("Identity")?.inputs, [{ name: "input", isRef: false, typeAttr: "T" }]);
 * assert.equal(opDef("NoSuchOp"), undefined);
 */
export function opDef(name: string): OpDef | undefined {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const line = lines().get(name);
  if (line === undefined) return undefined;
  const def = parseOp(line);
  parsed.set(name, def);
  return def;
}

/**
 * The names of all TensorFlow ops, sorted.
 *
 * @example
 * assert.ok(opNames().includes("MatMul"));
 */
export function opNames(): string[] {
  return [...lines().keys()];
}

function parseOp(line: string): OpDef {
  const [name = "", flags = "", inputs = "", outputs = "", ...attrs] = line.split("\t");
  return {
    name,
    inputs: parseArgs(inputs),
    outputs: parseArgs(outputs),
    attrs: new Map(attrs.map(parseAttr).map((attr) => [attr.name, attr])),
    stateful: flags.includes("s"),
    commutative: flags.includes("c"),
    aggregate: flags.includes("a"),
  };
}

function parseArgs(text: string): ArgDef[] {
  return text === "" ? [] : text.split(" ").map(parseArg);
}

const argForm = /^(\w+):(&?)(?:(\w+)\*)?(?:(\d+)|([A-Za-z_]\w*)|\[(\w+)\])$/;

function parseArg(text: string): ArgDef {
  const [, name = "", ref, numberAttr, type, typeAttr, typeListAttr] = argForm.exec(text) ?? malformed(text);
  return {
    name,
    isRef: ref === "&",
    ...(numberAttr !== undefined && { numberAttr }),
    ...(type !== undefined && { type: Number(type) }),
    ...(typeAttr !== undefined && { typeAttr }),
    ...(typeListAttr !== undefined && { typeListAttr }),
  };
}

const attrForm = /^(\w+):([a-z()]+)(?:>=(-?\d+))?(?:<(\d+)>)?(?:=(.*))?$/;

function parseAttr(text: string): AttrDef {
  const [, name = "", type = "", minimum, allowed, fallback] = attrForm.exec(text) ?? malformed(text);
  const allowedValues = allowed === undefined ? undefined : allowedSets[Number(allowed)];
  return {
    name,
    type: type as AttrType,
    ...(minimum !== undefined && { minimum: Number(minimum) }),
    ...(allowedValues !== undefined && { allowed: allowedValues }),
    ...(fallback !== undefined && { default: attrOf(type as AttrType, JSON.parse(fallback) as JsonValue) }),
  };
}

function malformed(text: string): never {
  throw internal(`op table: cannot read ${JSON.stringify(text)}`);
}

function attrOf(type: AttrType, value: JsonValue): AttrValue {
  const element = elementType(type);
  if (element === type) return create(AttrValueSchema, { value: scalarForms[element](value) });
  const list = create(AttrValue_ListValueSchema);
  for (const item of value as JsonValue[]) appendScalar(list, scalarForms[element](item));
  return create(AttrValueSchema, { value: { case: "list", value: list } });
}

/**
 * The type of a list's elements; a type that is no list as it is.
 *
 * @example
 * assert.equal(elementType("list(int)"), "int");
 */
export function elementType(type: AttrType): AttrElementType {
  return type.replace(/^list\((\w+)\)$/, "$1") as AttrElementType;
}

/** The field of AttrValue, and of its lists, that holds values of each kind. */
export const attrFields = {
  string: "s",
  int: "i",
  float: "f",
  bool: "b",
  type: "type",
  shape: "shape",
  tensor: "tensor",
  func: "func",
} as const satisfies Record<AttrElementType, keyof AttrValue_ListValue>;

/** An attribute's value that is neither a list nor a placeholder. */
export type AttrScalar = Exclude<AttrValue["value"], { case: "list" | "placeholder" | undefined }>;

const scalarForms: Readonly<Record<AttrElementType, (value: JsonValue) => AttrScalar>> = {
  string: (value) => ({ case: "s", value: encodeText(value as string) }),
  int: (value) => ({ case: "i", value: BigInt(value as number) }),
  float: (value) => ({ case: "f", value: Math.fround(numberOf(value)) }),
  bool: (value) => ({ case: "b", value: value as boolean }),
  type: (value) => ({ case: "type", value: value as number }),
  shape: (value) => ({ case: "shape", value: shapeOf(value as number[] | null) }),
  tensor: (value) => ({ case: "tensor", value: fromJson(TensorProtoSchema, value) }),
  func: (value) => ({ case: "func", value: fromJson(NameAttrListSchema, value) }),
};

function numberOf(value: JsonValue): number {
  if (typeof value === "number") return value;
  return value === "inf" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}

function shapeOf(sizes: readonly number[] | null): TensorShapeProto {
  return create(
    TensorShapeProtoSchema,
    sizes === null ? { unknownRank: true } : { dim: sizes.map((size) => ({ size: BigInt(size) })) },
  );
}

/**
 * Puts one more element into a list attribute.
 *
 * @example
 * import { create } from "@bufbuild/protobuf";
 * import { AttrValue_ListValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
 * const list = create(AttrValue_ListValueSchema);
 * appendScalar(list, { case: "i", value: 3n });
 * assert.deepEqual(list.i, [3n]);
 */
export function appendScalar(list: AttrValue_ListValue, scalar: AttrScalar): void {
  switch (scalar.case) {
    case "s":
      list.s.push(scalar.value);
      break;
    case "i":
      list.i.push(scalar.value);
      break;
    case "f":
      list.f.push(scalar.value);
      break;
    case "b":
      list.b.push(scalar.value);
      break;
    case "type":
      list.type.push(scalar.value);
      break;
    case "shape":
      list.shape.push(scalar.value);
      break;
    case "tensor":
      list.tensor.push(scalar.value);
      break;
    case "func":
      list.func.push(scalar.value);
      break;
  }
}
