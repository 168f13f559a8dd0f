/**
 * String literals of the text format to bytes and back. Between the quotes stand characters, which mean their UTF-8,
 * and escapes: \a \b \f \n \r \t \v \\ \? \' \", octal (\0 to \377), hex (\x1 to \xff) and Unicode (\u1234,
 * \U0001F600, two \u for a surrogate pair).
 */

/** A literal that is wrong: what is, and the offset in the text. */
export interface LiteralProblem {
  readonly problem: string;
  readonly offset: number;
}

/** What simple escapes stand for. */
const simpleEscapes = new Map<number, number>(
  Object.entries({
    a: 7,
    b: 8,
    f: 12,
    n: 10,
    r: 13,
    t: 9,
    v: 11,
    "\\": 0x5c,
    "?": 0x3f,
    "'": 0x27,
    '"': 0x22,
  }).map(([letter, byte]) => [letter.charCodeAt(0), byte]),
);

const BACKSLASH = 0x5c;

/** Collects the bytes of one string, which may consist of several literals. */
export class LiteralBytes {
  private bytes = new Uint8Array(64);
  private size = 0;

  /** The bytes so far, in a buffer of their own. */
  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.size);
    this.size = 0;
    return taken;
  }

  /** Adds text[start, end), the inside of a literal. */
  add(text: string, start: number, end: number): LiteralProblem | undefined {
    let at = start;
    while (at < end) {
      const char = text.charCodeAt(at);
      if (char === BACKSLASH) {
        const found = readEscape(text, at + 1, end);
        if ("problem" in found) return found;
        if (found.byte) this.push(found.value);
        else this.pushCodePoint(found.value);
        at = found.end;
      } else if (char < 0x80) {
        this.push(char);
        at++;
      } else {
        const codePoint = text.codePointAt(at) as number;
        this.pushCodePoint(codePoint);
        at += codePoint > 0xffff ? 2 : 1;
      }
    }
    return undefined;
  }

  private push(byte: number): void {
    if (this.size === this.bytes.length) {
      const larger = new Uint8Array(2 * this.size);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[this.size++] = byte;
  }

  private pushCodePoint(code: number): void {
    for (const byte of utf8(code)) this.push(byte);
  }
}

/** Half of a surrogate pair becomes three bytes too, which no UTF-8 has: text fields refuse them, bytes take them. */
function utf8(code: number): number[] {
  if (code < 0x80) return [code];
  const tail = (shift: number) => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
  if (code < 0x10000) return [0xe0 | (code >> 12), tail(6), tail(0)];
  return [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
}

interface Escape {
  /** A byte or a code point. */
  readonly value: number;
  readonly byte: boolean;
  /** Offset after the escape. */
  readonly end: number;
}

/** The escape whose backslash comes before `at`. */
function readEscape(text: string, at: number, limit: number): Escape | LiteralProblem {
  const letter = text[at] ?? "";
  const simple = simpleEscapes.get(text.charCodeAt(at));
  if (simple !== undefined) return { value: simple, byte: true, end: at + 1 };
  if (/[0-7]/.test(letter)) return readByte(text, at, limit, 8, 3);
  if (letter === "x" || letter === "X") return readByte(text, at + 1, limit, 16, 2);
  if (letter === "u" || letter === "U") return readUnicode(text, at, limit);
  return { problem: "invalid escape sequence in string", offset: at - 1 };
}

function readByte(
  text: string,
  at: number,
  limit: number,
  base: 8 | 16,
  maxDigits: number,
): Escape | LiteralProblem {
  const end = endOfDigits(text, at, Math.min(limit, at + maxDigits), base);
  if (end === at) return { problem: "a hex escape needs digits", offset: at };
  // Three octal digits can say more than a byte holds; C++ keeps the low bits.
  return { value: Number.parseInt(text.slice(at, end), base) & 0xff, byte: true, end };
}

function endOfDigits(text: string, from: number, limit: number, base: 8 | 16): number {
  let at = from;
  while (at < limit && (base === 8 ? /[0-7]/ : /[0-9a-fA-F]/).test(text[at] as string)) at++;
  return at;
}

function readUnicode(text: string, at: number, limit: number): Escape | LiteralProblem {
  const digits = text[at] === "u" ? 4 : 8;
  const end = at + 1 + digits;
  const complete = end <= limit && endOfDigits(text, at + 1, end, 16) === end;
  const value = complete ? Number.parseInt(text.slice(at + 1, end), 16) : Number.NaN;
  if (!(value <= 0x10ffff)) {
    return { problem: `\\${text[at]} needs ${digits} hex digits of a code point`, offset: at - 1 };
  }
  const isHead = value >= 0xd800 && value < 0xdc00;
  const tail = isHead ? /^\\u(d[c-f][0-9a-f]{2})/i.exec(text.slice(end, Math.min(limit, end + 6))) : null;
  if (tail === null) return { value, byte: false, end };
  const low = Number.parseInt(tail[1] as string, 16);
  return { value: 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00), byte: false, end: end + 6 };
}

/** The literal of some bytes, quoted: ASCII as it is, everything else as octal escapes, as C++ prints it. */
export function quoteBytes(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (const byte of bytes) parts.push(printed[byte] as string);
  return `"${parts.join("")}"`;
}

/** How each byte is printed. */
const printed = Array.from({ length: 256 }, (_, byte) => {
  const named = new Map([
    [0x0a, "\\n"],
    [0x0d, "\\r"],
    [0x09, "\\t"],
    [0x22, '\\"'],
    [0x27, "\\'"],
    [0x5c, "\\\\"],
  ]).get(byte);
  if (named !== undefined) return named;
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
});
