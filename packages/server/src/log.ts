/**
 * The log: for people a line of time, severity and message, as TensorFlow Serving writes them without file and line;
 * for programs a line of JSON.
 */
import { invalidArgument } from "@servable/formats";

export interface Log {
  /** @param fields what belongs to the message and is worth being found by, such as a request's id */
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, string | number>>;
export const logFormats = ["text", "json"] as const;
export type LogFormat = (typeof logFormats)[number];

type Severity = "info" | "warn" | "error";
type Render = (time: string, severity: Severity, message: string, fields: LogFields) => string;

const severityLetters: Readonly<Record<Severity, string>> = { info: "I", warn: "W", error: "E" };

const renderers: Readonly<Record<LogFormat, Render>> = {
  text: (time, severity, message, fields) => {
    const texts = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`);
    const clock = time.replace("T", " ").replace("Z", "");
    return `${clock}: ${severityLetters[severity]} ${message.replaceAll("\n", " ")}${texts.join("")}`;
  },
  json: (time, severity, message, fields) => JSON.stringify({ time, severity, message, ...fields }),
};

/** @param write takes one line, with its line feed */
export function createLog(write: (line: string) => void, format: LogFormat = "text"): Log {
  const render = renderers[format];
  const at =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}) =>
      write(`${render(new Date().toISOString(), severity, message, fields)}\n`);
  return { info: at("info"), warn: at("warn"), error: at("error") };
}

/** The format of this name; undefined for "auto", which is for the output to say. */
export function logFormatNamed(name: string): LogFormat | undefined {
  if (name === "auto") return undefined;
  const format = logFormats.find((each) => each === name);
  if (format !== undefined) return format;
  throw invalidArgument(`--log_format=${name}: there are auto, ${logFormats.join(" and ")}`);
}

/** To standard error; without a wish, in text for a terminal and in JSON for everything else. */
export function standardErrorLog(format?: LogFormat): Log {
  const chosen = format ?? (process.stderr.isTTY ? "text" : "json");
  return createLog((line) => process.stderr.write(line), chosen);
}
