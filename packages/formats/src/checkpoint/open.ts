/** Finds out which kind of checkpoint a prefix stands for. */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { dataLoss, notFound } from "../status.js";
import type { CheckpointReader } from "./checkpoint-reader.js";
import { indexFile, TensorBundleReader } from "./tensor-bundle-reader.js";
import { V1CheckpointReader } from "./v1-reader.js";

/**
 * Opens the checkpoint with this prefix: a TensorBundle where `<prefix>.index` exists, otherwise one of the first
 * format, whether in one file or in several. The prefix of the latter may be written as TensorFlow does, with
 * question marks: `model.ckpt-?????-of-00002`, or `-of-?????` for any number of files.
 *
 * @throws NOT_FOUND when there are no such files, and what TensorBundleReader.open and V1CheckpointReader.open throw
 *
 * @example
 * new CheckpointSaver().save(new Map([["w", zeros("float32", [2, 3]) as Tensor]]), "model.ckpt");
 * const reader = openCheckpoint("model.ckpt");
 * assert.deepEqual(reader.info("w"), { dtype: "float32", shape: [2, 3], sliced: false });
 * reader.close();
 */
export function openCheckpoint(prefix: string): CheckpointReader {
  if (existsSync(indexFile(prefix))) return TensorBundleReader.open(prefix);
  const files = isFile(prefix) ? [prefix] : shardsOf(prefix);
  requireComplete(files, prefix);
  if (files.length === 0) {
    throw notFound(
      `No checkpoint ${prefix}: there is no ${indexFile(prefix)} and no file of the first format`,
    );
  }
  return V1CheckpointReader.open(files, prefix);
}

/** Shards of which some are missing, as when a copy broke off: DATA_LOSS. */
function requireComplete(files: readonly string[], prefix: string): void {
  const counts = new Set(files.flatMap((file) => /-of-(\d{5})$/.exec(file)?.[1] ?? []));
  if (counts.size > 1)
    throw dataLoss(`Checkpoint ${prefix} has shards of ${[...counts].map(Number).join(" and of ")}`);
  const [count] = counts;
  if (count === undefined || files.length === Number(count)) return;
  const missing = Array.from(
    { length: Number(count) },
    (_, i) => `-${String(i).padStart(5, "0")}-of-${count}`,
  ).find((ending) => !files.some((file) => file.endsWith(ending)));
  throw dataLoss(
    `Checkpoint ${prefix} has ${files.length} of ${Number(count)} shards; there is no ...${missing}`,
  );
}

/**
 * Whether openCheckpoint would find files.
 *
 * @example
 * assert.equal(checkpointExists("model.ckpt"), false);
 */
export function checkpointExists(prefix: string): boolean {
  return existsSync(indexFile(prefix)) || isFile(prefix) || shardsOf(prefix).length > 0;
}

/** The files `<prefix>-00000-of-00002` and so on. */
function shardsOf(prefix: string): string[] {
  const [, stem, count] = /^(.*)-\?{5}-of-(?:(\d{5})|\?{5})$/s.exec(path.basename(prefix)) ?? [
    null,
    path.basename(prefix),
    null,
  ];
  const folder = path.dirname(prefix);
  if (!existsSync(folder)) return [];
  const shards = readdirSync(folder).filter((name) => {
    const suffix =
      name.startsWith(stem as string) && /^-\d{5}-of-(\d{5})$/.exec(name.slice((stem as string).length));
    return suffix && (!count || suffix[1] === count);
  });
  return shards.sort().map((name) => path.join(folder, name));
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
