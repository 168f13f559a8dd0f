/**
 * The model that the throughput is measured with: y = x / 2 + 2 on floats, a and b being variables, as in TensorFlow
 * Serving's own examples. It costs next to nothing to run, so what is measured is the server around it. Made anew for
 * each run by the project's own SavedModelBuilder.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  GraphBuilder,
  predictSignatureDef,
  SavedModelBuilder,
  tensor,
  tensorToProto,
} from "@servable/formats";
import { PredictRequestSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";

export const HALF_PLUS_TWO = "half_plus_two";

const scalar = (/** @type {number} */ value) => tensor("float32", [], new Float32Array([value]));

/**
 * Writes version 1 of the model into `folder`/1.
 * @param {string} folder
 */
export function writeHalfPlusTwo(folder) {
  const graph = new GraphBuilder();
  const x = graph.placeholder("float32", [-1, 1], { name: "x" });
  const a = graph.variable("float32", [], { name: "a" });
  const b = graph.variable("float32", [], { name: "b" });
  const y = graph.compute("AddV2", [graph.compute("Mul", [a.read(), x]), b.read()], {}, { name: "y" });
  const serving = predictSignatureDef({ x }, { y });
  const builder = new SavedModelBuilder(`${folder}/1`);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    signatures: { serving_default: serving },
    variables: new Map([
      ["a", scalar(0.5)],
      ["b", scalar(2)],
    ]),
  });
  builder.save();
}

/** One row with x = 1. */
const row = tensor("float32", [1, 1], new Float32Array([1]));

/** A Predict request of one row, as the bytes of its message. @param {string} [name] of the model */
export function halfPlusTwoRequest(name = HALF_PLUS_TWO) {
  const x = tensorToProto(row);
  return toBinary(PredictRequestSchema, create(PredictRequestSchema, { modelSpec: { name }, inputs: { x } }));
}

/** What y is for the request's x. */
export const EXPECTED_Y = 2.5;

/** The same as a prediction to wait for. @type {import("./server-process.mjs").Probe} */
export const halfPlusTwoProbe = {
  model: HALF_PLUS_TWO,
  inputs: { x: row },
  isRight: (outputs) => outputs.get("y")?.data[0] === EXPECTED_Y,
};
