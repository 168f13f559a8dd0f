/**
 * Log lines for people and for scripts that grep: time, severity, message, on standard error. The layout is that of
 * TensorFlow Serving's log, without file and line.
 */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** @param write takes one line, with its line feed */
export function createLog(write: (line: string) => void): Log {
  const line = (severity: string) => (message: string) => {
    const time = new Date().toISOString().replace("T", " ").replace("Z", "");
    write(`${time}: ${severity} ${message.replaceAll("\n", " ")}\n`);
  };
  return { info: line("I"), warn: line("W"), error: line("E") };
}

export const standardErrorLog: Log = createLog((line) => process.stderr.write(line));
