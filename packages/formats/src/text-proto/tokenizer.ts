/**
 * The tokens of the protocol buffer text format, as C++ reads it: google/protobuf/io/tokenizer.h with comments that
 * begin with "#", an "f" after floats allowed, and strings that stay on their line.
 *
 * One token is held at a time, in fields that change: a text of 50 MB has millions of them. Positions are offsets;
 * line and column are counted only when an error is reported.
 */
import { invalidArgument, type StatusError } from "../status.js";

/** What a token is. */
export const Kind = { END: 0, IDENTIFIER: 1, INTEGER: 2, FLOAT: 3, STRING: 4, SYMBOL: 5 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

const CHAR = {
  TAB: 0x09,
  NEWLINE: 0x0a,
  RETURN: 0x0d,
  SPACE: 0x20,
  DOUBLE_QUOTE: 0x22,
  HASH: 0x23,
  SINGLE_QUOTE: 0x27,
  DOT: 0x2e,
  ZERO: 0x30,
  BACKSLASH: 0x5c,
} as const;

export class Tokenizer {
  /** The current token. */
  kind: Kind = Kind.END;
  /** Offset of its first character. */
  start = 0;
  /** Offset after its last character. */
  end = 0;

  /**
   * @param text the whole text
   * @param what names it in errors
   */
  constructor(
    readonly text: string,
    private readonly what: string,
  ) {
    this.next();
  }

  /** The current token's characters. */
  get token(): string {
    return this.text.slice(this.start, this.end);
  }

  /** Whether the current token is this symbol. */
  at(symbol: string): boolean {
    return this.kind === Kind.SYMBOL && this.text.charCodeAt(this.start) === symbol.charCodeAt(0);
  }

  /** Goes past the current token if it is this symbol. */
  skip(symbol: string): boolean {
    if (!this.at(symbol)) return false;
    this.next();
    return true;
  }

  /** Goes past a symbol that must be here. */
  expect(symbol: string): void {
    if (!this.skip(symbol)) throw this.unexpected(`"${symbol}"`);
  }

  /** Goes past an identifier that must be here. */
  identifier(expected: string): string {
    if (this.kind !== Kind.IDENTIFIER) throw this.unexpected(expected);
    const { token } = this;
    this.next();
    return token;
  }

  /** An error about the current token. */
  unexpected(expected: string): StatusError {
    const got =
      this.kind === Kind.END
        ? "the end"
        : this.kind === Kind.STRING
          ? "a string"
          : `"${shorten(this.token)}"`;
    return this.error(`expected ${expected}, got ${got}`);
  }

  /** INVALID_ARGUMENT with line and column, both from 1, of an offset or of the current token. */
  error(problem: string, offset = this.start): StatusError {
    let line = 1;
    let lineStart = 0;
    for (let at = this.text.indexOf("\n"); at >= 0 && at < offset; at = this.text.indexOf("\n", at + 1)) {
      line++;
      lineStart = at + 1;
    }
    return invalidArgument(
      `Error parsing text-format ${this.what}: ${line}:${offset - lineStart + 1}: ${problem}`,
    );
  }

  /** Moves to the next token. */
  next(): void {
    const { text } = this;
    const start = this.skipSpace(this.end);
    this.start = start;
    if (start >= text.length) {
      this.kind = Kind.END;
      this.end = start;
      return;
    }
    const char = text.charCodeAt(start);
    if (isLetter(char)) {
      this.kind = Kind.IDENTIFIER;
      this.end = skipWhile(text, start + 1, isLetterOrDigit);
    } else if (isDigit(char) || (char === CHAR.DOT && isDigit(text.charCodeAt(start + 1)))) {
      this.readNumber(start);
    } else if (char === CHAR.DOUBLE_QUOTE || char === CHAR.SINGLE_QUOTE) {
      this.kind = Kind.STRING;
      this.end = this.endOfString(start, char);
    } else {
      this.kind = Kind.SYMBOL;
      this.end = start + 1;
      if (char < CHAR.SPACE || char > 0x7e) throw this.error("invalid character in text");
    }
  }

  /** The offset of the next character that is neither space nor in a comment. */
  private skipSpace(from: number): number {
    const { text } = this;
    let at = from;
    for (;;) {
      const char = text.charCodeAt(at);
      if (char === CHAR.SPACE || (char >= CHAR.TAB && char <= CHAR.RETURN)) {
        at++;
      } else if (char === CHAR.HASH) {
        const newline = text.indexOf("\n", at);
        at = newline < 0 ? text.length : newline;
      } else {
        return at;
      }
    }
  }

  private readNumber(start: number): void {
    const { text } = this;
    const leadingZero = text.charCodeAt(start) === CHAR.ZERO;
    this.kind = Kind.INTEGER;
    if (leadingZero && isOneOf(text.charCodeAt(start + 1), "xX")) {
      this.end = skipWhile(text, start + 2, isHexDigit);
      if (this.end === start + 2) throw this.error('"0x" must be followed by hex digits');
    } else if (leadingZero && isDigit(text.charCodeAt(start + 1))) {
      this.end = skipWhile(text, start + 1, isDigit);
      if (/[89]/.test(this.token)) throw this.error("numbers starting with a zero must be octal");
    } else {
      this.end = this.endOfDecimal(start);
    }
    const after = text.charCodeAt(this.end);
    if (isLetter(after)) throw this.error("need space between number and identifier", this.end);
    if (after === CHAR.DOT) throw this.error("a number has one decimal point at most", this.end);
  }

  private endOfDecimal(start: number): number {
    const { text } = this;
    let end = skipWhile(text, start, isDigit);
    if (text.charCodeAt(end) === CHAR.DOT) {
      this.kind = Kind.FLOAT;
      end = skipWhile(text, end + 1, isDigit);
    }
    if (isOneOf(text.charCodeAt(end), "eE")) {
      this.kind = Kind.FLOAT;
      const digits = end + (isOneOf(text.charCodeAt(end + 1), "+-") ? 2 : 1);
      end = skipWhile(text, digits, isDigit);
      if (end === digits) throw this.error('"e" must be followed by an exponent', digits);
    }
    if (isOneOf(text.charCodeAt(end), "fF")) {
      this.kind = Kind.FLOAT;
      end++;
    }
    return end;
  }

  private endOfString(start: number, quote: number): number {
    const { text } = this;
    for (let at = start + 1; at < text.length; at++) {
      const char = text.charCodeAt(at);
      if (char === quote) return at + 1;
      if (char === CHAR.BACKSLASH) at++;
      else if (char === CHAR.NEWLINE) throw this.error("a string ends on its line; is a quote missing?", at);
    }
    throw this.error("a string has no end");
  }
}

const MAX_SHOWN = 40;

function shorten(token: string): string {
  return token.length <= MAX_SHOWN ? token : `${token.slice(0, MAX_SHOWN)}…`;
}

function skipWhile(text: string, from: number, accept: (char: number) => boolean): number {
  let at = from;
  while (accept(text.charCodeAt(at))) at++;
  return at;
}

function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}

function isLetter(char: number): boolean {
  return (char >= 0x61 && char <= 0x7a) || (char >= 0x41 && char <= 0x5a) || char === 0x5f;
}

function isLetterOrDigit(char: number): boolean {
  return isLetter(char) || isDigit(char);
}

function isHexDigit(char: number): boolean {
  return isDigit(char) || (char >= 0x61 && char <= 0x66) || (char >= 0x41 && char <= 0x46);
}

function isOneOf(char: number, choices: string): boolean {
  return choices.charCodeAt(0) === char || choices.charCodeAt(1) === char;
}
