/**
 * Attribute values as a program writes them, made into AttrValue messages by the type that the op declares.
 *
 * | attr type | as written                                                          |
 * | --------- | ------------------------------------------------------------------- |
 * | string    | string (UTF-8) or Uint8Array                                        |
 * | int       | integer number or bigint                                            |
 * | float     | number                                                              |
 * | bool      | boolean                                                             |
 * | type      | name such as "float32", "DT_FLOAT" or "resource", or its `DataType` |
 * | shape     | sizes with -1 for unknown ones, null for unknown rank               |
 * | tensor    | Tensor                                                              |
 * | func      | function name, or NameAttrList                                      |
 * | list(x)   | array of x                                                          |
 *
 * An AttrValue message goes as it is.
 */
import { create, isMessage } from "@bufbuild/protobuf";
import { DT_RESOURCE, DT_VARIANT, dtypeFromName, dtypeNumber } from "../dtype.js";
import {
  type AttrDef,
  type AttrElementType,
  type AttrScalar,
  appendScalar,
  attrFields,
  elementType,
} from "../op-defs/op-def.js";
import {
  type AttrValue,
  AttrValue_ListValueSchema,
  AttrValueSchema,
  type NameAttrList,
  NameAttrListSchema,
} from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import type { PartialShape } from "../shape.js";
import { encodeText, type Tensor } from "../tensor.js";
import { shapeToProto, tensorToProto } from "../tensor-proto.js";

/** One attribute value that is no list. */
export type AttrScalarInput =
  | string
  | Uint8Array
  | number
  | bigint
  | boolean
  | PartialShape
  | Tensor
  | NameAttrList;

/** What a program may write for an attribute. */
export type AttrInput = AttrScalarInput | readonly AttrScalarInput[] | AttrValue;

/** The message for a written value; undefined when the value does not fit the declared type. */
export function attrValueOf(attr: AttrDef, input: AttrInput): AttrValue | undefined {
  if (isMessage(input, AttrValueSchema)) return fits(attr, input) ? input : undefined;
  const element = elementType(attr.type);
  if (element === attr.type) {
    const value = scalarForms[element](input);
    return value && create(AttrValueSchema, { value });
  }
  if (!Array.isArray(input)) return undefined;
  const list = create(AttrValue_ListValueSchema);
  for (const item of input) {
    const value = scalarForms[element](item);
    if (value === undefined) return undefined;
    appendScalar(list, value);
  }
  return create(AttrValueSchema, { value: { case: "list", value: list } });
}

function fits({ type }: AttrDef, { value }: AttrValue): boolean {
  const element = elementType(type);
  return value.case === "placeholder" || value.case === (element === type ? attrFields[element] : "list");
}

const scalarForms: Readonly<Record<AttrElementType, (input: unknown) => AttrScalar | undefined>> = {
  string: (input) => {
    const value = typeof input === "string" ? encodeText(input) : input;
    return value instanceof Uint8Array ? { case: "s", value } : undefined;
  },
  int: (input) =>
    typeof input === "bigint" || Number.isSafeInteger(input)
      ? { case: "i", value: BigInt(input as number | bigint) }
      : undefined,
  float: (input) => (typeof input === "number" ? { case: "f", value: Math.fround(input) } : undefined),
  bool: (input) => (typeof input === "boolean" ? { case: "b", value: input } : undefined),
  type: (input) => {
    const value = dataTypeNumber(input);
    return value === undefined ? undefined : { case: "type", value };
  },
  shape: (input) => (isShape(input) ? { case: "shape", value: shapeToProto(input) } : undefined),
  tensor: (input) => (isTensor(input) ? { case: "tensor", value: tensorToProto(input) } : undefined),
  func: (input) => {
    const value = typeof input === "string" ? create(NameAttrListSchema, { name: input }) : input;
    return isMessage(value, NameAttrListSchema) ? { case: "func", value } : undefined;
  },
};

const handleTypes: Readonly<Record<string, number>> = {
  resource: DT_RESOURCE,
  DT_RESOURCE,
  variant: DT_VARIANT,
  DT_VARIANT,
};

function dataTypeNumber(input: unknown): number | undefined {
  if (typeof input === "number") return Number.isInteger(input) && input > 0 ? input : undefined;
  if (typeof input !== "string") return undefined;
  const dtype = dtypeFromName(input);
  return dtype === undefined ? handleTypes[input] : dtypeNumber(dtype);
}

function isShape(input: unknown): input is PartialShape {
  return (
    input === null || (Array.isArray(input) && input.every((size) => Number.isInteger(size) && size >= -1))
  );
}

/** Whether a value is a tensor with values, as opposed to one still to be computed. */
export function isTensor(input: unknown): input is Tensor {
  return typeof input === "object" && input !== null && "dtype" in input && "data" in input;
}
