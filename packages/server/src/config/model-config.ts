/** Which models to serve: a ModelServerConfig (config/model_server_config.proto) as the server uses it. */
import { resolve } from "node:path";
import { invalidArgument } from "@servable/formats";
import type { FileSystemStoragePathSourceConfig_ServableVersionPolicy as VersionPolicyMessage } from "@servable/formats/protobuf/tensorflow_serving/config/file_system_storage_path_source_pb";
import type { LoggingConfig } from "@servable/formats/protobuf/tensorflow_serving/config/logging_config_pb";
import type {
  ModelConfig as ModelConfigMessage,
  ModelServerConfig,
} from "@servable/formats/protobuf/tensorflow_serving/config/model_server_config_pb";
import type { RequestLogging } from "../monitoring/request-log.js";
import type { VersionChoice } from "../sources/file-system.js";

export interface ModelConfig {
  readonly name: string;
  /** The folder that holds the version folders. Absolute. */
  readonly basePath: string;
  readonly versions: VersionChoice;
  /** Names for version numbers. */
  readonly labels: ReadonlyMap<string, bigint>;
  /** Which requests to log, and where, if any. */
  readonly logging?: RequestLogging;
}

export const LATEST: VersionChoice = { kind: "latest", count: 1 };

/** "gs://bucket/model" and the like. */
const REMOTE_PATH = /^[a-z][a-z0-9+.-]*:\/\//i;

/** An absolute path; a relative one is taken from where the server was started. */
export function absolutePath(path: string): string {
  return path === "" || REMOTE_PATH.test(path) ? path : resolve(path);
}

/** INVALID_ARGUMENT, for all faults at once, when the configuration can't be meant. */
export function checkModelConfigs(configs: readonly ModelConfig[]): void {
  const seen = new Set<string>();
  const faults: string[] = [];
  for (const { name, basePath } of configs) {
    if (name === "") faults.push(`Model with base_path "${basePath}" has no name`);
    if (basePath === "") faults.push(`Model ${name} has no base_path`);
    if (REMOTE_PATH.test(basePath)) {
      faults.push(`Model ${name}: base_path "${basePath}" is not in the local file system`);
    }
    if (seen.has(name)) faults.push(`Illegal to list model ${name} multiple times in config list`);
    seen.add(name);
  }
  if (faults.length > 0) throw invalidArgument(faults.join("; "));
}

/** The models of a ModelServerConfig. INVALID_ARGUMENT when it has something that this server doesn't do. */
export function modelConfigsOf(message: ModelServerConfig): ModelConfig[] {
  switch (message.config.case) {
    case "modelConfigList":
      return message.config.value.config.map(modelConfigOf);
    case "customModelConfig":
      throw invalidArgument("custom_model_config is not supported: list the models in model_config_list");
    default:
      return [];
  }
}

/** The only platform that there is. */
export const PLATFORM = "tensorflow";

function modelConfigOf(message: ModelConfigMessage): ModelConfig {
  const { name, basePath, modelPlatform, modelVersionPolicy, versionLabels } = message;
  if (modelPlatform !== "" && modelPlatform !== PLATFORM) {
    throw invalidArgument(
      `Model ${name}: model_platform "${modelPlatform}" is not supported, expected "${PLATFORM}"`,
    );
  }
  const logging = loggingOf(name, message.loggingConfig);
  return {
    name,
    basePath: absolutePath(basePath),
    versions: versionChoiceOf(modelVersionPolicy),
    labels: new Map(Object.entries(versionLabels)),
    ...(logging === undefined ? {} : { logging }),
  };
}

const LOG_COLLECTOR = "tfrecord";

function loggingOf(model: string, message: LoggingConfig | undefined): RequestLogging | undefined {
  const { type = "", filenamePrefix = "" } = message?.logCollectorConfig ?? {};
  const samplingRate = message?.samplingConfig?.samplingRate ?? 0;
  if (message === undefined) return undefined;
  const where = `Model ${model}: logging_config`;
  if (type !== "" && type !== LOG_COLLECTOR) {
    throw invalidArgument(`${where}: type "${type}" is not supported, expected "${LOG_COLLECTOR}"`);
  }
  if (filenamePrefix === "") throw invalidArgument(`${where} has no filename_prefix`);
  if (!(samplingRate >= 0 && samplingRate <= 1)) {
    throw invalidArgument(`${where}: sampling_rate ${samplingRate} is not between 0 and 1`);
  }
  return { samplingRate, filenamePrefix: resolve(filenamePrefix) };
}

function versionChoiceOf(policy: VersionPolicyMessage | undefined): VersionChoice {
  switch (policy?.policyChoice.case) {
    case "latest":
      return { kind: "latest", count: Math.max(policy.policyChoice.value.numVersions, 1) };
    case "all":
      return { kind: "all" };
    case "specific":
      return { kind: "specific", versions: policy.policyChoice.value.versions };
    default:
      return LATEST;
  }
}
