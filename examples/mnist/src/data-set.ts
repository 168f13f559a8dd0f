/**
 * The MNIST data: 28×28 grey images of handwritten digits with their labels, in four files of fixed names. They are
 * read from a folder, and downloaded into it first where they are missing.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { download } from "@servable/example-kit/download";
import { dataLoss } from "@servable/formats";
import { type IdxArray, readCompressedIdx } from "./idx.js";

/** Height and width of an image. */
export const IMAGE_SIZE = 28;
/** Elements of an image. */
export const PIXELS = IMAGE_SIZE * IMAGE_SIZE;
export const CLASSES = 10;

/** No file of the data set comes near this. */
const MAX_FILE_BYTES = 64 * 2 ** 20;

/** A public mirror of the files. */
export const DEFAULT_DATA_URL = "https://storage.googleapis.com/cvdf-datasets/mnist";
export const DEFAULT_DATA_DIR = path.join(tmpdir(), "mnist");

/** Images and what they show. */
export interface DataSet {
  readonly count: number;
  /** One byte a pixel, 0 is background; [count, 784]. */
  readonly images: Uint8Array;
  /** The digit of each image. */
  readonly labels: Uint8Array;
}

/** Which of the two parts of MNIST: 60,000 images to train with, 10,000 to test with. */
export type Part = "train" | "t10k";

/** Where the data is, and where from it comes. */
export interface DataSource {
  readonly dataDir: string;
  /** URL of the folder with the four files. */
  readonly dataUrl: string;
}

/**
 * Reads one part of the data, after downloading its files where the folder lacks them.
 * DATA_LOSS, naming the file, when one is damaged; UNAVAILABLE when a missing one cannot be downloaded.
 */
export async function readDataSet(part: Part, { dataDir, dataUrl }: DataSource): Promise<DataSet> {
  const [images, labels] = [`${part}-images-idx3-ubyte.gz`, `${part}-labels-idx1-ubyte.gz`];
  mkdirSync(dataDir, { recursive: true });
  for (const file of [images, labels]) {
    if (!existsSync(path.join(dataDir, file)))
      await download(`${dataUrl.replace(/\/$/, "")}/${file}`, path.join(dataDir, file), {
        maxBytes: MAX_FILE_BYTES,
        advice: `Put the file into ${dataDir} by other means, or name another source with --data_url.`,
      });
  }
  return dataSet(readFile(path.join(dataDir, images)), readFile(path.join(dataDir, labels)), part);
}

function readFile(file: string): IdxArray {
  return readCompressedIdx(readFileSync(file), file);
}

/** The two arrays as a data set. DATA_LOSS when they are not images of 28×28 and as many labels below 10. */
export function dataSet(images: IdxArray, labels: IdxArray, part: Part): DataSet {
  const [count = 0, height, width] = images.shape;
  if (images.shape.length !== 3 || height !== IMAGE_SIZE || width !== IMAGE_SIZE) {
    throw dataLoss(`MNIST ${part} images: expected [n,28,28] bytes, got [${images.shape}]`);
  }
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw dataLoss(`MNIST ${part} labels: expected [${count}] bytes, got [${labels.shape}]`);
  }
  if (labels.data.some((label) => label >= CLASSES)) {
    throw dataLoss(`MNIST ${part} labels: there is one that is no digit`);
  }
  return { count, images: images.data, labels: labels.data };
}

/**
 * Puts an image into a batch, with values from 0 to 1.
 *
 * @param batch [n, 784]
 * @param row of the batch
 */
export function putImage(images: Uint8Array, image: number, batch: Float32Array, row: number): void {
  const from = image * PIXELS;
  const to = row * PIXELS;
  for (let i = 0; i < PIXELS; i++) batch[to + i] = (images[from + i] as number) / 255;
}
