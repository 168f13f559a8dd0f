/**
 * Arguments of the model tools: one table of options per command, from which come the parser, `--help` and the errors.
 * Options are written as saved_model_cli's are, `--name=value` or `--name value`; dashes in a name count as underscores.
 */
import { nearestName } from "./nearest-name.js";

/** A command line that is not understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** One option. */
export interface OptionRow {
  /** What stands for its value in the help; a flag without value has none. */
  readonly value?: string;
  readonly help: string;
  /** May be given several times. */
  readonly repeated?: boolean;
  /** Accepted, since saved_model_cli has it, and not listed in the help. */
  readonly hidden?: boolean;
}

export interface CommandDescription {
  /** Such as "servable inspect". */
  readonly name: string;
  /** What it is for, in a sentence or two. */
  readonly about: string;
  /** What it works on, such as "MODEL". */
  readonly operand: string;
  readonly operandHelp: string;
  /** How many operands there may be; 1 by default. */
  readonly maxOperands?: number;
  readonly options: Readonly<Record<string, OptionRow>>;
  /** Command lines without the command's name, with what each does. */
  readonly examples: readonly (readonly [args: string, about: string])[];
  /** Exit statuses and what else is worth knowing, a line each. */
  readonly notes?: readonly string[];
}

export interface ParsedArguments {
  /** Absent when none was given. */
  readonly operand?: string;
  /** All that were given, for commands that take several. */
  readonly operands?: readonly string[];
  /** Values by option, in their order; a flag has one empty value. */
  readonly options: ReadonlyMap<string, readonly string[]>;
}

/** Undefined when help is asked for. UsageError, for all faults at once. */
export function parseArguments(
  description: CommandDescription,
  args: readonly string[],
): ParsedArguments | undefined {
  const options = new Map<string, string[]>();
  const operands: string[] = [];
  const faults: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    const [, text, inline] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(arg) ?? [];
    if (text === undefined) {
      operands.push(arg);
      continue;
    }
    const name = text.replaceAll("-", "_");
    if (name === "help" || name === "h") return undefined;
    const row = Object.hasOwn(description.options, name) ? description.options[name] : undefined;
    if (row === undefined) {
      faults.push(unknownOption(text, description));
      continue;
    }
    const takesNext = row.value !== undefined && inline === undefined;
    const value = takesNext ? args[++at] : inline;
    if (row.value !== undefined && value === undefined) faults.push(`--${name} needs a value: ${row.value}`);
    else if (row.value === undefined && inline !== undefined) faults.push(`--${name} takes no value`);
    else addValue(options, name, value ?? "", row, faults);
  }
  const most = description.maxOperands ?? 1;
  if (operands.length > most) {
    const expected = most === 1 ? `one ${description.operand} at a time` : description.operand;
    faults.push(`${expected}, got ${operands.join(", ")}`);
  }
  if (faults.length > 0) throw new UsageError(faults.join("; "));
  return { options, operands, ...(operands[0] !== undefined && { operand: operands[0] }) };
}

function addValue(
  options: Map<string, string[]>,
  name: string,
  value: string,
  row: OptionRow,
  faults: string[],
): void {
  const values = options.get(name) ?? [];
  if (values.length > 0 && !row.repeated) faults.push(`--${name} is given more than once`);
  options.set(name, [...values, value]);
}

function unknownOption(name: string, { options }: CommandDescription): string {
  const visible = Object.keys(options).filter((option) => options[option]?.hidden !== true);
  const nearest = nearestName(name.replaceAll("-", "_"), visible);
  return `unknown option --${name}${nearest === undefined ? "" : `, did you mean --${nearest}?`}`;
}

/** The last value of an option; undefined when it is not given. */
export function optionOf({ options }: ParsedArguments, name: string): string | undefined {
  return options.get(name)?.at(-1);
}

/** The values of an option that may be given several times. */
export function optionsOf({ options }: ParsedArguments, name: string): readonly string[] {
  return options.get(name) ?? [];
}

export function hasFlag({ options }: ParsedArguments, name: string): boolean {
  return options.has(name);
}

/** A natural number of at least `least`; UsageError otherwise. */
export function countOption(parsed: ParsedArguments, name: string, least: number): number | undefined {
  const text = optionOf(parsed, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new UsageError(`--${name} needs a whole number of at least ${least}, got "${text}"`);
  return value;
}

/** The text of `--help`. */
export function helpText(description: CommandDescription): string {
  const { name, about, operand, operandHelp, options, examples, notes = [] } = description;
  const rows = Object.entries(options)
    .filter(([, row]) => row.hidden !== true)
    .map(
      ([option, row]) => [`--${option}${row.value === undefined ? "" : `=${row.value}`}`, row.help] as const,
    );
  const width = Math.max(operand.length, ...rows.map(([option]) => option.length));
  const line = (left: string, right: string) => wrap(right, width + 4, `  ${left.padEnd(width)}  `);
  return [
    `Usage: ${name} ${operand} [options]`,
    "",
    ...wrap(about, 0, ""),
    "",
    ...line(operand, operandHelp),
    ...rows.flatMap(([option, help]) => line(option, help)),
    "",
    "Examples:",
    ...examples.flatMap(([args, what]) => ["", `  # ${what}`, `  ${name} ${args}`]),
    ...(notes.length === 0 ? [] : ["", ...notes.flatMap((note) => wrap(note, 0, ""))]),
    "",
  ].join("\n");
}

const WIDTH = 100;

/** Lines of at most WIDTH characters: the first begins with `start`, the others with as many blanks as `indent`. */
function wrap(text: string, indent: number, start: string): string[] {
  const lines: string[] = [];
  let line = start;
  for (const word of text.split(" ")) {
    const isFirst = line === start || line.trim() === "";
    if (!isFirst && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = " ".repeat(indent) + word;
    } else {
      line += isFirst ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}
