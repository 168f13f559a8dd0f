/**
 * Warm-up by a model's own requests: they are run before it becomes available, so that what the engine does at the
 * first run is done by then. They lie in assets.extra/tf_serving_warmup_requests, a TFRecord file of PredictionLog
 * messages (docs: saved_model_warmup.md; source: servables/tensorflow/saved_model_warmup_util.cc).
 *
 * A request that fails fails the load, as in TensorFlow Serving.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { invalidArgument, readTfRecordFile, StatusError } from "@servable/formats";
import { decodeExamplesRequest, decodeMultiInferenceRequest } from "../apis/examples-codec.js";
import { decodePredictRequest } from "../apis/predict-codec.js";
import { requestsOfPredictionLog } from "../apis/prediction-log-codec.js";
import { decodeSessionRunRequest } from "../apis/session-codec.js";
import { runClassify } from "../inference/classify.js";
import type { InferenceOptions } from "../inference/inference-options.js";
import { signatureNameOf } from "../inference/model-spec.js";
import { runMultiInference } from "../inference/multi-inference.js";
import { runPredict } from "../inference/predict.js";
import { runRegress } from "../inference/regress.js";
import { runSession } from "../inference/session-run.js";
import type { Api } from "../monitoring/metrics.js";
import type { ServedModel } from "../servables/served-model.js";

/** Below a version's folder. */
export const WARM_UP_FILE = join("assets.extra", "tf_serving_warmup_requests");
/** A file with more records is refused. */
export const MAX_WARM_UP_RECORDS = 1000;

type Run = (model: ServedModel, request: Uint8Array, options: InferenceOptions) => Promise<unknown>;

const runs: Readonly<Record<Api, Run>> = {
  Classify: (model, bytes, options) => {
    const { spec, input } = decodeExamplesRequest(bytes);
    return runClassify(model, signatureNameOf(spec), input, options);
  },
  Regress: (model, bytes, options) => {
    const { spec, input } = decodeExamplesRequest(bytes);
    return runRegress(model, signatureNameOf(spec), input, options);
  },
  MultiInference: (model, bytes, options) =>
    runMultiInference(model, decodeMultiInferenceRequest(bytes), options),
  SessionRun: (model, bytes, options) => runSession(model, decodeSessionRunRequest(bytes), options),
  Predict: (model, bytes, options) => runPredict(model, decodePredictRequest(bytes), options),
};

/** Whether the model in `folder` brings warm-up requests along. */
export function hasWarmUp(folder: string): boolean {
  return existsSync(join(folder, WARM_UP_FILE));
}

/**
 * Runs the warm-up requests of the model in `folder`, each so many times.
 * What a request fails with, or DATA_LOSS for a damaged file, with its name and the record's number.
 */
export async function replayWarmUp(
  model: ServedModel,
  folder: string,
  iterations: number,
  options: InferenceOptions,
): Promise<void> {
  const path = join(folder, WARM_UP_FILE);
  let record = 0;
  for await (const log of readTfRecordFile(path)) {
    if (++record > MAX_WARM_UP_RECORDS) {
      throw invalidArgument(`${path}: Number of warmup records exceeds the maximum (${MAX_WARM_UP_RECORDS})`);
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
  const logged = requestsOfPredictionLog(log);
  if (logged === undefined) return;
  for (const request of logged.requests) await runs[logged.api](model, request, options);
}
