/**
 * The checkpoint published in 2016, inception-v3-2016-03-01, and the files that name its classes. They are downloaded
 * where they are missing.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { download } from "@servable/example-kit/download";
import { untarGzip } from "@servable/example-kit/untar";

export const DEFAULT_CHECKPOINT_URL =
  "http://download.tensorflow.org/models/image/imagenet/inception-v3-2016-03-01.tar.gz";
/** The folder of the training code that has the names of the classes. */
export const DEFAULT_NAMES_URL =
  "https://raw.githubusercontent.com/tensorflow/models/v1.13.0/research/inception/inception/data";

export const SYNSET_FILE = "imagenet_lsvrc_2015_synsets.txt";
export const METADATA_FILE = "imagenet_metadata.txt";

/** The archive has 380 MB, its largest file 435 MB. */
const MAX_ARCHIVE_BYTES = 512 * 2 ** 20;
const MAX_UNPACKED_BYTES = 2 ** 30;
const MAX_NAMES_BYTES = 16 * 2 ** 20;

export interface PublishedSource {
  readonly checkpointUrl: string;
  readonly namesUrl: string;
}

/**
 * Puts the checkpoint and the names of its classes into a folder.
 * UNAVAILABLE, with what to do instead, when they can't be downloaded; DATA_LOSS when what came is no archive.
 */
export async function fetchPublishedCheckpoint(folder: string, source: PublishedSource): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const advice =
    `Put the files of inception-v3-2016-03-01, ${SYNSET_FILE} and ${METADATA_FILE} into ${folder} by other means, or ` +
    "make a checkpoint with random weights with inception_random_checkpoint.";
  for (const name of [SYNSET_FILE, METADATA_FILE]) {
    const file = path.join(folder, name);
    if (!existsSync(file)) {
      await download(`${source.namesUrl}/${name}`, file, { maxBytes: MAX_NAMES_BYTES, advice });
    }
  }
  if (existsSync(path.join(folder, "checkpoint"))) return;
  const archive = path.join(folder, path.posix.basename(new URL(source.checkpointUrl).pathname));
  await download(source.checkpointUrl, archive, { maxBytes: MAX_ARCHIVE_BYTES, advice });
  await untarGzip(archive, folder, MAX_UNPACKED_BYTES);
  rmSync(archive);
}
