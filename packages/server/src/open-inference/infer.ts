/**
 * ModelInfer, whichever way it came: names a model, an input for each of a signature's, and the outputs wanted. It is
 * TensorFlow Serving's Predict in another protocol's words: the same functions answer it, and metrics, traces and
 * request logs have it as a Predict call.
 */
import { invalidArgument, type Tensor } from "@servable/formats";
import { encodePredictRequest, encodePredictResponse } from "../apis/predict-codec.js";
import type { CallSignal } from "../call-abort.js";
import type { LazyTensor, RequestInputs } from "../inference/feeds.js";

import type { ModelSpec, ServedSpec } from "../inference/model-spec.js";
import { predict } from "../inference/predict.js";
import { type Measuring, measured } from "../monitoring/measure.js";
import type { Entrypoint, MeasuredCall } from "../monitoring/metrics.js";
import type { RequestLog } from "../monitoring/request-log.js";
import type { Headers } from "../monitoring/tracing.js";
import type { ServerCore } from "../server-core.js";

/** What both transports answer from. */
export interface OpenInference {
  readonly core: ServerCore;
  readonly checkMethodNames: boolean;
  readonly measuring: Measuring;
  readonly requestLog: RequestLog;
  /** Whether every configured model can answer. */
  readonly isReady: () => boolean;
}

export interface InferRequest {
  readonly spec: ModelSpec;
  /** Of the caller's making, empty when it made none. */
  readonly id: string;
  readonly inputs: RequestInputs;
  /** Names of the outputs wanted; all when empty. */
  readonly outputs: readonly string[];
}

export interface InferResponse {
  readonly spec: ServedSpec;
  readonly id: string;
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/** Who asks: a call's headers, and the signal that is aborted when nobody waits any more. */
export interface InferCaller extends Headers {
  readonly signal: CallSignal;
}

/** Answers a request, and encodes the answer. Throws StatusError. */
export async function infer<Encoded>(
  { core, checkMethodNames, measuring, requestLog }: OpenInference,
  entrypoint: Entrypoint,
  request: InferRequest,
  caller: InferCaller,
  encode: (response: InferResponse) => Encoded,
): Promise<Encoded> {
  const { spec, id, inputs, outputs: outputFilter } = request;
  const call: MeasuredCall = { model: spec.name, api: "Predict", entrypoint };
  const isLogged = requestLog.samples(spec.name);
  return await measured(measuring, call, caller, async (observer) => {
    const options = { checkMethodNames, observer, signal: caller.signal };
    // Before the model runs: it takes the tensors over.
    const logged = isLogged ? encodePredictRequest(spec, decoded(inputs)) : undefined;
    const response = await predict(core, { spec, inputs, outputFilter }, options);
    if (logged !== undefined) {
      requestLog.write({ ...call, request: logged, response: encodePredictResponse(response, true) });
    }
    return encode({ ...response, id });
  });
}

function decoded(inputs: RequestInputs): Map<string, Tensor> {
  return new Map([...inputs].map(([name, input]) => [name, input()]));
}

/** The inputs by their names. INVALID_ARGUMENT for a name that comes twice. */
export function inputsByName(inputs: readonly (readonly [string, LazyTensor])[]): RequestInputs {
  const named = new Map(inputs);
  if (named.size < inputs.length) {
    const names = inputs.map(([name]) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    throw invalidArgument(`input "${twice}" comes more than once`);
  }
  return named;
}

/**
 * The model that a request means: a version in digits is a version, any other text a version's label, and without
 * either the newest version is meant.
 */
export function modelSpecOf(name: string, version: string, signatureName = ""): ModelSpec {
  if (version === "") return { name, signatureName };
  if (!/^\d+$/.test(version)) return { name, signatureName, label: version };
  if (version.length > MAX_VERSION_DIGITS || BigInt(version) >= 2n ** 63n) {
    throw invalidArgument(`model "${name}": the version is beyond 63 bits`);
  }
  return { name, signatureName, version: BigInt(version) };
}

const MAX_VERSION_DIGITS = 19;

/** The parameter of a request that names the signature. */
export const SIGNATURE_NAME = "signature_name";
