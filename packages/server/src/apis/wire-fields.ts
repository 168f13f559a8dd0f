/**
 * The length-delimited fields of one protobuf message, as views on its bytes. For the messages that carry tensors and
 * examples: decoding those one by one, when it is known that they are needed, saves most of a decoder's work, and
 * examples must keep the very bytes they came in.
 */
import { Code, StatusError, WireKind, WireReader } from "@servable/formats";

/** Calls `visit` with the number and the bytes of each length-delimited field. INTERNAL when the bytes are no message. */
export function forEachField(
  bytes: Uint8Array,
  what: string,
  visit: (field: number, value: Uint8Array) => void,
): void {
  const reader = new WireReader(bytes);
  while (isAtField(reader, what)) {
    const value = next(reader, what);
    if (value !== undefined) visit(reader.field, value);
  }
}

function isAtField(reader: WireReader, what: string): boolean {
  const start = reader.at;
  try {
    return reader.next();
  } catch (reason) {
    throw noField(what, start, reason);
  }
}

function next(reader: WireReader, what: string): Uint8Array | undefined {
  const start = reader.at;
  try {
    if (reader.kind === WireKind.BYTES) return reader.view();
    reader.skip();
    return undefined;
  } catch (reason) {
    throw noField(what, start, reason);
  }
}

function noField(what: string, start: number, cause: unknown): StatusError {
  return new StatusError(Code.INTERNAL, `${what} can't be parsed: no field at byte ${start}`, { cause });
}
