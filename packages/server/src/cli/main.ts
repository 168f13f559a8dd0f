#!/usr/bin/env node
/** The `servable` program: a table of commands, each loaded when it is called. */
import { type Command, ExitCode } from "./command.js";

const commands: readonly Command[] = [
  {
    name: "serve",
    summary: "Serve models over gRPC and REST, as tensorflow_model_server does",
    run: async (args) => (await import("./serve.js")).serve("servable serve", args),
  },
];

async function main([name, ...args]: readonly string[]): Promise<number> {
  const command = commands.find((one) => one.name === name);
  if (command !== undefined) return await command.run(args);
  if (name === "--version") return await (await import("./version.js")).printVersion();
  const isHelp = name === undefined || name === "help" || name === "--help" || name === "-h";
  const out = isHelp ? process.stdout : process.stderr;
  if (!isHelp) out.write(`Unknown command "${name}"\n\n`);
  out.write(usage());
  return isHelp ? ExitCode.OK : ExitCode.USAGE;
}

function usage(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "Usage: servable COMMAND [arguments]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "servable COMMAND --help says what a command takes.",
    "",
  ].join("\n");
}

process.exitCode = await main(process.argv.slice(2));
