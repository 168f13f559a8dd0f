/** Regress: tf.Examples in, one number for each out. Follows servables/tensorflow/regressor.cc. */
import {
  dataTypeName,
  dtypeNumber,
  invalidArgument,
  REGRESS_METHOD,
  type Signature,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { ServedModel } from "../servables/served-model.js";
import type { ExampleInput } from "./examples.js";
import type { InferenceOptions } from "./inference-options.js";
import type { Models, ServedSpec } from "./model-spec.js";
import {
  answerExamples,
  type ExamplesMethod,
  type ExamplesRequest,
  INPUTS,
  runExamples,
} from "./run-examples.js";

export type RegressRequest = ExamplesRequest;

export interface RegressResponse {
  readonly spec: ServedSpec;
  /** One value for each example. */
  readonly values: Float32Array;
}

const OUTPUTS = "outputs";

const method: ExamplesMethod<Float32Array> = {
  check: checkRegressSignature,
  outputs: [OUTPUTS],
  read: (outputs, examples) => valuesOf(outputs.get(OUTPUTS), examples),
};

export async function regress(
  models: Models,
  request: RegressRequest,
  options: InferenceOptions,
): Promise<RegressResponse> {
  const { spec, result } = await answerExamples(method, models, request, options);
  return { spec, values: result };
}

/** The value of each example, by one signature of a model. */
export function runRegress(
  model: ServedModel,
  signatureName: string,
  input: ExampleInput,
  options: InferenceOptions,
): Promise<Float32Array> {
  return runExamples(method, model, signatureName, input, options);
}

/** INVALID_ARGUMENT when the signature is none for Regress. */
export function checkRegressSignature(signature: Signature, options: InferenceOptions): void {
  const { methodName, inputs, outputs } = signature;
  if (options.checkMethodNames && methodName !== REGRESS_METHOD) {
    throw invalidArgument(
      `Expected regression signature method_name to be ${REGRESS_METHOD}. Was: ${methodName}`,
    );
  }
  if (inputs.size !== 1) throw invalidArgument("Expected one input Tensor.");
  if (outputs.size !== 1) throw invalidArgument("Expected one output Tensor.");
  for (const [kind, name, tensors] of [
    ["inputs", INPUTS, inputs],
    ["outputs", OUTPUTS, outputs],
  ] as const) {
    if (tensors.has(name)) continue;
    throw invalidArgument(
      `No regression ${kind} found in SignatureDef: ${signature.name}, which has {${[...tensors.keys()].join(",")}}`,
    );
  }
}

function valuesOf(output: Tensor | undefined, examples: number): Float32Array {
  if (output === undefined) throw invalidArgument(`Could not find output tensor '${OUTPUTS}'`);
  const { shape } = output;
  if (!(shape.length === 1 || (shape.length === 2 && shape[1] === 1))) {
    throw invalidArgument(
      `Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got ${shapeText(shape)}`,
    );
  }
  if (shape[0] !== examples) {
    throw invalidArgument(`Input batch size did not match output batch size: ${examples} vs. ${shape[0]}`);
  }
  if (output.dtype !== "float32") {
    throw invalidArgument(
      `Expected output Tensor of DT_FLOAT. Got: ${dataTypeName(dtypeNumber(output.dtype))}`,
    );
  }
  return output.data;
}
