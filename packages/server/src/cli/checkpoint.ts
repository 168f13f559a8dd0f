/** `servable checkpoint`: what is in a checkpoint, and its tensors under other names. */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import {
  type CheckpointReader,
  Code,
  checkpointExists,
  copyTensors,
  createCheckpoint,
  dtypeInfo,
  elementCount,
  isSavedModelFolder,
  isSmallFloat,
  latestCheckpoint,
  notFound,
  ObjectCheckpoint,
  openCheckpoint,
  readCheckpointState,
  StatusError,
  shapeText,
  smallFloatsOf,
  type Tensor,
  variablesPrefix,
} from "@servable/formats";
import {
  type CommandDescription,
  countOption,
  hasFlag,
  optionOf,
  optionsOf,
  type ParsedArguments,
  UsageError,
} from "./arguments.js";
import { ExitCode } from "./command.js";
import { nearestName } from "./nearest-name.js";
import { print, printJson, runTool } from "./tool.js";

const OPERAND_HELP =
  "The checkpoint's prefix, such as training/model.ckpt-100; one of its files; a folder, for its latest checkpoint; or a " +
  "SavedModel's folder, for its variables.";
const NOTES = [
  "Exit status: 0 when it was done, 1 when it could not be, 2 when the command is not understood.",
];

const listDescription: CommandDescription = {
  name: "servable checkpoint list",
  about: "Lists the tensors of a checkpoint of either format: names, dtypes, shapes, bytes.",
  operand: "CHECKPOINT",
  operandHelp: OPERAND_HELP,
  options: {
    objects: { help: "By object, as TensorFlow 2 restores them, where the checkpoint has an object graph." },
    checkpoints: { help: "The checkpoints of a folder in place of the tensors of one." },
    verify: { help: "Check the checksums of all tensors too." },
    json: { help: "As JSON." },
  },
  examples: [
    ["training/model.ckpt-100", "What is in it?"],
    ["training --checkpoints", "Which checkpoints are there?"],
    ["/models/mnist/1 --verify", "Are the variables of a SavedModel whole?"],
  ],
  notes: NOTES,
};

const showDescription: CommandDescription = {
  name: "servable checkpoint show",
  about: "Prints the values of one tensor, or of several.",
  operand: "CHECKPOINT",
  operandHelp: OPERAND_HELP,
  options: {
    tensor: { value: "NAME", repeated: true, help: "Which tensor; may be given several times. Needed." },
    max: { value: "COUNT", help: "How many values of each; 100 by default, 0 for all." },
    json: { help: "As JSON." },
  },
  examples: [
    ["training/model.ckpt-100 --tensor dense/bias", "The values of one tensor"],
    ["training --tensor global_step", "How far is the latest one?"],
  ],
  notes: NOTES,
};

const renameDescription: CommandDescription = {
  name: "servable checkpoint rename",
  about:
    "Copies a checkpoint with its tensors under other names, in another format or another number of files. The original " +
    "stays as it is.",
  operand: "CHECKPOINT",
  operandHelp: OPERAND_HELP,
  options: {
    to: { value: "PREFIX", help: "The prefix of the copy. Needed." },
    map: {
      value: "OLD=NEW",
      repeated: true,
      help: "Another name; with a slash at both ends for all below a scope. May be given several times.",
    },
    only: { help: "Leave out what no --map names." },
    format: { value: "V1|V2", help: "The format of the copy; V2 by default." },
    shards: { value: "COUNT", help: "How many files hold the copy's data; 1 by default." },
    force: { help: "Replace a checkpoint that is there already." },
  },
  examples: [
    ["old.ckpt --to new.ckpt --map dense/w=dense/kernel", "One variable under another name"],
    ["old.ckpt --to new.ckpt --map InceptionV3/=inception/ --only", "One scope, renamed, and nothing else"],
    ["old.ckpt --to new.ckpt --format V2", "A checkpoint of the first format, as today's are"],
  ],
  notes: [
    ...NOTES,
    "Objects of TensorFlow 2 are restored by the object graph, which keeps the names that it has.",
  ],
};

