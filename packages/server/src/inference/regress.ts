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

export interface RegressRequest {
  readonly spec: ModelSpec | undefined;
  readonly input: ExampleInput;
}

export interface RegressResponse {
  readonly spec: ServedSpec;
  /** One value for each example. */
  readonly values: Float32Array;
}

const INPUTS = "inputs";
const OUTPUTS = "outputs";

export async function regress(
  models: Models,
  request: RegressRequest,
  options: InferenceOptions,
): Promise<RegressResponse> {
  const spec = requireSpec(request.spec);
  return await withModel(models, spec, async (model, version) => {
    const signatureName = signatureNameOf(spec);
    const values = await runRegress(model, signatureName, request.input, options);
    return { spec: { name: spec.name, version, signatureName }, values };
  });
}

/** The value of each example, by one signature of a model. */
export async function runRegress(
  model: ServedModel,
  signatureName: string,
  input: ExampleInput,
  options: InferenceOptions,
): Promise<Float32Array> {
  const signature = model.signatures.get(signatureName);
  if (signature === undefined) {
    throw invalidArgument(`No signature was found with the name: ${signatureName}`);
  }
  checkRegressSignature(signature, options);
  const examples = exampleTensor(input);
  const feeds = feedsOf(signature, new Map([[INPUTS, () => examples]]));
  const outputs = await runModel(model, signatureName, feeds, [OUTPUTS], options);
  options.observer?.examples(examples.data.length);
  return valuesOf(outputs.get(OUTPUTS), examples.data.length);
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
