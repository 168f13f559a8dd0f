/**
 * The thread in which the HDF5 library runs. Its only caller is hdf5-file.ts; nothing here may be imported from
 * anywhere else.
 *
 * Files lie in the library's file system in memory, which has no way to those of the machine: external links, external
 * storage and virtual datasets have nothing to refer to.
 */
import * as h5 from "h5wasm";
import type { DType, NumericData } from "../dtype.js";
import { toFloat32 } from "../float16.js";
import { answerTasks, isTrap } from "../threads/task-loop.js";
import type { ThreadError } from "../threads/thread-protocol.js";
import type {
  Hdf5Answer,
  Hdf5Dataset,
  Hdf5Group,
  Hdf5Task,
  Hdf5Value,
  NewHdf5Dataset,
  NewHdf5Group,
} from "./hdf5-tasks.js";

/** Groups and datasets of a file, at most; hard links may make loops. */
const MAX_OBJECTS = 200_000;
const MAX_DEPTH = 64;
/** Entries and bytes of an attribute that are read. */
const MAX_ATTRIBUTE_ENTRIES = 100_000;
const MAX_ATTRIBUTE_BYTES = 2 ** 26;
/** One read of a dataset; larger ones are read in pieces. */
const PIECE_BYTES = 2 ** 27;

/** Type classes of HDF5 (H5T_class_t). */
const INTEGER = 0;
const FLOAT = 1;
const STRING = 3;
const ENUM = 8;

class Refusal extends Error {
  constructor(
    readonly code: "DATA_LOSS" | "RESOURCE_EXHAUSTED" | "UNIMPLEMENTED",
    message: string,
  ) {
    super(message);
  }
}

interface OpenFile {
  readonly file: h5.File;
  readonly name: string;
}

const files = new Map<number, OpenFile>();
let handles = 0;

function answer(task: Hdf5Task): Hdf5Answer {
  switch (task.kind) {
    case "open":
      return open(task.bytes);
    case "read":
      return { kind: "read", bytes: read(fileOf(task.handle).file, task.path) };
    case "close":
      close(task.handle);
      return { kind: "close" };
    case "write":
      return { kind: "write", bytes: write(task.root) };
  }
}

function fileSystem(): NonNullable<typeof h5.FS> {
  if (h5.FS === null) throw new Error("the HDF5 library has no file system");
  return h5.FS;
}

function fileOf(handle: number): OpenFile {
  const found = files.get(handle);
  if (found === undefined) throw new Error(`no HDF5 file ${handle} is open`);
  return found;
}

// ---- reading -------------------------------------------------------------------------------------------------

function open(bytes: Uint8Array): Hdf5Answer {
  const handle = ++handles;
  const name = `/${handle}.h5`;
  fileSystem().writeFile(name, bytes);
  try {
    const file = new h5.File(name, "r");
    files.set(handle, { file, name });
    return { kind: "open", handle, root: new Tree(file).group("", 0) };
  } catch (error) {
    if (files.has(handle)) close(handle);
    else fileSystem().unlink(name);
    throw error;
  }
}

function close(handle: number): void {
  const { file, name } = fileOf(handle);
  files.delete(handle);
  file.close();
  fileSystem().unlink(name);
}

class Tree {
  private objects = 0;

  constructor(private readonly file: h5.File) {}

  group(path: string, depth: number): Hdf5Group {
    if (depth > MAX_DEPTH) throw new Refusal("DATA_LOSS", `groups are nested more than ${MAX_DEPTH} deep`);
    const groups = new Map<string, Hdf5Group>();
    const datasets = new Map<string, Hdf5Dataset>();
    const { Module } = h5;
    for (const name of Module.get_names(this.file.file_id, path === "" ? "/" : path, false)) {
      if (++this.objects > MAX_OBJECTS) {
        throw new Refusal("RESOURCE_EXHAUSTED", `more than ${MAX_OBJECTS} groups and datasets`);
      }
      const inner = path === "" ? name : `${path}/${name}`;
      const type = Module.get_type(this.file.file_id, inner);
      if (type === Module.H5G_GROUP) groups.set(name, this.group(inner, depth + 1));
      else if (type === Module.H5G_DATASET) datasets.set(name, this.dataset(inner));
    }
    return { path, attributes: this.attributes(path === "" ? "/" : path), groups, datasets };
  }

