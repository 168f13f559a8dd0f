/**
 * The file `checkpoint` beside checkpoints: a CheckpointState in text format
 * (tensorflow/python/training/checkpoint_state.proto) that says which of them is the latest. Written by tf.train.Saver
 * and tf.train.CheckpointManager; relative paths in it are relative to its folder.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  type CheckpointState,
  CheckpointStateSchema,
} from "../protobuf/gen/tensorflow/python/training/checkpoint_state_pb.js";
import { invalidArgument, StatusError } from "../status.js";
import { encodeText } from "../tensor.js";
import { parseText } from "../text-proto/parser.js";
import { printText } from "../text-proto/printer.js";
import { writeNewFile } from "./new-file.js";
import { checkpointExists } from "./open.js";

/** The name of the state file. */
export const CHECKPOINT_STATE_FILE = "checkpoint";

/** What a state file says, with times in seconds since 1970. */
export interface CheckpointStateContent {
  /** The prefix of the latest checkpoint. */
  readonly latest: string;
  /** All prefixes that are kept, the oldest first; only the latest by default. */
  readonly all?: readonly string[];
  /** When each was saved. */
  readonly timestamps?: readonly number[];
  /** When a checkpoint was last kept for good. */
  readonly lastPreserved?: number;
  /** Write paths relative to the folder, so that it can be moved; false by default, as in TensorFlow. */
  readonly saveRelativePaths?: boolean;
  /** Another name of the file. */
  readonly latestFilename?: string;
}

/**
 * Writes a folder's state file, or replaces it.
 *
 * @throws INVALID_ARGUMENT when there are other than one timestamp per path; else the codes of the file system's errors
 *
 * @example
 * new CheckpointSaver({ maxToKeep: 0 }).save(new Map(), "model-1");
 * writeCheckpointState(".", { latest: "model-1" });
 * assert.equal(latestCheckpoint("."), "model-1");
 */
export function writeCheckpointState(dir: string, content: CheckpointStateContent): void {
  const { latest, all = [latest], timestamps, lastPreserved } = content;
  if (timestamps !== undefined && timestamps.length !== all.length) {
    throw invalidArgument(`${all.length} checkpoints need as many timestamps, got ${timestamps.length}`);
  }
  // Paths that are relative to the current folder would be taken for relative to the state file's.
  const isRelative = content.saveRelativePaths === true || !path.isAbsolute(dir);
  const written = (prefix: string) =>
    isRelative ? path.relative(path.resolve(dir), path.resolve(prefix)) : prefix;
  const state = create(CheckpointStateSchema, {
    modelCheckpointPath: written(latest),
    allModelCheckpointPaths: all.map(written),
    ...(timestamps !== undefined && { allModelCheckpointTimestamps: [...timestamps] }),
    ...(lastPreserved !== undefined && { lastPreservedTimestamp: lastPreserved }),
  });
  const file = path.join(dir, content.latestFilename ?? CHECKPOINT_STATE_FILE);
  writeNewFile(file, encodeText(printText(CheckpointStateSchema, state)));
}

/**
 * The state of a folder's checkpoints, its paths made absolute or relative to the current folder, as `dir` is.
 * Undefined when the folder has no state file; INVALID_ARGUMENT when it cannot be read as one.
 *
 * @example
 * new CheckpointSaver().save(new Map(), "model.ckpt", { globalStep: 3 });
 * assert.deepEqual(readCheckpointState(".")?.allModelCheckpointPaths, ["model.ckpt-3"]);
 */
export function readCheckpointState(
  dir: string,
  latestFilename = CHECKPOINT_STATE_FILE,
): CheckpointState | undefined {
  const file = path.join(dir, latestFilename);
  if (!existsSync(file)) return undefined;
  const state = parseText(CheckpointStateSchema, readText(file), { what: file });
  const inFolder = (prefix: string) => (path.isAbsolute(prefix) ? prefix : path.join(dir, prefix));
  state.modelCheckpointPath = inFolder(state.modelCheckpointPath);
  state.allModelCheckpointPaths = state.allModelCheckpointPaths.map(inFolder);
  return state;
}

/**
 * The prefix of a folder's latest checkpoint; undefined when there is no state file or no such checkpoint.
 *
 * @example
 * assert.equal(latestCheckpoint("."), undefined);
 * new CheckpointSaver().save(new Map(), "model.ckpt", { globalStep: 3 });
 * assert.equal(latestCheckpoint("."), "model.ckpt-3");
 */
export function latestCheckpoint(dir: string, latestFilename?: string): string | undefined {
  const prefix = readCheckpointState(dir, latestFilename)?.modelCheckpointPath;
  return prefix !== undefined && checkpointExists(prefix) ? prefix : undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (reason) {
    throw StatusError.from(reason);
  }
}
