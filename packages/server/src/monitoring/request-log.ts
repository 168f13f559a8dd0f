/**
 * Request logs: samples of what models were asked and answered, as PredictionLog messages (apis/prediction_log.proto)
 * in TFRecord files. Such a file serves as a model's warm-up requests as it is.
 *
 * A model's `logging_config` says how many requests to log and where: of each, with probability `sampling_rate`, a
 * record goes to the file `<filename_prefix>.<time>.tfrecord`, which another follows when it has grown large. Logging never
 * slows a request down: what the disk can't take is dropped, and counted in the log.
 */
import { createWriteStream, mkdirSync, readdirSync, rmSync, type WriteStream } from "node:fs";
import { basename, dirname, join } from "node:path";
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

/** When a file is followed by another. */
export interface Rotation {
  /** Of one file, about. */
  readonly maxBytes: number;
  /** Files of one prefix that are kept. */
  readonly maxFiles: number;
}

const NO_ROTATION: Rotation = { maxBytes: Number.POSITIVE_INFINITY, maxFiles: Number.POSITIVE_INFINITY };

interface LogFile {
  readonly stream: WriteStream;
  bytes: number;
}

export class RequestLog {
  #loggings: RequestLoggings = new Map();
  /** By filename prefix; undefined for what can't be written. */
  readonly #files = new Map<string, LogFile | undefined>();
  /** Files that are being written to their end. */
  readonly #ending = new Set<Promise<void>>();
  #dropped = 0;

  /**
   * @param tags of the MetaGraphs that are served
   * @param random a number from 0 up to 1
   */
  constructor(
    private readonly tags: readonly string[],
    private readonly log: Log,
    private readonly rotation: Rotation = NO_ROTATION,
    private readonly random: () => number = Math.random,
  ) {}

  /** Logs by this configuration from now on. */
  configure(loggings: RequestLoggings): void {
    this.#loggings = loggings;
    const inUse = new Set([...loggings.values()].map(({ filenamePrefix }) => filenamePrefix));
    for (const [prefix, file] of this.#files) {
      if (inUse.has(prefix)) continue;
      this.#end(prefix, file);
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
    const { filenamePrefix } = logging;
    const file = this.#fileOf(filenamePrefix);
    if (file === undefined) return;
    const { stream } = file;
    if (stream.writableLength > MAX_WAITING_BYTES) {
      if (this.#dropped++ % 1000 === 0)
        this.log.warn(`Request log ${stream.path}: records are being dropped`);
      return;
    }
    const record = encodeTfRecord(
      encodePredictionLog(api, request, response, this.#metadata(model, logging)),
    );
    stream.write(record);
    file.bytes += record.length;
    if (file.bytes >= this.rotation.maxBytes) this.#end(filenamePrefix, file);
  }

  /** Writes what is left and closes the files. */
  async close(): Promise<void> {
    for (const [prefix, file] of this.#files) this.#end(prefix, file);
    await Promise.all(this.#ending);
  }

  /** Writes a file to its end; what comes for the prefix next begins another. */
  #end(prefix: string, file: LogFile | undefined): void {
    this.#files.delete(prefix);
    if (file === undefined) return;
    const ended = new Promise<void>((resolve) => file.stream.end(() => resolve()));
    this.#ending.add(ended);
    void ended.finally(() => this.#ending.delete(ended));
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
  #fileOf(prefix: string): LogFile | undefined {
    if (this.#files.has(prefix)) return this.#files.get(prefix);
    const time = new Date().toISOString().replace(/[-:.]/g, "");
    const path = `${prefix}.${time}.tfrecord`;
    const fail = (error: Error) => {
      this.log.error(`Request log ${path} can't be written: ${error.message}`);
      this.#files.set(prefix, undefined);
    };
    try {
      mkdirSync(dirname(path), { recursive: true });
      deleteOldest(prefix, this.rotation.maxFiles - 1);
      const stream = createWriteStream(path, { flags: "a" });
      stream.on("error", fail);
      this.#files.set(prefix, { stream, bytes: 0 });
    } catch (reason) {
      fail(reason as Error);
    }
    return this.#files.get(prefix);
  }
}

/** Keeps the newest files of a prefix; their names tell their age. */
function deleteOldest(prefix: string, kept: number): void {
  const folder = dirname(prefix);
  const start = `${basename(prefix)}.`;
  const isOurs = (name: string) =>
    name.startsWith(start) && /^\d{8}T\d{6,9}Z\.tfrecord$/.test(name.slice(start.length));
  const names = readdirSync(folder).filter(isOurs).sort();
  for (const name of names.slice(0, Math.max(0, names.length - kept)))
    rmSync(join(folder, name), { force: true });
}
