/**
 * Warm-up: the requests that a model brings along are run before it becomes available, so that what the engine does
 * at the first run is done by then. They lie in assets.extra/tf_serving_warmup_requests, a TFRecord file of
 * PredictionLog messages (docs: saved_model_warmup.md; source: servables/tensorflow/saved_model_warmup_util.cc).
 *
 * A request that fails fails the load, as in TensorFlow Serving.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { invalidArgument, readTfRecordFile, StatusError, unimplemented } from "@servable/formats";
import { decodeExamplesRequest, decodeMultiInferenceRequest } from "./apis/examples-codec.js";
import { decodePredictRequest } from "./apis/predict-codec.js";
import { forEachField } from "./apis/wire-fields.js";
import { runClassify } from "./inference/classify.js";
import type { InferenceOptions } from "./inference/inference-options.js";
import { signatureNameOf } from "./inference/model-spec.js";
import { runMultiInference } from "./inference/multi-inference.js";
import { runPredict } from "./inference/predict.js";
import { runRegress } from "./inference/regress.js";
import type { ServedModel } from "./servables/served-model.js";

const REQUESTS_FILE = join("assets.extra", "tf_serving_warmup_requests");
const MAX_RECORDS = 1000;

type Run = (model: ServedModel, request: Uint8Array, options: InferenceOptions) => Promise<unknown>;

/** How each log of a PredictionLog is run, by its field number. */
const runs = new Map<number, Run>([
  [
    2,
    (model, bytes, options) => {
      const { spec, input } = decodeExamplesRequest(bytes);
      return runClassify(model, signatureNameOf(spec), input, options);
    },
  ],
  [
    3,
    (model, bytes, options) => {
      const { spec, input } = decodeExamplesRequest(bytes);
      return runRegress(model, signatureNameOf(spec), input, options);
    },
  ],
  [4, (model, bytes, options) => runMultiInference(model, decodeMultiInferenceRequest(bytes), options)],
  [6, (model, bytes, options) => runPredict(model, decodePredictRequest(bytes), options)],
]);
const UNSUPPORTED = new Map([
  [5, "session_run_log"],
  [7, "predict_streamed_log"],
]);
const REQUEST = 1;

/** Whether the model in `folder` brings warm-up requests along. */
export function hasWarmUp(folder: string): boolean {
  return existsSync(join(folder, REQUESTS_FILE));
}

/**
 * Runs the warm-up requests of the model in `folder`, each so many times.
 * What a request fails with, or DATA_LOSS for a damaged file, with its name and the record's number.
 */
export async function runWarmUp(
  model: ServedModel,
  folder: string,
  iterations: number,
  options: InferenceOptions,
): Promise<void> {
  const path = join(folder, REQUESTS_FILE);
  let record = 0;
  for await (const log of readTfRecordFile(path)) {
    if (++record > MAX_RECORDS) {
      throw invalidArgument(`${path}: Number of warmup records exceeds the maximum (${MAX_RECORDS})`);
    }
    try {
      for (let i = 0; i < iterations; i++) await replay(model, log, options);
    } catch (reason) {
      const { code, message } = StatusError.from(reason);
      throw new StatusError(code, `${path}: warm-up record ${record}: ${message}`, { cause: reason });
    }
  }
}

async function replay(model: ServedModel, log: Uint8Array, options: InferenceOptions): Promise<void> {
  const pending: Promise<unknown>[] = [];
  forEachField(log, "PredictionLog", (kind, body) => {
    const unsupported = UNSUPPORTED.get(kind);
    if (unsupported !== undefined) throw unimplemented(`Unsupported log_type for warmup: ${unsupported}`);
    const run = runs.get(kind);
    if (run === undefined) return;
    forEachField(body, "PredictionLog", (field, request) => {
      if (field === REQUEST) pending.push(run(model, request, options));
    });
  });
  await Promise.all(pending);
}
