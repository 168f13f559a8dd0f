/**
 * Saves named tensors as checkpoints and restores them: all or some, under their own or other names, in one file or
 * several, whole or in slices; keeps the folder's state file and removes what is too old. After
 * tf.compat.v1.train.Saver, without a graph or a session: values come and go as a map.
 */
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { invalidArgument, notFound } from "../status.js";
import type { Tensor } from "../tensor.js";
import type { CheckpointReader } from "./checkpoint-reader.js";
import {
  type CheckpointVersion,
  type CheckpointWriter,
  createCheckpoint,
  writeAll,
} from "./checkpoint-writer.js";
import { removeCheckpoint, v1FilesOf } from "./files.js";
import { openCheckpoint } from "./open.js";
import { Retention, type SavedCheckpoint } from "./retention.js";
import { CHECKPOINT_STATE_FILE, readCheckpointState, writeCheckpointState } from "./state.js";
import { indexFile } from "./tensor-bundle-reader.js";
import { cutSlice, partition } from "./tensor-slice.js";

/**
 * Which variables, and under which names: a list of names, or a map from the name in the checkpoint to the variable's.
 * Names that end with a slash stand for all below them.
 */
export type VariableSelection = readonly string[] | Readonly<Record<string, string>>;

export interface CheckpointSaverOptions {
  /** All by default. */
  readonly variables?: VariableSelection;
  /** "V2" by default. */
  readonly writeVersion?: CheckpointVersion;
  /** In how many files the data lies; true for one that is named as a shard. One file by default. */
  readonly sharded?: boolean | number;
  /** For a name in the checkpoint, into how many slices along each axis its tensor is cut. */
  readonly partitions?: Readonly<Record<string, readonly number[]>>;
  /** How many of the last checkpoints are kept; 5 by default, 0 for all. */
  readonly maxToKeep?: number;
  /** One checkpoint of every so many hours is kept for good; 10000 by default. */
  readonly keepCheckpointEveryNHours?: number;
  /** Write the global step in 8 digits at least. */
  readonly padStepNumber?: boolean;
  /** Write paths in the state file relative to its folder. */
  readonly saveRelativePaths?: boolean;
  /** Seconds since 1970; the system's clock by default. */
  readonly now?: () => number;
}

export interface SaveOptions {
  /** A number that the prefix ends with: `model.ckpt-100`. */
  readonly globalStep?: number;
  /** Another name of the state file. */
  readonly latestFilename?: string;
  /** False to leave the state file, and older checkpoints, alone. */
  readonly writeState?: boolean;
}

const STEP_DIGITS = 8;
const DEFAULT_MAX_TO_KEEP = 5;
const DEFAULT_HOURS = 10_000;

/**
 * Saves and restores named tensors.
 *
 * @example
 * const saver = new CheckpointSaver({ maxToKeep: 2 });
 * const values = new Map<string, Tensor>([["w", tensor("float32", [2], Float32Array.of(1, 2))]]);
 * for (const globalStep of [10, 20, 30]) saver.save(values, "model.ckpt", { globalStep });
 * assert.equal(latestCheckpoint("."), "model.ckpt-30");
 * assert.deepEqual(saver.lastCheckpoints, ["model.ckpt-20", "model.ckpt-30"]);
 * const renamed = new CheckpointSaver({ variables: { w: "dense/kernel" } });
 * assert.deepEqual(renamed.restore("model.ckpt-30").get("dense/kernel"), values.get("w"));
 */
export class CheckpointSaver {
  private readonly retention: Retention;
  private readonly now: () => number;

  constructor(private readonly options: CheckpointSaverOptions = {}) {
    const { maxToKeep = DEFAULT_MAX_TO_KEEP, keepCheckpointEveryNHours = DEFAULT_HOURS } = options;
    if (!(Number.isInteger(maxToKeep) && maxToKeep >= 0)) {
      throw invalidArgument(`maxToKeep must be a natural number, got ${maxToKeep}`);
    }
    this.now = options.now ?? (() => Date.now() / 1000);
    this.retention = new Retention(maxToKeep, keepCheckpointEveryNHours, this.now());
  }

  /**
   * Writes a checkpoint, then the folder's state file, then removes what is too old.
   *
   * @param values by the names of the variables; read as they are written
   * @param prefix path of the files without their endings and without the global step
   * @returns the prefix with the global step, to restore from
   * @throws NOT_FOUND, listing all, when a selected variable has no value; INVALID_ARGUMENT for partitions that don't
   *   fit, steps and names; else the codes of the file system's errors. After an error there is no new checkpoint.
   */
  save(values: ReadonlyMap<string, Tensor>, prefix: string, options: SaveOptions = {}): string {
    const full = this.withStep(prefix, options.globalStep);
    const names = [...selected(this.options.variables, values.keys())];
    requireAll(names, (name) => values.has(name), "value of a variable");
    this.write(full, (writer) => {
      for (const [inCheckpoint, name] of names.sort(byBytes)) {
        this.add(writer, inCheckpoint, values.get(name) as Tensor);
      }
    });
    this.recordSaved(full, options);
    return full;
  }

  /**
   * Takes note of a checkpoint that was written: it becomes the latest, and those that are too old are removed.
   * `save` does that itself.
   */
  recordSaved(prefix: string, { latestFilename, writeState = true }: SaveOptions = {}): void {
    if (!writeState) return;
    const displaced = this.retention.record({ prefix, time: this.now() });
    const { last } = this.retention;
    writeCheckpointState(path.dirname(prefix), {
      latest: prefix,
      all: last.map((each) => each.prefix),
      timestamps: last.map(({ time }) => time),
      ...(this.options.saveRelativePaths !== undefined && {
        saveRelativePaths: this.options.saveRelativePaths,
      }),
      ...(latestFilename !== undefined && { latestFilename }),
    });
    for (const old of displaced) removeCheckpoint(old.prefix);
  }

