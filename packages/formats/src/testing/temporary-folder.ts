/** A folder for files that a test writes, removed when the test process ends. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const folders: string[] = [];

process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Makes a folder of its own. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "servable-formats-"));
  folders.push(folder);
  return folder;
}

/** Writes a file into a folder and returns its path. */
export function writeFile(folder: string, name: string, bytes: Uint8Array | string): string {
  const file = path.join(folder, name);
  writeFileSync(file, bytes);
  return file;
}
