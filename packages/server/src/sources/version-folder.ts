/** What a source can tell of a version's folder without understanding it. */
import type { Dir } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

/** A file that says that a folder holds a model: it is written last, or is the whole model. */
const MODEL_FILE =
  /^(saved_model\.pb|saved_model\.pbtxt|export\.meta|model\.json|[^/]+\.(onnx|tflite|keras|h5|hdf5))$/;
/** Entries looked at per folder; a SavedModel has far fewer, and a poll must stay cheap. */
const MAX_ENTRIES = 10_000;
const MAX_DEPTH = 16;

export interface FolderSnapshot {
  /** Changes when a file is added, removed, resized or written. */
  readonly fingerprint: string;
  /** Whether the file is there that says which model this is. A folder being copied may lack it. */
  readonly hasModel: boolean;
  /** When a file was written or moved here last, in milliseconds since the epoch. */
  readonly changedAt: number;
}

/** Names, sizes and times of all files below `path`. Undefined when `path` is no folder or can't be read. */
export async function snapshotFolder(path: string): Promise<FolderSnapshot | undefined> {
  const files: FoundFile[] = [];
  try {
    await listFiles(path, "", 0, files);
    files.sort((a, b) => (a.name < b.name ? -1 : 1));
    const { ctimeMs } = await lstat(path);
    return {
      fingerprint: files.map(({ name, size, mtimeMs }) => `${name}\0${size}\0${mtimeMs}`).join("\n"),
      hasModel: files.some(({ name }) => MODEL_FILE.test(name)),
      changedAt: files.reduce((latest, file) => Math.max(latest, file.ctimeMs), ctimeMs),
    };
  } catch {
    return undefined;
  }
}

interface FoundFile {
  /** Relative to the version's folder. */
  readonly name: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

async function listFiles(root: string, folder: string, depth: number, files: FoundFile[]): Promise<void> {
  const entries: Dir = await opendir(join(root, folder));
  for await (const entry of entries) {
    if (files.length >= MAX_ENTRIES) return;
    const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (depth < MAX_DEPTH) await listFiles(root, name, depth + 1, files);
      continue;
    }
    const { size, mtimeMs, ctimeMs } = await lstat(join(root, name));
    files.push({ name, size, mtimeMs, ctimeMs });
  }
}
