/**
 * The trained model as a SavedModel with the two signatures of TensorFlow Serving's example:
 *
 * - predict_images: images float32 [?,784], from 0 to 1 → scores float32 [?,10], the probability of each digit;
 * - serving_default, for Classify: serialized tf.Examples with a feature "x" of 784 floats → the digits as strings,
 *   the most probable first, with their scores.
 */
import {
  classificationSignatureDef,
  DEFAULT_SERVING_SIGNATURE,
  GraphBuilder,
  type Output,
  predictSignatureDef,
  type SavedModelBuilder,
  stringTensor,
  type Tensor,
  tensor,
  type Variable,
} from "@servable/formats";
import { CLASSES, PIXELS } from "./data-set.js";
import type { DenseLayer, Layers } from "./network.js";

/** Writes the model to the builder's folder. */
export function exportModel(layers: Layers, builder: SavedModelBuilder): void {
  const graph = new GraphBuilder();
  const examples = graph.placeholder("string", [-1], { name: "tf_example" });
  const x = graph.compute("Identity", [parseExamples(graph, examples)], {}, { name: "x" });
  const variables = new Map<string, Tensor>();
  const logits = layers.reduce((signal, layer, i) => {
    const output = graph.scope(`layer${i}`, () => addDense(graph, layer, signal, variables));
    return i < layers.length - 1 ? graph.compute("Relu", [output]) : output;
  }, x);
  const y = graph.compute("Softmax", [logits], {}, { name: "y" });
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    variables,
    signatures: {
      predict_images: predictSignatureDef({ images: x }, { scores: y }),
      [DEFAULT_SERVING_SIGNATURE]: classificationSignatureDef(examples, rankClasses(graph, y)),
    },
    mainOp: graph.initializeTables(),
  });
  builder.save();
}

/** The feature "x" of each example: float32 [?,784]. */
function parseExamples(graph: GraphBuilder, examples: Output): Output {
  const none = stringTensor([0], []);
  const key = stringTensor([1], ["x"]);
  const noDefault = tensor("float32", [0], new Float32Array(0));
  const parse = graph.op("ParseExampleV2", [examples, none, none, key, none, [noDefault]], {
    num_sparse: 0,
    sparse_types: [],
    ragged_value_types: [],
    ragged_split_types: [],
    dense_shapes: [[PIXELS]],
  });
  return parse.output();
}

function addDense(
  graph: GraphBuilder,
  layer: DenseLayer,
  input: Output,
  values: Map<string, Tensor>,
): Output {
  const { inputs, outputs, weights, biases } = layer;
  const variable = (name: string, value: Tensor): Variable => {
    const added = graph.variable("float32", value.shape, { name });
    values.set(added.name, value);
    return added;
  };
  const w = variable("weights", tensor("float32", [inputs, outputs], weights));
  const b = variable("biases", tensor("float32", [outputs], biases));
  return graph.compute("BiasAdd", [graph.compute("MatMul", [input, w.read()]), b.read()]);
}

/** The digits by their probability, the highest first, and the probabilities. */
function rankClasses(graph: GraphBuilder, y: Output): { classes: Output; scores: Output } {
  const digits = Array.from({ length: CLASSES }, (_, digit) => digit);
  const table = graph.hashTable({
    keys: tensor("int64", [CLASSES], BigInt64Array.from(digits, BigInt)),
    values: stringTensor([CLASSES], digits.map(String)),
    defaultValue: stringTensor([], ["UNK"]),
  });
  const top = graph.op("TopKV2", [y, tensor("int32", [], Int32Array.of(CLASSES))]);
  const indices = graph.compute("Cast", [top.output(1)], { DstT: "int64" });
  return { classes: table.find(indices), scores: top.output(0) };
}
