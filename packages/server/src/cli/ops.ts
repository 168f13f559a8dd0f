/** `servable ops`: the support table. */
import { isSupported, type OpSupport, opSupport } from "@servable/engine";
import { type CommandDescription, hasFlag } from "./arguments.js";
import { ExitCode } from "./command.js";
import { columns } from "./models/columns.js";
import { countText } from "./models/quantity.js";
import { nearestName } from "./nearest-name.js";
import { print, printJson, runTool } from "./tool.js";

const description: CommandDescription = {
  name: "servable ops",
  about:
    "Says which of TensorFlow's ops are supported, and how: ONNX Runtime runs them, the host runs them in " +
    "TypeScript, or the compiler replaces them.",
  operand: "[NAME]",
  operandHelp:
    "An op's name, or a part of names in upper or lower case; * stands for anything. All ops by default, but for " +
    "those that TensorFlow makes for itself alone, whose names begin with _.",
  options: {
    supported: { help: "Only those that run." },
    missing: { help: "Only those that don't." },
    json: { help: "As JSON." },
  },
  examples: [
    ["resize", "All ops with this in their names"],
    ["MatMul", "One op"],
    ["'Sparse*' --missing", "Which of these are missing?"],
  ],
  notes: [
    "ONNX: ONNX Runtime runs it, at least in its common forms. host: TypeScript runs it where ONNX can't. compiled: the " +
      "compiler replaces it. shape: its output shapes are known before it runs. rows: rows of a batch can be followed " +
      "through it.",
    "Exit status: 0 when there are such ops, 1 when there are none, 2 when the command is not understood.",
  ],
};

export function ops(args: readonly string[]): Promise<number> {
  return runTool(description, args, async (parsed) => {
    const all = opSupport();
    const named = opsNamed(parsed.operand, all);
    const found = named.filter(
      (support) =>
        (!hasFlag(parsed, "supported") || isSupported(support)) &&
        (!hasFlag(parsed, "missing") || !isSupported(support)),
    );
    if (hasFlag(parsed, "json")) await printJson(found);
    else if (found.length > 0)
      await print([...table(found), ...othersText(parsed.operand, named, all)].join("\n"));
    else await print(nothingText(parsed.operand ?? "", named, all));
    return found.length > 0 ? ExitCode.OK : ExitCode.FAILED;
  });
}

/** The op of this very name, or else all whose names have it in them. */
function opsNamed(name: string | undefined, all: readonly OpSupport[]): readonly OpSupport[] {
  const exact = all.filter(({ op }) => op === name);
  return exact.length > 0 ? exact : all.filter(({ op }) => matches(op, name ?? ""));
}

function matches(op: string, name: string): boolean {
  if (op.startsWith("_") && !name.startsWith("_")) return false;
  const pattern = name
    .split("*")
    .map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"))
    .join(".*");
  return new RegExp(name.includes("*") ? `^${pattern}$` : pattern, "i").test(op);
}

/** Where one op was named: how many more there are like it. */
function othersText(
  name: string | undefined,
  named: readonly OpSupport[],
  all: readonly OpSupport[],
): string[] {
  if (name === undefined || named[0]?.op !== name) return [];
  const others = all.filter(({ op }) => op !== name && matches(op, name)).length;
  return others === 0
    ? []
    : [`${countText(others, "more op")} with it in the name: servable ops '*${name}*'`];
}

function table(found: readonly OpSupport[]): string[] {
  const mark = (yes: boolean, name: string) => (yes ? name : "");
  const rows = found.map((support) => [
    support.op,
    mark(support.onnx, "ONNX"),
    mark(support.host, "host"),
    mark(support.compiled, "compiled"),
    mark(support.shape, "shape"),
    mark(support.rows, "rows"),
    mark(!isSupported(support), "not supported"),
  ]);
  const supported = found.filter(isSupported).length;
  return [...columns(rows), "", `${countText(found.length, "op")}, ${supported} supported`];
}

function nothingText(name: string, named: readonly OpSupport[], all: readonly OpSupport[]): string {
  if (named.length > 0) return `None of the ${named.length} ops with "${name}" in their names is so.`;
  const nearest = nearestName(
    name,
    all.map(({ op }) => op),
  );
  return `TensorFlow has no op with "${name}" in its name${nearest === undefined ? "" : `, did you mean ${nearest}?`}`;
}
