/**
 * The attributes of a node, by kind. Missing ones take the default of the op's definition, for producers strip
 * defaults. Asking for an attribute that is absent or of another kind is INVALID_ARGUMENT naming node and attribute.
 */
import {
  type DType,
  dtypeFromNumber,
  invalidArgument,
  type OpDef,
  type PartialShape,
  type Tensor,
  tensorFromProto,
} from "@servable/formats";
import type { AttrValue } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import type { TensorProto } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_pb";
import type { TensorShapeProto } from "@servable/formats/protobuf/tensorflow/core/framework/tensor_shape_pb";

type Kind = Exclude<AttrValue["value"]["case"], undefined>;
type ValueOf<K extends Kind> = Extract<AttrValue["value"], { case: K }>["value"];

export class Attrs {
  constructor(
    /** For messages: `Conv2D node "a/b"`. */
    private readonly owner: string,
    private readonly values: Readonly<Record<string, AttrValue>>,
    /** Whose defaults stand in for what a producer stripped. */
    private readonly definition?: OpDef,
  ) {}

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** Names that the node itself sets. */
  names(): string[] {
    return Object.keys(this.values);
  }

  raw(name: string): AttrValue | undefined {
    return (
      (Object.hasOwn(this.values, name) ? this.values[name] : undefined) ??
      this.definition?.attrs.get(name)?.default
    );
  }

  int(name: string): number {
    return Number(this.get(name, "i"));
  }

  float(name: string): number {
    return this.get(name, "f");
  }

  bool(name: string): boolean {
    return this.get(name, "b");
  }

  bytes(name: string): Uint8Array {
    return this.get(name, "s");
  }

  string(name: string): string {
    return decoder.decode(this.get(name, "s"));
  }

  /** A `DataType` number, reference types included. */
  typeNumber(name: string): number {
    return this.get(name, "type");
  }

  type(name: string): DType {
    const dtype = dtypeFromNumber(this.typeNumber(name));
    if (dtype === undefined) throw this.wrong(name, "a dtype of tensors with values");
    return dtype;
  }

  shape(name: string): PartialShape {
    return partialShape(this.get(name, "shape"));
  }

  /** The same tensor each time: a constant in a function that is called often is one in memory. */
  tensor(name: string): Tensor {
    const proto = this.get(name, "tensor");
    const known = tensors.get(proto);
    if (known !== undefined) return known;
    const made = tensorFromProto(proto, `${this.owner}, attribute "${name}"`);
    tensors.set(proto, made);
    return made;
  }

  /** The name of the function that an attribute refers to. */
  func(name: string): string {
    return this.get(name, "func").name;
  }

  ints(name: string): number[] {
    return this.get(name, "list").i.map(Number);
  }

  floats(name: string): number[] {
    return this.get(name, "list").f;
  }

  bools(name: string): boolean[] {
    return this.get(name, "list").b;
  }

  strings(name: string): string[] {
    return this.get(name, "list").s.map((bytes) => decoder.decode(bytes));
  }

  typeNumbers(name: string): number[] {
    return this.get(name, "list").type;
  }

  types(name: string): DType[] {
    return this.typeNumbers(name).map((number) => {
      const dtype = dtypeFromNumber(number);
      if (dtype === undefined) throw this.wrong(name, "a list of dtypes of tensors with values");
      return dtype;
    });
  }

  shapes(name: string): PartialShape[] {
    return this.get(name, "list").shape.map(partialShape);
  }

  funcs(name: string): string[] {
    return this.get(name, "list").func.map((func) => func.name);
  }

  /** The same attributes with some replaced. */
  with(changes: Readonly<Record<string, AttrValue>>): Attrs {
    return new Attrs(this.owner, { ...this.values, ...changes }, this.definition);
  }

  private get<K extends Kind>(name: string, kind: K): ValueOf<K> {
    const value = this.raw(name)?.value;
    if (value?.case !== kind) throw this.wrong(name, `of kind "${kind}"`);
    return value.value as ValueOf<K>;
  }

  private wrong(name: string, expected: string): Error {
    const found = this.raw(name)?.value.case;
    return invalidArgument(
      `${this.owner}: attribute "${name}" must be ${expected}, ${found === undefined ? "but it is missing" : `got "${found}"`}`,
    );
  }
}

const decoder = new TextDecoder();

const tensors = new WeakMap<TensorProto, Tensor>();

/** A shape as attributes and signatures carry it. */
export function partialShape(proto: TensorShapeProto): PartialShape {
  return proto.unknownRank ? null : proto.dim.map((dim) => (dim.size < 0n ? -1 : Number(dim.size)));
}
