/**
 * Trains a model on MNIST and exports it, as TensorFlow Serving's mnist_saved_model.py does.
 *
 *     node dist/mnist_saved_model.js [--training_iteration=x] [--model_version=y] export_dir
 */
import path from "node:path";
import { positiveInteger, readFlags, runProgram } from "@servable/example-kit/command-line";
import { Progress } from "@servable/example-kit/progress";
import { invalidArgument, SavedModelBuilder } from "@servable/formats";
import { DEFAULT_DATA_DIR, DEFAULT_DATA_URL, readDataSet } from "./data-set.js";
import { exportModel } from "./export-model.js";
import { readLayers } from "./exported-layers.js";
import type { Layers } from "./network.js";
import {
  accuracy,
  layerSizes,
  type ModelName,
  type OnIteration,
  type Recipe,
  recipes,
  train,
} from "./training.js";

const USAGE = `Usage: mnist_saved_model [flags] export_dir

Trains a model on MNIST and writes it as a SavedModel to export_dir/<model_version>.

  --model=softmax          softmax (softmax regression) or mlp (two hidden layers of 256 units)
  --training_iteration=n   number of batches to train with; 1000 for softmax, 3000 for mlp
  --model_version=1        version number of the model
  --train_on=dir           goes on from the parameters of a version exported before, such as /tmp/mnist/1
  --data_dir=dir           folder with the four MNIST files; by default one in the system's temporary folder
  --data_url=url           where files that are missing there are downloaded from`;

const defaults = {
  model: "softmax",
  training_iteration: "",
  model_version: "1",
  train_on: "",
  data_dir: DEFAULT_DATA_DIR,
  data_url: DEFAULT_DATA_URL,
} as const;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(USAGE);
  const { flags, positionals } = readFlags(args, defaults);
  const [exportBase] = positionals;
  if (exportBase === undefined || positionals.length > 1) throw invalidArgument(USAGE);
  const recipe = recipeOf(flags.model, flags.training_iteration);
  const version = positiveInteger("model_version", flags.model_version);
  const exportDir = path.join(exportBase, String(version));
  // Refuses a folder in use before the training rather than after it.
  const builder = new SavedModelBuilder(exportDir);
  const before =
    flags.train_on === ""
      ? undefined
      : { layers: readLayers(flags.train_on, layerSizes(recipe)), seed: version };

  const source = { dataDir: flags.data_dir, dataUrl: flags.data_url };
  const trainingData = await readDataSet("train", source);
  const testData = await readDataSet("t10k", source);
  console.log(`Training model ${flags.model}${before ? ` on from ${flags.train_on}` : ""}...`);
  const layers: Layers = train(trainingData, recipe, trainingProgress(recipe), before);
  console.log("Done training!");
  console.log(`Test accuracy ${(100 * accuracy(layers, testData)).toFixed(2)} %`);
  console.log(`Exporting trained model to ${exportDir}`);
  exportModel(layers, builder);
  console.log("Done exporting!");
}

function recipeOf(model: string, trainingIteration: string): Recipe {
  if (!Object.hasOwn(recipes, model)) {
    throw invalidArgument(`--model must be one of ${Object.keys(recipes).join(", ")}, got "${model}"`);
  }
  const recipe: Recipe = recipes[model as ModelName];
  if (trainingIteration === "") return recipe;
  return { ...recipe, trainingIterations: positiveInteger("training_iteration", trainingIteration) };
}

/** Iterations between two updates of the progress, whose losses are averaged. */
const PROGRESS_INTERVAL = 50;

function trainingProgress({ trainingIterations }: Recipe): OnIteration {
  const progress = new Progress("Training");
  let sum = 0;
  let count = 0;
  return (iteration, loss) => {
    sum += loss;
    count++;
    if (iteration % PROGRESS_INTERVAL !== 0 && iteration !== trainingIterations) return;
    progress.show(iteration / trainingIterations, `loss ${(sum / count).toFixed(4)}`);
    sum = count = 0;
  };
}

await runProgram(main);
