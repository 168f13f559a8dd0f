/**
 * The flags of `servable serve` and of `tensorflow_model_server`, as one table: those of TensorFlow Serving's
 * model_servers/main.cc, with its names, types and defaults. Parsing, `--help`, and the reference page come from it.
 */

export type FlagGroup = "Models" | "Addresses" | "Life cycle" | "Execution" | "Batching" | "Operation";

interface FlagOf<T extends FlagType, V> {
  readonly type: T;
  readonly default: V;
  readonly group: FlagGroup;
  /** What it does here, for users of this server. */
  readonly help: string;
  /** Why it has no effect here. Such a flag is accepted and mentioned in the log. */
  readonly ignored?: string;
}

export type FlagType = "bool" | "int" | "float" | "string";
export type Flag =
  | FlagOf<"bool", boolean>
  | FlagOf<"int", number>
  | FlagOf<"float", number>
  | FlagOf<"string", string>;

const bool = (group: FlagGroup, value: boolean, help: string, ignored?: string) =>
  flag("bool" as const, group, value, help, ignored);
const int = (group: FlagGroup, value: number, help: string, ignored?: string) =>
  flag("int" as const, group, value, help, ignored);
const float = (group: FlagGroup, value: number, help: string, ignored?: string) =>
  flag("float" as const, group, value, help, ignored);
const string = (group: FlagGroup, value: string, help: string, ignored?: string) =>
  flag("string" as const, group, value, help, ignored);

function flag<T extends FlagType, V>(
  type: T,
  group: FlagGroup,
  value: V,
  help: string,
  ignored: string | undefined,
): FlagOf<T, V> {
  const row = { type, default: value, group, help };
  return ignored === undefined ? row : { ...row, ignored };
}

const NO_INTERPRETERS = "there are no TensorFlow Lite interpreters here";
const NO_THREAD_POOL = "requests are not handled by a pool of threads here";

