/**
 * The model that the Keras stops of the tour save: three dense layers, 8 → 12 → 8 → 1, as in many a first course, where
 * it tells from eight measures whether somebody has diabetes. Its weights are made up here.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadModel } from "@servable/engine";
import { uniform } from "@servable/example-kit/random";
import { KerasModel, type Tensor, tensor, writeKerasSavedModel } from "@servable/formats";

const MEASURES = 8;
const SEED = 7;

/** The model with its weights. */
export function diabetesNetwork(): KerasModel {
  const dense = (name: string, units: number, activation: string) =>
    layer("Dense", { name, units, activation, use_bias: true, dtype: "float32" });
  const layers = [
    layer("InputLayer", { batch_shape: [null, MEASURES], dtype: "float32", name: "measures" }),
    dense("first", 12, "relu"),
    dense("second", 8, "relu"),
    dense("risk", 1, "sigmoid"),
  ];
  const model = new KerasModel({
    architecture: {
      module: "keras",
      class_name: "Sequential",
      config: { name: "diabetes", layers },
      registered_name: null,
    },
    kerasMajor: 3,
    what: "the diabetes network",
  });
  const random = uniform(SEED);
  const values = model.weightSpecs.map(({ key, shape }): [string, Tensor] => {
    const size = shape.reduce((product, each) => product * each, 1);
    return [
      key,
      tensor(
        "float32",
        [...shape],
        Float32Array.from({ length: size }, () => random() - 0.4),
      ),
    ];
  });
  model.setWeights(new Map(values));
  return model;
}

/** A layer as Keras 3 writes it. */
function layer<Config>(className: string, config: Config) {
  return { module: "keras.layers", class_name: className, config, registered_name: null };
}

/** What the model says of one person, from 0 to 1, run as it would be served: as a SavedModel, by the engine. */
export function predict(network: KerasModel): number {
  const folder = mkdtempSync(path.join(tmpdir(), "tour-"));
  try {
    const versionDir = path.join(folder, "1");
    writeKerasSavedModel(network, versionDir);
    const model = loadModel(versionDir);
    const person = tensor(
      "float32",
      [1, MEASURES],
      Float32Array.of(0.6, 1.48, 0.72, 0.35, 0, 0.34, 0.63, 0.5),
    );
    const outputs = model.run("serving_default", new Map([["measures", person]]));
    model.close();
    return Number(outputs.get("risk")?.data[0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
