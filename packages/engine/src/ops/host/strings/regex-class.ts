/**
 * Patterns that are one class of characters, such as `[!?.,]`, `\s+` or `[^a-z0-9]`, as JavaScript's own regular
 * expressions. Everything whose meaning could differ between RE2 and JavaScript is left alone: Unicode and POSIX classes,
 * flags, groups, and any backslash that is not listed here.
 */

/** What RE2 means by its Perl classes: ASCII alone, and no vertical tab among white space. */
const perlClasses: Readonly<Record<string, string>> = {
  d: "0-9",
  s: "\\t\\n\\f\\r ",
  w: "0-9A-Za-z_",
};

/** Escapes of control characters. */
const controls: Readonly<Record<string, string>> = { t: "\\t", n: "\\n", r: "\\r", f: "\\f" };

const classForm = /^(?:\[(\^?)((?:[^\]\\[]|\\.)+)\]|\\([dswDSW]))(\+?)$/s;

/** The same class in JavaScript; undefined for other patterns. `global`: to replace every match. */
export function javaScriptClass(pattern: string, global: boolean): RegExp | undefined {
  const [matched, negation, items, single = "", repeated = ""] = classForm.exec(pattern) ?? [];
  if (matched === undefined) return undefined;
  const source = items === undefined ? singleClass(single) : bracketed(negation ?? "", items);
  if (source === undefined) return undefined;
  try {
    return new RegExp(source + repeated, global ? "gu" : "u");
  } catch {
    return undefined;
  }
}

function singleClass(letter: string): string {
  const members = perlClasses[letter.toLowerCase()] as string;
  return `[${letter === letter.toLowerCase() ? "" : "^"}${members}]`;
}

function bracketed(negation: string, items: string): string | undefined {
  let members = "";
  // Whether the last member is one character, which a hyphen may make a range of.
  let canStart = false;
  for (let i = 0; i < items.length; i++) {
    if (items[i] === "-" && i > 0 && i < items.length - 1) {
      const last = rangeEnd(items, i + 1);
      if (!canStart || last === undefined) return undefined;
      members += `-${literal(last)}`;
      canStart = false;
      i += items[i + 1] === "\\" ? 2 : 1;
      continue;
    }
    const isEscape = items[i] === "\\";
    const member = isEscape ? escaped(items[++i] as string) : unescaped(items[i] as string, i);
    if (member === undefined) return undefined;
    members += member;
    canStart = !isEscape;
  }
  return `[${negation}${members}]`;
}

/** The last character of a range, which may be escaped punctuation. */
function rangeEnd(items: string, at: number): string | undefined {
  const character = items[at] as string;
  if (character !== "\\") return character === "-" ? undefined : character;
  const next = items[at + 1] as string;
  return /[A-Za-z0-9]/.test(next) ? undefined : next;
}

function escaped(letter: string): string | undefined {
  if (/[^A-Za-z0-9]/.test(letter)) return literal(letter);
  return perlClasses[letter] ?? controls[letter];
}

/** A caret in the first place would negate. */
function unescaped(character: string, place: number): string | undefined {
  return character === "^" && place === 0 ? undefined : literal(character);
}

function literal(character: string): string {
  return /[\^$\\.*+?()[\]{}|/-]/.test(character) ? `\\${character}` : character;
}
