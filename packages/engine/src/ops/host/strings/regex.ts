/**
 * Regular expressions: RegexReplace and RegexFullMatch, with the syntax and the linear time of RE2.
 *
 * re2js does the matching. A pattern that is one class of ASCII characters, as text preprocessing has for
 * punctuation and white space, goes to JavaScript's own engine, which is ten times as quick and cannot backtrack there.
 * The loop over matches is RE2::GlobalReplace's (google/re2, re2/re2.cc).
 */
import { createRequire } from "node:module";
import { decodeText, encodeText, invalidArgument, shapeText, type Tensor } from "@servable/formats";
import type { Matcher, RE2JS } from "re2js";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { latin1Of } from "../byte-strings.js";
import { tensorOver } from "../element-memory.js";
import { compute, type TensorFunction } from "../kernel.js";
import { joinBytes } from "./joining.js";
import { mapStrings, mapToNumbers, stringsOf } from "./map-strings.js";
import { javaScriptClass } from "./regex-class.js";

type Replace = (text: Uint8Array) => Uint8Array;

let library: typeof import("re2js") | undefined;

/** Loaded when a model needs it: most don't. */
function re2(): typeof import("re2js") {
  library ??= createRequire(import.meta.url)("re2js") as typeof import("re2js");
  return library;
}

function compile(pattern: string): RE2JS {
  try {
    return re2().RE2JS.compile(pattern);
  } catch (error) {
    throw invalidArgument(`Invalid pattern: ${pattern}, error: ${(error as Error).message}`);
  }
}

// ---- text ----------------------------------------------------------------------------------------------------

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of well-formed UTF-8; undefined otherwise. */
function wellFormed(bytes: Uint8Array): string | undefined {
  if (isAscii(bytes)) return latin1Of(bytes);
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) >= 0x80) return false;
  return true;
}

/**
 * Malformed text as runs of well-formed UTF-8 and of bytes that are none. No pattern matches such a byte, so that
 * every match lies in a run of its own.
 */
function wellFormedRuns(bytes: Uint8Array): { text: string | undefined; bytes: Uint8Array }[] {
  const runs: { text: string | undefined; bytes: Uint8Array }[] = [];
  let start = 0;
  for (let at = 0; at <= bytes.length; ) {
    const length = at < bytes.length ? sequenceLength(bytes, at) : 0;
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > start)
      runs.push({ text: decodeText(bytes.subarray(start, at)), bytes: bytes.subarray(start, at) });
    if (at < bytes.length) runs.push({ text: undefined, bytes: bytes.subarray(at, at + 1) });
    at++;
    start = at;
  }
  return runs;
}

/** Bytes of the well-formed sequence at an offset; 0 when there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  for (const length of [2, 3, 4]) {
    if (wellFormed(bytes.subarray(at, at + length)) !== undefined && at + length <= bytes.length)
      return length;
  }
  return 0;
}

// ---- replacing -----------------------------------------------------------------------------------------------

/** A rewrite in pieces: text, and numbers of groups. */
type Rewrite = readonly (string | number)[];

/** Reads \0 to \9 and \\; anything else after a backslash ends the rewrite, as it does in RE2. */
function parseRewrite(rewrite: string): Rewrite {
  const pieces: (string | number)[] = [];
  for (let i = 0; i < rewrite.length; i++) {
    const character = rewrite[i] as string;
    if (character !== "\\") {
      pieces.push(character);
      continue;
    }
    const next = rewrite[++i] ?? "";
    if (next === "\\") pieces.push("\\");
    else if (/\d/.test(next)) pieces.push(Number(next));
    else break;
  }
  return pieces;
}

