/** What Classify and Regress share: tf.Examples go to the only input of a signature, whose outputs tell of each. */
import { invalidArgument, type Signature, type Tensor } from "@servable/formats";
import type { ServedModel } from "../servables/served-model.js";
import { type ExampleInput, exampleTensor } from "./examples.js";
import { feedsOf } from "./feeds.js";
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

/** The name of the input. */
export const INPUTS = "inputs";

export interface ExamplesRequest {
  readonly spec: ModelSpec | undefined;
  readonly input: ExampleInput;
}

/** What one of the two makes of a signature. */
export interface ExamplesMethod<R> {
  /** INVALID_ARGUMENT when the signature is none for it. */
  readonly check: (signature: Signature, options: InferenceOptions) => void;
  /** The outputs that it reads, where the signature has them. */
  readonly outputs: readonly string[];
  readonly read: (outputs: ReadonlyMap<string, Tensor>, examples: number) => R;
}

/** What the model that a request means tells of its examples. */
export async function answerExamples<R>(
  method: ExamplesMethod<R>,
  models: Models,
  request: ExamplesRequest,
  options: InferenceOptions,
): Promise<{ readonly spec: ServedSpec; readonly result: R }> {
  const spec = requireSpec(request.spec);
  return await withModel(models, spec, async (model, version) => {
    const signatureName = signatureNameOf(spec);
    const result = await runExamples(method, model, signatureName, request.input, options);
    return { spec: { name: spec.name, version, signatureName }, result };
  });
}

/** What one signature of a model tells of examples. INVALID_ARGUMENT when there is no such signature. */
export async function runExamples<R>(
  method: ExamplesMethod<R>,
  model: ServedModel,
  signatureName: string,
  input: ExampleInput,
  options: InferenceOptions,
): Promise<R> {
  const signature = model.signatures.get(signatureName);
  if (signature === undefined) {
    throw invalidArgument(`No signature was found with the name: ${signatureName}`);
  }
  method.check(signature, options);
  const examples = exampleTensor(input);
  const feeds = feedsOf(signature, new Map([[INPUTS, () => examples]]));
  const fetches = method.outputs.filter((name) => signature.outputs.has(name));
  const outputs = await runModel(model, signatureName, feeds, fetches, options);
  options.observer?.examples(examples.data.length);
  return method.read(outputs, examples.data.length);
}