const subcommands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  list: (args) => runTool(listDescription, args, list),
  show: (args) => runTool(showDescription, args, show),
  rename: (args) => runTool(renameDescription, args, rename),
};

export async function checkpoint([name, ...args]: readonly string[]): Promise<number> {
  const run = name === undefined ? undefined : subcommands[name];
  if (run !== undefined) return await run(args);
  const isHelp = name === undefined || /^--?h(elp)?$/.test(name);
  if (!isHelp) {
    const nearest = nearestName(name, Object.keys(subcommands));
    const advice = nearest === undefined ? "" : `, did you mean "${nearest}"?`;
    process.stderr.write(`servable checkpoint: unknown command "${name}"${advice}\n`);
  }
  (isHelp ? process.stdout : process.stderr).write(USAGE);
  return isHelp ? ExitCode.OK : ExitCode.USAGE;
}

const USAGE = `Usage: servable checkpoint COMMAND CHECKPOINT [options]

  list    List the tensors of a checkpoint, or the checkpoints of a folder
  show    Print the values of tensors
  rename  Copy a checkpoint with other names, in another format or other files

servable checkpoint COMMAND --help says what a command takes.
`;

/** The prefix that is meant. NOT_FOUND, saying what was looked for, when there is none. */
function prefixOf({ operand }: ParsedArguments): string {
  if (operand === undefined) throw new UsageError("needs a CHECKPOINT");
  if (isFolder(operand)) return prefixIn(operand);
  const [, prefix] = /^(.*)\.(?:index|meta|data-\d{5}-of-\d{5})$/s.exec(operand) ?? [];
  if (prefix !== undefined && checkpointExists(prefix)) return prefix;
  if (checkpointExists(operand)) return operand;
  throw notFound(`There is no checkpoint ${operand}`);
}