function replacer(pattern: string, rewriteText: string, global: boolean): Replace {
  const rewrite = parseRewrite(rewriteText);
  const plain = rewrite.every((piece) => typeof piece === "string") ? rewrite.join("") : undefined;
  const simple = plain === undefined ? undefined : javaScriptClass(pattern, global);
  const literal = (plain ?? "").replaceAll("$", "$$$$");
  const replaceText =
    plain !== undefined && simple !== undefined
      ? (text: string) => text.replace(simple, literal)
      : searchReplacer(pattern, rewrite, global);
  return (bytes) => {
    const text = wellFormed(bytes);
    if (text !== undefined) {
      const replaced = replaceText(text);
      return replaced === text ? bytes : encodeText(replaced);
    }
    return joinBytes(
      wellFormedRuns(bytes).map((run) =>
        run.text === undefined ? run.bytes : encodeText(replaceText(run.text)),
      ),
      NOTHING,
    );
  };
}

const NOTHING = new Uint8Array(0);

function searchReplacer(pattern: string, rewrite: Rewrite, global: boolean): (text: string) => string {
  const expression = compile(pattern);
  const groups = rewrite.filter((piece) => typeof piece === "number");
  // RE2 reports such a rewrite and changes nothing.
  if (groups.some((group) => group > expression.groupCount())) return (text) => text;
  return (text) => replaceMatches(expression.matcher(text), text, rewrite, global);
}

function replaceMatches(matcher: Matcher, text: string, rewrite: Rewrite, global: boolean): string {
  let result = "";
  let at = 0;
  let lastEnd = -1;
  while (at <= text.length && matcher.find(at)) {
    const [start, end] = [matcher.start(), matcher.end()];
    result += text.slice(at, start);
    if (start === lastEnd && end === start) {
      // No empty match at the end of the last one: on by a character.
      const next = start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
      result += text.slice(start, next);
      at = next;
      continue;
    }
    result += rewrite
      .map((piece) => (typeof piece === "string" ? piece : (matcher.group(piece) ?? "")))
      .join("");
    at = end;
    lastEnd = end;
    if (!global) break;
  }
  return result + text.slice(at);
}

// ---- rows ----------------------------------------------------------------------------------------------------

function staticReplace({ attrs }: NodeFacts): Replace {
  return replacer(attrs.string("pattern"), attrs.string("rewrite"), attrs.bool("replace_global"));
}

/** The pattern is an input, which seldom changes: what was made of the last one is kept. */
function regexReplace({ attrs }: NodeFacts): TensorFunction {
  const global = attrs.bool("replace_global");
  const replacerFor = rememberLast((pattern, rewrite) => replacer(pattern, rewrite, global));
  return (input, pattern, rewrite) => {
    const { shape, data } = stringsOf(input);
    const replace = replacerFor(scalarText(pattern, "Pattern"), scalarText(rewrite, "Rewrite"));
    return tensorOver("string", shape, data.map(replace));
  };
}

function regexFullMatch(): TensorFunction {
  const matcherFor = rememberLast((pattern) => fullMatcher(pattern));
  return (input, pattern) => {
    const { shape, data } = stringsOf(input);
    const matches = matcherFor(scalarText(pattern, "Pattern"), "");
    return tensorOver("bool", shape, Uint8Array.from(data, matches));
  };
}

function fullMatcher(pattern: string): (text: Uint8Array) => number {
  const expression = compile(pattern);
  return (bytes) => {
    const text = wellFormed(bytes);
    return text !== undefined && expression.testExact(text) ? 1 : 0;
  };
}

function rememberLast<R>(make: (first: string, second: string) => R): (first: string, second: string) => R {
  let last: { first: string; second: string; made: R } | undefined;
  return (first, second) => {
    if (last?.first !== first || last.second !== second) last = { first, second, made: make(first, second) };
    return last.made;
  };
}

function scalarText(tensor: Tensor | undefined, what: string): string {
  const { shape, data } = stringsOf(tensor);
  if (shape.length > 0) throw invalidArgument(`${what} must be scalar, but received ${shapeText(shape)}`);
  return decodeText(data[0] as Uint8Array);
}

export const regexKernels: HostTable = {
  RegexReplace: compute(regexReplace),
  StaticRegexReplace: mapStrings(staticReplace),
  RegexFullMatch: compute(regexFullMatch),
  StaticRegexFullMatch: mapToNumbers("bool", ({ attrs }) => fullMatcher(attrs.string("pattern"))),
};
