/**
 * Completes and checks a node before it enters the graph: type, number and list attributes follow from the inputs,
 * missing attributes take their defaults, and everything is held against the op's definition. All that is wrong is
 * told at once.
 */

import { create, isMessage } from "@bufbuild/protobuf";
import { dataTypeName } from "../dtype.js";
import type { NodeAttrs } from "../op-defs/node-types.js";
import { type ArgDef, type AttrDef, elementType, type OpDef } from "../op-defs/op-def.js";
import { type AttrValue, AttrValueSchema } from "../protobuf/gen/tensorflow/core/framework/attr_value_pb.js";
import { invalidArgument } from "../status.js";
import { decodeText } from "../tensor.js";
import { type AttrInput, attrValueOf } from "./attr-value.js";
import type { Output } from "./operation.js";

/** The inputs of a node, one entry per declared input: a list for those that stand for several tensors. */
export type ArgInputs = readonly (Output | readonly Output[])[];
/** Attributes as a program writes them; those that inputs or defaults determine may be left out. */
export type AttrInputs = Readonly<Record<string, AttrInput | undefined>>;

const REF_OFFSET = 100;

/**
 * All attributes of a node.
 * INVALID_ARGUMENT, listing every problem, when inputs or attributes do not fit the op.
 */
export function completeAttrs(nodeName: string, def: OpDef, inputs: ArgInputs, given: AttrInputs): NodeAttrs {
  const completion = new NodeCompletion(def);
  completion.takeGiven(given);
  completion.takeInputs(inputs);
  const attrs = completion.finish();
  if (completion.problems.length > 0) {
    throw invalidArgument(`Node "${nodeName}" (${def.name}): ${completion.problems.join("; ")}`);
  }
  return attrs;
}

class NodeCompletion {
  readonly problems: string[] = [];
  private readonly attrs = new Map<string, AttrValue>();
  /** Who determined an attribute first, for messages about a contradiction. */
  private readonly origins = new Map<string, string>();

  constructor(private readonly def: OpDef) {}

  takeGiven(given: AttrInputs): void {
    for (const [name, input] of Object.entries(given)) {
      if (input === undefined) continue;
      const attr = this.def.attrs.get(name);
      if (attr === undefined) this.takeUndeclared(name, input);
      else this.takeDeclared(attr, input);
    }
  }

  private takeDeclared(attr: AttrDef, input: AttrInput): void {
    const value = attrValueOf(attr, input);
    if (value === undefined) this.problems.push(`attr "${attr.name}" must be of type ${attr.type}`);
    else this.set(attr.name, value, "the call");
  }

  /** Any node may carry attributes that begin with an underscore, such as _class and _output_shapes. */
  private takeUndeclared(name: string, input: AttrInput): void {
    if (name.startsWith("_") && isMessage(input, AttrValueSchema)) this.set(name, input, "the call");
    else
      this.problems.push(`no attr "${name}"; there are ${[...this.def.attrs.keys()].join(", ") || "none"}`);
  }

  takeInputs(inputs: ArgInputs): void {
    if (inputs.length !== this.def.inputs.length) {
      const names = this.def.inputs.map(({ name }) => name).join(", ");
      this.problems.push(`takes ${this.def.inputs.length} inputs (${names}), got ${inputs.length}`);
      return;
    }
    this.def.inputs.forEach((arg, i) => {
      const input = inputs[i] as Output | readonly Output[];
      const isList = arg.numberAttr !== undefined || arg.typeListAttr !== undefined;
      if (isList !== Array.isArray(input)) {
        this.problems.push(`input "${arg.name}" must be ${isList ? "a list of tensors" : "one tensor"}`);
      } else {
        this.takeArg(arg, [input].flat());
      }
    });
  }

