/**
 * The version of both formats of checkpoints (kTensorBundleVersion, TF_CHECKPOINT_VERSION), which files say in a
 * VersionDef (tensorflow/core/framework/versions.proto).
 */
import type { VersionDef } from "../protobuf/gen/tensorflow/core/framework/versions_pb.js";
import { invalidArgument } from "../status.js";

/** What is written, and the newest that is understood. */
export const FORMAT_VERSION = 1;

/** INVALID_ARGUMENT for a file that only newer readers understand. */
export function requireReadable(version: VersionDef | undefined, file: string): void {
  const consumer = version?.minConsumer ?? 0;
  if (consumer <= FORMAT_VERSION) return;
  throw invalidArgument(
    `${file}: Checkpoint min consumer version ${consumer} above current version ${FORMAT_VERSION}: ` +
      "the checkpoint was written by a newer TensorFlow",
  );
}