function isFolder(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function prefixIn(folder: string): string {
  if (isSavedModelFolder(folder)) {
    if (checkpointExists(variablesPrefix(folder))) return variablesPrefix(folder);
    throw notFound(`The SavedModel in ${folder} has no variables`);
  }
  const latest = latestCheckpoint(folder);
  if (latest !== undefined) return latest;
  throw notFound(`The folder ${folder} has no file "checkpoint" that names one of its checkpoints`);
}

/** Opens the checkpoint, and closes it when all is done. */
async function withReader(
  parsed: ParsedArguments,
  use: (reader: CheckpointReader, prefix: string) => Promise<void>,
): Promise<number> {
  const prefix = prefixOf(parsed);
  const reader = openCheckpoint(prefix);
  try {
    await use(reader, prefix);
    return ExitCode.OK;
  } finally {
    reader.close();
  }
}

async function list(parsed: ParsedArguments): Promise<number> {
  if (hasFlag(parsed, "checkpoints")) return await listCheckpoints(parsed);
  return await withReader(parsed, async (reader, prefix) => {
    const rows = reader.names().map((name) => ({ name, ...describe(reader, name) }));
    if (hasFlag(parsed, "verify")) for (const { name } of rows) reader.verify(name);
    const objects = hasFlag(parsed, "objects") ? objectsOf(prefix) : undefined;
    if (hasFlag(parsed, "json")) await printJson({ prefix, tensors: rows, ...(objects && { objects }) });
    else if (objects !== undefined)
      await print(table(objects.map(({ path: where, key }) => [where || "(root)", key])));
    else await print(listText(prefix, rows, hasFlag(parsed, "verify")));
  });
}

interface TensorRow {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Absent for strings. */
  readonly bytes?: number;
  readonly slices: number;
}

function describe(reader: CheckpointReader, name: string): Omit<TensorRow, "name"> {
  const { dtype, shape } = reader.info(name);
  const bytes = dtype === "string" ? {} : { bytes: elementCount(shape) * dtypeInfo(dtype).size };
  return { dtype, shape, slices: reader.slices(name).length, ...bytes };
}

function listText(prefix: string, rows: readonly TensorRow[], isVerified: boolean): string {
  const lines = rows.map(({ name, dtype, shape, bytes, slices }) => [
    name,
    dtype,
    shapeText(shape),
    bytes === undefined ? "" : String(bytes),
    slices === 0 ? "" : `${slices} slices`,
  ]);
  const total = rows.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  const checked = isVerified ? "; all checksums are right" : "";
  return `${prefix}\n\n${table(lines)}\n${rows.length} tensors, ${total} bytes${checked}\n`;
}

/** Columns that begin below each other. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (known, row) => row.map((cell, i) => Math.max(cell.length, known[i] ?? 0)),
    [],
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function objectsOf(prefix: string): { path: string; key: string }[] {
  const stored = ObjectCheckpoint.open(prefix);
  try {
    return [...stored.objects()].map(([where, object]) => ({
      path: where,
      key: [...object.attributes.values()].map(({ key }) => key).join(", "),
    }));
  } finally {
    stored.close();
  }
}

async function listCheckpoints(parsed: ParsedArguments): Promise<number> {
  const { operand } = parsed;
  if (operand === undefined) throw new UsageError("needs a folder");
  const state = readCheckpointState(operand);
  if (state === undefined) throw notFound(`The folder ${operand} has no file "checkpoint"`);
  const rows = state.allModelCheckpointPaths.map((prefix, i) => ({
    prefix,
    latest: prefix === state.modelCheckpointPath,
    exists: checkpointExists(prefix),
    ...(state.allModelCheckpointTimestamps[i] !== undefined && {
      saved: new Date(state.allModelCheckpointTimestamps[i] * 1000).toISOString(),
    }),
  }));
  if (hasFlag(parsed, "json")) await printJson(rows);
  else {
    const remark = (row: (typeof rows)[number]) => (row.exists ? (row.latest ? "latest" : "") : "missing");
    await print(table(rows.map((row) => [row.prefix, row.saved ?? "", remark(row)])));
  }
  return ExitCode.OK;
}

const DEFAULT_VALUES = 100;

async function show(parsed: ParsedArguments): Promise<number> {
  const names = optionsOf(parsed, "tensor");
  if (names.length === 0)
    throw new UsageError("--tensor=NAME says which tensor; servable checkpoint list has them all");
  const max = countOption(parsed, "max", 0) ?? DEFAULT_VALUES;
  return await withReader(parsed, async (reader, prefix) => {
    requireNames(reader, names, prefix);
    for (const name of names) {
      const value = reader.read(name);
      const values = valuesOf(value, max === 0 ? Number.POSITIVE_INFINITY : max);
      const { dtype, shape } = value;
      if (hasFlag(parsed, "json")) await printJson({ name, dtype, shape, values });
      else await print(`${name}  ${dtype} ${shapeText(shape)}\n${valuesText(values, elementCount(shape))}\n`);
    }
  });
}

function requireNames(reader: CheckpointReader, names: readonly string[], prefix: string): void {
  const missing = names.filter((name) => !reader.has(name));
  const [first] = missing;
  if (first === undefined) return;
  const nearest = nearestName(first, reader.names());
  const advice = nearest === undefined ? "" : `, did you mean "${nearest}"?`;
  throw notFound(`Checkpoint ${prefix} has no tensor "${missing.join('", "')}"${advice}`);
}

/** The first values, row-major; complex numbers as text, strings as UTF-8 or in base64. */
function valuesOf(tensor: Tensor, max: number): (number | string | boolean)[] {
  if (tensor.dtype === "string") return tensor.data.slice(0, max).map(stringText);
  const { lanes, kind } = dtypeInfo(tensor.dtype);
  const entries: ArrayLike<number | bigint> = isSmallFloat(tensor.dtype)
    ? smallFloatsOf(tensor)
    : tensor.data;
  const count = Math.min(max, entries.length / lanes);
  return Array.from({ length: count }, (_, i) => {
    if (lanes === 2)
      return `${entries[2 * i]}${Number(entries[2 * i + 1]) < 0 ? "" : "+"}${entries[2 * i + 1]}i`;
    const entry = entries[i] as number | bigint;
    if (kind === "bool") return entry !== 0;
    if (typeof entry === "bigint") return Number.isSafeInteger(Number(entry)) ? Number(entry) : String(entry);
    return Number.isFinite(entry) ? entry : String(entry);
  });
}

function stringText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return `base64:${Buffer.from(bytes).toString("base64")}`;
  }
}

