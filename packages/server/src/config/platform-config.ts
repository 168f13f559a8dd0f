/**
 * --platform_config_file: a PlatformConfigMap, of which the platform "tensorflow" has a SessionBundleConfig
 * (model_servers/server.cc, platform_config_util.cc). Of that counts what has a meaning here.
 */
import { createRegistry, fromBinary } from "@bufbuild/protobuf";
import { invalidArgument, StatusError } from "@servable/formats";
import {
  type PlatformConfig,
  PlatformConfigMapSchema,
} from "@servable/formats/protobuf/tensorflow_serving/config/platform_config_pb";
import { SavedModelBundleSourceAdapterConfigSchema } from "@servable/formats/protobuf/tensorflow_serving/servables/tensorflow/saved_model_bundle_source_adapter_pb";
import type { SessionBundleConfig } from "@servable/formats/protobuf/tensorflow_serving/servables/tensorflow/session_bundle_config_pb";
import { SessionBundleSourceAdapterConfigSchema } from "@servable/formats/protobuf/tensorflow_serving/servables/tensorflow/session_bundle_source_adapter_pb";
import { automaticBatching } from "../batching/batching-settings.js";
import { batchingSettingsOf } from "./batching-parameters.js";
import type { FlagValues } from "./flags.js";
import { PLATFORM } from "./model-config.js";
import { intraOpThreads, limited, type PlatformSettings } from "./platform-settings.js";
import { readTextProtoFile } from "./text-proto-file.js";

const adapters = createRegistry(
  SavedModelBundleSourceAdapterConfigSchema,
  SessionBundleSourceAdapterConfigSchema,
);

/** INVALID_ARGUMENT, naming the file, for one that is not for TensorFlow models. */
export async function settingsOfPlatform(flags: FlagValues, file: string): Promise<PlatformSettings> {
  const { platformConfigs } = await readTextProtoFile(PlatformConfigMapSchema, file, adapters);
  const platform = platformConfigs[PLATFORM];
  if (platform === undefined) {
    const names = Object.keys(platformConfigs).map((name) => `"${name}"`);
    throw invalidArgument(
      `${file}: there is no platform "${PLATFORM}"${names.length === 0 ? "" : `, only ${names.join(", ")}`}`,
    );
  }
  const config = sessionBundleConfigOf(platform, file);
  const { savedModelTags, modelWarmupOptions, batchingParameters } = config;
  return {
    load: {
      tags: savedModelTags.length > 0 ? savedModelTags : flags.saved_model_tags.split(","),
      ...intraOpThreads(config.sessionConfig?.intraOpParallelismThreads ?? 0),
      ...(config.preferTfliteModel ? { preferTfliteModel: true } : {}),
    },
    warmUp: {
      isEnabled: config.enableModelWarmup,
      iterations: Math.max(1, modelWarmupOptions?.numRequestIterations ?? 1),
      isSynthetic: flags.enable_synthetic_warmup,
    },
    batching: limited(
      flags,
      batchingParameters === undefined ? automaticBatching : batchingSettingsOf(batchingParameters, file),
    ),
    hasBatchingPerModel: batchingParameters !== undefined && config.enablePerModelBatchingParams,
    requiresModelConfig: config.enableSavedModelConfig,
  };
}

/** The configuration in a platform's Any, by either of the types that hold one. */
function sessionBundleConfigOf({ sourceAdapterConfig }: PlatformConfig, file: string): SessionBundleConfig {
  const { typeUrl = "", value = new Uint8Array(0) } = sourceAdapterConfig ?? {};
  const type = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
  try {
    const config =
      type === SavedModelBundleSourceAdapterConfigSchema.typeName
        ? fromBinary(SavedModelBundleSourceAdapterConfigSchema, value).legacyConfig
        : type === SessionBundleSourceAdapterConfigSchema.typeName
          ? fromBinary(SessionBundleSourceAdapterConfigSchema, value).config
          : undefined;
    if (config !== undefined) return config;
  } catch (reason) {
    throw invalidArgument(`${file}: ${typeUrl}: ${StatusError.from(reason).message}`, { cause: reason });
  }
  throw invalidArgument(
    `${file}: source_adapter_config of platform "${PLATFORM}" holds "${typeUrl}", expected a ` +
      `${SavedModelBundleSourceAdapterConfigSchema.typeName} with a legacy_config`,
  );
}
