/** Tensors from one checkpoint to another, as they are stored: slices stay slices, and no more is in memory than one. */
import type { CheckpointReader } from "./checkpoint-reader.js";
import type { CheckpointWriter } from "./checkpoint-writer.js";
import { TensorBundleReader } from "./tensor-bundle-reader.js";
import { TensorBundleWriter } from "./tensor-bundle-writer.js";

/** Larger tensors are not read as a whole, where both sides can do without. */
const LARGE_BYTES = 2 ** 24;

/**
 * Copies the tensors of a checkpoint into another that is being written.
 *
 * @param rename the name that a tensor has in the copy, undefined for one that is left out; its own by default
 * @throws DATA_LOSS for damaged tensors, INVALID_ARGUMENT for two of the same new name
 *
 * @example
 * new CheckpointSaver().save(new Map([["w", zeros("float32", [2]) as Tensor]]), "old.ckpt");
 * const reader = openCheckpoint("old.ckpt");
 * const writer = createCheckpoint("new.ckpt", { version: "V1" });
 * copyTensors(reader, writer, (name) => `scope/${name}`);
 * writer.finish();
 * assert.deepEqual(openCheckpoint("new.ckpt").names(), ["scope/w"]);
 */
export function copyTensors(
  reader: CheckpointReader,
  writer: CheckpointWriter,
  rename: (name: string) => string | undefined = (name) => name,
): void {
  for (const name of reader.names()) {
    const newName = rename(name);
    if (newName !== undefined) copyTensor(reader, name, writer, newName);
  }
}

function copyTensor(reader: CheckpointReader, name: string, writer: CheckpointWriter, newName: string): void {
  const { dtype, shape } = reader.info(name);
  const slices = reader.slices(name);
  if (slices.length > 0) {
    for (const slice of slices) writer.addSlice(newName, shape, slice, reader.readSlice(name, slice));
  } else if (
    dtype !== "string" &&
    writer instanceof TensorBundleWriter &&
    reader instanceof TensorBundleReader &&
    (reader.location(name)?.length ?? 0) > LARGE_BYTES
  ) {
    writer.addChunks(newName, dtype, shape, reader.chunks(name));
  } else {
    writer.add(newName, reader.read(name));
  }
}
