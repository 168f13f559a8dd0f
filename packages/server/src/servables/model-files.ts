/** The files of a version's folder, by size and age: nothing is opened. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** A folder with more files than this is not looked at to the end. */
const MAX_FILES = 1000;

export interface ModelFiles {
  readonly bytes: number;
  /** When the last of them was changed, in milliseconds since the epoch. */
  readonly changedMs: number;
}

/** Undefined for a folder that can't be read, or holds too many files to look at. */
export async function modelFiles(folder: string): Promise<ModelFiles | undefined> {
  try {
    let [bytes, changedMs, count] = [0, 0, 0];
    const folders = [folder];
    for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
      for (const entry of await readdir(at, { withFileTypes: true })) {
        if (++count > MAX_FILES) return undefined;
        const path = join(at, entry.name);
        if (entry.isDirectory()) {
          folders.push(path);
          continue;
        }
        const { size, mtimeMs } = await stat(path);
        bytes += size;
        changedMs = Math.max(changedMs, mtimeMs);
      }
    }
    return { bytes, changedMs };
  } catch {
    return undefined;
  }
}
