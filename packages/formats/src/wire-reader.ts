/**
 * The fields of one serialized protobuf message, one after the other, as views on its bytes and without objects in
 * between: for the few messages that servers get by the thousand. https://protobuf.dev/programming-guides/encoding/
 */
import { MAX_VARINT64_BYTES } from "./varint.js";

/** How a field's value lies on the wire. */
export const WireKind = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const;

/**
 * Bytes that are no message, or hold groups, which nobody has sent since protocol buffers are version 2.
 *
 * @example
 * const reader = new WireReader(Uint8Array.of(0x0a, 9));
 * reader.next();
 * assert.throws(() => reader.view(), WireError);
 */
export class WireError extends Error {}

const FIRST_BIT_BEYOND_32 = 2 ** 28;

/**
 * Goes through the fields of a message.
 *
 * @example
 * const reader = new WireReader(Uint8Array.of(0x08, 7, 0x12, 1, 0x61));
 * assert.deepEqual([reader.next(), reader.field, reader.varint()], [true, 1, 7]);
 * assert.deepEqual([reader.next(), reader.field, decodeText(reader.view())], [true, 2, "a"]);
 * assert.equal(reader.next(), false);
 */
export class WireReader {
  /** Of the field that next() has found. */
  field = 0;
  kind = 0;
  #at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  /** Where the next field, or the rest of this one, begins. */
  get at(): number {
    return this.#at;
  }

  /** Goes to the next field; its value is then to be read or skipped. False at the end. */
  next(): boolean {
    if (this.#at >= this.bytes.length) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.kind = tag & 7;
    if (tag < 8 || tag > 0xffffffff) throw new WireError("a field without a number");
    return true;
  }

  /** A varint; exact up to 53 bits, with the sign of the int64 that it is. */
  varint(): number {
    const first = this.bytes[this.#at];
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return first;
    }
    return this.#longVarint();
  }

  /** The bytes of a length-delimited field. */
  view(): Uint8Array {
    const length = this.varint();
    const end = this.#at + length;
    if (length < 0 || end > this.bytes.length) throw new WireError("a field beyond the end");
    const view = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  skip(): void {
    if (this.kind === WireKind.VARINT) this.varint();
    else if (this.kind === WireKind.BYTES) this.view();
    else if (this.kind === WireKind.FIXED64) this.#advance(8);
    else if (this.kind === WireKind.FIXED32) this.#advance(4);
    else throw new WireError(`wire type ${this.kind}`);
  }

  #advance(length: number): void {
    this.#at += length;
    if (this.#at > this.bytes.length) throw new WireError("a field beyond the end");
  }

  #longVarint(): number {
    let low = 0;
    let high = 0;
    for (let i = 0; i < MAX_VARINT64_BYTES; i++) {
      const byte = this.bytes[this.#at++];
      if (byte === undefined) throw new WireError("a number beyond the end");
      const bits = byte & 0x7f;
      // Four bytes and four bits of the fifth are the low word.
      if (i < 4) low += bits * 2 ** (7 * i);
      else if (i === 4) {
        low += (bits & 0xf) * FIRST_BIT_BEYOND_32;
        high = bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (byte < 0x80) return (high | 0) * 2 ** 32 + low;
    }
    throw new WireError("a number without end");
  }
}
