/**
 * Command-line arguments to flag values, as TensorFlow's parser takes them: `--name=value`, `--name value`, `--bool`,
 * and one dash as well as two. Unlike there, an unknown flag is an error.
 */
import { invalidArgument } from "@servable/formats";
import { type Flag, type FlagName, type FlagValues, flagNames, flags } from "./flags.js";

export interface ParsedFlags {
  readonly values: FlagValues;
  /** Flags that were given, in their order. */
  readonly given: readonly FlagName[];
}

/** INVALID_ARGUMENT, for all faults at once. */
export function parseFlags(args: readonly string[]): ParsedFlags {
  const values = new Map<FlagName, boolean | number | string>(
    flagNames.map((name) => [name, flags[name].default]),
  );
  const given: FlagName[] = [];
  const faults: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    const [, text = "", value] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const name = text.replaceAll("-", "_");
    if (!isFlagName(name)) {
      faults.push(text === "" ? `unexpected argument "${arg}"` : unknownFlag(text));
      continue;
    }
    const row: Flag = flags[name];
    const takesNext = value === undefined && needsNext(row, args[at + 1]);
    const parsed = parseValue(row, value ?? (takesNext ? args[++at] : undefined));
    if (parsed === undefined) {
      faults.push(`--${name} needs ${expected[row.type]}`);
      continue;
    }
    values.set(name, parsed);
    given.push(name);
  }
  if (faults.length > 0) throw invalidArgument(faults.join("; "));
  return { values: Object.fromEntries(values) as FlagValues, given };
}

const expected = {
  bool: "true or false",
  int: "an integer",
  float: "a number",
  string: "a value",
} as const;

/** Whether the next argument is this flag's value. A boolean takes it only where it can be nothing else. */
function needsNext(row: Flag, next: string | undefined): boolean {
  if (row.type === "bool") return next === "true" || next === "false";
  return next !== undefined;
}

function parseValue(row: Flag, text: string | undefined): boolean | number | string | undefined {
  switch (row.type) {
    case "bool":
      return text === undefined ? true : booleans.get(text.toLowerCase());
    case "int":
      return text !== undefined && /^[+-]?\d+$/.test(text) ? safeInteger(Number(text)) : undefined;
    case "float":
      return text !== undefined && text.trim() !== "" && Number.isFinite(Number(text))
        ? Number(text)
        : undefined;
    case "string":
      return text;
  }
}

const booleans = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

function safeInteger(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}

function isFlagName(name: string): name is FlagName {
  return Object.hasOwn(flags, name);
}

function unknownFlag(name: string): string {
  const [nearest] = flagNames
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, candidate.length / 4))
    .sort((a, b) => a.distance - b.distance);
  return `unknown flag --${name}${nearest === undefined ? "" : `, did you mean --${nearest.candidate}?`}`;
}

/** Insertions, deletions and replacements that lead from one text to the other. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
