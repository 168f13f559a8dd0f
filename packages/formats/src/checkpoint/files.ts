/** Which files on disk belong to a checkpoint's prefix, and removing them. */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { syncFolder } from "./new-file.js";
import { indexFile } from "./tensor-bundle-reader.js";

/** The data files of a V2 checkpoint, by any number of shards. */
export function shardFilesOf(prefix: string): string[] {
  return filesLike(prefix, /^\.data-\d{5}-of-\d{5}$/);
}

/** The files of a V1 checkpoint: one with the prefix as its name, or its shards. */
export function v1FilesOf(prefix: string): string[] {
  const isFile = statSync(prefix, { throwIfNoEntry: false })?.isFile() ?? false;
  return isFile ? [prefix] : filesLike(prefix, /^-\d{5}-of-\d{5}$/);
}

function filesLike(prefix: string, ending: RegExp): string[] {
  const [folder, stem] = [path.dirname(prefix), path.basename(prefix)];
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith(stem) && ending.test(name.slice(stem.length)))
    .sort()
    .map((name) => path.join(folder, name));
}

/** The file with the graph that a checkpoint was saved with. */
export function metaGraphFile(prefix: string): string {
  return `${prefix}.meta`;
}

/**
 * Removes the files of a checkpoint, of both formats, and the graph that was saved with it; none is fine. The index goes
 * first: without it there is no checkpoint.
 *
 * @example
 * const saver = new CheckpointSaver();
 * const prefix = saver.save(new Map([["x", zeros("float32", [2]) as Tensor]]), "model.ckpt");
 * removeCheckpoint(prefix);
 * assert.equal(checkpointExists(prefix), false);
 */
export function removeCheckpoint(prefix: string): void {
  const files = [indexFile(prefix), ...shardFilesOf(prefix), ...v1FilesOf(prefix), metaGraphFile(prefix)];
  for (const file of files) rmSync(file, { force: true });
  syncFolder(prefix);
}