export const flags = {
  model_name: string("Models", "default", "Name of the model. Ignored with --model_config_file."),
  model_base_path: string(
    "Models",
    "",
    "Folder that holds the model's version folders, such as /models/half_plus_two where /models/half_plus_two/1 is " +
      "version 1. Required, unless --model_config_file is given.",
  ),
  model_config_file: string(
    "Models",
    "",
    "File with a ModelServerConfig in protobuf text format: several models, version policies, labels.",
  ),
  model_config_file_poll_wait_seconds: int(
    "Models",
    0,
    "Seconds between two looks at --model_config_file. 0: read once.",
  ),
  saved_model_tags: string(
    "Models",
    "serve",
    "Comma-separated tags of the MetaGraph to load from a SavedModel.",
  ),
  allow_version_labels_for_unavailable_models: bool(
    "Models",
    false,
    "Allow new labels on versions that are not available yet.",
  ),
  force_allow_any_version_labels_for_unavailable_models: bool(
    "Models",
    false,
    "Allow any label on versions that are not available, also labels that pointed elsewhere before.",
  ),
  enable_signature_method_name_check: bool(
    "Models",
    false,
    "Refuse calls whose signature has the method name of another kind of call.",
  ),

  port: int("Addresses", 8500, "TCP port of the gRPC API. 0: none."),
  grpc_socket_path: string("Addresses", "", "Path of a unix socket for the gRPC API."),
  rest_api_port: int("Addresses", 0, "TCP port of the REST API. 0: none. Must differ from --port."),
  rest_api_timeout_in_ms: int("Addresses", 30_000, "Time limit of a REST request, in milliseconds."),
  rest_api_enable_cors_support: bool("Addresses", false, "Let web pages of other origins call the REST API."),
  rest_api_num_threads: int("Addresses", 0, "Threads of the REST API.", NO_THREAD_POOL),
  grpc_max_threads: int("Addresses", 0, "Threads of the gRPC API.", NO_THREAD_POOL),
  grpc_transport: string(
    "Addresses",
    "lean",
    "The gRPC API's HTTP/2 server: lean, our own and the faster one, or grpc_js, the widely used library.",
  ),
  grpc_channel_arguments: string(
    "Addresses",
    "",
    "Comma-separated arguments of the gRPC server, such as grpc.max_connection_age_ms=2000.",
  ),
  ssl_config_file: string(
    "Addresses",
    "",
    "File with an SSLConfig in protobuf text format: the gRPC API then speaks TLS.",
  ),
  use_alts_credentials: bool("Addresses", false, "Use Google ALTS credentials.", "ALTS is not available"),
  enable_grpc_healthcheck_service: bool(
    "Addresses",
    true,
    "Answer the standard gRPC health check (grpc.health.v1.Health).",
  ),

  file_system_poll_wait_seconds: int(
    "Life cycle",
    1,
    "Seconds between two looks at the models' folders for new versions. 0: look once.",
  ),
  num_load_threads: int(
    "Life cycle",
    0,
    "Versions to load at the same time. 0: as many as there are cores, up to 4.",
  ),
  num_unload_threads: int("Life cycle", 0, "Versions to unload at the same time. 0: any number."),
  max_num_load_retries: int(
    "Life cycle",
    5,
    "Further attempts after a load failed in a way that may pass, such as a lack of memory. A broken model is tried " +
      "again when its files change.",
  ),
  load_retry_interval_micros: int("Life cycle", 60_000_000, "Microseconds between two attempts to load."),
  enable_model_warmup: bool(
    "Life cycle",
    true,
    "Run the requests of assets.extra/tf_serving_warmup_requests before a version becomes available.",
  ),
  enable_synthetic_warmup: bool(
    "Life cycle",
    true,
    "Run a version that has no such requests on zeros before it becomes available: signatures that change nothing " +
      "and don't loop.",
  ),
  num_request_iterations_for_warmup: int("Life cycle", 0, "Times that each warm-up request is run. 0: once."),
  version_transition: string(
    "Life cycle",
    "availability_preserving",
    "How a version takes another's place: availability_preserving loads the new one first, resource_preserving unloads " +
      "the old one first and never holds both.",
  ),
  memory_limit_mb: int(
    "Life cycle",
    0,
    "MiB of resident memory beyond which no version is loaded: it fails with RESOURCE_EXHAUSTED, and is tried again. " +
      "0: no limit.",
  ),
  drain_timeout_seconds: int(
    "Life cycle",
    30,
    "Seconds that requests under way have to finish when the server is told to stop.",
  ),
  flush_filesystem_caches: bool(
    "Life cycle",
    true,
    "Flush the file system's caches after loading.",
    "weights are used from the page cache, where replicas share them",
  ),

  tensorflow_intra_op_parallelism: int(
    "Execution",
    0,
    "Threads that one operator may use. 0: as many as there are cores.",
  ),
  further_instances: bool(
    "Execution",
    true,
    "Load two more instances of a model whose runs take 0.5 to 15 ms, each with half of its threads, when requests have " +
      "overlapped for long. They take its memory twice again, and go after a minute in which they were not needed.",
  ),
  tensorflow_inter_op_parallelism: int(
    "Execution",
    0,
    "Operators to run at the same time.",
    "operators run one after the other",
  ),
  tensorflow_session_parallelism: int(
    "Execution",
    0,
    "Threads that one operator may use, unless --tensorflow_intra_op_parallelism says so.",
  ),
  tensorflow_session_config_file: string(
    "Execution",
    "",
    "File with a TensorFlow ConfigProto in protobuf text format, whose intra_op_parallelism_threads counts.",
  ),
  platform_config_file: string(
    "Execution",
    "",
    "File with a PlatformConfigMap in protobuf text format: tags, warm-up, batching and threads, in place of the flags " +
      "for those.",
  ),
  per_process_gpu_memory_fraction: float(
    "Execution",
    0,
    "Fraction of the GPU's memory to use.",
    "models run on the CPU",
  ),
  remove_unused_fields_from_bundle_metagraph: bool(
    "Execution",
    true,
    "Drop what serving doesn't need of a MetaGraph.",
    "no MetaGraph is kept",
  ),
  xla_cpu_compilation_enabled: bool("Execution", false, "Use XLA on the CPU.", "there is no XLA here"),
  xla_gpu_compilation_enabled: bool("Execution", false, "Use XLA on the GPU.", "there is no XLA here"),
  mixed_precision: string("Execution", "", "Mixed precision mode.", "models run in their own precision"),
  skip_initialize_tpu: bool("Execution", false, "Don't initialize TPUs.", "there are no TPUs here"),
  thread_pool_factory_config_file: string("Execution", "", "File with a ThreadPoolConfig.", NO_THREAD_POOL),
  prefer_tflite_model: bool("Execution", false, "Prefer model.tflite to the SavedModel."),
  num_tflite_pools: int("Execution", 0, "Pools of TensorFlow Lite interpreters.", NO_INTERPRETERS),
  num_tflite_interpreters_per_pool: int(
    "Execution",
    1,
    "TensorFlow Lite interpreters per pool.",
    NO_INTERPRETERS,
  ),

  enable_batching: bool("Batching", false, "Run requests that arrive together as one."),
  batching_parameters_file: string(
    "Batching",
    "",
    "File with BatchingParameters in protobuf text format. Needs --enable_batching.",
  ),
  max_queued_requests: int(
    "Batching",
    0,
    "Requests for one model that may wait; further ones are refused with UNAVAILABLE at once. 0: any number.",
  ),
  enable_per_model_batching_parameters: bool(
    "Batching",
    false,
    "Read the batching parameters of each model from batching_params.pbtxt in its folder. Needs --enable_batching.",
  ),

  monitoring_config_file: string(
    "Operation",
    "",
    "File with a MonitoringConfig in protobuf text format: where the REST API's port answers Prometheus.",
  ),
  otlp_endpoint: string(
    "Operation",
    "",
    "Where to send traces by OTLP over HTTP, such as http://localhost:4318. The variables OTEL_EXPORTER_OTLP_ENDPOINT " +
      "and its kin say the same.",
  ),
  log_format: string(
    "Operation",
    "auto",
    "Lines of the log: text, json, or auto, which is text on a terminal and json elsewhere.",
  ),
  request_log_max_mb: int(
    "Operation",
    1024,
    "MiB after which a request log (logging_config) goes on in another file. 0: never.",
  ),
  request_log_max_files: int(
    "Operation",
    0,
    "Request log files of one model that are kept; the oldest are deleted. 0: all.",
  ),
  log_requests: bool(
    "Operation",
    false,
    "Log every request, with its id; otherwise those that fail by our fault.",
  ),
  enable_serialization_as_tensor_content: bool(
    "Operation",
    false,
    "Answer gRPC Predict with tensor_content, as bytes, in place of typed lists.",
  ),
  enable_profiler: bool(
    "Operation",
    true,
    "Answer TensorFlow's profiler.",
    "there is no TensorFlow runtime to profile",
  ),
  version: bool("Operation", false, "Print the version and exit."),
  help: bool("Operation", false, "Print the flags and exit."),
} as const satisfies Readonly<Record<string, Flag>>;

export type FlagName = keyof typeof flags;

type ValueOf<F extends Flag> = F["type"] extends "bool"
  ? boolean
  : F["type"] extends "string"
    ? string
    : number;

/** A value for every flag. */
export type FlagValues = { readonly [N in FlagName]: ValueOf<(typeof flags)[N]> };

/** The flags' names, in the order of the table. */
export const flagNames = Object.keys(flags) as FlagName[];
