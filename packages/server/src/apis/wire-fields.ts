/**
 * The length-delimited fields of one protobuf message, as views on its bytes. For the messages that carry tensors and
 * examples: decoding those one by one, when it is known that they are needed, saves most of a decoder's work, and
 * examples must keep the very bytes they came in.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { Code, StatusError } from "@servable/formats";

/** Calls `visit` with the number and the bytes of each length-delimited field. INTERNAL when the bytes are no message. */
export function forEachField(
  bytes: Uint8Array,
  what: string,
  visit: (field: number, value: Uint8Array) => void,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const value = next(reader, what);
    if (value !== undefined) visit(value.field, value.bytes);
  }
}

function next(reader: BinaryReader, what: string): { field: number; bytes: Uint8Array } | undefined {
  const start = reader.pos;
  try {
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited) return { field, bytes: reader.bytes() };
    reader.skip(type, field);
    return undefined;
  } catch (reason) {
    throw new StatusError(Code.INTERNAL, `${what} can't be parsed: no field at byte ${start}`, {
      cause: reason,
    });
  }
}
