/**
 * Signatures for a SavedModel that is being built: SignatureDef and TensorInfo of
 * tensorflow/core/protobuf/meta_graph.proto, after tf.compat.v1.saved_model.signature_def_utils. Their keys and method
 * names are what TensorFlow Serving looks for.
 */
import { create } from "@bufbuild/protobuf";
import { dataTypeName, dtypeNumber } from "../dtype.js";
import type { Operation, Output } from "../graph-builder/operation.js";
import {
  type SignatureDef,
  SignatureDefSchema,
  type TensorInfo,
  TensorInfoSchema,
} from "../protobuf/gen/tensorflow/core/protobuf/meta_graph_pb.js";
import { invalidArgument } from "../status.js";
import type { Tensor } from "../tensor.js";
import { shapeToProto, tensorToProto } from "../tensor-proto.js";
import { CLASSIFY_METHOD, PREDICT_METHOD, REGRESS_METHOD } from "./signature.js";

/** Key of the serialized examples in signatures of the Classify and Regress APIs. */
export const EXAMPLES_INPUT = "inputs";
/** Keys of what a classifier gives. */
export const CLASSES_OUTPUT = "classes";
export const SCORES_OUTPUT = "scores";
/** Key of what a regressor gives. */
export const REGRESSION_OUTPUT = "outputs";

/** A tensor of the graph, or what is to be said of it. */
export type TensorInfoInput = Output | TensorInfo;

/**
 * Name, dtype and shape of a tensor, as the graph declares them.
 *
 * @example
 * const x = new GraphBuilder().placeholder("float32", [-1], { name: "x" });
 * assert.deepEqual(buildTensorInfo(x).encoding, { case: "name", value: "x:0" });
 */
export function buildTensorInfo(output: Output): TensorInfo {
  return create(TensorInfoSchema, {
    encoding: { case: "name", value: output.name },
    dtype: output.type,
    tensorShape: shapeToProto(output.shape),
  });
}

/**
 * A sparse tensor made of three: one input or output of a signature.
 *
 * @example
 * const graph = new GraphBuilder();
 * const info = buildSparseTensorInfo({
 *   indices: graph.placeholder("int64", [-1, 2], { name: "indices" }),
 *   values: graph.placeholder("float32", [-1], { name: "values" }),
 *   denseShape: graph.placeholder("int64", [2], { name: "shape" }),
 * });
 * assert.equal(info.encoding.case, "cooSparse");
 */
export function buildSparseTensorInfo(sparse: {
  readonly indices: Output;
  readonly values: Output;
  readonly denseShape: Output;
}): TensorInfo {
  const { indices, values, denseShape } = sparse;
  const rank = denseShape.shape?.[0] ?? -1;
  return create(TensorInfoSchema, {
    encoding: {
      case: "cooSparse",
      value: {
        indicesTensorName: indices.name,
        valuesTensorName: values.name,
        denseShapeTensorName: denseShape.name,
      },
    },
    dtype: values.type,
    tensorShape: shapeToProto(rank < 0 ? null : new Array<number>(rank).fill(-1)),
  });
}

/** What a signature is made of. */
export interface SignatureParts {
  readonly inputs: Readonly<Record<string, TensorInfoInput>>;
  readonly outputs: Readonly<Record<string, TensorInfoInput>>;
  /** One of the method names of signature.ts, or any other for Predict. */
  readonly methodName: string;
  /** Values of inputs that a request may leave out. */
  readonly defaults?: Readonly<Record<string, Tensor>>;
}

/**
 * INVALID_ARGUMENT when a default is for no input, or of another dtype.
 *
 * @example
 * const x = new GraphBuilder().placeholder("float32", [], { name: "x" });
 * const defaults = { x: tensor("float32", [], Float32Array.of(1)) };
 * const signature = buildSignatureDef({ inputs: { x }, outputs: { y: x }, methodName: PREDICT_METHOD, defaults });
 * assert.deepEqual(Object.keys(signature.defaults), ["x"]);
 */
export function buildSignatureDef({
  inputs,
  outputs,
  methodName,
  defaults = {},
}: SignatureParts): SignatureDef {
  const inputInfos = tensorInfos(inputs);
  for (const [name, { dtype }] of Object.entries(defaults)) {
    const expected = inputInfos[name]?.dtype;
    if (expected === dtypeNumber(dtype)) continue;
    throw invalidArgument(
      expected === undefined
        ? `Default value for "${name}", which is no input; there are ${Object.keys(inputs).join(", ") || "none"}`
        : `Default value for input "${name}" must be ${dataTypeName(expected)}, got ${dtype}`,
    );
  }
  return create(SignatureDefSchema, {
    inputs: inputInfos,
    outputs: tensorInfos(outputs),
    methodName,
    defaults: Object.fromEntries(
      Object.entries(defaults).map(([name, value]) => [name, tensorToProto(value, { asContent: true })]),
    ),
  });
}

