/**
 * Classify, Regress and MultiInference (apis/classification.proto, regression.proto, inference.proto). Requests share
 * one layout: the model's spec or the tasks in field 1, the examples in field 2.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, decodeMessage } from "@servable/formats";
import {
  ClassificationResponseSchema,
  type ClassificationResultSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/classification_pb";
import {
  InferenceTaskSchema,
  MultiInferenceResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/inference_pb";
import { ModelSpecSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/model_pb";
import {
  RegressionResponseSchema,
  type RegressionResultSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/regression_pb";
import type { ClassifyRequest, ClassifyResponse, ClassScore } from "../inference/classify.js";
import type { ExampleInput } from "../inference/examples.js";
import type { ModelSpec } from "../inference/model-spec.js";
import type { InferenceResult, InferenceTask, MultiInferenceRequest } from "../inference/multi-inference.js";
import type { RegressRequest, RegressResponse } from "../inference/regress.js";
import { modelSpecFromBytes, modelSpecMessage, modelSpecOf, requestSpecMessage } from "./model-spec-codec.js";
import { forEachField } from "./wire-fields.js";

const MODEL_SPEC = 1;
const TASKS = 1;
const INPUT = 2;

/** A ClassificationRequest or a RegressionRequest. */
export function decodeExamplesRequest(bytes: Uint8Array): ClassifyRequest & RegressRequest {
  let spec: ModelSpec | undefined;
  let input: ExampleInput = { examples: [] };
  forEachField(bytes, "request", (field, value) => {
    if (field === MODEL_SPEC) spec = modelSpecFromBytes(value);
    else if (field === INPUT) input = decodeInput(value);
  });
  return { spec, input };
}

export function decodeMultiInferenceRequest(bytes: Uint8Array): MultiInferenceRequest {
  const tasks: InferenceTask[] = [];
  let input: ExampleInput = { examples: [] };
  forEachField(bytes, "MultiInferenceRequest", (field, value) => {
    if (field === TASKS) tasks.push(decodeTask(value));
    else if (field === INPUT) input = decodeInput(value);
  });
  return { tasks, input };
}

function decodeTask(bytes: Uint8Array): InferenceTask {
  const { modelSpec, methodName } = decodeMessage(InferenceTaskSchema, bytes, "tasks", Code.INTERNAL);
  return { spec: modelSpec && modelSpecOf(modelSpec), methodName };
}

/** A ClassificationRequest or RegressionRequest as a client would have sent it. */
export function encodeExamplesRequest(spec: ModelSpec, { examples, context }: ExampleInput): Uint8Array {
  const list = new BinaryWriter();
  for (const example of examples) list.tag(EXAMPLES, WireType.LengthDelimited).bytes(example);
  if (context !== undefined) list.tag(CONTEXT, WireType.LengthDelimited).bytes(context);
  const kind = context === undefined ? EXAMPLE_LIST : EXAMPLE_LIST_WITH_CONTEXT;
  const input = new BinaryWriter().tag(kind, WireType.LengthDelimited).bytes(list.finish()).finish();
  return new BinaryWriter()
    .tag(MODEL_SPEC, WireType.LengthDelimited)
    .bytes(toBinary(ModelSpecSchema, requestSpecMessage(spec)))
    .tag(INPUT, WireType.LengthDelimited)
    .bytes(input)
    .finish();
}

const EXAMPLE_LIST = 1;
const EXAMPLE_LIST_WITH_CONTEXT = 2;
const EXAMPLES = 1;
const CONTEXT = 2;

/** Input (apis/input.proto), with the examples as the bytes they came in. */
function decodeInput(bytes: Uint8Array): ExampleInput {
  let input: ExampleInput = { examples: [] };
  forEachField(bytes, "Input", (field, list) => {
    if (field !== EXAMPLE_LIST && field !== EXAMPLE_LIST_WITH_CONTEXT) return;
    const examples: Uint8Array[] = [];
    let context: Uint8Array | undefined;
    forEachField(list, "Input's examples", (listField, value) => {
      if (listField === EXAMPLES) examples.push(value);
      else if (listField === CONTEXT && field === EXAMPLE_LIST_WITH_CONTEXT) context = value;
    });
    input = context === undefined ? { examples } : { examples, context };
  });
  return input;
}

export function encodeClassificationResponse({ spec, classifications }: ClassifyResponse): Uint8Array {
  const message = create(ClassificationResponseSchema, {
    modelSpec: modelSpecMessage(spec),
    result: classificationResult(classifications),
  });
  return toBinary(ClassificationResponseSchema, message);
}

export function encodeRegressionResponse({ spec, values }: RegressResponse): Uint8Array {
  const message = create(RegressionResponseSchema, {
    modelSpec: modelSpecMessage(spec),
    result: regressionResult(values),
  });
  return toBinary(RegressionResponseSchema, message);
}

export function encodeMultiInferenceResponse(results: readonly InferenceResult[]): Uint8Array {
  const message = create(MultiInferenceResponseSchema, {
    results: results.map((result) => ({
      modelSpec: modelSpecMessage(result.spec),
      result:
        result.kind === "classify"
          ? {
              case: "classificationResult" as const,
              value: classificationResult(result.classifications),
            }
          : { case: "regressionResult" as const, value: regressionResult(result.values) },
    })),
  });
  return toBinary(MultiInferenceResponseSchema, message);
}

function classificationResult(
  classifications: readonly (readonly ClassScore[])[],
): MessageInitShape<typeof ClassificationResultSchema> {
  return { classifications: classifications.map((classes) => ({ classes: [...classes] })) };
}

function regressionResult(values: Float32Array): MessageInitShape<typeof RegressionResultSchema> {
  return { regressions: Array.from(values, (value) => ({ value })) };
}
