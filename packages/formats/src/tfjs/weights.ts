/**
 * Weights of TensorFlow.js models: `weightsManifest` in model.json lists groups of tensors, the bytes of each group lie
 * one after the other in its shard files (tfjs-core/src/io/types.ts and io_utils.ts define both).
 */
import path from "node:path";
import { readWholeFile } from "../checkpoint/random-access-file.js";
import { type DType, dtypeInfo } from "../dtype.js";
import { toFloat32 } from "../float16.js";
import { isJsonObject, type Json, type JsonObject } from "../keras/config.js";
import { numbersOf } from "../keras/nodes.js";
import { elementCount } from "../shape.js";
import { dataLoss, invalidArgument, resourceExhausted, unimplemented } from "../status.js";
import { dataFromBytes, stringTensor, type Tensor, tensor } from "../tensor.js";

const MAX_SHARD_BYTES = 2 ** 32 - 1;
const MAX_ELEMENTS = 2 ** 31;

const dtypes: Readonly<Record<string, DType>> = {
  float32: "float32",
  int32: "int32",
  bool: "bool",
  string: "string",
  complex64: "complex64",
  float16: "float16",
};

interface Quantization {
  readonly dtype: "uint8" | "uint16" | "float16";
  readonly scale: number;
  readonly min: number;
}

interface WeightEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly quantization: Quantization | undefined;
}

/**
 * All weights by name, in the order of the manifest.
 *
 * @param file model.json, beside which the shards lie
 * @throws NOT_FOUND for a missing shard; DATA_LOSS when one is too short or too long; INVALID_ARGUMENT for a manifest
 *   that is none, or with paths that leave the folder
 */
export function readTfjsWeights(manifest: Json, file: string): Map<string, Tensor> {
  const weights = new Map<string, Tensor>();
  if (!Array.isArray(manifest)) throw invalidArgument(`${file}: weightsManifest is no list`);
  manifest.forEach((group, i) => {
    const where = `${file}, weight group ${i}`;
    if (!isJsonObject(group) || !Array.isArray(group.paths) || !Array.isArray(group.weights)) {
      throw invalidArgument(`${where} must have paths and weights`);
    }
    const bytes = shards(group.paths, file);
    const reader = new GroupReader(bytes, where);
    for (const entry of group.weights) {
      const parsed = entryOf(entry, where);
      if (weights.has(parsed.name)) throw invalidArgument(`${where}: weight "${parsed.name}" is there twice`);
      weights.set(parsed.name, reader.next(parsed));
    }
    reader.finish();
  });
  return weights;
}

function shards(paths: readonly Json[], file: string): Uint8Array {
  const folder = path.dirname(path.resolve(file));
  const parts = paths.map((name) => {
    const full = path.resolve(folder, String(name));
    if (typeof name !== "string" || !full.startsWith(folder + path.sep)) {
      throw invalidArgument(`${file}: the shard ${JSON.stringify(name)} is not in the model's folder`);
    }
    return readWholeFile(full, MAX_SHARD_BYTES);
  });
  return parts.length === 1 ? (parts[0] as Uint8Array) : new Uint8Array(Buffer.concat(parts));
}

function entryOf(entry: Json, where: string): WeightEntry {
  if (!isJsonObject(entry) || typeof entry.name !== "string" || !Array.isArray(entry.shape)) {
    throw invalidArgument(`${where}: a weight must have name, shape and dtype`);
  }
  const what = `${where}, weight "${entry.name}"`;
  const dtype = dtypes[String(entry.dtype)];
  if (dtype === undefined) throw unimplemented(`${what} has the dtype ${JSON.stringify(entry.dtype)}`);
  const shape = entry.shape.map(Number);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || elementCount(shape) > MAX_ELEMENTS) {
    throw invalidArgument(`${what} has the shape ${JSON.stringify(entry.shape)}`);
  }
  return { name: entry.name, dtype, shape, quantization: quantizationOf(entry.quantization, what) };
}

function quantizationOf(value: Json | undefined, what: string): Quantization | undefined {
  if (!isJsonObject(value)) return undefined;
  const { dtype, scale = 1, min = 0 } = value as JsonObject;
  if (dtype !== "uint8" && dtype !== "uint16" && dtype !== "float16") {
    throw unimplemented(`${what} is quantized to ${JSON.stringify(dtype)}`);
  }
  return { dtype, scale: Number(scale), min: Number(min) };
}

/** Takes one tensor after the other from a group's bytes. */
class GroupReader {
  private at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly where: string,
  ) {}

  next({ name, dtype, shape, quantization }: WeightEntry): Tensor {
    const count = elementCount(shape);
    if (dtype === "string") return stringTensor(shape, this.strings(count, name));
    const stored = quantization?.dtype ?? dtype;
    const taken = this.take(count * dtypeInfo(stored).size, name);
    const data = dataFromBytes(stored, taken);
    if (quantization === undefined) return tensor(dtype, shape, data as never) as Tensor;
    return dequantized(dtype, shape, data as Uint8Array | Uint16Array, quantization);
  }

  finish(): void {
    if (this.at !== this.bytes.length) {
      throw dataLoss(`${this.where}: the shards have ${this.bytes.length} bytes, the weights ${this.at}`);
    }
  }

  private take(length: number, name: string): Uint8Array {
    if (this.at + length > this.bytes.length) {
      throw dataLoss(
        `${this.where}: weight "${name}" needs ${length} bytes at ${this.at}, the shards end at ${this.bytes.length}`,
      );
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** Each with its length in front, as 32 bits. */
  private strings(count: number, name: string): Uint8Array[] {
    if (count > this.bytes.length)
      throw resourceExhausted(`${this.where}: weight "${name}" has ${count} strings`);
    return Array.from({ length: count }, () => {
      const head = this.take(4, name);
      const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0, true);
      return this.take(length, name);
    });
  }
}

function dequantized(
  dtype: DType,
  shape: readonly number[],
  data: Uint8Array | Uint16Array,
  { dtype: stored, scale, min }: Quantization,
): Tensor {
  if (stored === "float16") return tensor("float32", shape, toFloat32("float16", data));
  const values = Array.from(data, (level) => level * scale + min);
  return numbersOf(dtype, shape, dtype === "int32" ? values.map(Math.round) : values);
}
