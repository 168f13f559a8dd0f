/**
 * HDF5 files (HDF5 File Format Specification), through the HDF5 library of The HDF Group compiled to WebAssembly
 * (h5wasm). The library runs in a thread of its own, in a file system in memory: what a damaged or hostile file does
 * to it, it does to that thread alone, no file can refer to another, and a caller need not wait asynchronously.
 */
import type { Worker } from "node:worker_threads";
import { dataLoss, invalidArgument, resourceExhausted } from "../status.js";
import { dataFromBytes, type Tensor, tensor } from "../tensor.js";
import { SynchronousThread } from "../threads/synchronous-thread.js";
import type { Hdf5Answer, Hdf5Dataset, Hdf5Group, Hdf5Task, NewHdf5Group } from "./hdf5-tasks.js";

export type {
  Hdf5Dataset,
  Hdf5Group,
  Hdf5Value,
  NewHdf5Dataset,
  NewHdf5Group,
} from "./hdf5-tasks.js";

/** A damaged file can send the library round in circles: it is given up when a step takes longer, and more for its bytes. */
const PATIENCE_MS = 3_500;
/** Far fewer than the library reads and decompresses. */
const BYTES_PER_MS = 20_000;
/** Files that are larger are refused; the library's memory ends at 2 GiB, that of JavaScript's buffers at 4. */
const MAX_FILE_BYTES = 2 ** 32 - 1;
/** All datasets of a file together may be this many times its size (they may be compressed), or the floor. */
const MAX_EXPANSION = 64;
const EXPANSION_FLOOR = 2 ** 28;

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Whether bytes begin as an HDF5 file does.
 *
 * @example
 * assert.equal(isHdf5(new Uint8Array([1, 2, 3])), false);
 */
