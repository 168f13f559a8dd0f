/**
 * Request logs: samples of what models were asked and answered, as PredictionLog messages (apis/prediction_log.proto)
 * in TFRecord files. Such a file serves as a model's warm-up requests as it is.
 *
 * A model's `logging_config` says how many requests to log and where: of each, with probability `sampling_rate`, a
 * record goes to the file `<filename_prefix>.<time of start>.tfrecord`. Logging never slows a request down: what the
 * disk can't take is dropped, and counted in the log.
 */
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { dirname } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { encodeTfRecord } from "@servable/formats";
import { LogMetadataSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/logging_pb";
import { encodePredictionLog } from "../apis/prediction-log-codec.js";
import type { Log } from "../log.js";
import type { Api } from "./metrics.js";

export interface RequestLogging {
  /** 0 to 1. */
  readonly samplingRate: number;
  readonly filenamePrefix: string;
}

/** The models' logging, by their names. */
export type RequestLoggings = ReadonlyMap<string, RequestLogging>;

/** Serialized messages of one call, of the API's request and response types. */
export interface LoggedCall {
  readonly api: Api;
  readonly model: string;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
}

/** Bytes that may wait for the disk. */
const MAX_WAITING_BYTES = 2 ** 26;

export class RequestLog {
  #loggings: RequestLoggings = new Map();
  /** By filename prefix; undefined for what can't be written. */
  readonly #files = new Map<string, WriteStream | undefined>();
  #dropped = 0;

  /**
   * @param tags of the MetaGraphs that are served
   * @param random a number from 0 up to 1
   */
  constructor(
    private readonly tags: readonly string[],
    private readonly log: Log,
    private readonly random: () => number = Math.random,
  ) {}

  /** Logs by this configuration from now on. */
  configure(loggings: RequestLoggings): void {
    this.#loggings = loggings;
    const inUse = new Set([...loggings.values()].map(({ filenamePrefix }) => filenamePrefix));
    for (const [prefix, file] of this.#files) {
      if (inUse.has(prefix)) continue;
      file?.end();
      this.#files.delete(prefix);
    }
  }

  /** Whether to log this request of the model. Asked once for each. */
  samples(model: string): boolean {
    const rate = this.#loggings.get(model)?.samplingRate ?? 0;
    return rate > 0 && this.random() < rate;
  }

  write({ api, model, request, response }: LoggedCall): void {
    const logging = this.#loggings.get(model);
    if (logging === undefined) return;
    const file = this.#fileOf(logging.filenamePrefix);
    if (file === undefined) return;
    if (file.writableLength > MAX_WAITING_BYTES) {
      if (this.#dropped++ % 1000 === 0) this.log.warn(`Request log ${file.path}: records are being dropped`);
      return;
    }
    const record = encodePredictionLog(api, request, response, this.#metadata(model, logging));
    file.write(encodeTfRecord(record));
  }

  /** Writes what is left and closes the files. */
  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    await Promise.all(files.map((file) => file && new Promise<void>((resolve) => file.end(() => resolve()))));
  }

  #metadata(model: string, { samplingRate }: RequestLogging): Uint8Array {
    const message = create(LogMetadataSchema, {
      modelSpec: { name: model },
      samplingConfig: { samplingRate },
      savedModelTags: [...this.tags],
      timestampSecs: BigInt(Math.floor(Date.now() / 1000)),
    });
    return toBinary(LogMetadataSchema, message);
  }

  /** Undefined when the file can't be had, which is said once. */
  #fileOf(prefix: string): WriteStream | undefined {
    if (this.#files.has(prefix)) return this.#files.get(prefix);
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const path = `${prefix}.${time}.tfrecord`;
    const fail = (error: Error) => {
      this.log.error(`Request log ${path} can't be written: ${error.message}`);
      this.#files.set(prefix, undefined);
    };
    try {
      mkdirSync(dirname(path), { recursive: true });
      const file = createWriteStream(path, { flags: "a" });
      file.on("error", fail);
      this.#files.set(prefix, file);
    } catch (reason) {
      fail(reason as Error);
    }
    return this.#files.get(prefix);
  }
}
