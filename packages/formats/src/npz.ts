/** NumPy's NPZ files: a ZIP archive of NPY files, one for each array, `name.npy` (numpy/lib/npyio.py). */
import { readNpy, writeNpy } from "./npy.js";
import type { Tensor } from "./tensor.js";
import { readZip, writeZip } from "./zip.js";

const SUFFIX = ".npy";
/** One array that does not fit into a protobuf message does not fit into a request either. */
const MAX_ARRAY_BYTES = 2 ** 31;

/**
 * The arrays of an NPZ file; each is read when it is asked for.
 *
 * @example
 * const x = tensor("float32", [2], Float32Array.of(1, 2));
 * const file = new NpzFile(writeNpz(new Map([["x", x]])), "arrays.npz");
 * assert.deepEqual([file.names(), file.read("x")], [["x"], x]);
 */
export class NpzFile {
  private readonly entries: ReadonlyMap<string, { read(maxBytes: number): Uint8Array }>;

  /**
   * @param what names the bytes in errors
   * @throws as readZip does
   */
  constructor(
    bytes: Uint8Array,
    private readonly what: string,
  ) {
    const files = [...readZip(bytes, what).values()].filter(({ name }) => name.endsWith(SUFFIX));
    this.entries = new Map(files.map((entry) => [entry.name.slice(0, -SUFFIX.length), entry]));
  }

  /** The names of the arrays, in the order of the archive. */
  names(): string[] {
    return [...this.entries.keys()];
  }

  /** An array; undefined when there is none of that name. Errors as readNpy's, and RESOURCE_EXHAUSTED past 2 GiB. */
  read(name: string): Tensor | undefined {
    const bytes = this.entries.get(name)?.read(MAX_ARRAY_BYTES);
    return bytes && readNpy(bytes, `${this.what}, array "${name}"`);
  }
}

/**
 * The bytes of an NPZ file, compressed as by numpy.savez_compressed.
 *
 * @example
 * const bytes = writeNpz(new Map([["x", zeros("int8", [3]) as Tensor]]));
 * assert.equal(isZip(bytes), true);
 */
export function writeNpz(arrays: ReadonlyMap<string, Tensor>): Uint8Array {
  return writeZip(new Map([...arrays].map(([name, array]) => [name + SUFFIX, writeNpy(array)])));
}