  /** The prefix with the global step, as checkpoints of that step are named. INVALID_ARGUMENT for a wrong one. */
  withStep(prefix: string, globalStep?: number): string {
    if (path.basename(prefix) === CHECKPOINT_STATE_FILE && globalStep === undefined) {
      throw invalidArgument(`A checkpoint named "${prefix}" would overwrite the folder's state file`);
    }
    if (globalStep === undefined) return prefix;
    if (!Number.isSafeInteger(globalStep) || globalStep < 0) {
      throw invalidArgument(`The global step must be a natural number, got ${globalStep}`);
    }
    const digits = this.options.padStepNumber === true ? STEP_DIGITS : 1;
    return `${prefix}-${String(globalStep).padStart(digits, "0")}`;
  }

  /** Writes a checkpoint of what `fill` adds; when that throws, none. */
  write(prefix: string, fill: (writer: CheckpointWriter) => void): void {
    const { writeVersion = "V2", sharded = false } = this.options;
    const writer = createCheckpoint(prefix, {
      version: writeVersion,
      shards: typeof sharded === "number" ? sharded : 1,
      namedAsShard: sharded !== false,
    });
    writeAll(writer, fill);
  }

  private add(writer: CheckpointWriter, name: string, value: Tensor): void {
    const parts = this.options.partitions?.[name];
    if (parts === undefined) {
      writer.add(name, value);
      return;
    }
    for (const slice of partition(value.shape, parts)) {
      writer.addSlice(name, value.shape, slice, cutSlice(value, slice));
    }
  }

  /**
   * The values of the selected variables, by the variables' names.
   *
   * @throws NOT_FOUND when there is no such checkpoint, or, listing all, when it lacks a selected variable; DATA_LOSS for
   *   damaged files
   */
  restore(prefix: string): Map<string, Tensor> {
    const reader = openCheckpoint(prefix);
    try {
      return this.read(reader, prefix);
    } finally {
      reader.close();
    }
  }

  private read(reader: CheckpointReader, prefix: string): Map<string, Tensor> {
    const names = [...selected(this.options.variables, reader.names(), "in checkpoint")];
    requireAll(names, (_, inCheckpoint) => reader.has(inCheckpoint), `tensor in checkpoint ${prefix}`);
    return new Map(names.map(([inCheckpoint, name]) => [name, reader.read(inCheckpoint)]));
  }

  /** The checkpoints that this saver wrote and that are still there, the oldest first; never those kept for good. */
  get lastCheckpoints(): string[] {
    return this.retention.last.map(({ prefix }) => prefix);
  }

  /**
   * Goes on where another saver stopped: of these checkpoints, those that exist may be displaced by later ones.
   *
   * @param prefixes the oldest first, such as `allModelCheckpointPaths` of the folder's state
   */
  recoverLastCheckpoints(prefixes: readonly string[]): void {
    this.retention.last = prefixes.flatMap((prefix) => timeOf(prefix) ?? []);
  }

  /** Goes on with the checkpoints that a folder's state file lists; none without such a file. */
  recoverFromState(dir: string, latestFilename?: string): void {
    this.recoverLastCheckpoints(readCheckpointState(dir, latestFilename)?.allModelCheckpointPaths ?? []);
  }
}

function timeOf(prefix: string): SavedCheckpoint | undefined {
  const index = indexFile(prefix);
  const file = existsSync(index) ? index : v1FilesOf(prefix)[0];
  return file === undefined ? undefined : { prefix, time: statSync(file).mtimeMs / 1000 };
}

type NamePair = [inCheckpoint: string, variable: string];

/** The names of what is meant, for what there is: names of variables, or names in a checkpoint. */
function selected(
  selection: VariableSelection | undefined,
  available: Iterable<string>,
  side: "variables" | "in checkpoint" = "variables",
): NamePair[] {
  if (selection === undefined) return [...available].map((name) => [name, name]);
  const pairs: NamePair[] = isList(selection)
    ? selection.map((name) => [name, name])
    : Object.entries(selection);
  const all = [...available];
  return pairs.flatMap(([inCheckpoint, variable]): NamePair[] => {
    if (!inCheckpoint.endsWith("/") || !variable.endsWith("/")) return [[inCheckpoint, variable]];
    const [scope, other] = side === "variables" ? [variable, inCheckpoint] : [inCheckpoint, variable];
    const below = all.filter((name) => name.startsWith(scope)).map((name) => name.slice(scope.length));
    return below.map((rest) =>
      side === "variables" ? [other + rest, scope + rest] : [scope + rest, other + rest],
    );
  });
}

function isList(selection: VariableSelection): selection is readonly string[] {
  return Array.isArray(selection);
}

function byBytes([a]: NamePair, [b]: NamePair): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function requireAll(
  names: readonly NamePair[],
  isThere: (variable: string, inCheckpoint: string) => boolean,
  what: string,
): void {
  const missing = names.filter(([inCheckpoint, variable]) => !isThere(variable, inCheckpoint));
  if (missing.length === 0) return;
  const list = missing.map(
    ([inCheckpoint, variable]) => `"${what.startsWith("tensor") ? inCheckpoint : variable}"`,
  );
  throw notFound(`No ${what}: ${list.join(", ")}`);
}