/**
 * A signature for the Predict API. INVALID_ARGUMENT without inputs or outputs.
 *
 * @example
 * const x = new GraphBuilder().placeholder("float32", [-1], { name: "x" });
 * const signature = predictSignatureDef({ x }, { y: x });
 * assert.equal(signature.methodName, "tensorflow/serving/predict");
 */
export function predictSignatureDef(
  inputs: Readonly<Record<string, TensorInfoInput>>,
  outputs: Readonly<Record<string, TensorInfoInput>>,
): SignatureDef {
  if (Object.keys(inputs).length === 0) throw invalidArgument("A predict signature needs at least one input");
  if (Object.keys(outputs).length === 0)
    throw invalidArgument("A predict signature needs at least one output");
  return buildSignatureDef({ inputs, outputs, methodName: PREDICT_METHOD });
}

/**
 * A signature for the Classify API.
 *
 * @param examples serialized tf.Examples: string [batch]
 * @param results labels: string [batch, n], scores: float32 [batch, n], or one of them
 *
 * @example
 * const graph = new GraphBuilder();
 * const examples = graph.placeholder("string", [-1]);
 * const scores = graph.placeholder("float32", [-1, 3]);
 * assert.deepEqual(Object.keys(classificationSignatureDef(examples, { scores }).outputs), ["scores"]);
 */
export function classificationSignatureDef(
  examples: Output,
  results: { readonly classes?: Output; readonly scores?: Output },
): SignatureDef {
  const { classes, scores } = results;
  if (classes === undefined && scores === undefined) {
    throw invalidArgument("A classification signature needs classes or scores");
  }
  requireType("Classification input", examples, "string");
  if (classes !== undefined) requireType("Classification classes", classes, "string");
  if (scores !== undefined) requireType("Classification scores", scores, "float32");
  return buildSignatureDef({
    inputs: { [EXAMPLES_INPUT]: examples },
    outputs: {
      ...(classes !== undefined && { [CLASSES_OUTPUT]: classes }),
      ...(scores !== undefined && { [SCORES_OUTPUT]: scores }),
    },
    methodName: CLASSIFY_METHOD,
  });
}

/**
 * A signature for the Regress API.
 *
 * @param examples serialized tf.Examples: string [batch]
 * @param predictions float32 [batch] or [batch, 1]
 *
 * @example
 * const graph = new GraphBuilder();
 * const signature = regressionSignatureDef(graph.placeholder("string", [-1]), graph.placeholder("float32", [-1]));
 * assert.equal(signature.methodName, "tensorflow/serving/regress");
 */
export function regressionSignatureDef(examples: Output, predictions: Output): SignatureDef {
  requireType("Regression input", examples, "string");
  requireType("Regression output", predictions, "float32");
  return buildSignatureDef({
    inputs: { [EXAMPLES_INPUT]: examples },
    outputs: { [REGRESSION_OUTPUT]: predictions },
    methodName: REGRESS_METHOD,
  });
}

/**
 * A signature that names an operation rather than tensors, as loaders find a model's main op.
 *
 * @example
 * const graph = new GraphBuilder();
 * const signature = opSignatureDef(graph.group([], { name: "init" }), "__saved_model_init_op");
 * assert.deepEqual(Object.keys(signature.outputs), ["__saved_model_init_op"]);
 */
export function opSignatureDef(operation: Operation, key: string): SignatureDef {
  const info = create(TensorInfoSchema, {
    encoding: { case: "name", value: operation.name },
    tensorShape: {},
  });
  return create(SignatureDefSchema, { outputs: { [key]: info } });
}

function requireType(what: string, output: Output, dtype: "string" | "float32"): void {
  if (output.type === dtypeNumber(dtype)) return;
  throw invalidArgument(`${what} "${output.name}" must be ${dtype}, got ${dataTypeName(output.type)}`);
}

function tensorInfos(tensors: Readonly<Record<string, TensorInfoInput>>): Record<string, TensorInfo> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, input]) => [
      name,
      "operation" in input ? buildTensorInfo(input) : input,
    ]),
  );
}
