/** What both kinds of checkpoint take, and how one is begun. */
import type { Shape } from "../shape.js";
import { Code, invalidArgument, StatusError } from "../status.js";
import type { Tensor } from "../tensor.js";
import { checkpointExists } from "./open.js";
import { TensorBundleWriter } from "./tensor-bundle-writer.js";
import type { TensorSlice } from "./tensor-slice.js";
import { V1CheckpointWriter } from "./v1-writer.js";

/** Writes a checkpoint. Nothing can be read under its prefix until it is finished. */
export interface CheckpointWriter {
  /** Writes a whole tensor. INVALID_ARGUMENT for a name that is empty or taken. */
  add(name: string, tensor: Tensor): void;
  /**
   * Writes a part of a tensor, as partitioned variables are stored. INVALID_ARGUMENT when it is not inside of the whole
   * shape, or contradicts what was said of the tensor before.
   */
  addSlice(name: string, shape: Shape, slice: TensorSlice, value: Tensor): void;
  /** Completes the checkpoint; it replaces one that had the same prefix. */
  finish(): void;
  /** Gives up: nothing is left behind. */
  discard(): void;
}

/** Writes what `add` adds and completes the checkpoint; when that throws, there is none. */
export function writeAll(writer: CheckpointWriter, add: (writer: CheckpointWriter) => void): void {
  try {
    add(writer);
  } catch (reason) {
    writer.discard();
    throw reason;
  }
  writer.finish();
}

/** The format of a checkpoint: "V2" is a TensorBundle, "V1" what TensorFlow wrote before 1.0. */
export type CheckpointVersion = "V1" | "V2";

export interface CheckpointOptions {
  /** "V2" by default. */
  readonly version?: CheckpointVersion;
  /** How many files hold the data; 1 by default. */
  readonly shards?: number;
  /** Name a V1 checkpoint of one file as a shard too: `<prefix>-00000-of-00001`. */
  readonly namedAsShard?: boolean;
}

/** More files than this are a mistake. */
export const MAX_SHARDS = 10_000;

/**
 * Begins a checkpoint.
 *
 * @param prefix path of its files without their endings; the folder must exist
 * @throws INVALID_ARGUMENT for a number of shards that is none; ALREADY_EXISTS for shards of the first format that are
 *   there already, for several files can't be replaced at once; else the codes of the file system's errors
 *
 * @example
 * const writer = createCheckpoint("model.ckpt", { shards: 2 });
 * writer.add("weights", tensor("float32", [2], Float32Array.of(1, 2)));
 * writer.add("bias", tensor("float32", [], Float32Array.of(3)));
 * writer.finish();
 * assert.deepEqual(openCheckpoint("model.ckpt").names(), ["bias", "weights"]);
 */
export function createCheckpoint(prefix: string, options: CheckpointOptions = {}): CheckpointWriter {
  const { version = "V2", shards = 1, namedAsShard = false } = options;
  requireShards(shards);
  if (version === "V2") return TensorBundleWriter.create(prefix, { shards });
  return shards === 1 && !namedAsShard
    ? V1CheckpointWriter.create(prefix)
    : new ShardedV1Writer(prefix, shards);
}

function requireShards(shards: number): void {
  if (Number.isInteger(shards) && shards >= 1 && shards <= MAX_SHARDS) return;
  throw invalidArgument(`A checkpoint has 1 to ${MAX_SHARDS} shards, not ${shards}`);
}

/** Several files of the first format. A tensor's slices may lie in different ones. */
class ShardedV1Writer implements CheckpointWriter {
  private readonly writers: readonly V1CheckpointWriter[];
  private next = 0;
  private readonly names = new Set<string>();

  constructor(prefix: string, shards: number) {
    if (checkpointExists(prefix)) {
      throw new StatusError(
        Code.ALREADY_EXISTS,
        `There is a checkpoint ${prefix} of several files, which can't be replaced at once: save under another name`,
      );
    }
    const number = (value: number) => String(value).padStart(5, "0");
    this.writers = Array.from({ length: shards }, (_, i) =>
      V1CheckpointWriter.create(`${prefix}-${number(i)}-of-${number(shards)}`),
    );
  }

  add(name: string, tensor: Tensor): void {
    if (this.names.has(name)) throw invalidArgument(`The checkpoint has a tensor "${name}" already`);
    this.turn().add(name, tensor);
    this.names.add(name);
  }

  addSlice(name: string, shape: Shape, slice: TensorSlice, value: Tensor): void {
    this.turn().addSlice(name, shape, slice, value);
    this.names.add(name);
  }

  finish(): void {
    for (const writer of this.writers) writer.finish();
  }

  discard(): void {
    for (const writer of this.writers) writer.discard();
  }

  private turn(): V1CheckpointWriter {
    const writer = this.writers[this.next] as V1CheckpointWriter;
    this.next = (this.next + 1) % this.writers.length;
    return writer;
  }
}
