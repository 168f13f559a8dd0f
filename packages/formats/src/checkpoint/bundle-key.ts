/**
 * Keys of a TensorBundle's index in memory: a key is bytes, a map needs text, so each byte becomes a character. A tensor's
 * key is its name; that of a slice comes from ordered-code.ts.
 */
import { encodeText } from "../tensor.js";

/** One character a byte. */
export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

/** The key of a tensor. */
export function nameKey(name: string): string {
  return keyText(encodeText(name));
}
