/** Holds a reader of checkpoints against one that TensorFlow wrote, and what TensorFlow says is in it. */
import assert from "node:assert/strict";
import { dtypeInfo } from "../../dtype.js";
import { compareTensor, decodeTensor, type GoldenCase } from "../../testing/golden.js";
import type { CheckpointReader } from "../checkpoint-reader.js";

/** Names, dtypes, shapes and values, checksums included. */
export function assertHolds(reader: CheckpointReader, golden: GoldenCase): void {
  const found = reader.names().map((name) => {
    const { dtype, shape } = reader.info(name);
    return { name, dtype: `DT_${dtypeInfo(dtype).enumName}`, shape };
  });
  assert.deepEqual(found, golden.all);
  for (const [name, expected] of Object.entries(golden.variables ?? {})) {
    reader.verify(name);
    compareTensor(reader.read(name), decodeTensor(expected), {}, name);
  }
}
