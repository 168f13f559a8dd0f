/**
 * HPACK's Huffman code (RFC 7541, appendix B). It is canonical: codes of one length follow each other in the order of
 * their symbols, shorter ones come first. So the lengths say all, and decoding compares numbers in place of walking
 * a tree.
 */
import { ConnectionError, ErrorCode } from "./frames.js";

/** The code length of each byte, as a digit of base 36. */
const lengths =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq";
const MAX_LENGTH = 30;
const END_OF_STRING = 256;

/** All symbols, in the order of their codes. */
const symbols = [...lengths, "u"]
  .map((digit, symbol) => ({ symbol, length: Number.parseInt(digit, 36) }))
  .sort((a, b) => a.length - b.length || a.symbol - b.symbol);

interface Codes {
  /** The first code of this length. */
  readonly first: number;
  readonly count: number;
  /** Where its symbol is in `symbols`. */
  readonly at: number;
}

/** Codes by their length. */
const codesOf: readonly Codes[] = (() => {
  const all: Codes[] = [];
  let [code, at] = [0, 0];
  for (let length = 0; length <= MAX_LENGTH; length++) {
    const count = symbols.filter((each) => each.length === length).length;
    all.push({ first: code, count, at });
    code = (code + count) * 2;
    at += count;
  }
  return all;
})();

/** The bytes behind a code as latin1. COMPRESSION_ERROR for padding that is not the begin of the code for "end". */
export function huffmanDecode(bytes: Uint8Array): string {
  // No code is shorter than five bits.
  const decoded = Buffer.allocUnsafe(Math.floor((bytes.length * 8) / 5));
  let [size, code, length] = [0, 0, 0];
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((byte >> bit) & 1);
      const { first, count, at } = codesOf[++length] as Codes;
      const index = code - first;
      if (index >= count) continue;
      const { symbol } = symbols[at + index] as { symbol: number };
      if (symbol === END_OF_STRING) throw invalid();
      decoded[size++] = symbol;
      [code, length] = [0, 0];
    }
  }
  if (length > 7 || code !== 2 ** length - 1) throw invalid();
  return decoded.toString("latin1", 0, size);
}

function invalid(): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, "a Huffman-coded string is damaged");
}
