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
const DEFAULT_POOL_NAME = "batch_threads";

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
  const maxRequestRows = Number(parameters?.maxBatchSize ?? MAX_BATCH_SIZE);
  const splitsLarge = parameters?.enableLargeBatchSplitting ?? false;
  const maxRows = splitsLarge ? Number(parameters?.maxExecutionBatchSize ?? maxRequestRows) : maxRequestRows;
  const timeoutMicros = Number(parameters?.batchTimeoutMicros ?? 0);
  const maxWaitingBatches = Number(parameters?.maxEnqueuedBatches ?? MAX_ENQUEUED_BATCHES);
  const maxParallel =
    parameters?.numBatchThreads === undefined ? undefined : Number(parameters.numBatchThreads);
  const allowedSizes = (parameters?.allowedBatchSizes ?? []).map(Number);
  const faults: string[] = [];
  if (maxRequestRows < 1) faults.push(`max_batch_size must be positive; was ${maxRequestRows}`);
  if (maxRows < 1) faults.push(`max_execution_batch_size must be positive; was ${maxRows}`);
  if (maxRows > maxRequestRows) {
    faults.push(
      `max_execution_batch_size should be less than or equal to max_batch_size, ${maxRequestRows}; was ${maxRows}`,
    );
  }
  if (timeoutMicros < 0) faults.push(`batch_timeout_micros must be non-negative; was ${timeoutMicros}`);
  if (maxWaitingBatches < 1) faults.push(`max_enqueued_batches must be positive; was ${maxWaitingBatches}`);
  if (maxParallel !== undefined && maxParallel < 1) {
    faults.push(`num_batch_threads must be positive; was ${maxParallel}`);
  }
  if (allowedSizes.some((size, i) => size <= (allowedSizes[i - 1] ?? 0))) {
    faults.push("allowed_batch_sizes entries must be in increasing order");
  }
  if (allowedSizes.length > 0 && allowedSizes.at(-1) !== maxRows) {
    const limit = splitsLarge ? "max_execution_batch_size" : "max_batch_size";
    faults.push(`final entry in allowed_batch_sizes must match ${limit}, ${maxRows}`);
  }
  if (faults.length > 0) throw invalidArgument(`${where}: ${faults.join("; ")}`);
  return {
    signatures: "all",
    maxRows,
    maxRequestRows,
    splitsLarge,
    timeoutMs: timeoutMicros / 1000,
    maxWaitingBatches,
    allowedSizes,
    padsRows: parameters?.padVariableLengthInputs ?? false,
    ...(maxParallel === undefined ? {} : { maxParallel }),
    threadPoolName: parameters?.threadPoolName ?? DEFAULT_POOL_NAME,
  };
}
