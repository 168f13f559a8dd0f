/**
 * The file `checkpoint` beside checkpoints: a CheckpointState in text format
 * (tensorflow/python/training/checkpoint_state.proto) that says which of them is the latest. Written by tf.train.Saver
 * and tf.train.CheckpointManager; relative paths in it are relative to its folder.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  type CheckpointState,
  CheckpointStateSchema,
} from "../protobuf/gen/tensorflow/python/training/checkpoint_state_pb.js";
import { StatusError } from "../status.js";
import { parseText } from "../text-proto/parser.js";
import { checkpointExists } from "./open.js";

/** The name of the state file. */
export const CHECKPOINT_STATE_FILE = "checkpoint";

/**
 * The state of a folder's checkpoints, its paths made absolute or relative to the current folder, as `dir` is.
 * Undefined when the folder has no state file; INVALID_ARGUMENT when it cannot be read as one.
 */
export function readCheckpointState(dir: string): CheckpointState | undefined {
  const file = path.join(dir, CHECKPOINT_STATE_FILE);
  if (!existsSync(file)) return undefined;
  const state = parseText(CheckpointStateSchema, readText(file), { what: file });
  const inFolder = (prefix: string) => (path.isAbsolute(prefix) ? prefix : path.join(dir, prefix));
  state.modelCheckpointPath = inFolder(state.modelCheckpointPath);
  state.allModelCheckpointPaths = state.allModelCheckpointPaths.map(inFolder);
  return state;
}

/** The prefix of a folder's latest checkpoint; undefined when there is no state file or no such checkpoint. */
export function latestCheckpoint(dir: string): string | undefined {
  const prefix = readCheckpointState(dir)?.modelCheckpointPath;
  return prefix !== undefined && checkpointExists(prefix) ? prefix : undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (reason) {
    throw StatusError.from(reason);
  }
}