  private dataset(path: string): Hdf5Dataset {
    const metadata = h5.Module.get_dataset_metadata(this.file.file_id, path);
    const shape = metadata.shape ?? [0];
    return { path, dtype: dtypeOf(metadata), shape: [...shape], attributes: this.attributes(path) };
  }

  private attributes(path: string): Map<string, Hdf5Value> {
    const { Module } = h5;
    const found = new Map<string, Hdf5Value>();
    for (const name of Module.get_attribute_names(this.file.file_id, path)) {
      const metadata = Module.get_attribute_metadata(this.file.file_id, path, name);
      const value = this.attribute(path, name, metadata);
      if (value !== undefined) found.set(name, value);
    }
    return found;
  }

  /** Undefined for attributes that are neither numbers nor strings. */
  private attribute(path: string, name: string, metadata: h5.Metadata): Hdf5Value | undefined {
    if (metadata.type !== INTEGER && metadata.type !== FLOAT && metadata.type !== STRING) return undefined;
    if (metadata.type === FLOAT && metadata.size < 4) return undefined;
    const { total_size, size } = metadata;
    if (total_size > MAX_ATTRIBUTE_ENTRIES || total_size * size > MAX_ATTRIBUTE_BYTES) {
      throw new Refusal("RESOURCE_EXHAUSTED", `attribute "${name}" of "${path}" has ${total_size} entries`);
    }
    const value = new h5.Attribute(this.file.file_id, path, name).json_value;
    if (typeof value === "string" || typeof value === "number") return value;
    if (!Array.isArray(value)) return undefined;
    if (value.every((entry) => typeof entry === "string")) return value as string[];
    if (value.every((entry) => typeof entry === "number")) return value as number[];
    return undefined;
  }
}

const floats: Readonly<Record<number, DType>> = { 2: "float16", 4: "float32", 8: "float64" };
const signedIntegers: Readonly<Record<number, DType>> = { 1: "int8", 2: "int16", 4: "int32", 8: "int64" };
const unsignedIntegers: Readonly<Record<number, DType>> = {
  1: "uint8",
  2: "uint16",
  4: "uint32",
  8: "uint64",
};

function dtypeOf(metadata: h5.Metadata): DType | undefined {
  const { type, size, signed } = metadata;
  if (type === FLOAT) return floats[size];
  if (type === INTEGER) return (signed ? signedIntegers : unsignedIntegers)[size];
  // h5py writes booleans as an enumeration of FALSE and TRUE.
  if (type === ENUM && size === 1 && metadata.enum_type?.members.TRUE === 1) return "bool";
  return undefined;
}

function read(file: h5.File, path: string): Uint8Array {
  const metadata = h5.Module.get_dataset_metadata(file.file_id, path);
  const { shape, size, total_size } = metadata;
  if (metadata.virtual_sources !== undefined && metadata.virtual_sources.length > 0) {
    throw new Refusal("UNIMPLEMENTED", "a virtual dataset, whose content lies in other files");
  }
  if (shape === null || total_size === 0) return new Uint8Array(0);
  const bytes = new Uint8Array(total_size * size);
  const rows = shape[0] ?? 1;
  const rowBytes = bytes.length / rows;
  const step = shape.length === 0 ? 1 : Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row);
    const isWhole = count === rows;
    const counts = isWhole ? null : [BigInt(count), ...shape.slice(1).map(BigInt)];
    const offsets = isWhole ? null : shape.map((_, axis) => BigInt(axis === 0 ? row : 0));
    bytes.set(readPiece(file, path, counts, offsets, count * rowBytes), row * rowBytes);
  }
  return metadata.littleEndian ? bytes : swapped(bytes, size);
}