  private takeArg(arg: ArgDef, tensors: readonly Output[]): void {
    const from = `input "${arg.name}"`;
    for (const tensor of tensors) {
      if (arg.isRef && tensor.type < REF_OFFSET) this.problems.push(`${from} must be a reference`);
    }
    const types = tensors.map(({ type }) => type % REF_OFFSET);
    if (arg.typeListAttr !== undefined) {
      this.infer(arg.typeListAttr, from, { case: "list", value: types });
      return;
    }
    if (arg.numberAttr !== undefined) this.infer(arg.numberAttr, from, { case: "i", value: types.length });
    for (const type of types) {
      if (arg.typeAttr !== undefined) this.infer(arg.typeAttr, from, { case: "type", value: type });
      else if (arg.type !== type) {
        this.problems.push(`${from} must be ${dataTypeName(arg.type ?? 0)}, got ${dataTypeName(type)}`);
      }
    }
  }

  private infer(name: string, from: string, inferred: Inferred): void {
    const value = inferredAttr(inferred);
    const known = this.attrs.get(name);
    if (known === undefined) this.set(name, value, from);
    else if (attrText(known) !== attrText(value)) {
      this.problems.push(
        `attr "${name}" is ${attrText(known)} by ${this.origins.get(name)} but ${attrText(value)} by ${from}`,
      );
    }
  }

  private set(name: string, value: AttrValue, origin: string): void {
    this.attrs.set(name, value);
    this.origins.set(name, origin);
  }

  finish(): NodeAttrs {
    for (const attr of this.def.attrs.values()) {
      const value = this.attrs.get(attr.name) ?? attr.default;
      if (value === undefined) this.problems.push(`attr "${attr.name}" is missing`);
      else {
        this.attrs.set(attr.name, value);
        this.checkLimits(attr, value);
      }
    }
    return Object.fromEntries(this.attrs);
  }

  private checkLimits(attr: AttrDef, value: AttrValue): void {
    const size = sizeOf(attr, value);
    if (attr.minimum !== undefined && size !== undefined && size < attr.minimum) {
      this.problems.push(`attr "${attr.name}" must be at least ${attr.minimum}, got ${size}`);
    }
    const { allowed } = attr;
    if (allowed === undefined) return;
    const surplus = valuesOf(value).filter((element) => !allowed.includes(element));
    if (surplus.length > 0) {
      const text = (element: number | string) =>
        typeof element === "number" ? dataTypeName(element) : `"${element}"`;
      this.problems.push(
        `attr "${attr.name}" must be one of ${allowed.map(text).join(", ")}, got ${surplus.map(text).join(", ")}`,
      );
    }
  }
}

type Inferred =
  | { readonly case: "type" | "i"; readonly value: number }
  | { readonly case: "list"; readonly value: readonly number[] };

function inferredAttr(inferred: Inferred): AttrValue {
  switch (inferred.case) {
    case "type":
      return create(AttrValueSchema, { value: { case: "type", value: inferred.value } });
    case "i":
      return create(AttrValueSchema, { value: { case: "i", value: BigInt(inferred.value) } });
    case "list":
      return create(AttrValueSchema, { value: { case: "list", value: { type: [...inferred.value] } } });
  }
}

/** What an inferred attribute says, in words that also tell two of them apart. */
function attrText({ value }: AttrValue): string {
  if (value.case === "type") return dataTypeName(value.value);
  if (value.case === "list") return `[${value.value.type.map(dataTypeName).join(", ")}]`;
  return String(value.value);
}

/** What a minimum limits: the value of an int, the length of a list. */
function sizeOf(attr: AttrDef, { value }: AttrValue): number | undefined {
  if (value.case === "i") return Number(value.value);
  if (value.case !== "list") return undefined;
  const { s, i, f, b, type, shape, tensor, func } = value.value;
  return { string: s, int: i, float: f, bool: b, type, shape, tensor, func }[elementType(attr.type)].length;
}

/** The values that a list of allowed ones limits: types by number, strings as text. */
function valuesOf({ value }: AttrValue): (number | string)[] {
  switch (value.case) {
    case "type":
      return [value.value];
    case "s":
      return [decodeText(value.value)];
    case "list":
      return [...value.value.type, ...value.value.s.map(decodeText)];
    default:
      return [];
  }
}
