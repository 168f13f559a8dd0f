/** A small network of Inception's form with random weights, exported once for a test file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { numberedClassNames } from "../class-names.js";
import { type ExportInput, exportSavedModel } from "../export-inception.js";
import { type CheckpointFormat, writeRandomCheckpoint } from "../random-checkpoint.js";

/** The smallest that keeps a filter in each layer. */
export const smallNetwork = { classes: 1001, depth: 1 / 16 };

/** A folder that goes when the test file ends. */
export function testFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "inception-test-"));
  after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What to export: a checkpoint of this format, written into a folder. */
export function smallInput(folder: string, format: CheckpointFormat): ExportInput {
  const checkpointDir = path.join(folder, `train-${format}`);
  writeRandomCheckpoint(checkpointDir, { network: smallNetwork, format, seed: 3 });
  return { network: smallNetwork, checkpointDir, classNames: numberedClassNames(smallNetwork.classes) };
}

/** A SavedModel of it. */
export function smallSavedModel(folder: string): string {
  const versionDir = path.join(folder, "saved-model", "1");
  exportSavedModel(smallInput(folder, "V2"), versionDir);
  return versionDir;
}