function readPiece(
  file: h5.File,
  path: string,
  counts: bigint[] | null,
  offsets: bigint[] | null,
  length: number,
): Uint8Array {
  const { Module } = h5;
  const memory = Module._malloc(length);
  if (memory === 0) throw new Refusal("RESOURCE_EXHAUSTED", `no memory for ${length} bytes`);
  try {
    const strides = counts === null ? null : counts.map(() => 1n);
    const status = Module.get_dataset_data(file.file_id, path, counts, offsets, strides, BigInt(memory));
    if (status < 0) throw new Refusal("DATA_LOSS", "the content can't be read");
    return Module.HEAPU8.slice(memory, memory + length);
  } finally {
    Module._free(memory);
  }
}

/** Elements of `size` bytes in the other order of bytes, in place. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
  return bytes;
}

// ---- writing -------------------------------------------------------------------------------------------------

function write(root: NewHdf5Group): Uint8Array {
  const name = `/${++handles}.h5`;
  const file = new h5.File(name, "w");
  try {
    writeGroup(file, root);
  } finally {
    file.close();
  }
  const bytes = fileSystem().readFile(name);
  fileSystem().unlink(name);
  return bytes;
}

function writeGroup(group: h5.Group, { attributes, groups, datasets }: NewHdf5Group): void {
  for (const [name, value] of attributes) writeAttribute(group, name, value);
  for (const dataset of datasets) writeDataset(group, dataset);
  for (const inner of groups) writeGroup(group.create_group(inner.name), inner);
}

function writeAttribute(group: h5.Group, name: string, value: Hdf5Value): void {
  if (typeof value === "string") group.create_attribute(name, value, [], "S");
  else if (typeof value === "number") group.create_attribute(name, value, [], "<d");
  else if (value.length === 0) group.create_attribute(name, new Float64Array(0), [0], "<d");
  else if (typeof value[0] === "string") group.create_attribute(name, value as string[], [value.length], "S");
  else group.create_attribute(name, Float64Array.from(value as number[]), [value.length], "<d");
}

const storedTypes: Readonly<Partial<Record<DType, string>>> = {
  float32: "<f",
  float64: "<d",
  int8: "<b",
  int16: "<h",
  int32: "<i",
  int64: "<q",
  uint8: "<B",
  uint16: "<H",
  uint32: "<I",
  uint64: "<Q",
  bool: "<B",
};

function writeDataset(group: h5.Group, { name, dtype, shape, data }: NewHdf5Dataset): void {
  const stored = storedNumbers(dtype, data);
  const type = storedTypes[stored === data ? dtype : "float32"];
  if (type === undefined) throw new Refusal("UNIMPLEMENTED", `dataset "${name}" of dtype ${dtype}`);
  group.create_dataset({ name, data: stored as Float32Array, shape: [...shape], dtype: type });
}

/** The library writes no floats of 16 bits: they are widened. */
function storedNumbers(dtype: DType, data: NumericData): NumericData {
  return dtype === "float16" || dtype === "bfloat16" ? toFloat32(dtype, data as Uint16Array) : data;
}

// ---- the thread ----------------------------------------------------------------------------------------------

/** A trap of WebAssembly, or a failed allocation, leaves the library in no known state. */
function failure(error: unknown): ThreadError {
  if (error instanceof Refusal) {
    return { kind: "error", code: error.code, message: error.message, isBroken: false };
  }
  const message = error instanceof Error ? error.message : String(error);
  const isMemory = /memory|allocation|OOM|array length|buffer/i.test(message);
  return {
    kind: "error",
    code: isMemory ? "RESOURCE_EXHAUSTED" : "DATA_LOSS",
    message: `damaged HDF5 structure: ${message.split("\n")[0]}`,
    isBroken: isMemory || isTrap(error),
  };
}

answerTasks<Hdf5Task, Hdf5Answer>({
  ready: h5.ready,
  answer,
  failure,
  buffersOf: (given) => ("bytes" in given ? [given.bytes.buffer] : []),
});
