/**
 * MultiInference: several Classify and Regress signatures of one model on the same examples. Follows
 * servables/tensorflow/multi_inference.cc.
 */
import {
  CLASSIFY_METHOD,
  invalidArgument,
  REGRESS_METHOD,
  type Signature,
  unimplemented,
} from "@servable/formats";
import type { ServedModel } from "../servables/served-model.js";
import { type Classifications, checkClassifySignature, runClassify } from "./classify.js";
import { type ExampleInput, exampleTensor } from "./examples.js";
import type { InferenceOptions } from "./inference-options.js";
import {
  type ModelSpec,
  type Models,
  requireSpec,
  type ServedSpec,
  signatureNameOf,
  withModel,
} from "./model-spec.js";
import { checkRegressSignature, runRegress } from "./regress.js";

export interface InferenceTask {
  readonly spec: ModelSpec | undefined;
  /** "tensorflow/serving/classify" or "tensorflow/serving/regress". */
  readonly methodName: string;
}

export interface MultiInferenceRequest {
  readonly tasks: readonly InferenceTask[];
  readonly input: ExampleInput;
}

export type InferenceResult = { readonly spec: ServedSpec } & InferenceValues;

type InferenceValues =
  | { readonly kind: "classify"; readonly classifications: Classifications }
  | { readonly kind: "regress"; readonly values: Float32Array };

/** One result for each task, in their order. */
export async function multiInference(
  models: Models,
  request: MultiInferenceRequest,
  options: InferenceOptions,
): Promise<InferenceResult[]> {
  const first = request.tasks[0];
  if (first === undefined) throw invalidArgument("A MultiInference request needs at least one task.");
  const spec = requireSpec(first.spec);
  return await withModel(models, spec, async (model, version) => {
    const values = await runMultiInference(model, request, options);
    return values.map((value, i) => {
      const signatureName = signatureNameOf(request.tasks[i]?.spec);
      return { spec: { name: spec.name, version, signatureName }, ...value };
    });
  });
}

/** The results of one model for a request's tasks. */
export async function runMultiInference(
  model: ServedModel,
  request: MultiInferenceRequest,
  options: InferenceOptions,
): Promise<InferenceValues[]> {
  checkTasks(model, request, options);
  return await Promise.all(
    request.tasks.map(({ spec, methodName }) =>
      runTask(model, signatureNameOf(spec), methodName, request.input, options),
    ),
  );
}

async function runTask(
  model: ServedModel,
  signatureName: string,
  methodName: string,
  input: ExampleInput,
  options: InferenceOptions,
): Promise<InferenceValues> {
  if (methodName === CLASSIFY_METHOD) {
    return {
      kind: "classify",
      classifications: await runClassify(model, signatureName, input, options),
    };
  }
  return { kind: "regress", values: await runRegress(model, signatureName, input, options) };
}

/** All tasks are checked before the first one runs. */
function checkTasks(
  model: ServedModel,
  { tasks, input }: MultiInferenceRequest,
  options: InferenceOptions,
): void {
  const seen = new Set<string>();
  for (const { spec: taskSpec, methodName } of tasks) {
    const spec = requireSpec(taskSpec);
    checkModelName(spec, tasks[0]?.spec);
    const signatureName = signatureNameOf(spec);
    if (seen.has(signatureName)) {
      throw invalidArgument(`Duplicate evaluation of signature: ${signatureName}`);
    }
    seen.add(signatureName);
    const signature = model.signatures.get(signatureName);
    if (signature === undefined) {
      throw invalidArgument(`Requested signature not found in model graph: ${signatureName}`);
    }
    checkMethod(signature, methodName, options);
  }
  exampleTensor(input);
}

function checkModelName(spec: ModelSpec, first: ModelSpec | undefined): void {
  if (spec.name === "") throw invalidArgument("Found ModelSpec with an empty model name.");
  if (spec.name !== first?.name) {
    throw invalidArgument("All ModelSpecs in a MultiInferenceRequest must access the same model name.");
  }
}

function checkMethod(signature: Signature, methodName: string, options: InferenceOptions): void {
  if (methodName === CLASSIFY_METHOD) checkClassifySignature(signature, options);
  else if (methodName === REGRESS_METHOD) checkRegressSignature(signature, options);
  else throw unimplemented(`Unsupported signature method_name: ${methodName}`);
}
