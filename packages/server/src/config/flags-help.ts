/** The text of `--help`, made from the table of flags. */
import { type Flag, type FlagGroup, type FlagName, flagNames, flags } from "./flags.js";

const WIDTH = 100;
const INDENT = 6;

export function flagsHelp(command: string): string {
  const groups = new Map<FlagGroup, FlagName[]>();
  for (const name of flagNames) {
    const row: Flag = flags[name];
    if (row.ignored !== undefined) continue;
    const group = groups.get(row.group);
    if (group === undefined) groups.set(row.group, [name]);
    else group.push(name);
  }
  const ignored = flagNames.filter((name) => (flags[name] as Flag).ignored !== undefined);
  return [
    `Usage: ${command} --model_base_path=FOLDER [flags]`,
    `       ${command} --model_config_file=FILE [flags]`,
    "",
    "Serves TensorFlow models over TensorFlow Serving's gRPC and REST APIs.",
    "",
    "Examples:",
    `  ${command} --model_base_path=/models/half_plus_two --model_name=half_plus_two`,
    `  ${command} --model_base_path=/models/mnist --port=8500 --rest_api_port=8501`,
    `  ${command} --model_config_file=/models/models.config --model_config_file_poll_wait_seconds=60`,
    ...[...groups].flatMap(([group, names]) => ["", `${group}:`, ...names.flatMap(flagHelp)]),
    "",
    "Accepted without effect:",
    ...wrap(ignored.map((name) => `--${name}`).join(", "), 2),
    "",
  ].join("\n");
}

function flagHelp(name: FlagName): string[] {
  const { type, default: value, help }: Flag = flags[name];
  return [`  --${name}=${type === "string" ? `"${value}"` : value}  (${type})`, ...wrap(help, INDENT)];
}

function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one) => " ".repeat(indent) + one);
}
