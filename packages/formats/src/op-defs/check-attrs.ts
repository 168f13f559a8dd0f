/**
 * Holds a node's attributes against its op's definition: whoever reads them later may rely on their kinds and limits.
 * The rules are those of ValidateNodeDef and ValidateAttrValue in tensorflow/core/framework (node_def_util.cc,
 * op_def_util.cc).
 */

import { dataTypeName } from "../dtype.js";
import type { AttrValue } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { decodeText } from "../tensor.js";
import { attrOrDefault, type NodeAttrs } from "./node-types.js";
import { type AttrDef, attrFields, elementType, type OpDef } from "./op-def.js";

/**
 * What is wrong with the attributes of a node, one line each; none when all is as the op declares. Attributes that the
 * op does not declare are ignored, and placeholders, which stand in the bodies of polymorphic functions, fit all.
 *
 * @example
 * const def = opDef("Cast");
 * assert.deepEqual(def && attrProblems(def, {}), ['attr "SrcT" is missing', 'attr "DstT" is missing']);
 */
export function attrProblems(def: OpDef, attrs: NodeAttrs): string[] {
  return [...def.attrs.values()].flatMap((attr) => {
    const value = attrOrDefault(def, attrs, attr.name);
    const problem = value === undefined ? "is missing" : problemOf(attr, value);
    return problem === undefined ? [] : [`attr "${attr.name}" ${problem}`];
  });
}

function problemOf(attr: AttrDef, { value }: AttrValue): string | undefined {
  if (value.case === "placeholder") return undefined;
  const element = elementType(attr.type);
  if (element === attr.type) {
    if (value.case !== attrFields[element]) return wrongKind(attr, value.case);
    return value.case === "i" ? tooSmall(attr, value.value) : notAllowed(attr, [value.value]);
  }
  if (value.case !== "list") return wrongKind(attr, value.case);
  const list = value.value;
  const stray = Object.values(attrFields).find(
    (each) => each !== attrFields[element] && list[each].length > 0,
  );
  if (stray !== undefined) return wrongKind(attr, `list(${stray})`);
  const items: readonly unknown[] = list[attrFields[element]];
  return tooSmall(attr, BigInt(items.length)) ?? notAllowed(attr, items);
}

function wrongKind(attr: AttrDef, found: string | undefined): string {
  return `must be of type ${attr.type}, got ${found ?? "nothing"}`;
}

/** The minimum limits an int, or the length of a list. */
function tooSmall({ type, minimum }: AttrDef, given: bigint): string | undefined {
  if (minimum === undefined || given >= BigInt(minimum)) return undefined;
  return `must ${type === "int" ? "be" : "have a length of"} at least ${minimum}, got ${given}`;
}

function notAllowed({ allowed }: AttrDef, items: readonly unknown[]): string | undefined {
  if (allowed === undefined) return undefined;
  const plain = items.map((item) => (item instanceof Uint8Array ? decodeText(item) : (item as number)));
  const wrong = plain.find((item) => !allowed.includes(item));
  if (wrong === undefined) return undefined;
  const text = (item: number | string) => (typeof item === "number" ? dataTypeName(item) : item);
  return `must be one of ${allowed.map(text).join(", ")}, got ${text(wrong)}`;
}
