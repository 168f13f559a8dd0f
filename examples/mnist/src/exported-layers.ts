/** Reads the parameters of an exported version back, to train on from them. */
import { invalidArgument, TensorBundleReader, variablesPrefix } from "@servable/formats";
import type { DenseLayer, Layers } from "./network.js";

/**
 * The layers of a model that export-model.ts wrote.
 *
 * @param versionDir such as /tmp/mnist/1
 * @param sizes that they must have: units of the inputs, of each hidden layer, of the classes
 * @throws NOT_FOUND or DATA_LOSS when the folder holds no readable model, INVALID_ARGUMENT when it is another one
 */
export function readLayers(versionDir: string, sizes: readonly number[]): Layers {
  const reader = TensorBundleReader.open(variablesPrefix(versionDir));
  try {
    const found = [...layersIn(reader)];
    const foundSizes = [found[0]?.inputs ?? 0, ...found.map(({ outputs }) => outputs)];
    if (foundSizes.join() === sizes.join()) return found;
    throw invalidArgument(
      `The model in ${versionDir} has layers of ${foundSizes.join(", ")} units, the one to be trained ${sizes.join(", ")}`,
    );
  } finally {
    reader.close();
  }
}

function* layersIn(reader: TensorBundleReader): Generator<DenseLayer> {
  for (let i = 0; reader.has(`layer${i}/weights`); i++) {
    const weights = reader.read(`layer${i}/weights`);
    const biases = reader.read(`layer${i}/biases`);
    const [inputs = 0, outputs = 0] = weights.shape;
    if (weights.dtype !== "float32" || biases.dtype !== "float32") {
      throw invalidArgument(`Layer ${i}: expected float32, got ${weights.dtype} and ${biases.dtype}`);
    }
    yield { inputs, outputs, weights: weights.data, biases: biases.data };
  }
}
