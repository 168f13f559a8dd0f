/**
 * Bytes of a message that do not depend on how it was made: the entries of maps are written by their keys, as C++'s
 * deterministic serialization does. Hashes and signatures of messages need that.
 */
import { type DescField, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";

type Fields = Record<string, unknown>;

/**
 * The bytes of a message with its maps in order.
 *
 * @example
 * const { SignatureDefSchema } = await import(
 *   "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb"
 * );
 * const { create } = await import("@bufbuild/protobuf");
 * const info = {};
 * const ab = create(SignatureDefSchema, { inputs: { a: info, b: info } });
 * const ba = create(SignatureDefSchema, { inputs: { b: info, a: info } });
 * assert.deepEqual(orderedBytes(SignatureDefSchema, ab), orderedBytes(SignatureDefSchema, ba));
 */
export function orderedBytes<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): Uint8Array {
  return toBinary(schema, ordered(schema, message as unknown as Fields) as unknown as MessageShape<Desc>);
}

/** A copy whose maps are in order. What is no map or message is shared. */
function ordered(schema: DescMessage, message: Fields): Fields {
  const copy = { ...message };
  for (const member of schema.members) {
    if (member.kind === "oneof") {
      const chosen = message[member.localName] as { readonly case?: string; readonly value?: unknown };
      const field = member.fields.find(({ localName }) => localName === chosen.case);
      if (field !== undefined)
        copy[member.localName] = { case: chosen.case, value: orderedValue(field, chosen.value) };
    } else if (message[member.localName] !== undefined) {
      copy[member.localName] = orderedValue(member, message[member.localName]);
    }
  }
  return copy;
}

function orderedValue(field: DescField, value: unknown): unknown {
  if (field.fieldKind === "message") return ordered(field.message, value as Fields);
  if (field.fieldKind === "list" && field.listKind === "message") {
    return (value as Fields[]).map((item) => ordered(field.message, item));
  }
  if (field.fieldKind !== "map") return value;
  const entries = Object.entries(value as Fields).sort(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  const inner = field.mapKind === "message" ? field.message : undefined;
  return Object.fromEntries(
    entries.map(([key, item]) => [key, inner === undefined ? item : ordered(inner, item as Fields)]),
  );
}
