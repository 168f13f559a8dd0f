/** How models are loaded, warmed up and batched: by flags, or by a --platform_config_file, which then says all of it. */
import { invalidArgument } from "@servable/formats";
import { automaticBatching, type BatchingSettings } from "../batching/batching-settings.js";
import type { LoadOptions } from "../servables/engine-contract.js";
import { readBatchingSettings } from "./batching-parameters.js";
import type { FlagValues } from "./flags.js";
import { readTextProtoFile } from "./text-proto-file.js";

export interface PlatformSettings {
  readonly load: LoadOptions;
  readonly warmUp: WarmUpSettings;
  readonly batching: BatchingSettings;
  /** Whether a model's own batching_params.pbtxt goes before `batching`. */
  readonly hasBatchingPerModel: boolean;
  /** Whether a damaged assets.extra/saved_model_config.pb fails the load. */
  readonly requiresModelConfig: boolean;
}

export interface WarmUpSettings {
  readonly isEnabled: boolean;
  /** Times that each request is run. */
  readonly iterations: number;
  /** Whether a model that brings no requests along is run on made-up ones. */
  readonly isSynthetic: boolean;
}

/** Reads the files that the flags name. INVALID_ARGUMENT for what can't be meant. */
export async function platformSettingsOf(flags: FlagValues): Promise<PlatformSettings> {
  const file = flags.platform_config_file;
  if (file === "") return await settingsOfFlags(flags);
  // Few have such a file; what reads it is not loaded otherwise.
  return await (await import("./platform-config.js")).settingsOfPlatform(flags, file);
}

async function settingsOfFlags(flags: FlagValues): Promise<PlatformSettings> {
  const threads =
    flags.tensorflow_intra_op_parallelism ||
    flags.tensorflow_session_parallelism ||
    (await sessionThreads(flags.tensorflow_session_config_file));
  return {
    load: {
      tags: flags.saved_model_tags.split(",").filter((tag) => tag !== ""),
      ...intraOpThreads(threads),
      ...(flags.prefer_tflite_model ? { preferTfliteModel: true } : {}),
    },
    warmUp: {
      isEnabled: flags.enable_model_warmup,
      iterations: Math.max(1, flags.num_request_iterations_for_warmup),
      isSynthetic: flags.enable_synthetic_warmup,
    },
    batching: await batchingOfFlags(flags),
    hasBatchingPerModel: flags.enable_batching && flags.enable_per_model_batching_parameters,
    requiresModelConfig: false,
  };
}

/** Of a TensorFlow ConfigProto, how many threads one operator may use. */
async function sessionThreads(file: string): Promise<number> {
  if (file === "") return 0;
  const { ConfigProtoSchema } = await import("@servable/formats/protobuf/tensorflow/core/protobuf/config_pb");
  return (await readTextProtoFile(ConfigProtoSchema, file)).intraOpParallelismThreads;
}

/** As the engine takes them; 0 is no wish. */
export function intraOpThreads(count: number): Pick<LoadOptions, "intraOpThreads"> {
  return count > 0 ? { intraOpThreads: count } : {};
}

async function batchingOfFlags(flags: FlagValues): Promise<BatchingSettings> {
  const file = flags.batching_parameters_file;
  if (flags.enable_batching)
    return limited(flags, await readBatchingSettings(file === "" ? undefined : file));
  if (file === "") return limited(flags, automaticBatching);
  throw invalidArgument("--batching_parameters_file is set without setting --enable_batching to true");
}

/** Batching with the limit of what may wait that the flags set. */
export function limited(
  { max_queued_requests: limit }: FlagValues,
  batching: BatchingSettings,
): BatchingSettings {
  return limit > 0 ? { ...batching, maxWaitingRequests: limit } : batching;
}
