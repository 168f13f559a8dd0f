/** From flags, and the files that they name, to what the server is made of. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { invalidArgument } from "@servable/formats";
import { ModelServerConfigSchema } from "@servable/formats/protobuf/tensorflow_serving/config/model_server_config_pb";
import { MonitoringConfigSchema } from "@servable/formats/protobuf/tensorflow_serving/config/monitoring_config_pb";
import { SSLConfigSchema } from "@servable/formats/protobuf/tensorflow_serving/config/ssl_config_pb";
import type { ServerTls } from "../grpc/transport.js";
import type { Rotation } from "../monitoring/request-log.js";
import type { FlagValues } from "./flags.js";
import { absolutePath, checkModelConfigs, LATEST, type ModelConfig, modelConfigsOf } from "./model-config.js";
import { type PlatformSettings, platformSettingsOf } from "./platform-settings.js";
import { readTextProtoFile } from "./text-proto-file.js";

export interface ServerSettings extends PlatformSettings {
  readonly models: readonly ModelConfig[];
  /** The file that `models` come from, if any, and how often to look at it: 0 is once. */
  readonly modelConfigFile?: string;
  readonly modelConfigPollMs: number;
  readonly lifeCycle: LifeCycleSettings;
  readonly checkMethodNames: boolean;
  readonly answerAsTensorContent: boolean;
  readonly grpc: GrpcSettings;
  readonly rest?: RestSettings;
  readonly requestLogRotation?: Rotation;
  /** Resident memory of the process beyond which no version is loaded. */
  readonly memoryLimitBytes?: number;
  /** Whether models may have more instances while they are needed. */
  readonly runsFurtherInstances: boolean;
  /** Requests that are still under way this long after the server was told to stop are dropped. */
  readonly drainMs: number;
  /** Whether requests are traced; where to is for the environment to say, unless there is an endpoint. */
  readonly tracing?: { readonly endpoint?: string };
  /** Whether each request has a line in the log. */
  readonly logsRequests: boolean;
  /** Where the REST API's port answers Prometheus, if it does. */
  readonly prometheus?: { readonly path: string };
}

export interface LifeCycleSettings {
  /** Between two looks at the models' folders. 0: look once. */
  readonly pollIntervalMs: number;
  readonly maxParallelLoads: number;
  readonly maxParallelUnloads: number;
  readonly maxLoadRetries: number;
  readonly loadRetryIntervalMs: number;
  /** Which labels may point at a version that is not available. */
  readonly labelsForUnavailable: "none" | "new" | "any";
  /** What goes first when a version takes another's place: the old one, or the new one's load. */
  readonly transition: VersionTransition;
}

export const versionTransitions = ["availability_preserving", "resource_preserving"] as const;
export type VersionTransition = (typeof versionTransitions)[number];

export const grpcTransports = ["lean", "grpc_js"] as const;
export type GrpcTransport = (typeof grpcTransports)[number];

export interface GrpcSettings {
  /** "host:port" or "unix:path"; may be empty. */
  readonly addresses: readonly string[];
  readonly tls?: ServerTls;
  /** By name in `grpcTransports`; the first of them by default. */
  readonly transport?: GrpcTransport;
  readonly channelArguments: ReadonlyMap<string, string | number>;
  readonly hasHealthService: boolean;
}

export interface RestSettings {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly allowCrossOrigin: boolean;
}

/** Reads the files that the flags name. INVALID_ARGUMENT when the flags don't make a server. */
export async function settingsOf(flags: FlagValues): Promise<ServerSettings> {
  const models = await modelsOf(flags);
  checkModelConfigs(models);
  const rest = restOf(flags);
  const grpc = await grpcOf(flags);
  if (grpc.addresses.length === 0 && rest === undefined) {
    throw invalidArgument("At least one of --port, --grpc_socket_path and --rest_api_port must be set");
  }
  const prometheus = await prometheusOf(flags);
  return {
    models,
    ...(flags.model_config_file === "" ? {} : { modelConfigFile: flags.model_config_file }),
    modelConfigPollMs: flags.model_config_file_poll_wait_seconds * 1000,
    ...(await platformSettingsOf(flags)),
    lifeCycle: lifeCycleOf(flags),
    checkMethodNames: flags.enable_signature_method_name_check,
    answerAsTensorContent: flags.enable_serialization_as_tensor_content,
    grpc,
    ...(rest === undefined ? {} : { rest }),
    ...(prometheus === undefined ? {} : { prometheus }),
    ...tracingOf(flags),
    logsRequests: flags.log_requests,
    ...(flags.memory_limit_mb > 0 ? { memoryLimitBytes: flags.memory_limit_mb * 2 ** 20 } : {}),
    requestLogRotation: {
      maxBytes: flags.request_log_max_mb > 0 ? flags.request_log_max_mb * 2 ** 20 : Number.POSITIVE_INFINITY,
      maxFiles: flags.request_log_max_files > 0 ? flags.request_log_max_files : Number.POSITIVE_INFINITY,
    },
    runsFurtherInstances: flags.further_instances,
    drainMs: flags.drain_timeout_seconds * 1000,
  };
}

