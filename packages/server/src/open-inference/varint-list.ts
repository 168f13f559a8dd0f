/** Lists of varints as they lie in a protobuf message, packed or one alone. https://protobuf.dev/programming-guides/encoding/ */
import { Code, StatusError } from "@servable/formats";

const MAX_VARINT_BYTES = 10;

/** Each varint has one byte without the high bit, its last. */
export function varintsIn(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte < 0x80) count++;
  return count;
}

/** Calls `visit` with the low and the high 32 bits of each, as signed numbers. INTERNAL when the bytes are no such list. */
export function forEachVarint(bytes: Uint8Array, visit: (low: number, high: number) => void): void {
  let low = 0;
  let high = 0;
  let length = 0;
  for (const byte of bytes) {
    const bits = byte & 0x7f;
    if (length < 4) low |= bits << (7 * length);
    else if (length === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (7 * length - 32);
    length++;
    if (byte < 0x80) {
      visit(low, high);
      low = 0;
      high = 0;
      length = 0;
    } else if (length === MAX_VARINT_BYTES) throw new StatusError(Code.INTERNAL, "a number without end");
  }
  if (length > 0) throw new StatusError(Code.INTERNAL, "a number beyond the end");
}
