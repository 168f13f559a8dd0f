/**
 * Classify: tf.Examples in, labels and scores out. A model may return either or both. Follows
 * servables/tensorflow/classifier.cc.
 */
import {
  CLASSIFY_METHOD,
  dataTypeName,
  decodeText,
  dtypeNumber,
  invalidArgument,
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

export interface ClassifyRequest {
  readonly spec: ModelSpec | undefined;
  readonly input: ExampleInput;
}

/** Of what the model does not return, labels are empty and scores 0. */
export interface ClassScore {
  readonly label: string;
  readonly score: number;
}

export interface ClassifyResponse {
  readonly spec: ServedSpec;
  /** For each example its classes, in the model's order. */
  readonly classifications: readonly (readonly ClassScore[])[];
}

const INPUTS = "inputs";
const CLASSES = "classes";
const SCORES = "scores";

export async function classify(
  models: Models,
  request: ClassifyRequest,
  options: InferenceOptions,
): Promise<ClassifyResponse> {
  const spec = requireSpec(request.spec);
  return await withModel(models, spec, async (model, version) => {
    const signatureName = signatureNameOf(spec);
    const classifications = await runClassify(model, signatureName, request.input, options);
    return { spec: { name: spec.name, version, signatureName }, classifications };
  });
}

/** The classes of each example, by one signature of a model. */
export async function runClassify(
  model: ServedModel,
  signatureName: string,
  input: ExampleInput,
  options: InferenceOptions,
): Promise<readonly (readonly ClassScore[])[]> {
  const signature = model.signatures.get(signatureName);
  if (signature === undefined) {
    throw invalidArgument(`No signature was found with the name: ${signatureName}`);
  }
  checkClassifySignature(signature, options);
  const examples = exampleTensor(input);
  const feeds = feedsOf(signature, new Map([[INPUTS, () => examples]]));
  const fetches = [CLASSES, SCORES].filter((name) => signature.outputs.has(name));
  const outputs = await runModel(model, signatureName, feeds, fetches, options);
  options.observer?.examples(examples.data.length);
  return classesOf(outputs.get(CLASSES), outputs.get(SCORES), examples.data.length);
}

/** INVALID_ARGUMENT when the signature is none for Classify. */
export function checkClassifySignature(signature: Signature, options: InferenceOptions): void {
  const { methodName, inputs, outputs } = signature;
  if (options.checkMethodNames && methodName !== CLASSIFY_METHOD) {
    throw invalidArgument(
      `Expected classification signature method_name to be ${CLASSIFY_METHOD}. Was: ${methodName}`,
    );
  }
  if (inputs.size !== 1) throw invalidArgument("Expected one input Tensor.");
  if (outputs.size !== 1 && outputs.size !== 2) {
    throw invalidArgument(`Expected one or two output Tensors, found ${outputs.size}`);
  }
  if (!inputs.has(INPUTS)) {
    throw invalidArgument(
      `No classification inputs found in SignatureDef: ${signature.name}, which has {${[...inputs.keys()].join(",")}}`,
    );
  }
  if (!outputs.has(CLASSES) && !outputs.has(SCORES)) {
    throw invalidArgument(
      `Expected classification signature outputs to contain at least one of "${CLASSES}" or "${SCORES}". ` +
        `Signature was: ${signature.name}, which has {${[...outputs.keys()].join(",")}}`,
    );
  }
}

function classesOf(
  classes: Tensor | undefined,
  scores: Tensor | undefined,
  examples: number,
): readonly (readonly ClassScore[])[] {
  const labels = classes === undefined ? undefined : checkOutput(classes, "classes", "string", examples);
  const values = scores === undefined ? undefined : checkOutput(scores, "scores", "float32", examples);
  const width = (labels ?? values)?.shape[1] ?? 0;
  if (labels !== undefined && values !== undefined && values.shape[1] !== width) {
    throw invalidArgument(
      `Tensors class and score should match in dim_size(1). Got ${width} vs. ${values.shape[1]}`,
    );
  }
  return Array.from({ length: examples }, (_, row) =>
    Array.from({ length: width }, (_, column) => {
      const label = labels?.data[row * width + column] as Uint8Array | undefined;
      return {
        label: label === undefined ? "" : decodeText(label),
        score: Number(values?.data[row * width + column] ?? 0),
      };
    }),
  );
}

function checkOutput(output: Tensor, name: string, dtype: "string" | "float32", examples: number): Tensor {
  if (output.shape.length !== 2) {
    throw invalidArgument(
      `Expected Tensor shape: [batch_size num_classes] but got ${shapeText(output.shape)}`,
    );
  }
  if (output.dtype !== dtype) {
    throw invalidArgument(
      `Expected ${name} Tensor of ${dataTypeName(dtypeNumber(dtype))}. Got: ` +
        dataTypeName(dtypeNumber(output.dtype)),
    );
  }
  if (output.shape[0] !== examples) {
    throw invalidArgument(`Expected ${name} output batch size of ${examples}. Got: ${output.shape[0]}`);
  }
  return output;
}