async function modelsOf(flags: FlagValues): Promise<ModelConfig[]> {
  if (flags.model_config_file !== "") return await readModelConfigs(flags.model_config_file);
  if (flags.model_base_path === "") {
    throw invalidArgument(
      "Both --model_base_path and --model_config_file are empty: there is nothing to serve",
    );
  }
  const basePath = absolutePath(flags.model_base_path);
  return [{ name: flags.model_name, basePath, versions: LATEST, labels: new Map() }];
}

/** The models of a model config file. */
export async function readModelConfigs(path: string): Promise<ModelConfig[]> {
  return modelConfigsOf(await readTextProtoFile(ModelServerConfigSchema, path));
}

function lifeCycleOf(flags: FlagValues): LifeCycleSettings {
  return {
    pollIntervalMs: flags.file_system_poll_wait_seconds * 1000,
    maxParallelLoads: flags.num_load_threads || Math.min(4, availableParallelism()),
    maxParallelUnloads: flags.num_unload_threads || Number.MAX_SAFE_INTEGER,
    maxLoadRetries: flags.max_num_load_retries,
    loadRetryIntervalMs: Math.max(0, flags.load_retry_interval_micros / 1000),
    labelsForUnavailable: flags.force_allow_any_version_labels_for_unavailable_models
      ? "any"
      : flags.allow_version_labels_for_unavailable_models
        ? "new"
        : "none",
    transition: versionTransition(flags.version_transition),
  };
}

async function grpcOf(flags: FlagValues): Promise<GrpcSettings> {
  const addresses: string[] = [];
  if (flags.port !== 0) addresses.push(`0.0.0.0:${requirePort("port", flags.port)}`);
  if (flags.grpc_socket_path !== "") addresses.push(`unix:${resolve(flags.grpc_socket_path)}`);
  const tls = flags.ssl_config_file === "" ? undefined : await tlsOf(flags.ssl_config_file);
  return {
    addresses,
    ...(tls === undefined ? {} : { tls }),
    transport: grpcTransport(flags.grpc_transport),
    channelArguments: channelArguments(flags.grpc_channel_arguments),
    hasHealthService: flags.enable_grpc_healthcheck_service,
  };
}

function restOf(flags: FlagValues): RestSettings | undefined {
  const port = requirePort("rest_api_port", flags.rest_api_port);
  if (port === 0) return undefined;
  if (port === flags.port) {
    throw invalidArgument(`--rest_api_port and --port are both ${port}: they must differ`);
  }
  return {
    host: "0.0.0.0",
    port,
    timeoutMs: flags.rest_api_timeout_in_ms,
    allowCrossOrigin: flags.rest_api_enable_cors_support,
  };
}

/** By the flag, or by the variables that OpenTelemetry defines for it. */
function tracingOf({ otlp_endpoint: endpoint }: FlagValues): Pick<ServerSettings, "tracing"> {
  if (endpoint !== "") return { tracing: { endpoint } };
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = process.env;
  const { OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER } = process.env;
  const isOff = OTEL_SDK_DISABLED?.toLowerCase() === "true" || OTEL_TRACES_EXPORTER === "none";
  const isNamed = Boolean(OTEL_EXPORTER_OTLP_ENDPOINT || OTEL_EXPORTER_OTLP_TRACES_ENDPOINT);
  return isNamed && !isOff ? { tracing: {} } : {};
}

const PROMETHEUS_PATH = "/monitoring/prometheus/metrics";

async function prometheusOf(flags: FlagValues): Promise<{ path: string } | undefined> {
  if (flags.monitoring_config_file === "") return undefined;
  const { prometheusConfig } = await readTextProtoFile(MonitoringConfigSchema, flags.monitoring_config_file);
  return prometheusConfig?.enable ? { path: prometheusConfig.path || PROMETHEUS_PATH } : undefined;
}

function requirePort(name: string, port: number): number {
  if (port < 0 || port > 65_535) throw invalidArgument(`--${name}=${port} is no port`);
  return port;
}

async function tlsOf(path: string): Promise<ServerTls> {
  const { serverKey, serverCert, customCa, clientVerify } = await readTextProtoFile(SSLConfigSchema, path);
  if (serverKey === "" || serverCert === "") {
    throw invalidArgument(`${path}: server_key and server_cert must both be set`);
  }
  return {
    key: serverKey,
    certificate: serverCert,
    ...(customCa === "" ? {} : { clientAuthority: customCa }),
    requireClientCertificate: clientVerify,
  };
}

function versionTransition(name: string): VersionTransition {
  const transition = versionTransitions.find((each) => each === name);
  if (transition !== undefined) return transition;
  throw invalidArgument(`--version_transition=${name}: there are ${versionTransitions.join(" and ")}`);
}

function grpcTransport(name: string): GrpcTransport {
  const transport = grpcTransports.find((each) => each === name);
  if (transport === undefined) {
    throw invalidArgument(`--grpc_transport=${name}: there are ${grpcTransports.join(" and ")}`);
  }
  return transport;
}

/** "a=1,b=text": integers as numbers, the rest as text. */
function channelArguments(text: string): Map<string, string | number> {
  const pairs = text.split(",").filter((pair) => pair !== "");
  return new Map(
    pairs.map((pair) => {
      const [name = "", value] = pair.split("=", 2);
      if (value === undefined) throw invalidArgument(`--grpc_channel_arguments: "${pair}" is not name=value`);
      return [name, /^-?\d+$/.test(value) ? Number(value) : value];
    }),
  );
}
