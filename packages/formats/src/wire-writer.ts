/**
 * Writes a serialized protobuf message from its end to its beginning: the length of a nested message is known when its
 * tag is written, so that nothing is measured first, moved later, or built in pieces.
 * https://protobuf.dev/programming-guides/encoding/
 */
import { varintLength, writeVarint } from "./varint.js";
import { WireKind } from "./wire-reader.js";

/** Longer texts are encoded by the platform. */
const MAX_SHORT_TEXT = 32;

/**
 * Writes a message from its end to its beginning, so that lengths are known when they are needed.
 *
 * @example
 * const writer = new WireWriter(16);
 * writer.textField(2, "a");
 * writer.varintField(1, 7);
 * assert.deepEqual([...writer.finish()], [0x08, 7, 0x12, 1, 0x61]);
 */
export class WireWriter {
  #bytes: Uint8Array;
  #at: number;

  /** @param memory bytes that the message will probably take, or where it is to lie; it grows beyond them */
  constructor(memory: number | Uint8Array) {
    // From Node's pool, where it is small: memory of its own costs more than all that is written into it.
    this.#bytes = typeof memory === "number" ? Buffer.allocUnsafe(memory) : memory;
    this.#at = this.#bytes.length;
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#bytes.length - this.#at;
  }

  /** The message; the writer is not to be used any more. */
  finish(): Uint8Array {
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer, byteOffset + this.#at, this.size);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
  }

  varintField(field: number, value: number): void {
    this.#varint(value);
    this.#varint(field * 8 + WireKind.VARINT);
  }

  /** An int64 of any value. */
  int64Field(field: number, value: bigint): void {
    const bytes: number[] = [];
    for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
      bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
      if (rest <= 0x7fn) break;
    }
    this.raw(Uint8Array.from(bytes));
    this.#varint(field * 8 + WireKind.VARINT);
  }

  bytesField(field: number, bytes: Uint8Array): void {
    const before = this.size;
    this.raw(bytes);
    this.endField(field, before);
  }

  textField(field: number, text: string): void {
    const before = this.size;
    if (!this.#shortAscii(text)) this.raw(Buffer.from(text));
    this.endField(field, before);
  }

  /** Makes what was written since the writer had size `before` the value of a field: a nested message, mostly. */
  endField(field: number, before: number): void {
    this.#varint(this.size - before);
    this.#varint(field * 8 + WireKind.BYTES);
  }

  #varint(value: number): void {
    if (value < 0x80) {
      this.#reserve(1);
      this.#bytes[this.#at] = value;
      return;
    }
    this.#reserve(varintLength(value));
    writeVarint(value, this.#bytes, this.#at);
  }

  /** False, with nothing written, when the text is long or not ASCII. */
  #shortAscii(text: string): boolean {
    const { length } = text;
    if (length > MAX_SHORT_TEXT) return false;
    for (let i = 0; i < length; i++) if (text.charCodeAt(i) >= 0x80) return false;
    this.#reserve(length);
    for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = text.charCodeAt(i);
    return true;
  }

  #reserve(length: number): void {
    if (length > this.#at) this.#grow(length);
    this.#at -= length;
  }

  #grow(length: number): void {
    const { size } = this;
    const grown = Buffer.allocUnsafe(2 * (size + length));
    grown.set(this.#bytes.subarray(this.#at), grown.length - size);
    this.#at = grown.length - size;
    this.#bytes = grown;
  }
}
