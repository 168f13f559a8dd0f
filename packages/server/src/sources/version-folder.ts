/** What a source can tell of a version's folder without understanding it. */
import type { Dir } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

/** Files that say that a folder holds a model, of which one is enough. */
const MODEL_FILES = ["saved_model.pb", "saved_model.pbtxt"];
/** Entries looked at per folder; a SavedModel has far fewer, and a poll must stay cheap. */
const MAX_ENTRIES = 10_000;
const MAX_DEPTH = 16;

export interface FolderSnapshot {
  /** Changes when a file is added, removed, resized or written. */
  readonly fingerprint: string;
  /** Whether the file is there that says which model this is. A folder being copied may lack it. */
  readonly hasModel: boolean;
}

/** Names, sizes and times of all files below `path`. Undefined when `path` is no folder or can't be read. */
export async function snapshotFolder(path: string): Promise<FolderSnapshot | undefined> {
  const files: string[] = [];
  try {
    await listFiles(path, "", 0, files);
  } catch {
    return undefined;
  }
  files.sort();
  const names = new Set(files.map((file) => file.slice(0, file.indexOf("\0"))));
  return { fingerprint: files.join("\n"), hasModel: MODEL_FILES.some((name) => names.has(name)) };
}

async function listFiles(root: string, folder: string, depth: number, files: string[]): Promise<void> {
  const entries: Dir = await opendir(join(root, folder));
  for await (const entry of entries) {
    if (files.length >= MAX_ENTRIES) return;
    const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (depth < MAX_DEPTH) await listFiles(root, name, depth + 1, files);
      continue;
    }
    const { size, mtimeMs } = await lstat(join(root, name));
    files.push(`${name}\0${size}\0${mtimeMs}`);
  }
}
