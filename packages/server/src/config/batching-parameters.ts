/** --batching_parameters_file and batching_params.pbtxt: BatchingParameters in protobuf text format. */
import { invalidArgument } from "@servable/formats";
import {
  type BatchingParameters,
  BatchingParametersSchema,
} from "@servable/formats/protobuf/tensorflow_serving/servables/tensorflow/session_bundle_config_pb";
import type { BatchingSettings } from "../batching/batching-settings.js";
import { readTextProtoFile } from "./text-proto-file.js";

/** TensorFlow's defaults (batching/basic_batch_scheduler.h). */
const MAX_BATCH_SIZE = 1000;
const MAX_ENQUEUED_BATCHES = 10;

/** The settings that batching was switched on with; the file may be left out. */
export async function readBatchingSettings(path: string | undefined): Promise<BatchingSettings> {
  if (path === undefined) return batchingSettingsOf(undefined, "--enable_batching");
  return batchingSettingsOf(await readTextProtoFile(BatchingParametersSchema, path), path);
}

/** @param where names the parameters in errors */
export function batchingSettingsOf(
  parameters: BatchingParameters | undefined,
  where: string,
): BatchingSettings {
  const maxRows = Number(parameters?.maxExecutionBatchSize ?? parameters?.maxBatchSize ?? MAX_BATCH_SIZE);
  const timeoutMicros = Number(parameters?.batchTimeoutMicros ?? 0);
  const maxBatches = Number(parameters?.maxEnqueuedBatches ?? MAX_ENQUEUED_BATCHES);
  const allowedSizes = (parameters?.allowedBatchSizes ?? []).map(Number);
  const faults: string[] = [];
  if (maxRows < 1) faults.push(`max_batch_size must be positive; was ${maxRows}`);
  if (timeoutMicros < 0) faults.push(`batch_timeout_micros must be non-negative; was ${timeoutMicros}`);
  if (maxBatches < 1) faults.push(`max_enqueued_batches must be positive; was ${maxBatches}`);
  if (allowedSizes.some((size, i) => size <= (allowedSizes[i - 1] ?? 0))) {
    faults.push("allowed_batch_sizes entries must be in increasing order");
  }
  if (allowedSizes.length > 0 && allowedSizes.at(-1) !== maxRows) {
    faults.push(`final entry in allowed_batch_sizes must match max_batch_size, ${maxRows}`);
  }
  if (faults.length > 0) throw invalidArgument(`${where}: ${faults.join("; ")}`);
  return {
    signatures: "all",
    maxRows,
    timeoutMs: timeoutMicros / 1000,
    maxWaitingRows: maxBatches * maxRows,
    allowedSizes,
  };
}
