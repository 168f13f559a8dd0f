/**
 * `servable serve`: the server as a process. Flags in, a running server, signals, an exit code.
 *
 * The first worker thread is started before anything else is imported: it loads the engine while this thread loads
 * the server.
 */
import { StatusError } from "@servable/formats";
import { WorkerSupply } from "../servables/worker-supply.js";
import { ExitCode } from "./command.js";

/** @param program how the user called it, for messages */
export async function serve(program: string, args: readonly string[]): Promise<number> {
  const workers = new WorkerSupply();
  if (!args.some((arg) => /^--?(help|version)\b/.test(arg))) workers.prepare();
  const [{ parseFlags }, { logFormatNamed, standardErrorLog }] = await Promise.all([
    import("../config/parse-flags.js"),
    import("../log.js"),
  ]);
  try {
    const { values, given } = parseFlags(args);
    if (values.help) return await help(program);
    if (values.version) return await (await import("./version.js")).printVersion();
    const log = standardErrorLog(logFormatNamed(values.log_format));
    await logIgnored(given, log);
    await run(values, workers, log);
    return ExitCode.OK;
  } catch (reason) {
    const error = StatusError.from(reason);
    process.stderr.write(`Failed to start server. Error: ${error.codeName}: ${error.message}\n`);
    if (reason !== error) process.stderr.write(`${(reason as Error).stack}\n`);
    await workers.close();
    return ExitCode.FAILED;
  }
}

async function help(program: string): Promise<number> {
  const { flagsHelp } = await import("../config/flags-help.js");
  process.stdout.write(flagsHelp(program));
  return ExitCode.OK;
}

type Flags = import("../config/flags.js").FlagValues;
type FlagName = import("../config/flags.js").FlagName;
type Log = import("../log.js").Log;

async function logIgnored(given: readonly FlagName[], log: Log): Promise<void> {
  const { flags } = await import("../config/flags.js");
  for (const name of given) {
    const row = flags[name];
    if ("ignored" in row) log.info(`--${name} has no effect: ${row.ignored}`);
  }
}

/** Runs the server until a signal ends it. */
async function run(flags: Flags, workers: WorkerSupply, log: Log): Promise<void> {
  const [{ settingsOf }, { startServer }] = await Promise.all([
    import("../config/server-settings.js"),
    import("../server.js"),
  ]);
  const signalled = firstSignal();
  const server = await startServer(await settingsOf(flags), workers, log);
  const signal = await signalled;
  log.info(`${signal}: finishing the requests under way. A second signal ends at once`);
  const isClean = await server.stop();
  log.info("Stopped");
  // A model that still runs would keep the process.
  if (!isClean) process.exit(ExitCode.OK);
}

/** Exit code of a process that a signal ended: 128 and the signal's number. */
const KILLED: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let count = 0;
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.on(name, () => {
        if (++count > 1) process.exit(KILLED[name]);
        resolve(name);
      });
    }
  });
}
