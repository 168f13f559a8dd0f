/**
 * Signatures for a SessionBundle that is being exported: tensorflow_serving/session_bundle/manifest.proto, as
 * regression_signature and its siblings in tensorflow/contrib/session_bundle/exporter.py make them.
 */
import { create } from "@bufbuild/protobuf";
import type { Output } from "../graph-builder/operation.js";
import {
  type Signature,
  SignatureSchema,
} from "../protobuf/gen/tensorflow_serving/session_bundle/manifest_pb.js";
import { invalidArgument } from "../status.js";

/**
 * @param input serialized tf.Examples: string [batch]
 * @param output float32 [batch] or [batch, 1]
 *
 * @example
 * const graph = new GraphBuilder();
 * const signature = regressionSignature(graph.placeholder("string", [-1]), graph.placeholder("float32", [-1]));
 * assert.equal(signature.type.case, "regressionSignature");
 */
export function regressionSignature(input: Output, output: Output): Signature {
  const value = { input: { tensorName: input.name }, output: { tensorName: output.name } };
  return create(SignatureSchema, { type: { case: "regressionSignature", value } });
}

/**
 * @param input serialized tf.Examples: string [batch]
 * @param results classes: string, scores: float32, both [batch, classes]; at least one
 *
 * @example
 * const graph = new GraphBuilder();
 * const scores = graph.placeholder("float32", [-1, 3]);
 * const signature = classificationSignature(graph.placeholder("string", [-1]), { scores });
 * assert.equal(signature.type.case, "classificationSignature");
 */
export function classificationSignature(
  input: Output,
  results: { readonly classes?: Output; readonly scores?: Output },
): Signature {
  const { classes, scores } = results;
  if (classes === undefined && scores === undefined) {
    throw invalidArgument("A classification signature needs classes or scores");
  }
  const value = {
    input: { tensorName: input.name },
    ...(classes !== undefined && { classes: { tensorName: classes.name } }),
    ...(scores !== undefined && { scores: { tensorName: scores.name } }),
  };
  return create(SignatureSchema, { type: { case: "classificationSignature", value } });
}

/**
 * Tensors by a name of their own. The two under "inputs" and "outputs" are what Predict is answered by.
 *
 * @example
 * const x = new GraphBuilder().placeholder("float32", [-1], { name: "x" });
 * const { type } = genericSignature({ x });
 * assert.equal(type.case === "genericSignature" && type.value.map.x?.tensorName, "x:0");
 */
export function genericSignature(tensors: Readonly<Record<string, Output>>): Signature {
  const map = Object.fromEntries(
    Object.entries(tensors).map(([key, output]) => [key, { tensorName: output.name }]),
  );
  return create(SignatureSchema, { type: { case: "genericSignature", value: { map } } });
}
