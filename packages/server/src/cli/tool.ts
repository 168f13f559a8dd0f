/**
 * What the commands that look at models have in common: help, errors in one line with advice, exit codes, and an end
 * without noise when whoever reads the output has read enough.
 */
import { StatusError } from "@servable/formats";
import {
  type CommandDescription,
  helpText,
  type ParsedArguments,
  parseArguments,
  UsageError,
} from "./arguments.js";
import { ExitCode } from "./command.js";

/** Runs a command on its arguments; returns the exit code. */
export async function runTool(
  description: CommandDescription,
  args: readonly string[],
  run: (parsed: ParsedArguments) => number | Promise<number>,
): Promise<number> {
  endQuietlyWithReader();
  try {
    const parsed = parseArguments(description, args);
    if (parsed === undefined) {
      process.stdout.write(helpText(description));
      return ExitCode.OK;
    }
    return await run(parsed);
  } catch (reason) {
    return complain(description.name, reason);
  }
}

function complain(name: string, reason: unknown): number {
  if (reason instanceof UsageError) {
    process.stderr.write(`${name}: ${printable(reason.message)}\n${name} --help says what it takes.\n`);
    return ExitCode.USAGE;
  }
  const error = StatusError.from(reason);
  process.stderr.write(`${name}: ${error.codeName}: ${printable(error.message)}\n`);
  // Only what is our own fault needs a place in our code.
  if (error.codeName === "INTERNAL" && reason instanceof Error) process.stderr.write(`${reason.stack}\n`);
  return ExitCode.FAILED;
}

/** `servable inspect … | head` */
function endQuietlyWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.OK);
    throw error;
  });
}

/** Text without control characters but for ends of lines: names in a model must not steer the terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}

/** Writes text and waits until it is out, so that a large answer through a pipe is whole. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => {
    const shown = printable(text);
    process.stdout.write(shown.endsWith("\n") ? shown : `${shown}\n`, () => resolve());
  });
}

export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value, undefined, 2));
}
