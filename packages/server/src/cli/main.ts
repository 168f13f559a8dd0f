/**
 * The `servable` program: a table of commands, each loaded when it is called.
 */
import "../compile-cache.js";
import { type Command, ExitCode } from "./command.js";

const commands: readonly Command[] = [
  {
    name: "serve",
    summary: "Serve models over gRPC and REST, as tensorflow_model_server does",
    run: async (args) => (await import("./serve.js")).serve("servable serve", args),
  },
  {
    name: "inspect",
    summary: "Show a model's signatures, and what becomes of each when it is compiled",
    run: async (args) => (await import("./inspect.js")).inspect(args),
  },
  {
    name: "check",
    summary: "Say, before it is deployed, whether a model can be served, and what stands against it",
    run: async (args) => (await import("./check.js")).check(args),
  },
  {
    name: "run",
    summary: "Run a signature once on values from files or the command line; measure it",
    run: async (args) => (await import("./run.js")).run(args),
  },
  {
    name: "profile",
    summary: "Say where the time of a request goes, with a picture",
    run: async (args) => (await import("./profile.js")).profile(args),
  },
  {
    name: "compile",
    summary: "Write what the compiler makes of a model: ONNX files, plans, pictures",
    run: async (args) => (await import("./compile.js")).compile(args),
  },
  {
    name: "convert",
    summary:
      "Make a model or checkpoint into another format: Keras, SavedModel, frozen graph, TensorFlow.js, ONNX",
    run: async (args) => (await import("./convert.js")).convert(args),
  },
  {
    name: "ops",
    summary: "Say which of TensorFlow's ops are supported, and how",
    run: async (args) => (await import("./ops.js")).ops(args),
  },
  {
    name: "warmup",
    summary: "Make the requests that warm a model up from its traffic, live or logged",
    run: async (args) => (await import("./warmup.js")).warmup(args),
  },
  {
    name: "checkpoint",
    summary: "List, show and rename the tensors of checkpoints",
    run: async (args) => (await import("./checkpoint.js")).checkpoint(args),
  },
];

const examples: readonly (readonly [args: string, about: string])[] = [
  ["serve --model_name=mnist --model_base_path=/models/mnist --rest_api_port=8501", "Serve a model"],
  ["inspect /models/mnist", "What can I ask of it?"],
  ["check /models/mnist", "Will it run here?"],
  ["run /models/mnist --input 'images=zeros[1,784]'", "Does it answer?"],
];

async function main([name, ...args]: readonly string[]): Promise<number> {
  const command = commands.find((one) => one.name === name);
  if (command !== undefined) return await command.run(args);
  if (name === "--version") return await (await import("./version.js")).printVersion();
  const isHelp = name === undefined || name === "help" || name === "--help" || name === "-h";
  if (!isHelp || args[0] !== undefined) return isHelp ? await helpOf(args[0] as string) : await unknown(name);
  process.stdout.write(usage());
  return ExitCode.OK;
}

/** `servable help COMMAND` */
async function helpOf(name: string): Promise<number> {
  const command = commands.find((one) => one.name === name);
  return command === undefined ? await unknown(name) : await command.run(["--help"]);
}

async function unknown(name: string): Promise<number> {
  const { nearestName } = await import("./nearest-name.js");
  const nearest = nearestName(
    name,
    commands.map((one) => one.name),
  );
  const advice = nearest === undefined ? `\n\n${usage()}` : `, did you mean "${nearest}"?\n`;
  process.stderr.write(`Unknown command "${name}"${advice}`);
  return ExitCode.USAGE;
}

function usage(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "Usage: servable COMMAND [arguments]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "servable help COMMAND says what a command takes; servable --version, which version this is.",
    "",
    "Examples:",
    ...examples.flatMap(([args, about]) => ["", `  # ${about}`, `  servable ${args}`]),
    "",
  ].join("\n");
}

process.exitCode = await main(process.argv.slice(2));
