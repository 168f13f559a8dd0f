/** The command lines of the examples: flags as TensorFlow's programs take them (`--name=value`), and errors. */
import { parseArgs } from "node:util";
import { invalidArgument, StatusError } from "@servable/formats";

/** Flags with their defaults. */
export type Flags = Readonly<Record<string, string>>;

/**
 * The values of all flags, and the arguments that are none.
 * INVALID_ARGUMENT for a flag that is not among the defaults.
 */
export function readFlags<F extends Flags>(
  args: readonly string[],
  defaults: F,
): { flags: { [K in keyof F]: string }; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: "string" as const, default: value }]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { flags: values as { [K in keyof F]: string }, positionals };
  } catch (reason) {
    throw invalidArgument((reason as Error).message, { cause: reason });
  }
}

/** A flag's value as a natural number above 0. INVALID_ARGUMENT otherwise. */
export function positiveInteger(name: string, value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number <= 0) {
    throw invalidArgument(`Please specify a positive value for --${name}, got "${value}"`);
  }
  return number;
}

/** A flag's value as a number of a TCP port, or 0 for any that is free. INVALID_ARGUMENT otherwise. */
export function portNumber(name: string, value: string): number {
  const number = Number(value);
  if (value === "" || !Number.isInteger(number) || number < 0 || number > 65535) {
    throw invalidArgument(`--${name} must be a port number, got "${value}"`);
  }
  return number;
}

/** Runs a program: an error that was foreseen ends it with its message and status 1, any other with its trace. */
export async function runProgram(program: (args: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await program(process.argv.slice(2));
  } catch (reason) {
    if (!(reason instanceof StatusError)) throw reason;
    console.error(reason.message);
    process.exitCode = 1;
  }
}