function valuesText(values: readonly (number | string | boolean)[], count: number): string {
  const text = values
    .map((value) => (typeof value === "string" ? JSON.stringify(value) : String(value)))
    .join(" ");
  return values.length < count ? `${text} … ${count - values.length} more` : text;
}

async function rename(parsed: ParsedArguments): Promise<number> {
  const to = optionOf(parsed, "to");
  if (to === undefined) throw new UsageError("--to=PREFIX says where the copy goes");
  const version = (optionOf(parsed, "format") ?? "V2").toUpperCase();
  if (version !== "V1" && version !== "V2") throw new UsageError(`--format is V1 or V2, got "${version}"`);
  const shards = countOption(parsed, "shards", 1) ?? 1;
  const renames = optionsOf(parsed, "map").map(parseRename);
  return await withReader(parsed, async (reader, prefix) => {
    requireVacant(to, prefix, hasFlag(parsed, "force"));
    requireUsed(renames, reader, prefix);
    const newName = (name: string) => renamed(name, renames) ?? (hasFlag(parsed, "only") ? undefined : name);
    const writer = createCheckpoint(to, { version, shards });
    try {
      copyTensors(reader, writer, newName);
    } catch (reason) {
      writer.discard();
      throw reason;
    }
    writer.finish();
    const names = reader.names();
    const changed = names.filter((name) => (newName(name) ?? name) !== name).length;
    const kept = names.filter((name) => newName(name) !== undefined).length;
    await print(`${to}: ${kept} tensors, ${changed} of them renamed`);
  });
}

type Rename = readonly [from: string, to: string];

function parseRename(text: string): Rename {
  const [, from, to] = /^([^=]+)=([^=]+)$/s.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new UsageError(`--map needs OLD=NEW, got "${text}"`);
  if (from.endsWith("/") !== to.endsWith("/")) {
    throw new UsageError(`--map ${text}: a scope becomes a scope, with a slash at both ends`);
  }
  return [from, to];
}

/** The new name by the first that fits. */
function renamed(name: string, renames: readonly Rename[]): string | undefined {
  const found = renames.find(([from]) => matches(name, from));
  return found && found[1] + name.slice(found[0].length);
}

function matches(name: string, from: string): boolean {
  return from.endsWith("/") ? name.startsWith(from) : name === from;
}

function requireUsed(renames: readonly Rename[], reader: CheckpointReader, prefix: string): void {
  const names = reader.names();
  const unused = renames.filter(([from]) => !names.some((name) => matches(name, from))).map(([from]) => from);
  const [first] = unused;
  if (first === undefined) return;
  const nearest = nearestName(first, names);
  const advice = nearest === undefined ? "" : `, did you mean "${nearest}"?`;
  throw notFound(`Checkpoint ${prefix} has no tensor "${unused.join('", "')}"${advice}`);
}

function requireVacant(to: string, from: string, isForced: boolean): void {
  if (path.resolve(to) === path.resolve(from))
    throw new UsageError("--to must be another checkpoint than CHECKPOINT");
  if (!existsSync(path.dirname(to))) throw notFound(`There is no folder ${path.dirname(to)}`);
  if (checkpointExists(to) && !isForced) {
    throw new StatusError(Code.ALREADY_EXISTS, `There is a checkpoint ${to} already; --force replaces it`);
  }
}
