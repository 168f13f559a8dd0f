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

export type ClassifyRequest = ExamplesRequest;

/** Of what the model does not return, labels are empty and scores 0. */
export interface ClassScore {
  readonly label: string;
  readonly score: number;
}

/** For each example its classes, in the model's order. */
export type Classifications = readonly (readonly ClassScore[])[];

export interface ClassifyResponse {
  readonly spec: ServedSpec;
  readonly classifications: Classifications;
}

const CLASSES = "classes";
const SCORES = "scores";

const method: ExamplesMethod<Classifications> = {
  check: checkClassifySignature,
  outputs: [CLASSES, SCORES],
  read: (outputs, examples) => classesOf(outputs.get(CLASSES), outputs.get(SCORES), examples),
};

export async function classify(
  models: Models,
  request: ClassifyRequest,
  options: InferenceOptions,
): Promise<ClassifyResponse> {
  const { spec, result } = await answerExamples(method, models, request, options);
  return { spec, classifications: result };
}

/** The classes of each example, by one signature of a model. */
export function runClassify(
  model: ServedModel,
  signatureName: string,
  input: ExampleInput,
  options: InferenceOptions,
): Promise<Classifications> {
  return runExamples(method, model, signatureName, input, options);
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
): Classifications {
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
