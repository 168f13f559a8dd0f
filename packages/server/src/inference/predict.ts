/**
 * Predict: named tensors in, named tensors out. Follows servables/tensorflow/predict_util.cc.
 */
import {
  CLASSIFY_METHOD,
  failedPrecondition,
  internal,
  PREDICT_METHOD,
  REGRESS_METHOD,
  type Signature,
  type Tensor,
} from "@servable/formats";
import type { ServedModel } from "../servables/served-model.js";
import { feedsOf, fetchesOf, type RequestInputs } from "./feeds.js";
import type { InferenceOptions } from "./inference-options.js";
import {
  type ModelSpec,
  type Models,
  requireSpec,
  type ServedSpec,
  signatureNameOf,
  withModel,
} from "./model-spec.js";
import { runModel } from "./run-model.js";

export interface PredictRequest {
  readonly spec: ModelSpec | undefined;
  readonly inputs: RequestInputs;
  /** Names of the outputs wanted; all when empty. */
  readonly outputFilter: readonly string[];
}

export interface PredictResponse {
  readonly spec: ServedSpec;
  readonly outputs: ReadonlyMap<string, Tensor>;
}

export async function predict(
  models: Models,
  request: PredictRequest,
  options: InferenceOptions,
): Promise<PredictResponse> {
  const spec = requireSpec(request.spec);
  return await withModel(models, spec, async (model, version) => {
    const outputs = await runPredict(model, request, options);
    return { spec: { name: spec.name, version, signatureName: signatureNameOf(spec) }, outputs };
  });
}

/** The outputs of one model for a request, whichever model that names. */
export async function runPredict(
  model: ServedModel,
  request: PredictRequest,
  options: InferenceOptions,
): Promise<ReadonlyMap<string, Tensor>> {
  const name = signatureNameOf(request.spec);
  const signature = model.signatures.get(name);
  if (signature === undefined) throw failedPrecondition(`Serving signature key "${name}" not found.`);
  if (options.checkMethodNames) checkMethodName(signature);
  const feeds = feedsOf(signature, request.inputs);
  const fetches = fetchesOf(signature, request.outputFilter);
  return await runModel(model, name, feeds, fetches, options);
}

const methodNames = [PREDICT_METHOD, CLASSIFY_METHOD, REGRESS_METHOD];

function checkMethodName({ methodName }: Signature): void {
  if (methodNames.includes(methodName)) return;
  throw internal(
    `Expected prediction signature method_name to be one of {${methodNames.join(", ")}}. Was: ${methodName}`,
  );
}
