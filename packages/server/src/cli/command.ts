/** What a command of the `servable` program is. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Runs the command and gives the exit code of the process. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** Exit codes: done, could not be done, was not understood. */
export const ExitCode = { OK: 0, FAILED: 1, USAGE: 2 } as const;
