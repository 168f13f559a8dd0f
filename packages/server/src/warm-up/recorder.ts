/**
 * Chooses, from the requests that a model gets, those that make a good warm-up, and writes them where servers look
 * for them. Of requests that look alike (same call, same signature, same shapes) few are kept: the engine does the
 * same for each.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Code, notFound, StatusError, type Tensor, writeTfRecordFile } from "@servable/formats";
import { decodeExamplesRequest, decodeMultiInferenceRequest } from "../apis/examples-codec.js";
import { decodePredictRequest } from "../apis/predict-codec.js";
import { encodePredictionLog } from "../apis/prediction-log-codec.js";
import { decodeSessionRunRequest } from "../apis/session-codec.js";
import { type ModelSpec, signatureNameOf } from "../inference/model-spec.js";
import type { Api } from "../monitoring/metrics.js";
import { WARM_UP_FILE } from "./replay.js";

export interface RecorderOptions {
  /** Requests for other models are not recorded. */
  readonly model?: string;
  readonly maxRecords: number;
  /** Requests that look alike, at most. */
  readonly maxAlike: number;
}

/** What is known of a request without running it. */
interface Description {
  readonly spec: ModelSpec | undefined;
  /** The same for requests that look alike. */
  readonly kind: string;
}

const tensorKind = (name: string, { dtype, shape }: Tensor) => `${name}:${dtype}[${shape.join()}]`;

const describe: Readonly<Record<Api, (request: Uint8Array) => Description>> = {
  Predict: (bytes) => {
    const { spec, inputs, outputFilter } = decodePredictRequest(bytes);
    const tensors = [...inputs].map(([name, input]) => tensorKind(name, input()));
    return { spec, kind: [signatureNameOf(spec), ...tensors.sort(), ...outputFilter].join("|") };
  },
  Classify: (bytes) => describeExamples(bytes),
  Regress: (bytes) => describeExamples(bytes),
  MultiInference: (bytes) => {
    const { tasks, input } = decodeMultiInferenceRequest(bytes);
    const names = tasks.map(({ spec }) => signatureNameOf(spec));
    return { spec: tasks[0]?.spec, kind: [...names, input.examples.length].join("|") };
  },
  SessionRun: (bytes) => {
    const { spec, feeds, fetches, targets } = decodeSessionRunRequest(bytes);
    const tensors = feeds.map(({ name, tensor }) => (tensor === undefined ? name : tensorKind(name, tensor)));
    return { spec, kind: [...tensors, "", ...fetches, "", ...targets].join("|") };
  },
};

function describeExamples(bytes: Uint8Array): Description {
  const { spec, input } = decodeExamplesRequest(bytes);
  return { spec, kind: `${signatureNameOf(spec)}|${input.examples.length}` };
}

export class WarmUpRecorder {
  readonly #records: Uint8Array[] = [];
  readonly #alike = new Map<string, number>();

  constructor(private readonly options: RecorderOptions) {}

  /** Requests kept so far. */
  get count(): number {
    return this.#records.length;
  }

  get isFull(): boolean {
    return this.count >= this.options.maxRecords;
  }

  /** Keeps the request if it is one to keep. Throws StatusError when it can't be read. */
  add(api: Api, request: Uint8Array): void {
    if (this.isFull) return;
    const { spec, kind } = describe[api](request);
    if (this.options.model !== undefined && spec?.name !== this.options.model) return;
    const key = `${api}|${kind}`;
    const alike = this.#alike.get(key) ?? 0;
    if (alike >= this.options.maxAlike) return;
    this.#alike.set(key, alike + 1);
    this.#records.push(encodePredictionLog(api, request));
  }

  /**
   * Writes the file, whole or not at all, below a version's folder. Returns its path. NOT_FOUND when there is no such
   * folder, ALREADY_EXISTS when it has such a file that is not to be replaced.
   */
  async save(folder: string, replaces: boolean): Promise<string> {
    const path = warmUpPath(folder, replaces);
    const temporary = `${path}.${process.pid}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeTfRecordFile(temporary, this.#records);
      await rename(temporary, path);
    } catch (reason) {
      await rm(temporary, { force: true });
      throw reason;
    }
    return path;
  }
}

/** Where a version's warm-up requests are to be written. Throws as `save` does. */
export function warmUpPath(folder: string, replaces: boolean): string {
  if (!existsSync(folder)) throw notFound(`There is no folder ${folder}`);
  const path = join(folder, WARM_UP_FILE);
  if (existsSync(path) && !replaces) {
    throw new StatusError(Code.ALREADY_EXISTS, `${path} exists; --overwrite replaces it`);
  }
  return path;
}
