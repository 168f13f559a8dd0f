/** Calls shape rules on nodes that no graph holds: an op, attributes as JSON of AttrValue, what is known of its inputs. */
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  dtypeFromNumber,
  inputTypes,
  invalidArgument,
  opDef,
  outputTypes,
  type PartialShape,
} from "@servable/formats";
import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { Attrs } from "../../../graph/attrs.js";
import type { Known, ValueType } from "../../../graph/graph.js";
import type { Inferred, ShapeContext } from "../../op-table.js";

export type JsonAttrs = Readonly<Record<string, JsonValue>>;

export function shapeContext(op: string, attrs: JsonAttrs, inputs: readonly Known[]): ShapeContext {
  const definition = opDef(op);
  if (definition === undefined) throw invalidArgument(`no op "${op}"`);
  const values = Object.fromEntries(
    Object.entries(attrs).map(([name, value]) => [name, fromJson(AttrValueSchema, value)]),
  );
  return {
    name: "node",
    op,
    attrs: new Attrs(`${op} node "node"`, values, definition),
    inputTypes: inputTypes(definition, values).map(valueType),
    outputTypes: outputTypes(definition, values).map(valueType),
    inputs,
    shape: (i) => inputs[i]?.shape ?? null,
    tensor: (i) => inputs[i]?.constant?.read(),
    entries: (i) => inputs[i]?.partial,
  };
}

function valueType(number: number): ValueType {
  return dtypeFromNumber(number) ?? (number === 20 ? "resource" : "variant");
}

/** Both forms in which a rule may answer as one. */
export function shapeAndEntries(inferred: Inferred | undefined): Omit<Known, "type"> {
  if (inferred === undefined || inferred === null || Array.isArray(inferred)) {
    return { shape: (inferred ?? null) as PartialShape };
  }
  return inferred as Exclude<Inferred, PartialShape>;
}
