/**
 * Byte strings as JavaScript strings and back, one character a byte. Such a string compares, hashes and concatenates
 * at the speed of native strings and takes less memory than an array, whatever bytes it holds; nobody is shown it.
 */

/** Up to so many bytes a loop beats the native calls. */
const SHORT = 16;

/** One character per byte of a range. */
export function latin1Of(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start > SHORT) return Buffer.prototype.latin1Slice.call(bytes, start, end);
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/**
 * The bytes of a string of such characters, in memory of their own: views on a shared pool would drag the pool along
 * when a tensor is sent to another thread.
 */
export function bytesOfLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  if (text.length > SHORT) Buffer.prototype.latin1Write.call(bytes, text, 0, text.length);
  else for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Order of unsigned bytes, as std::string compares: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