export function isHdf5(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * An HDF5 file that is open for reading: its tree is known, contents are read when they are asked for.
 *
 * @example
 * const bytes = writeHdf5({
 *   name: "",
 *   attributes: new Map([["keras_version", "3.15.1"]]),
 *   groups: [],
 *   datasets: [{ name: "x", dtype: "float32", shape: [2], data: new Float32Array([1, 2]) }],
 * });
 * const file = Hdf5File.open(bytes, "x.h5");
 * assert.equal(file.root.attributes.get("keras_version"), "3.15.1");
 * assert.deepEqual([...file.read("x").data], [1, 2]);
 * file.close();
 */
export class Hdf5File {
  private isClosed = false;
  private budget: number;

  private constructor(
    private readonly what: string,
    private readonly handle: number,
    /** That has the file; another one knows nothing of it. */
    private readonly owner: Worker | undefined,
    readonly root: Hdf5Group,
    size: number,
  ) {
    this.budget = Math.max(EXPANSION_FLOOR, size * MAX_EXPANSION);
  }

  /**
   * Opens a file that is in memory.
   *
   * @param bytes the file's content; not changed
   * @param what names the file in errors
   * @throws DATA_LOSS for damaged files, RESOURCE_EXHAUSTED for what takes too much memory or time
   *
   * @example
   * assert.throws(() => Hdf5File.open(new Uint8Array(3), "x.h5"), /x\.h5 is no HDF5 file/);
   */
  static open(bytes: Uint8Array, what: string): Hdf5File {
    if (!isHdf5(bytes))
      throw dataLoss(`${what} is no HDF5 file: it does not begin with the signature of HDF5`);
    if (bytes.length > MAX_FILE_BYTES) {
      throw resourceExhausted(
        `${what} has ${bytes.length} bytes; HDF5 files of at most ${MAX_FILE_BYTES} are read`,
      );
    }
    const answer = ask({ kind: "open", bytes }, "open", what, bytes.length);
    openFiles++;
    return new Hdf5File(what, answer.handle, thread.worker, answer.root, bytes.length);
  }

  /**
   * The content of a dataset.
   *
   * @param path as in the tree
   * @throws INVALID_ARGUMENT when there is none or it has a type that TensorFlow lacks, DATA_LOSS when it is damaged,
   *   RESOURCE_EXHAUSTED when the datasets read are out of proportion to the file
   *
   * @example
   * const file = Hdf5File.open(writeHdf5({ name: "", attributes: new Map(), groups: [], datasets: [] }), "x.h5");
   * assert.throws(() => file.read("nothing"), /x\.h5 has no dataset "nothing"/);
   * file.close();
   */
  read(path: string): Tensor {
    const dataset = datasetAt(this.root, path);
    if (dataset === undefined) throw invalidArgument(`${this.what} has no dataset "${path}"`);
    const name = `${this.what}, dataset "${path}"`;
    if (dataset.dtype === undefined || dataset.dtype === "string") {
      throw invalidArgument(`${name} holds no numbers`);
    }
    const { bytes } = this.readBytes(dataset, name);
    const data = dataFromBytes(dataset.dtype, bytes);
    return tensor(dataset.dtype, dataset.shape, data as never) as Tensor;
  }

  private readBytes(dataset: Hdf5Dataset, name: string): { readonly bytes: Uint8Array } {
    const size = dataset.shape.reduce((product, dim) => product * dim, 8);
    this.budget -= size / 8;
    if (this.budget < 0) {
      throw resourceExhausted(
        `${name} of shape [${dataset.shape.join(",")}]: the datasets are more than ${MAX_EXPANSION} times as large as the file`,
      );
    }
    if (thread.worker !== this.owner)
      throw dataLoss(`${name}: another file has ended the HDF5 library, open it again`);
    return ask({ kind: "read", handle: this.handle, path: dataset.path }, "read", name, size);
  }

  /**
   * Gives the memory back. The file can't be read afterwards.
   *
   * @example
   * const file = Hdf5File.open(writeHdf5({ name: "", attributes: new Map(), groups: [], datasets: [] }), "x.h5");
   * file.close();
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    openFiles--;
    if (thread.worker !== undefined && thread.worker === this.owner)
      ask({ kind: "close", handle: this.handle }, "close", this.what);
    if (openFiles === 0 && hasReadMuch) {
      thread.stop();
      hasReadMuch = false;
    }
  }
}

/**
 * The bytes of an HDF5 file with the given groups, datasets and attributes.
 * RESOURCE_EXHAUSTED when it is too large for the library.
 *
 * @example
 * const bytes = writeHdf5({ name: "", attributes: new Map([["n", 3]]), groups: [], datasets: [] });
 * assert.ok(isHdf5(bytes));
 */
export function writeHdf5(root: NewHdf5Group): Uint8Array {
  return ask({ kind: "write", root }, "write", "an HDF5 file", bytesIn(root)).bytes;
}

/**
 * A group by its path below another, undefined when there is none.
 *
 * @example
 * const inner = { name: "vars", attributes: new Map(), groups: [], datasets: [] };
 * const bytes = writeHdf5({ name: "", attributes: new Map(), groups: [inner], datasets: [] });
 * const file = Hdf5File.open(bytes, "x.h5");
 * assert.equal(groupAt(file.root, "vars")?.path, "vars");
 * file.close();
 */
export function groupAt(root: Hdf5Group, path: string): Hdf5Group | undefined {
  let group: Hdf5Group | undefined = root;
  for (const name of partsOf(path)) group = group?.groups.get(name);
  return group;
}

/** A dataset by its path below a group, undefined when there is none. */
export function datasetAt(root: Hdf5Group, path: string): Hdf5Dataset | undefined {
  const parts = partsOf(path);
  const name = parts.pop() ?? "";
  return groupAt(root, parts.join("/"))?.datasets.get(name);
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

// ---- the thread ----------------------------------------------------------------------------------------------

const thread = new SynchronousThread<Hdf5Task, Hdf5Answer>(
  "the HDF5 library",
  new URL("./hdf5-thread.js", import.meta.url),
  // The library writes what it finds wrong there; it is in the errors as well.
  { isSilent: true },
);
let openFiles = 0;
/** The library's memory only grows: after large files the thread is not kept. */
let hasReadMuch = false;
const MUCH_BYTES = 2 ** 26;

/** Bytes of all datasets. */
function bytesIn({ groups, datasets }: NewHdf5Group): number {
  const own = datasets.reduce((sum, { data }) => sum + data.byteLength, 0);
  return groups.reduce((sum, group) => sum + bytesIn(group), own);
}

/** Blocks until the thread has answered; its errors name `what`. A step on more `bytes` may take longer. */
function ask<K extends Hdf5Answer["kind"]>(
  task: Hdf5Task,
  kind: K,
  what: string,
  bytes = 0,
): Extract<Hdf5Answer, { kind: K }> {
  const ms = Math.round(PATIENCE_MS + bytes / BYTES_PER_MS);
  const answer = thread.ask(task, kind, what, { ms, clock: "cpu" });
  if ("bytes" in answer && answer.bytes.length > MUCH_BYTES) hasReadMuch = true;
  return answer;
}
