/**
 * Decoding of protocol buffer messages that come from files and clients.
 *
 * The library bounds nesting at 100 messages, as C++ does, and bounds every length by the bytes that are there. This
 * file turns its errors into StatusErrors that say at which byte, and in which field, the bytes stop making sense.
 * To find the place it walks the bytes once more, only after a failure.
 */
import { type DescField, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { Code, StatusError } from "../status.js";
import { readVarint } from "../varint.js";

/** Messages inside messages, at most. The limit of C++ protocol buffers. */
export const MAX_MESSAGE_DEPTH = 100;

/**
 * The message of some bytes. Fields of type `bytes` are views on them.
 *
 * @param what names the bytes in errors: a file or a field of a request
 * @param code of the error: DATA_LOSS suits a file, INVALID_ARGUMENT a request
 *
 * @example
 * import { GraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
 * assert.deepEqual(decodeMessage(GraphDefSchema, new Uint8Array(0), "graph.pb").node, []);
 * assert.throws(() => decodeMessage(GraphDefSchema, Uint8Array.of(0x0a, 9), "graph.pb"), /graph.pb is no .* at byte 0/);
 */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  what: string,
  code: Code = Code.DATA_LOSS,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes, { recursionLimit: MAX_MESSAGE_DEPTH });
  } catch (reason) {
    const message = reason instanceof Error ? reason.message : String(reason);
    const fault = findFault(schema, bytes, 0, bytes.length, schema.typeName, 0);
    const where =
      fault === undefined ? ` in its ${bytes.length} bytes` : ` at byte ${fault.offset} (${fault.path})`;
    throw new StatusError(code, `${what} is no ${schema.typeName}: ${fault?.reason ?? message}${where}`, {
      cause: reason,
    });
  }
}

interface Fault {
  readonly offset: number;
  /** The message and fields on the way, such as "tensorflow.GraphDef.node.attr". */
  readonly path: string;
  readonly reason: string;
}

/** The first place in bytes[start, end) that cannot be a message of this type. */
function findFault(
  schema: DescMessage | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
  path: string,
  depth: number,
): Fault | undefined {
  if (depth >= MAX_MESSAGE_DEPTH) {
    return { offset: start, path, reason: `more than ${MAX_MESSAGE_DEPTH} messages inside each other` };
  }
  let offset = start;
  while (offset < end) {
    const tag = readVarint(bytes, offset);
    const number = Math.floor((tag?.value ?? 0) / 8);
    if (tag === undefined || tag.end > end || number === 0 || tag.value >= 2 ** 32) {
      return { offset, path, reason: "no field tag" };
    }
    const field = schema?.fields.find((candidate) => candidate.number === number);
    const name = `${path}.${field?.name ?? number}`;
    const next = endOfValue(bytes, tag.end, tag.value % 8);
    if (next === undefined) return { offset, path: name, reason: "no value" };
    if (next.end > end) {
      const reason = `a value of ${next.end - next.start} bytes where ${end - next.start} are left`;
      return { offset, path: name, reason };
    }
    const inner = field === undefined ? undefined : messageOf(field);
    if (field?.fieldKind === "map" && tag.value % 8 === WireType.LengthDelimited) {
      const fault = findEntryFault(field, bytes, next.start, next.end, name, depth + 1);
      if (fault !== undefined) return fault;
    } else if (inner !== undefined && tag.value % 8 === WireType.LengthDelimited) {
      const fault = findFault(inner, bytes, next.start, next.end, name, depth + 1);
      if (fault !== undefined) return fault;
    } else if (field !== undefined && isText(field) && !isUtf8(bytes.subarray(next.start, next.end))) {
      return { offset: next.start, path: name, reason: "a string is not UTF-8" };
    }
    offset = next.end;
  }
  return undefined;
}

/** The same in an entry of a map: a message with the key as field 1 and the value as field 2. */
function findEntryFault(
  field: DescField & { readonly fieldKind: "map" },
  bytes: Uint8Array,
  start: number,
  end: number,
  path: string,
  depth: number,
): Fault | undefined {
  const whole = findFault(undefined, bytes, start, end, path, depth);
  if (whole !== undefined || field.mapKind !== "message") return whole;
  for (let offset = start; offset < end; ) {
    const tag = readVarint(bytes, offset);
    const value = tag && endOfValue(bytes, tag.end, tag.value % 8);
    if (tag === undefined || value === undefined) return undefined;
    if (tag.value === 8 * 2 + WireType.LengthDelimited) {
      const fault = findFault(field.message, bytes, value.start, value.end, `${path}.value`, depth);
      if (fault !== undefined) return fault;
    }
    offset = value.end;
  }
  return undefined;
}

/** Where the content of a field begins and ends; undefined for a wire type or a length that cannot be. */
function endOfValue(
  bytes: Uint8Array,
  offset: number,
  wireType: number,
): { start: number; end: number } | undefined {
  switch (wireType) {
    case WireType.Varint: {
      for (let end = offset; end < Math.min(offset + 10, bytes.length); end++) {
        if ((bytes[end] as number) < 0x80) return { start: offset, end: end + 1 };
      }
      return undefined;
    }
    case WireType.Bit64:
      return { start: offset, end: offset + 8 };
    case WireType.Bit32:
      return { start: offset, end: offset + 4 };
    case WireType.LengthDelimited: {
      const length = readVarint(bytes, offset);
      return length && { start: length.end, end: length.end + length.value };
    }
    // TensorFlow's messages have no groups.
    default:
      return undefined;
  }
}

/** The message type of a field's values; for a map that of its values, whose entries are looked into as they come. */
function messageOf(field: DescField): DescMessage | undefined {
  if (field.fieldKind === "message") return field.message;
  return field.fieldKind === "list" && field.listKind === "message" ? field.message : undefined;
}

function isText(field: DescField): boolean {
  // 9 is ScalarType.STRING.
  return (field.fieldKind === "scalar" || field.fieldKind === "list") && field.scalar === 9;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
